"""The labels that wait for a person's decision, those first where a wrong axis would cost most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.classify.taxonomy import UNDEFINED
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.labels.state import Labelled, LabelState, Opinion

LOW = 0.6  # in docs/classification.md, of the answers below it not even three in five were right
RESTLESS = ("OSCILANTE", "DIVERGENTE", "INVALIDO")
_DECIMALS = 4


@dataclass(frozen=True)
class Queued:
    """One label that waits. ``disagreement`` is the share (0 to 1), of those who said an axis, that said another.

    ``rows`` are the observations of the indicator, at least 1; ``value`` is how many of them are expected to stand
    under a wrong axis: the larger of the disagreement and of what the confidence lacks to 1, times ``rows``.
    """

    id: str
    name: str
    dataset: str
    axis: str
    confidence: float
    origin: str
    disagreement: float
    rows: int
    value: float
    why: tuple[str, ...]
    votes: tuple[Opinion, ...]

    def as_dict(self) -> dict[str, object]:
        """Return one entry of what ``observatudo review --json`` prints."""
        return asdict(self)


def why(axis: str, confidence: float, votes: Sequence[Opinion]) -> Iterator[str]:
    """Give, in words, why a label that neither its source nor a person decided needs a look; nothing: it does not."""
    if axis == UNDEFINED:
        yield _("it has no axis")
    if confidence < LOW:
        yield _("its confidence is low")
    for own in votes:
        if own.axis and own.axis != axis:
            yield f"{named(own.classifier)}: {own.axis}"
        if own.state in RESTLESS:
            yield f"{named(own.classifier)}: {own.state}"


def named(classifier: str) -> str:
    """Return the words for one that has a say; a model is called as in configs/provedores.yaml."""
    words = {
        "fonte": _("its source"),
        "humano": _("a person"),
        "regras": _("the taxonomy's words"),
        "embutido": _("rules and examples"),
    }
    return words.get(classifier, classifier)


def waiting(root: Path, found: LabelState) -> list[Queued]:
    """Return the queue of a state of the labels, in order of value, then id.

    Rows are read from the footers of ``data/ingested``; an indicator whose file is not there counts one.
    """
    queue = [_queued(root, own) for own in found.indicators if own.in_queue]
    return sorted(queue, key=lambda own: (-own.value, own.id))


def _queued(root: Path, own: Labelled) -> Queued:
    rows, apart = _rows(root, own), disagreement(own.axis, own.votes)
    return Queued(
        id=own.id,
        name=own.name,
        dataset=own.dataset,
        axis=own.axis,
        confidence=own.confidence,
        origin=own.origin,
        disagreement=apart,
        rows=rows,
        value=round(max(1 - own.confidence, apart) * rows, _DECIMALS),
        why=tuple(why(own.axis, own.confidence, own.votes)),
        votes=own.votes,
    )


def disagreement(axis: str, votes: Sequence[Opinion]) -> float:
    """Return the share, of those who said an axis, that said another; 0 where nobody said one."""
    said = [own.axis for own in votes if own.axis]
    return round(sum(other != axis for other in said) / len(said), _DECIMALS) if said else 0.0


def _rows(root: Path, own: Labelled) -> int:
    from observatudo import arrow

    arrow.skip_pandas()
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / paths.INGESTED / own.dataset / "observacao" / f"{own.id}.parquet"
    try:
        rows: int = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return 1
    return max(1, rows)
