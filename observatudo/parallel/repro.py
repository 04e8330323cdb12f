"""``dvc repro`` with several stages at work at once, as one run with one record."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from observatudo import journal, paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.parallel.crew import Crew, Ended
from observatudo.parallel.pipeline import BusyError, Pipeline, opened
from observatudo.parallel.plan import Plan
from observatudo.runs import identity, log

FAILURE = 255  # DVC's own exit code for it


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def repro(root: Path, targets: Sequence[str], jobs: int) -> int:
    """Run what has changed, at most ``jobs`` stages at once, and return the exit code.

    0 when all is well; 255 when a stage failed: what does not need it is run and kept, the rest is not run;
    130 or 143 after SIGINT or SIGTERM. Raises ObservatudoError when nothing could be begun.
    """
    crew = Crew()
    with crew.heeding_signals():
        with opened(root, targets) as pipeline:
            run = Run(pipeline, crew, jobs)
            run.work()
        if crew.stopped is not None:
            print(_("interrupted; what was complete by then is kept"), file=sys.stderr)
            close(root, journal.INTERRUPTED, {})
            return 128 + crew.stopped
        if run.failed:
            _tell_failures(run)
            close(root, journal.FAILED, run.failed)
            return FAILURE
    if not run.complete:
        print(_("Data and pipelines are up to date."))
    return 0


class Run:
    """Stages started as soon as they may and completed as they end."""

    def __init__(self, pipeline: Pipeline, crew: Crew, jobs: int) -> None:
        self._pipeline = pipeline
        self._crew = crew
        self._jobs = jobs
        self._plan = Plan(pipeline.order, pipeline.needs, journal.CLOSER)
        self.complete: list[str] = []
        self.failed: dict[str, str] = {}  # stage → why
        self.dropped: list[str] = []

    def work(self) -> None:
        """Work until nothing is left that may be started, and everything started has ended."""
        self._start()
        while self._crew.at_work:
            with self._pipeline.unlocked():
                ended = self._crew.wait()
            if ended is None:
                continue
            if self._jobs > 1:  # before the stage that ended is saved: a core would stand idle
                self._start(is_saving=True)
            self._end(ended)
            self._start()

    def _start(self, *, is_saving: bool = False) -> None:
        """Start as many stages as may be at work."""
        while batch := self._batch():
            # nothing else can start before it ends: it may have the terminal to itself
            alone = self._jobs == 1 or (len(batch) == 1 and not self._crew.at_work and not is_saving)
            for name in batch:
                if self._crew.stopped is None:
                    self._start_one(name, alone)

    def _batch(self) -> list[str]:
        """Return stages that have to run and may start now, no more than may be at work."""
        free = self._jobs - len(self._crew.at_work)
        batch: list[str] = []
        while len(batch) < free and self._crew.stopped is None and (name := self._plan.next()):
            if self._is_changed(name):
                batch.append(name)
        return batch

    def _is_changed(self, name: str) -> bool:
        try:
            changed = self._pipeline.is_changed(name)
        except ObservatudoError as error:
            self._fail(name, error)
            return False
        if not changed:
            print(_("Stage '{stage}' didn't change, skipping").format(stage=name), flush=True)
            self._plan.done(name)
        return changed

    def _start_one(self, name: str, alone: bool) -> None:
        try:
            commands = self._pipeline.prepare(name)
        except ObservatudoError as error:
            self._fail(name, error)
            return
        if not commands:
            self._complete(name)
            return
        shown = "\n".join(f"> {command.shown}" for command in commands)
        print(_("Running stage '{stage}':").format(stage=name) + f"\n{shown}", flush=True)
        self._crew.start(name, commands, alone=alone)

    def _end(self, ended: Ended) -> None:
        if ended.code:
            if self._crew.stopped is None:
                said = _("`{command}` ended with exit code {code}")
                self._fail(ended.stage, ObservatudoError(said.format(command=ended.shown, code=ended.code)))
            return
        try:
            self._pipeline.finish(ended.stage)
        except ObservatudoError as error:
            self._fail(ended.stage, error)
            return
        done = _("Stage '{stage}' is complete ({seconds:.1f} s)")
        print(done.format(stage=ended.stage, seconds=ended.seconds), flush=True)
        self._complete(ended.stage)

    def _complete(self, name: str) -> None:
        self.complete.append(name)
        self._plan.done(name)

    def _fail(self, name: str, error: ObservatudoError) -> None:
        """Give up the stage and what needs it; when others are at work on the same files, everything."""
        self.failed[name] = error.message
        self.dropped += self._plan.give_up(name)
        if isinstance(error, BusyError):
            self._plan.clear()
        print(_("stage '{stage}' failed: {error}").format(stage=name, error=error), file=sys.stderr, flush=True)


def _tell_failures(run: Run) -> None:
    said = [_("failed: {stages}").format(stages=", ".join(run.failed))]
    if run.dropped:
        said.append(_("not run because of that: {stages}").format(stages=", ".join(run.dropped)))
    if run.complete:
        said.append(_("complete and kept: {stages}").format(stages=", ".join(run.complete)))
    said.append("  → " + _("mend what it says above, then type: observatudo repro"))
    print("\n".join(said), file=sys.stderr)


def close(root: Path, status: str, failed: dict[str, str]) -> None:
    """Write the record of this process's run, which no stage closed: its siblings were still at work."""
    home, run_id = paths.home(), identity.run_id(identity.own())
    run = log.read(home, run_id)
    if run is None or run.closed is not None:  # no stage of ours came to work, or all ended well before
        return
    for name, why in failed.items():
        _tell_log(home, run, name, why)
    command = [sys.executable, "-m", "observatudo.runs.close", run_id, status]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.stderr:
        sys.stderr.write(done.stderr)


def _tell_log(home: Path, run: log.RunLog, name: str, why: str) -> None:
    """Log a failure that the stage could not log itself: it was killed, or DVC could not keep what it made."""
    stage = run.stages.get(name)
    if stage is not None and stage.status == log.FAILED:
        return
    fields = {"type": "StageFailed", "message": why, "where": "", "next_step": "", "traceback": ""}
    journal.append(home, "error", run.run_id, stage=name, **fields)
    if stage is not None:
        kept = {key: value for key, value in asdict(stage).items() if key in _MEASURED}
        journal.append(home, "end", run.run_id, stage=name, **(kept | {"status": log.FAILED}))


_MEASURED = ("wall_s", "cpu_s", "peak_mb", "rows", "outputs", "code")
