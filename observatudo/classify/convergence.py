"""Whether a model keeps to what it said: the state of one series of answers, by counting them in their order.

The answers are counted one by one: a failed call changes nothing, an answer that is none ends a streak. N, W, F and K
are those of ``config.ConvergenceParams``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from observatudo.classify.answers import Observation
from observatudo.classify.names import State
from observatudo.config import ConvergenceParams

EventKind = Literal["oscilacao", "regressao"]


@dataclass(frozen=True)
class Event:
    """What a person should hear of once: a stable label changed, or a label began to go to and fro.

    ``execucao`` and ``hora`` are those of the answer that made it so; ``de`` and ``para`` are axes.
    """

    kind: EventKind
    execucao: str
    hora: str
    de: str
    para: str


@dataclass(frozen=True)
class Convergence:
    """What one series comes to. ``shares`` are, of the answers in the window, those per axis (invalid ones: no axis).

    ``label`` is the axis with the largest share, of equals the last that was given. ``streak`` equal answers stand
    at the end; ``answers`` were given in all, ``invalid`` of them none; ``errors`` calls failed; ``flips`` changes.
    """

    state: State
    label: str | None
    shares: dict[str, float]
    streak: int
    answers: int
    invalid: int
    errors: int
    flips: int
    events: tuple[Event, ...]


def evaluate(observations: Sequence[Observation], rule: ConvergenceParams) -> Convergence:
    """Return the state of a series from its whole observations, oldest first; errors among them are passed over."""
    count = _Count(rule)
    for own in observations:
        count.take(own)
    return count.result()


class _Count:
    def __init__(self, rule: ConvergenceParams) -> None:
        self._rule = rule
        self._window: list[str | None] = []  # None: an answer that was none
        self._last: str | None = None
        self._streak = self._invalid_at_end = 0
        self._answers = self._invalid = self._errors = self._flips = 0
        self._is_oscillating = False
        self._events: list[Event] = []

    def take(self, own: Observation) -> None:
        """Count one observation."""
        status, axis = own.reply.status, own.reply.eixo
        if status == "erro":
            self._errors += 1
            return
        was_stable = self.state == "ESTAVEL"
        self._answers += 1
        if status == "invalida" or axis is None:
            self._invalid += 1
            self._invalid_at_end += 1
            self._streak = 0
            self._remember(None)
            return
        before, self._last = self._last, axis
        self._invalid_at_end = 0
        self._streak = self._streak + 1 if axis == before else 1
        self._remember(axis)
        if before is not None and before != axis:
            self._flips += 1
            if was_stable:
                self._tell("regressao", own, before, axis)
        self._oscillate(own, before or axis, axis)

    def _remember(self, axis: str | None) -> None:
        self._window = [*self._window, axis][-self._rule.window :]

    def _oscillate(self, own: Observation, before: str, axis: str) -> None:
        if self._is_oscillating:
            if self._streak >= 2 * self._rule.stable_after:
                self._is_oscillating = False
                # what it went through is over: else the same changes would make it oscillate again at once
                self._window = self._window[-self._streak :]
        elif goes_to_and_fro(self._window, self._rule.oscillates_at):
            self._is_oscillating = True
            self._tell("oscilacao", own, before, axis)

    def _tell(self, kind: EventKind, own: Observation, before: str, axis: str) -> None:
        self._events.append(Event(kind, own.execution.execucao, own.reply.hora, before, axis))

    @property
    def state(self) -> State:
        """Return the first state that fits, in the order of ``STATES``."""
        if self._invalid_at_end >= self._rule.invalid_after:
            return "INVALIDO"
        if self._is_oscillating:
            return "OSCILANTE"
        if self._streak >= self._rule.stable_after:
            return "ESTAVEL"
        if len({axis for axis in self._window if axis}) > 1:
            return "DIVERGENTE"
        return "EM_OBSERVACAO" if self._answers else "NOVO"

    def result(self) -> Convergence:
        counts = Counter(axis for axis in self._window if axis)
        newest_first = list(reversed(self._window))
        label = max(counts, key=lambda axis: (counts[axis], -newest_first.index(axis)), default=None)
        return Convergence(
            state=self.state,
            label=label,
            shares={axis: counts[axis] / len(self._window) for axis in sorted(counts)},
            streak=self._streak,
            answers=self._answers,
            invalid=self._invalid,
            errors=self._errors,
            flips=self._flips,
            events=tuple(self._events),
        )


def goes_to_and_fro(window: Sequence[str | None], flips: int) -> bool:
    """Say whether a window has so many changes of axis, and one that came back (A, B, A)."""
    axes = [axis for axis in window if axis]
    changes = sum(a != b for a, b in pairwise(axes))
    visited = [axis for axis, _group in groupby(axes)]
    return changes >= flips and len(visited) > len(set(visited))
