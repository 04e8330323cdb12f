"""The history of a table: every version in which its rows changed, by how many, and why in short."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from observatudo.audit.timeline import tables
from observatudo.audit.timeline.cache import opened
from observatudo.audit.timeline.causes import explain
from observatudo.audit.timeline.gitlog import Commit
from observatudo.audit.timeline.makers import choose, makers
from observatudo.audit.timeline.model import Log, Step
from observatudo.audit.timeline.past import Past, Progress, past, quiet
from observatudo.audit.timeline.tables import Files, Place
from observatudo.audit.timeline.walk import Changed, State, Unreadable, walk
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.store import Store

if TYPE_CHECKING:
    from observatudo.compare import model
    from observatudo.compare.rows import Source

_COUNTS = "counts"
_FILES = "files"  # the one part of a table's state


@dataclass(frozen=True)
class _Counts:
    """What is kept of a comparison."""

    status: str
    rows: int | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    why: str = ""


def log(
    root: Path, table: str, revision: str | None = None, limit: int | None = None, progress: Progress = quiet
) -> Log:
    """Return the ``limit`` newest changes of a table (default: all) up to ``revision``, or HEAD and the work tree.

    Raises ObservatudoError for an unknown table or revision.
    """
    with opened(root) as cache:
        found = past(root, cache, revision, progress)
        store, at = Store(root), tables.place(table)
        key = tables.key(found, store, at)
        changed, outs = _changed(found, store, at)
        runs = makers(found, at.out)
        shown = dict(islice(changed.items(), limit))
        teller = _Teller(found, store, at, key, _known(found, shown.values(), key))
        teller.bring(shown.values())
        steps = []
        for number, commit in enumerate((one for one in found.commits if one.sha in shown), 1):
            steps.append(teller.step(commit, shown[commit.sha], runs.get(outs.get(commit.lock, ""), [])))
            if len(teller.known) < len(shown):
                progress(_("comparing versions"), number, len(shown))
        return Log(
            table=table,
            key=list(key),
            versions=found.versions,
            cut=bool(found.git.cut),
            more=len(changed) - len(steps),
            next_step=tables.how_to_get() if any(step.status == "missing" for step in steps) else "",
            entries=steps,
        )


def _changed(found: Past, store: Store, at: Place) -> tuple[dict[str, Changed[str]], dict[str, str]]:
    """Return the versions whose files of the table are others than before, and the MD5 of its output by dvc.lock."""
    locks = found.outs(commit.lock for commit in found.commits)
    outs = {lock: tables.output(locks, lock, at.out) for lock in locks}
    files = tables.files(found, store, at, {md5 for md5 in outs.values() if md5})
    states: dict[str, State[str] | Unreadable] = {}
    for commit in found.commits:
        lock = locks.get(commit.lock)
        own = files.get(outs.get(commit.lock, ""), ())
        if isinstance(lock, str):
            own = Unreadable(commit.lock, lock)
        states[commit.sha] = own if isinstance(own, Unreadable) else {_FILES: own} if own else {}
    return walk(found.commits, states), outs


def _name(change: Changed[str], key: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps([*_sides(change), key]).encode()).hexdigest()


def _sides(change: Changed[str]) -> tuple[Files, Files]:
    a, b = (cast("Files | None", side) or () for side in change.parts.get(_FILES, ((), ())))
    return a, b


def _known(found: Past, changes: Iterable[Changed[str]], key: tuple[str, ...]) -> dict[str, _Counts]:
    kept = found.cache.get(_COUNTS, [_name(change, key) for change in changes])
    return {name: _Counts(**json.loads(text)) for name, text in kept.items()}


@dataclass
class _Teller:
    """What is needed to tell each version's step: ``known`` are counts found out before."""

    past: Past
    store: Store
    at: Place
    key: tuple[str, ...]
    known: dict[str, _Counts]
    gone: dict[str, Unreadable] = field(default_factory=dict)

    def bring(self, changes: Iterable[Changed[str]]) -> None:
        """Bring what has to be compared into the cache, all at once."""
        unknown = [change for change in changes if _name(change, self.key) not in self.known]
        wanted = {md5 for change in unknown for side in _sides(change) for _relpath, md5 in side}
        self.gone = tables.fetch(self.store, wanted, self.at.table)

    def step(self, commit: Commit, change: Changed[str], runs: list[str]) -> Step:
        """Return what one version changed, and why."""
        counts = _Counts("missing", why=change.unreadable.why) if change.unreadable else self._counts(change)
        cut = commit.sha in self.past.git.cut
        is_known = not change.unreadable and (change.before is not None or not (cut or change.or_in))
        before = self.past.commit(change.before)
        why = explain(self.past, before, commit, self.at.out) if is_known else None
        return Step.model_validate(
            {
                "commit": commit.sha or None,
                "before": change.before or None,
                "author": commit.author,
                "email": commit.email,
                "date": commit.date,
                "subject": commit.subject,
                "run": choose(runs, why.runs if why else (), commit.date),
                "cut": cut,
                "causes": why.causes if why else [],
                **vars(counts),
            }
        )

    def _counts(self, change: Changed[str]) -> _Counts:
        name = _name(change, self.key)
        if name in self.known:
            return self.known[name]
        a, b = _sides(change)
        gone = [self.gone[md5] for _relpath, md5 in b if md5 in self.gone]
        if gone:
            return _Counts("missing", why=gone[0].why)
        is_lost = any(md5 in self.gone for _relpath, md5 in a)
        try:
            counts = self._uncompared("missing", b, _lost_before()) if is_lost else self._compared(a, b)
        except ObservatudoError as error:
            return _Counts("not_comparable", why=error.message)
        if not is_lost:
            self.past.cache.put(_COUNTS, {name: json.dumps(vars(counts))})
        return counts

    def _uncompared(self, status: str, b: Files, why: str) -> _Counts:
        """Return only how many rows there are."""
        from observatudo.compare.rows import Options, compare

        options = Options(key=self.key, report="counts")
        return _Counts(status, compare(self._source(()), self._source(b), options).rows_b, why=why)

    def _compared(self, a: Files, b: Files) -> _Counts:
        from observatudo.compare.rows import Options, compare

        options = Options(key=self.key, report="counts")
        if a and b and not self.key:
            return self._uncompared("not_comparable", b, _("nothing says how to tell its rows apart"))
        return _kept(compare(self._source(a), self._source(b), options))

    def _source(self, files: Iterable[tuple[str, str]]) -> Source:
        from observatudo.compare.rows import Source

        return Source(tuple((name or f"{self.at.short}.parquet", md5, self.store.path(md5)) for name, md5 in files))


def _lost_before() -> str:
    return _("the version before is in neither cache nor remote")


def _kept(table: model.Table) -> _Counts:
    if table.status == "added":
        return _Counts("added", table.rows_b, table.rows_b, 0, 0)
    if table.status == "removed":
        return _Counts("removed", 0, 0, table.rows_a, 0)
    return _Counts(table.status, table.rows_b, table.added, table.removed, table.changed, table.why)
