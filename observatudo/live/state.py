"""The runs that the followed log tells of: what is at work now, how far it is, and how it ended."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observatudo.live import words
from observatudo.runs import identity, log
from observatudo.runs.log import RunLog, StageLog

if TYPE_CHECKING:
    from observatudo.journal import Json
    from observatudo.live.events import Event

KEPT = 20  # runs that have ended
_WARNINGS = 200  # of one stage that are kept in full


@dataclass(frozen=True)
class Stage:
    """One stage of a run as it stands: times in ISO 8601 (empty: not yet), ``peak_mb`` in MiB, texts of warnings.

    ``status`` is ``running``, ``success``, ``failed`` or ``interrupted``; ``done`` of ``total`` is its own measure,
    0 of 0 where it has told none.
    """

    name: str
    dataset: str | None
    status: str
    started: str
    ended: str
    done: int
    total: int
    rows: dict[str, int]
    warnings: tuple[str, ...]
    wall_s: float | None
    cpu_s: float | None
    peak_mb: float | None
    pid: int
    process_started: float


@dataclass
class LiveRun(RunLog):
    """A run as the log tells it so far, with what only somebody who watches wants to know.

    ``error`` has message, place and next step, ``traceback`` the rest of it. ``status`` and ``work`` rely on the last
    ``look`` for what no event can tell: that a process is gone.
    """

    progress: dict[str, tuple[int, int]] = field(default_factory=dict)
    warned: dict[str, list[str]] = field(default_factory=dict)
    traceback: str = ""
    is_gone: bool = False
    gone: set[str] = field(default_factory=set)

    def fold(self, event: dict[str, Json]) -> None:
        """Take in the next event of this run, in the order of the log."""
        super().fold(event)
        name = log.text(event.get("stage"))
        match event.get("event"):
            case "start":
                self.progress.pop(name, None)
                self.warned.pop(name, None)
                self.gone.discard(name)
                self.is_gone = False
            case "progress":
                self.progress[name] = (words.whole(event.get("done")) or 0, words.whole(event.get("total")) or 0)
            case "counts" if name in self.stages:
                counts = {key: words.whole(value) for key, value in event.items()}
                self.stages[name].rows |= {key: n for key, n in counts.items() if n is not None}
            case "warning" if len(said := self.warned.setdefault(name, [])) < _WARNINGS:
                said.append(log.text(event.get("message")))
            case "error":
                self.traceback = log.text(event.get("traceback"))

    def look(self) -> bool:
        """Ask which processes are gone; say whether one is that was there before.

        An event may have been written between the last ``read`` of the log and now: read again before this is shown.
        """
        before = (self.is_gone, len(self.gone))
        self.is_gone = not self.is_alive()
        if self.is_here:
            at_work = [(name, stage) for name, stage in self.stages.items() if stage.status == log.RUNNING]
            self.gone = {name for name, stage in at_work if not identity.is_alive(stage.pid, stage.process_started)}
        return before != (self.is_gone, len(self.gone))

    def is_alive(self) -> bool:
        """Say whether anything of this run can still be at work; without its beginning, its id tells its process."""
        if self.host:
            return super().is_alive()
        return identity.is_alive(int(self.run_id.rpartition("-")[2]), log.began(self.run_id).timestamp())

    @property
    def is_here(self) -> bool:
        """Say whether the run's processes are this machine's."""
        return self.host == platform.node()

    @property
    def is_over(self) -> bool:
        """Say whether the run has its end or can have none any more."""
        return self.closed is not None or self.is_gone

    @property
    def status(self) -> str:
        """Return ``running``, ``success``, ``failed``, ``interrupted`` or ``noop``."""
        return self.closed or (self.outcome() if self.is_gone else log.RUNNING)

    def in_order(self) -> list[Stage]:
        """Return the stages in the order in which they started."""
        return [self._stage(name, stage) for name, stage in self.stages.items()]

    def processes(self) -> dict[str, tuple[int, float]]:
        """Return process id and start (seconds since 1970) of the stages at work on this machine."""
        if not self.is_here:
            return {}
        return {s.name: (s.pid, s.process_started) for s in self.in_order() if s.status == log.RUNNING and s.pid}

    def _stage(self, name: str, stage: StageLog) -> Stage:
        is_left = name in self.gone or self.is_gone or (self.is_over and not self.is_here)
        done, total = self.progress.get(name, (0, 0))
        return Stage(
            name=name,
            dataset=stage.dataset,
            status=log.INTERRUPTED if is_left and stage.status == log.RUNNING else stage.status,
            started=stage.started,
            ended=stage.ended,
            done=done,
            total=total,
            rows=dict(stage.rows),
            warnings=tuple(self.warned.get(name, ())),
            wall_s=stage.wall_s,
            cpu_s=stage.cpu_s,
            peak_mb=stage.peak_mb,
            pid=stage.pid,
            process_started=stage.process_started,
        )


class State:
    """The runs of the followed log, folded event by event; those that ended are kept up to ``kept``."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._runs: dict[str, LiveRun] = {}

    def fold(self, event: Event) -> None:
        """Take in the next event, in the order of the log; a fetch belongs to no run."""
        if event.kind == log.FETCHED:
            return
        if event.run not in self._runs:
            self._forget()
            self._runs[event.run] = LiveRun(event.run)
        self._runs[event.run].fold(event.fields)

    def _forget(self) -> None:
        over = sorted(run.run_id for run in self._runs.values() if run.is_over)
        for run_id in over[: max(0, len(over) - self._kept + 1)]:
            del self._runs[run_id]

    def look(self) -> bool:
        """Ask which processes of the runs are gone; say whether one is that was there before. See ``LiveRun.look``."""
        asked = [run.look() for run in self._runs.values() if not run.is_over or self._has_work(run)]
        return any(asked)

    def _has_work(self, run: LiveRun) -> bool:
        return any(stage.status == log.RUNNING for stage in run.in_order())

    def __iter__(self) -> Iterator[LiveRun]:
        """Yield the runs, newest first."""
        return iter(sorted(self._runs.values(), key=lambda run: run.run_id, reverse=True))

    def current(self) -> LiveRun | None:
        """Return the newest run that is at work, or the newest of all; None when the log tells of none."""
        at_work = (run for run in self if not run.is_over)
        return next(at_work, None) or next(iter(self), None)
