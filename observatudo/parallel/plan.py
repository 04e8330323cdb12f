"""Which stage may start when: after all that it needs, in DVC's own order among those that may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Plan:
    """The stages of one run by name, with what each needs of the others.

    ``order`` is a serial order (each after what it needs); what may start at the same time starts in it.
    ``last``, if it is among them, waits for all others whether it needs them or not, and for none to fail.
    """

    def __init__(self, order: Sequence[str], needs: Mapping[str, set[str]], last: str) -> None:
        self._waiting = list(order)
        self._needs = {name: needs.get(name, set()) & set(order) for name in order}
        if last in self._needs:
            self._needs[last] = set(order) - {last}
        self._done: set[str] = set()

    def next(self) -> str | None:
        """Take the first stage that may start; None when there is none at the moment."""
        for name in self._waiting:
            if self._needs[name] <= self._done:
                self._waiting.remove(name)
                return name
        return None

    def done(self, name: str) -> None:
        """Note that the stage is complete: what needs it may start."""
        self._done.add(name)

    def give_up(self, name: str) -> list[str]:
        """Note that the stage failed; take out and return those that need it, directly or not, in order."""
        lost = {name}
        dropped = []
        for other in list(self._waiting):  # in serial order, so what is lost is known before what needs it
            if self._needs[other] & lost:
                lost.add(other)
                dropped.append(other)
                self._waiting.remove(other)
        return dropped

    def clear(self) -> None:
        """Take out whatever has not started."""
        self._waiting.clear()
