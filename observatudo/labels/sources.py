"""What is known of the labels, read once: the table, catalogues, decisions, evidence and what models answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from observatudo import config, paths
from observatudo.classify import overrides
from observatudo.classify.overrides import Decision
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.config import ClassifyParams
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.labels import evidence, models, timeline
from observatudo.labels.entries import Entry, Problem, catalogue
from observatudo.labels.evidence import Vote
from observatudo.labels.models import Models


@dataclass(frozen=True)
class Sources:
    """All of it, as it stands now; what is missing or damaged is in ``problems``.

    ``decided`` is None where the file of decisions is damaged, ``votes`` where an older run left no evidence.
    ``is_whole``: every declared dataset has its catalogue here. ``fixed`` are the indicators that their source or a
    person decides by what is declared and decided now, which the next run applies.
    """

    root: Path
    taxonomy: Taxonomy
    params: ClassifyParams
    labels: Mapping[str, timeline.Answer]
    known: Mapping[str, Entry]
    is_whole: bool
    decided: Mapping[str, Decision] | None
    votes: Mapping[str, Sequence[Vote]] | None
    fixed: frozenset[str]
    models: Models
    problems: tuple[Problem, ...]


def load(root: Path) -> Sources:
    """Read the work tree of the repository at ``root``.

    Raises ObservatudoError where there is no table of labels, or tables that cannot be read, and ConfigError for a
    taxonomy or params.yaml that cannot.
    """
    taxonomy = load_taxonomy(root)
    params = config.load_params(root).classify
    labels = _labels(root)
    known, problems = catalogue(root)
    is_whole = not problems
    decided = _decided(root, taxonomy, problems)
    people = {key for key, own in labels.items() if own.origin == "humano"} if decided is None else decided.keys()
    fixed = frozenset({*people, *(key for key, entry in known.items() if taxonomy.find(entry.source_axis or ""))})
    return Sources(
        root=root,
        taxonomy=taxonomy,
        params=params,
        labels=labels,
        known=known,
        is_whole=is_whole,
        decided=decided,
        votes=evidence.read(root),
        fixed=fixed,
        models=models.gather(root, known, fixed, taxonomy, params),
        problems=tuple(problems),
    )


def _labels(root: Path) -> Mapping[str, timeline.Answer]:
    path = root / paths.LABELS
    if not path.is_file():
        raise ObservatudoError(
            _("there are no labels yet"), where=str(paths.LABELS), next_step=_("dvc pull, or: dvc repro")
        )
    found = timeline.rows(path)
    if found is None:
        raise ObservatudoError(
            _("the table of labels cannot be read"), where=str(paths.LABELS), next_step="dvc checkout --force"
        )
    return found


def _decided(root: Path, taxonomy: Taxonomy, problems: list[Problem]) -> dict[str, Decision] | None:
    try:
        return overrides.decisions(root / paths.OVERRIDES, taxonomy)
    except ObservatudoError as error:
        where = error.where.removeprefix(f"{root}/") or str(paths.OVERRIDES)
        problems.append(Problem("overrides_damaged", where, error.message))
        return None
