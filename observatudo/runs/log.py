"""What the log says of a run: its events, folded one by one into one object.

Standard library only: ``record`` reads this on every ``dvc repro``, also when nothing changed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.runs import identity

if TYPE_CHECKING:
    from observatudo.journal import Json

RECORD = "record"
FETCHED = "fetched"  # the one event that is of no run of the pipeline
SUCCESS, FAILED, INTERRUPTED, NOOP, RUNNING = "success", "failed", "interrupted", "noop", "running"
_LONGEST = timedelta(days=7)  # a run is looked for in the logs of so many days from its beginning
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-\d+", re.ASCII)
_PIDS = 2**32  # no system has so many
_OTHER_HOST_LIMIT = timedelta(days=1)


@dataclass
class StageLog:
    """One stage of one run; ``status`` stays ``running`` until its end is read."""

    dataset: str | None = None
    status: str = RUNNING
    started: str = ""
    ended: str = ""
    pid: int = 0
    process_started: float = 0.0
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_mb: float | None = None
    warnings: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int | None] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)


@dataclass
class RunLog:
    """One run as the log tells it. ``closed`` is its last word on the status, None while open."""

    run_id: str
    kind: str = "hand"
    experiment: str | None = None
    host: str = ""
    python: str = ""
    commit: str | None = None
    branch: str | None = None
    who: str | None = None
    command: list[str] = field(default_factory=list)
    owner_pid: int = 0
    owner_started: float = 0.0
    last: str = ""
    closed: str | None = None
    ended: str = ""
    dirty: bool | None = None
    error: dict[str, str] | None = None
    stages: dict[str, StageLog] = field(default_factory=dict)

    @property
    def started(self) -> str:
        """Return when the run began: ISO 8601, UTC, seconds."""
        return began(self.run_id).isoformat()

    @property
    def work(self) -> dict[str, StageLog]:
        """Return the stages that did something: all but ``record``, unless it went wrong."""
        return {k: s for k, s in self.stages.items() if k != RECORD or s.status in (FAILED, INTERRUPTED)}

    def fold(self, event: dict[str, Json]) -> None:
        """Take in the next event of this run, in the order of the log."""
        self.last = text(event.get("time"))
        name = text(event.get("stage"))
        match event.get("event"):
            case "start":
                self._start(name, event)
            case "end":
                self._end(self.stages.setdefault(name, StageLog()), event)
            case "warning":
                self.stages.setdefault(name, StageLog()).warnings += 1
            case "error":
                keys = ("stage", "type", "message", "where", "next_step")
                self.error = {key: text(event.get(key)) for key in keys}
            case "closed":
                self.closed = text(event.get("status"))
                self.ended = text(event.get("ended"))
                dirty = event.get("dirty")
                self.dirty = dirty if isinstance(dirty, bool) else None

    def _start(self, name: str, event: dict[str, Json]) -> None:
        own, owner = _dict(event.get("process")), _dict(event.get("owner"))
        if not self.stages:
            self.kind = text(event.get("kind"))
            self.experiment = text(event.get("experiment")) or None
            self.host, self.python = text(event.get("host")), text(event.get("python"))
            self.commit = text(event.get("commit")) or None
            self.branch = text(event.get("branch")) or None
            self.who = text(event.get("who")) or None
            command = owner.get("command")
            self.command = [text(word) for word in command] if isinstance(command, list) else []
            self.owner_pid, self.owner_started = int(_number(owner["pid"])), _number(owner["started"])
        self.stages[name] = StageLog(
            dataset=text(event.get("dataset")) or None,
            started=self.last,
            pid=int(_number(own["pid"])),
            process_started=_number(own["started"]),
            inputs={path: text(blob) for path, blob in _dict(event.get("inputs")).items()},
        )

    def _end(self, stage: StageLog, event: dict[str, Json]) -> None:
        stage.status, stage.ended = text(event.get("status")), self.last
        stage.wall_s = _number(event.get("wall_s"))
        stage.cpu_s = _number(event.get("cpu_s"))
        stage.peak_mb = None if event.get("peak_mb") is None else _number(event.get("peak_mb"))
        stage.rows = {key: int(_number(value)) for key, value in _dict(event.get("rows")).items()}
        stage.outputs = {
            path: None if rows is None else int(_number(rows)) for path, rows in _dict(event.get("outputs")).items()
        }
        stage.code = {path: text(blob) for path, blob in _dict(event.get("code")).items()}

    def is_alive(self) -> bool:
        """Say whether anything of this run can still be at work.

        Processes of another machine (a shared disk) cannot be asked: a day of silence ends their runs.
        """
        import platform

        if self.host != platform.node():
            return datetime.now(UTC) - datetime.fromisoformat(self.last) < _OTHER_HOST_LIMIT
        if identity.is_alive(self.owner_pid, self.owner_started):
            return True
        at_work = (stage for stage in self.stages.values() if stage.status == RUNNING)
        return any(identity.is_alive(stage.pid, stage.process_started) for stage in at_work)

    def outcome(self) -> str:
        """Return the status that the stages add up to, for a run in which nothing is at work any more."""
        states = {stage.status for stage in self.stages.values()}
        if FAILED in states:
            return FAILED
        if states & {INTERRUPTED, RUNNING}:
            return INTERRUPTED
        is_whole = RECORD in self.stages or self.kind == "hand" or self._was_partial()
        return SUCCESS if is_whole else INTERRUPTED

    def _was_partial(self) -> bool:
        """Say whether the user asked for some stages only (``dvc repro classify``)."""
        return bool(identity.targets(tuple(self.command)))


def began(run_id: str) -> datetime:
    """Return when a run began, which its id says. Raises ValueError for what is no run id."""
    return datetime.strptime(run_id.split("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def parse(line: bytes) -> dict[str, Json] | None:
    """Return the event in a line of the log, or None when a crash cut it off or a run cannot be made of it."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and _is_usable(event) else None


def _is_usable(event: dict[str, Json]) -> bool:
    """Say whether the event has what is relied on: one odd line must not stop every run that follows."""
    run = event.get("run")
    if not (isinstance(run, str) and _is_run_id(run) and _is_time(event.get("time"))):
        return False
    match event.get("event"):
        case "start":
            return _is_process(event.get("process")) and _is_process(event.get("owner"))
        case "end":
            return event.get("status") in (SUCCESS, FAILED, INTERRUPTED)
        case "closed":
            return event.get("status") in (SUCCESS, FAILED, INTERRUPTED, NOOP) and _is_time(event.get("ended"))
    return True


@cache
def _is_run_id(value: str) -> bool:
    try:
        return bool(_RUN_ID.fullmatch(value)) and bool(began(value) + _LONGEST)
    except (ValueError, OverflowError):
        return False


def _is_time(value: Json) -> bool:
    """Say whether it is a time in ISO 8601 with its offset: others cannot be compared."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_process(value: Json) -> bool:
    pid = _dict(value).get("pid")
    return isinstance(pid, int) and 0 < pid < _PIDS and isinstance(_dict(value).get("started"), int | float)


def files(home: Path) -> list[Path]:
    """Return the logs, oldest first."""
    return sorted((home / "logs").glob("pipeline_*.jsonl"))


def events(home: Path, run_id: str) -> Iterator[dict[str, Json]]:
    """Yield what the log says of a run, in its order."""
    first = began(run_id)
    days = {f"pipeline_{first + timedelta(days=n):%Y%m%d}" for n in range(_LONGEST.days + 1)}
    mark = f'"run":"{run_id}"'.encode()
    for path in files(home):
        if path.stem not in days:
            continue
        with path.open("rb") as lines:
            for line in lines:
                if mark in line and (event := parse(line)) is not None:
                    yield event


def read(home: Path, run_id: str) -> RunLog | None:
    """Return a run with everything the log says of it, or None when the log does not know it."""
    run: RunLog | None = None
    for event in events(home, run_id):
        run = run or RunLog(run_id)
        run.fold(event)
    return run


def text(value: Json) -> str:
    """Return a value of an event as text that can be stored and shown: JSON may spell half a character."""
    return "" if value is None else str(value).encode("utf-8", "replace").decode("utf-8")


def _number(value: Json) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else 0.0
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
