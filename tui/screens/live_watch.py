"""What the Live screen is told: events, and a picture of the run; made in a thread, so that nothing of it is shared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Signal
from typing import TYPE_CHECKING

from observatudo.live.watch import Watch
from observatudo.live.words import is_interruption
from observatudo.runs import identity

if TYPE_CHECKING:
    from observatudo.journal import Json
    from observatudo.live.events import Event
    from observatudo.live.sample import Machine
    from observatudo.live.state import LiveRun, Stage

READ_S, SAMPLE_S = 0.3, 1.0
_BREATH_S = 0.02  # between two readings while there is more: Python runs one thread at a time, and keys come first
UNSEEN_S = 2.0  # between two readings while another screen is seen; nothing is sampled then
_NONE: dict[str, Json] = {}  # nothing shown needs the fields of an event; those of thousands take memory


@dataclass(frozen=True)
class Taken:
    """What a stage at work has taken: per cent of one core, oldest first, and MiB of memory now."""

    cpu: tuple[float, ...]
    memory_mb: float


@dataclass(frozen=True)
class RunNow:
    """A run as it stands.

    ``most`` is how many stages it may come to, None when nobody knows; ``command`` what somebody typed; ``ended`` ISO
    8601, of a run that is not over the time of its last event. ``error`` has type, message, where and next_step.
    """

    run_id: str
    status: str
    is_over: bool
    kind: str
    command: str
    ended: str
    stages: tuple[Stage, ...]
    most: int | None
    error: dict[str, str] | None
    traceback: str


@dataclass(frozen=True)
class Picture:
    """The current run, or None without any; the machine in per cent, oldest first; what hinders reading the log."""

    run: RunNow | None = None
    machine: Machine | None = None
    cpu: tuple[float, ...] = ()
    memory: tuple[float, ...] = ()
    taken: dict[str, Taken] = field(default_factory=dict)
    problem: str = ""


class Watcher:
    """Follows the log of the repository ``home`` until it is stopped; ``tell`` is called in the thread of ``run``."""

    def __init__(self, home: Path, tell: Callable[[Sequence[Event], Picture], None]) -> None:
        self._home, self._tell = home, tell
        self._is_seen = True
        self._is_stopped = False
        self._wake = Signal()

    def look(self, is_seen: bool) -> None:
        """Take note whether anybody sees what is told."""
        self._is_seen = is_seen
        self._wake.set()

    def stop(self) -> None:
        """Let ``run`` return."""
        self._is_stopped = True
        self._wake.set()

    def run(self) -> None:
        """Read the log every 0.3 s and sample every second; every 2 s, without samples, while nobody looks.

        It is read all the same then: what a log loses before it is read (it was emptied) would be missing later.
        """
        with Watch(self._home) as watch:
            sampled = float("-inf")
            taken: dict[str, Taken] = {}
            while not self._is_stopped:
                self._wake.clear()
                events = [replace(event, fields=_NONE) for event in watch.read()]
                is_due = self._is_seen and time.monotonic() - sampled >= SAMPLE_S
                if is_due:
                    sampled, taken = time.monotonic(), _sampled(watch)
                if events or is_due:
                    self._tell(events, _picture(watch, taken))
                self._wake.wait(_BREATH_S if watch.follower.more else READ_S if self._is_seen else UNSEEN_S)


def _sampled(watch: Watch) -> dict[str, Taken]:
    now = watch.sample()
    return {name: Taken(tuple(watch.sampler.stages[name].cpu), one.memory_mb) for name, one in now.items()}


def _picture(watch: Watch, taken: dict[str, Taken]) -> Picture:
    run, sampler = watch.state.current(), watch.sampler
    return Picture(
        run=None if run is None else _run(run, watch.expected(run)),
        machine=sampler.machine,
        cpu=tuple(sampler.cpu),
        memory=tuple(sampler.memory),
        taken=taken,
        problem=watch.follower.problem,
    )


def _run(run: LiveRun, expected: Sequence[str] | None) -> RunNow:
    is_fault = run.error is not None and not is_interruption({**run.error})
    return RunNow(
        run_id=run.run_id,
        status=run.status,
        is_over=run.is_over,
        kind=run.kind,
        command="" if run.kind == "hand" else " ".join(identity.typed(tuple(run.command))),
        ended=run.ended or run.last,
        stages=tuple(run.in_order()),
        most=None if expected is None else len(expected),
        error=run.error if is_fault else None,
        traceback=run.traceback if is_fault else "",
    )
