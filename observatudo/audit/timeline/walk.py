"""The one rule of every timeline: a version changed what differs from all versions right before it, as for Git."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from observatudo.audit.timeline.gitlog import NOTHING, Commit

Part = TypeVar("Part", bound=Hashable)


@dataclass(frozen=True)
class Unreadable:
    """A state nobody can say anything about; two with one ``mark`` are the same."""

    mark: str
    why: str


State: TypeAlias = Mapping[Part, object]  # what is not there has no entry


@dataclass(frozen=True)
class Changed(Generic[Part]):
    """What one version changed: part → (old, new), None where there is none.

    ``before`` is the version compared with; ``or_in`` are unreadable ones between it and this one.
    """

    parts: dict[Part, tuple[object, object]]
    before: str | None
    or_in: tuple[str, ...] = ()
    unreadable: Unreadable | None = None


@dataclass(frozen=True)
class _Behind(Generic[Part]):
    """The readable states that a version stands for, with their versions: its own, or those before it.

    ``lost`` is the version itself where it cannot be read, ``older`` what is behind it.
    """

    states: list[tuple[str | None, State[Part]]]
    lost: str | None = None
    older: Sequence[_Behind[Part]] = ()


def walk(commits: Sequence[Commit], states: Mapping[str, State[Part] | Unreadable]) -> dict[str, Changed[Part]]:
    """Return what changed by version (the ``sha`` of each commit, empty for the work tree), newest first.

    ``commits`` has no parent before its child. A merge changed only what differs from all its parents. What an
    unreadable version changed is not known: the next readable one is held against those before it.
    """
    behind: dict[str, _Behind[Part]] = {NOTHING: _Behind([(None, {})])}
    found: dict[str, Changed[Part]] = {}
    for commit in reversed(commits):
        parents = [behind[parent] for parent in commit.parents if parent in behind] or [behind[NOTHING]]
        state = states[commit.sha]
        if isinstance(state, Unreadable):
            behind[commit.sha] = _together(parents, commit.sha)
            if not any(_same(states[parent], state) for parent in commit.parents if parent in states):
                found[commit.sha] = Changed({}, parents[0].states[0][0], unreadable=state)
            continue
        behind[commit.sha] = _Behind([(commit.sha, state)])
        parts = _differing(state, [[old for _sha, old in parent.states] for parent in parents])
        if parts:
            or_in = tuple(_lost(parents))
            found[commit.sha] = Changed(parts, parents[0].states[0][0], or_in)
    return {commit.sha: found[commit.sha] for commit in commits if commit.sha in found}


def _same(a: State[Part] | Unreadable, b: Unreadable) -> bool:
    return isinstance(a, Unreadable) and a.mark == b.mark


def _together(parents: Sequence[_Behind[Part]], sha: str) -> _Behind[Part]:
    if len(parents) == 1:
        return _Behind(parents[0].states, sha, parents)
    states: list[tuple[str | None, State[Part]]] = []
    for parent in parents:
        states += [one for one in parent.states if all(one[1] != known for _sha, known in states)]
    return _Behind(states, sha, parents)


def _lost(parents: Sequence[_Behind[Part]]) -> dict[str, None]:
    """Return the unreadable versions between a version and the readable ones behind it, the nearest first."""
    found: dict[str, None] = {}
    waiting = list(parents)
    for behind in waiting:
        if behind.lost is not None and behind.lost not in found:
            found[behind.lost] = None
            waiting += behind.older
    return found


def _differing(state: State[Part], parents: Sequence[Sequence[State[Part]]]) -> dict[Part, tuple[object, object]]:
    """Return the parts that no version before has like this, with the value in the first of them."""
    names = dict.fromkeys(state)
    for olds in parents:
        for old in olds:
            names |= dict.fromkeys(old)
    first = parents[0][0]
    return {
        name: (first.get(name), state.get(name))
        for name in names
        if not any(_equal(old.get(name), state.get(name)) for olds in parents for old in olds)
    }


def _equal(a: object, b: object) -> bool:
    """NaN equals NaN, -0.0 equals 0.0, 3 equals 3.0; True is no number."""
    if isinstance(a, bool) is not isinstance(b, bool):
        return False
    return a == b or (a != a and b != b)
