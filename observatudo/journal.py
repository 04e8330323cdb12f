"""The log that every run leaves, and the frame that every stage works in.

    with journal.stage("ingest", dataset="registro_civil/obito") as log:
        log.count(rows_read=10, rows_kept=9, rows_rejected=1)

One event is one line of JSON, appended in one write to ``logs/pipeline_YYYYMMDD.jsonl`` (UTC), so that
several processes can log at once. What the events are is told in docs/runs.md.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeAlias

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs import identity, inputs
from observatudo.runs.measure import Meter

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

LOGS = Path("logs")
CLOSER = "record"  # the stage that closes a run
INTERRUPTED, FAILED, SUCCESS = "interrupted", "failed", "success"
_PROGRESS_EVERY_S = 1.0
_BAR = 30
_CLOSE_TIMEOUT_S = 600


class Terminated(BaseException):
    """SIGTERM, as an exception, so that a stage that is told to stop can still say so."""


def log_file(home: Path, when: datetime) -> Path:
    """Return the log that holds the events of that moment's day (UTC)."""
    return home / LOGS / f"pipeline_{when.astimezone(UTC):%Y%m%d}.jsonl"


def append(home: Path, event: str, run_id: str, **fields: Json) -> None:
    """Append one event to today's log, in one write. Raises ObservatudoError when it cannot."""
    now = datetime.now(UTC)
    content = {"time": now.isoformat(timespec="milliseconds"), "event": event, "run": run_id} | fields
    line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
    path = log_file(home, now)
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            written = os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if written != len(line):
        raise _unwritable(path, _("the disk is full"))


def _unwritable(path: Path, reason: str) -> ObservatudoError:
    return ObservatudoError(
        _("the run's log cannot be written: {reason}").format(reason=reason),
        where=str(path),
        next_step=_("make room or mend the permissions, then run again"),
    )


class Stage:
    """One stage at work. Made by ``journal.stage``; use it in a ``with`` statement."""

    def __init__(self, name: str, dataset: str | None = None) -> None:
        self.verb = name
        self.dataset = dataset
        self.name = f"{name}@{dataset}" if dataset else name
        try:
            self.root = paths.repository()
        except ObservatudoError as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(1) from None
        self.home = paths.home()
        self.identity = identity.current()
        self.run_id = self.identity.run_id
        self._meter = Meter()
        self._rows: dict[str, int] = {}
        self._outputs: dict[str, int | None] = {}
        self._told = 0.0
        self._bar_is_up = False
        self._on_sigterm: signal.Handlers | Callable[[int, FrameType | None], object] | int | None = None

    @property
    def key(self) -> str:
        """Return the dataset's key. Raises ObservatudoError when the stage was started without one."""
        if self.dataset is None:
            raise ObservatudoError(
                _("{stage} works on one dataset, and none was named").format(stage=self.verb),
                next_step=f"python -m stages.{self.verb} FONTE/DATASET",
            )
        return self.dataset

    def progress(self, done: int, total: int) -> None:
        """Log how far the work is, once a second at most; on a terminal, draw a bar too."""
        now = time.monotonic()
        if done < total and now - self._told < _PROGRESS_EVERY_S:
            return
        self._told = now
        self._event("progress", done=done, total=total)
        if sys.stderr.isatty() and total:
            filled = _BAR * min(done, total) // total
            bar = "█" * filled + "·" * (_BAR - filled)
            sys.stderr.write(f"\r{self.name} {bar} {done}/{total}\x1b[K")
            sys.stderr.flush()
            self._bar_is_up = True

    def count(self, **rows: int) -> None:
        """Log counts, such as ``rows_read``, ``rows_kept``, ``rows_rejected``; the last word counts."""
        self._rows.update(rows)
        self._event("counts", **rows)

    def warn(self, text: str, **fields: Json) -> None:
        """Log a warning and show it."""
        self._event("warning", message=text, **fields)
        self.say(_("warning: {text}").format(text=text))

    def note(self, event: str, **fields: Json) -> None:
        """Log an event of the stage's own, and show nothing."""
        self._event(event, **fields)

    def output(self, path: str, *, rows: int | None = None) -> None:
        """Log an output (relative to the root) and how many rows it holds."""
        self._outputs[path] = rows
        self._event("output", path=path, rows=rows)

    def say(self, text: str) -> None:
        """Write one message to the user, on stderr, below the bar if there is one."""
        if self._bar_is_up:
            sys.stderr.write("\n")
            self._bar_is_up = False
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def _event(self, event: str, **fields: Json) -> None:
        append(self.home, event, self.run_id, stage=self.name, **fields)

    def __enter__(self) -> Stage:
        try:
            self._start()
        except ObservatudoError as error:  # without a log there is nothing to log to
            sys.stderr.write(f"{error}\n")
            raise SystemExit(1) from None
        return self

    def _start(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._on_sigterm = signal.signal(signal.SIGTERM, _terminate)
        own = identity.process(os.getpid()) or self.identity.owner
        owner = self.identity.owner
        self._event(
            "start",
            dataset=self.dataset,
            kind=self.identity.kind,
            experiment=self.identity.experiment,
            process={"pid": own.pid, "started": own.started},
            owner={"pid": owner.pid, "started": owner.started, "command": list(owner.command)},
            host=platform.node(),
            python=platform.python_version(),
            commit=inputs.head_commit(self.root),
            branch=inputs.head_branch(self.root),
            who=who(),
            inputs={**inputs.of_stage(self.root, self.verb, self.dataset)},
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._on_sigterm is not None:
            signal.signal(signal.SIGTERM, self._on_sigterm)
        try:
            code = self._end(error, trace)
        except ObservatudoError as unwritable:
            self.say(str(unwritable))
            code = 1
        if code:
            raise SystemExit(code) from None

    def _end(self, error: BaseException | None, trace: TracebackType | None) -> int:
        """Log how the stage ended, close the run if it did not end well, and return the exit code."""
        status, code = _outcome(error)
        if error is not None and code != 0:
            self._log_error(error, trace)
        self._event(
            "end",
            status=status,
            **self._meter.read(),
            rows={**self._rows},
            outputs={**self._outputs},
            code={**inputs.of_code(self.root)},
        )
        if status != SUCCESS or self._is_closed():
            self._close_run()
        return code

    def _log_error(self, error: BaseException, trace: TracebackType | None) -> None:
        self._event(
            "error",
            type=type(error).__name__,
            message=error.message if isinstance(error, ObservatudoError) else str(error),
            where=error.where if isinstance(error, ObservatudoError) else "",
            next_step=error.next_step if isinstance(error, ObservatudoError) else "",
            traceback="".join(traceback.format_exception(type(error), error, trace)),
        )
        if isinstance(error, ObservatudoError):
            self.say(str(error))
            return
        if isinstance(error, KeyboardInterrupt | Terminated):
            self.say(_("{stage}: interrupted (run {run})").format(stage=self.name, run=self.run_id))
            return
        self.say(
            _("{stage}: {kind}: {error} (run {run}; details in {log})").format(
                stage=self.name,
                kind=type(error).__name__,
                error=" ".join(str(error).split()),
                run=self.run_id,
                log=log_file(self.home, datetime.now(UTC)),
            )
        )

    def _is_closed(self) -> bool:
        """Say whether the run has its record already: with --keep-going, stages follow a failure."""
        if self.identity.kind != "repro" or self.name == CLOSER:
            return False
        return record_file(self.home, self.run_id).is_file()

    def _close_run(self) -> None:
        """Have another process, untouched by what went wrong in this one, close the run."""
        if self.identity.kind == "hand" or self.identity.is_closed_by_owner:
            return
        command = [sys.executable, "-m", "observatudo.runs.close", self.run_id]
        try:
            done = subprocess.run(
                command, cwd=self.root, timeout=_CLOSE_TIMEOUT_S, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            self.warn(_("the run's record took too long to write; the next command will close the run"))
            return
        if done.returncode:
            self.warn(_("the run's record could not be written"), details=done.stderr)
        elif done.stderr:
            self.say(done.stderr.rstrip())


def record_file(home: Path, run_id: str) -> Path:
    """Return where the record of a run is, or would be; by the year and month it began."""
    return home / paths.AUDIT_RUNS / run_id[:4] / run_id[4:6] / f"{run_id}.json"


def who() -> str | None:
    """Return Git's name for the author where the environment has one, or the login."""
    try:
        return os.environ.get("GIT_AUTHOR_NAME") or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated(_("told to stop (SIGTERM)"))


def _outcome(error: BaseException | None) -> tuple[str, int]:
    """Return the stage's status and the exit code of its process."""
    if error is None:
        return SUCCESS, 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return (FAILED, code) if code else (SUCCESS, 0)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, 128 + signal.SIGINT
    if isinstance(error, Terminated):
        return INTERRUPTED, 128 + signal.SIGTERM
    return FAILED, 1


def stage(name: str, dataset: str | None = None) -> Stage:
    """Return the frame for a stage's work, to be used in a ``with`` statement.

    Leaving it logs the end. An error ends the process: 1 with a message for an ObservatudoError, 1 with
    one line and the traceback in the log for any other, 130 and 143 when interrupted; the run is then closed.
    """
    return Stage(name, dataset)


def main(name: str, work: Callable[[Stage], None]) -> None:
    """Do ``work`` as the stage ``name``; the process's only argument, if there is one, is the dataset."""
    with Stage(name, sys.argv[1] if len(sys.argv) > 1 else None) as log:
        work(log)
