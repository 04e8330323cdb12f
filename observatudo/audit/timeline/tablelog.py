"""The history of a table: every version in which its rows changed, by how many, and why in short."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
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
        teller = _Teller(found, store, at, key)
        steps = []
        for number, sha in enumerate(islice(changed, limit), 1):
            commit = next(commit for commit in found.commits if commit.sha == sha)
            steps.append(teller.step(commit, changed[sha], runs.get(outs.get(commit.lock, ""), [])))
            progress(_("comparing versions"), number, min(len(changed), limit or len(changed)))
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


@dataclass(frozen=True)
class _Teller:
    """What is needed to tell one version's step."""

    past: Past
    store: Store
    at: Place
    key: tuple[str, ...]

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
        a, b = (cast("Files | None", side) or () for side in change.parts[_FILES])
        name = json.dumps([a, b, self.key])
        known = self.past.cache.get(_COUNTS, [name])
        if name in known:
            return _Counts(**json.loads(known[name]))
        gone = tables.fetch(self.store, {md5 for _name, md5 in (*a, *b)}, self.at.table)
        if gone:
            return _Counts("missing", why=next(iter(gone.values())).why)
        try:
            counts = self._compared(a, b)
        except ObservatudoError as error:
            return _Counts("not_comparable", why=error.message)
        self.past.cache.put(_COUNTS, {name: json.dumps(vars(counts))})
        return counts

    def _compared(self, a: Files, b: Files) -> _Counts:
        from observatudo.compare.rows import Options, compare

        options = Options(key=self.key, report="counts")
        if a and b and not self.key:
            rows = compare(self._source(()), self._source(b), options).rows_b
            return _Counts("not_comparable", rows, why=_("nothing says how to tell its rows apart"))
        return _kept(compare(self._source(a), self._source(b), options))

    def _source(self, files: Iterable[tuple[str, str]]) -> Source:
        from observatudo.compare.rows import Source

        return Source(tuple((name or f"{self.at.short}.parquet", md5, self.store.path(md5)) for name, md5 in files))


def _kept(table: model.Table) -> _Counts:
    if table.status == "added":
        return _Counts("added", table.rows_b, table.rows_b, 0, 0)
    if table.status == "removed":
        return _Counts("removed", 0, 0, table.rows_a, 0)
    return _Counts(table.status, table.rows_b, table.added, table.removed, table.changed, table.why)
