"""One table's cells in every version, and in which of them they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from observatudo.audit.timeline import tables
from observatudo.audit.timeline.cells import Condition, Reader, Row
from observatudo.audit.timeline.past import Past
from observatudo.audit.timeline.tables import Place
from observatudo.audit.timeline.walk import Changed, State, Unreadable, walk
from observatudo.versions.store import Store

THERE = ""  # the part that says that the row is there
Part: TypeAlias = tuple[tuple[str, ...], str]  # key of the row, column


@dataclass(frozen=True)
class Timeline:
    """``states`` and ``changed`` by version (the commit, empty for the work tree); ``outs`` is MD5 by dvc.lock."""

    at: Place
    key: tuple[str, ...]
    states: dict[str, State[Part] | Unreadable]
    changed: dict[str, Changed[Part]]
    outs: dict[str, str]

    def row_is_there(self, version: str) -> bool:
        """Say whether a version has one of the rows, or cannot be read."""
        state = self.states[version]
        return isinstance(state, Unreadable) or bool(state)

    def was_found(self) -> bool:
        """Say whether any version that can be read has one of the rows."""
        return any(state for state in self.states.values() if not isinstance(state, Unreadable))


def timeline(
    past: Past,
    store: Store,
    at: Place,
    key: tuple[str, ...],
    conditions: Sequence[Condition],
    columns: frozenset[str] | None = None,
) -> Timeline:
    """Return the timeline of the rows that fit; ``columns`` are those that count besides the row's presence.

    Raises ObservatudoError where too many rows fit.
    """
    locks = past.outs(commit.lock for commit in past.commits)
    outs = {lock: tables.output(locks, lock, at.out) for lock in locks}
    files = tables.files(past, store, at, {md5 for md5 in outs.values() if md5})
    objects = {md5 for own in files.values() if not isinstance(own, Unreadable) for _name, md5 in own}
    rows = _rows(past, store, at, sorted(objects), conditions)
    by_out = {md5: _state(own, rows, key, columns) for md5, own in files.items()}
    states: dict[str, State[Part] | Unreadable] = {}
    for commit in past.commits:
        lock = locks.get(commit.lock)
        state = by_out.get(outs.get(commit.lock, ""), {})
        states[commit.sha] = Unreadable(commit.lock, lock) if isinstance(lock, str) else state
    return Timeline(at, key, states, walk(past.commits, states), outs)


def _rows(
    past: Past, store: Store, at: Place, objects: Sequence[str], conditions: Sequence[Condition]
) -> dict[str, list[Row] | Unreadable]:
    reader = Reader(past.cache, store.path, past.progress)
    rows: dict[str, list[Row] | Unreadable] = {**reader.known(objects, conditions)}
    unread = [md5 for md5 in objects if md5 not in rows]
    if unread:
        rows |= tables.fetch(store, unread, at.table)
        rows |= reader.read([md5 for md5 in unread if md5 not in rows], conditions)
    return rows


def _state(
    files: tables.Files | Unreadable,
    rows: Mapping[str, list[Row] | Unreadable],
    key: tuple[str, ...],
    columns: frozenset[str] | None,
) -> State[Part] | Unreadable:
    if isinstance(files, Unreadable):
        return files
    state: dict[Part, object] = {}
    for _name, md5 in files:
        own = rows[md5]
        if isinstance(own, Unreadable):
            return Unreadable(md5, own.why)
        for row in own:
            name = tuple(str(row.get(column, "")) for column in key)
            state[name, THERE] = True
            for column, value in row.items():
                if column not in key and (columns is None or column in columns):
                    state[name, column] = value
    return state
