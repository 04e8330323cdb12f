"""What every version answered: which indicators changed their axis from one to the next, and which came back.

Followed is the line of first parents from the work tree's version back: what stood on a side branch only is no
change of anyone's label. A table of labels is read once, ever: what it says is kept by its hash in
``.observatudo/versions.sqlite``. Nothing is pulled; a version whose table is not in the cache is left out and counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.errors import ObservatudoError

if TYPE_CHECKING:
    from observatudo.audit.timeline.cache import Cache
    from observatudo.audit.timeline.gitlog import Commit
    from observatudo.audit.timeline.past import Past
    from observatudo.versions.store import Store

EMBEDDED = ("regra", "modelo")
MACHINE = (*EMBEDDED, "consenso")
_TABLE = "labels"
_SWINGS = "label-swings"
_COLUMNS = ("id_indicador", "eixo", "origem", "confianca", "versao_classificador", "versao_taxonomia")


@dataclass(frozen=True)
class Answer:
    """What one table says of one indicator: ``confidence`` is 0 to 1, the last two are versions."""

    axis: str
    origin: str
    confidence: float
    classifier: str
    taxonomy: str


@dataclass(frozen=True)
class Step:
    """A version that answered anew; ``commit`` is empty for the work tree, ``answer`` None where it has no label."""

    commit: str
    date: str
    author: str
    subject: str
    answer: Answer | None


@dataclass(frozen=True)
class History:
    """One indicator's answers, newest first. ``versions`` is how many tables of labels there were, read or not.

    ``skipped`` of them could not be read; ``problem`` says why there is no history at all.
    """

    id: str
    versions: int
    skipped: int
    problem: str
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo labels --history ID --json`` prints."""
        return asdict(self)


@dataclass(frozen=True)
class Swing:
    """How restless a label is: changes of axis, and changes to an axis it had left before (A, B, A has one).

    ``machine`` is the axis that rules and examples gave last, empty where no version has one.
    """

    flips: int = 0
    returns: int = 0
    machine: str = ""


@dataclass(frozen=True)
class Swings:
    """Swings by indicator; the counts and ``problem`` are those of ``History``."""

    versions: int
    skipped: int
    problem: str
    by_id: Mapping[str, Swing]


_Table = dict[str, Answer]


def swings(root: Path) -> Swings:
    """Return how often each indicator's label changed over the versions of the repository at ``root``.

    Never raises for a missing or unreadable history: ``problem`` says what is wrong.
    """
    from observatudo.audit.timeline import cache

    with cache.opened(root) as known:
        try:
            past, store = _past(root, known)
            line = [md5 for _commit, md5 in _changes(past)]
        except ObservatudoError as error:
            return Swings(0, 0, error.message, {})
        tables = _Tables(known, store)
        here = [md5 for md5 in line if tables.has(md5)]
        name = hashlib.sha256("\n".join(here).encode()).hexdigest()
        kept = known.get(_SWINGS, [name]).get(name)
        if kept is not None:
            by_id = {key: Swing(*own) for key, own in json.loads(kept).items()}
            return Swings(len(line), len(line) - len(here), "", by_id)
        read = [table for md5 in here if (table := tables.read(md5)) is not None]
        by_id = counted(read)
        if len(read) == len(here):  # a damaged one may be mended
            known.put(_SWINGS, {name: json.dumps({key: astuple(own) for key, own in by_id.items()})})
        return Swings(len(line), len(line) - len(read), "", by_id)


def history(root: Path, indicator: str) -> History:
    """Return one indicator's answers over the versions; of versions that answered alike, the first.

    Never raises for a missing or unreadable history: ``problem`` says what is wrong.
    """
    from observatudo.audit.timeline import cache

    with cache.opened(root) as known:
        try:
            past, store = _past(root, known)
            line = list(_changes(past))
        except ObservatudoError as error:
            return History(indicator, 0, 0, error.message, ())
        tables = _Tables(known, store)
        steps: list[Step] = []
        skipped = 0
        for commit, md5 in line:
            table = tables.read(md5) if tables.has(md5) else None
            if table is None:
                skipped += 1
                continue
            answer = table.get(indicator)
            if answer != (steps[-1].answer if steps else None):
                steps.append(Step(commit.sha, commit.date, commit.author, commit.subject, answer))
        return History(indicator, len(line), skipped, "", tuple(reversed(steps)))


def _past(root: Path, known: Cache) -> tuple[Past, Store]:
    from observatudo.audit.timeline.past import past
    from observatudo.versions.store import Store

    store = Store(root)
    store.folder  # noqa: B018  raises where there is no DVC
    return past(root, known), store


def _changes(past: Past) -> Iterator[tuple[Commit, str]]:
    """Give the versions whose table of labels is another than that of the version before, oldest first."""
    outs = past.outs(commit.lock for commit in past.commits)
    by_sha = {commit.sha: commit for commit in past.commits}
    line = []
    at = past.commits[0] if past.commits else None
    while at is not None:
        line.append(at)
        at = by_sha.get(at.parents[0]) if at.parents else None
    before = ""
    for commit in reversed(line):
        own = outs.get(commit.lock)
        md5 = own.get(paths.LABELS.as_posix(), "") if isinstance(own, dict) else ""
        if md5 and md5 != before:
            yield commit, md5
            before = md5


@dataclass(frozen=True)
class _Tables:
    """Tables of labels by their hash: as kept, else from DVC's cache."""

    known: Cache
    store: Store

    def has(self, md5: str) -> bool:
        return self.store.has(md5) or md5 in self.known.get(_TABLE, [md5])

    def read(self, md5: str) -> _Table | None:
        """Return a table; None for one that is damaged or of another form."""
        kept = self.known.get(_TABLE, [md5]).get(md5)
        if kept is not None:
            return {key: Answer(*own) for key, own in json.loads(kept).items()}
        found = rows(self.store.path(md5))
        if found is not None:
            self.known.put(_TABLE, {md5: json.dumps({key: list(astuple(own)) for key, own in found.items()})})
        return found


def rows(path: Path) -> dict[str, Answer] | None:
    """Return a table of labels by indicator; None for a file that is none."""
    from observatudo import arrow

    arrow.skip_pandas()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
        columns = [table.column(name).to_pylist() for name in _COLUMNS]
    except (pa.ArrowException, OSError, KeyError):
        return None
    return {
        str(key): Answer(str(axis), str(origin), float(confidence or 0), str(classifier), str(taxonomy))
        for key, axis, origin, confidence, classifier, taxonomy in zip(*columns, strict=True)
    }


def counted(tables: Sequence[_Table]) -> dict[str, Swing]:
    """Count over tables, oldest first; where an indicator is missing for a while, its last answer stands."""
    flips: dict[str, int] = {}
    returns: dict[str, int] = {}
    had: dict[str, list[str]] = {}
    machine: dict[str, str] = {}
    for table in tables:
        for key, answer in table.items():
            if answer.origin in EMBEDDED:
                machine[key] = answer.axis
            own = had.setdefault(key, [])
            if own and own[-1] != answer.axis:
                flips[key] = flips.get(key, 0) + 1
                returns[key] = returns.get(key, 0) + (answer.axis in own)
            if not own or own[-1] != answer.axis:
                own.append(answer.axis)
    return {key: Swing(flips.get(key, 0), returns.get(key, 0), machine.get(key, "")) for key in had}
