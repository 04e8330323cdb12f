"""One line of the log as screens show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from observatudo.live import words
from observatudo.runs import log

if TYPE_CHECKING:
    from observatudo.journal import Json

Level: TypeAlias = Literal["info", "warning", "error"]
LEVELS: tuple[Level, ...] = ("info", "warning", "error")
_OF_STATUS: dict[str, Level] = {log.FAILED: "error", log.INTERRUPTED: "warning"}


@dataclass(frozen=True)
class Event:
    """``time`` is ISO 8601 with its offset; ``stage`` is empty where the event is the run's; ``text`` is one line.

    ``kind`` is the event's name in docs/runs.md, ``fields`` everything the line holds.
    """

    time: str
    level: Level
    run: str
    stage: str
    kind: str
    text: str
    fields: dict[str, Json]


def parse(line: bytes) -> Event | None:
    """Return the event in a line of the log, or None when it holds none that a run could be made of."""
    fields = log.parse(line)
    return None if fields is None else of(fields)


def of(fields: dict[str, Json]) -> Event:
    """Return the event that a line held, as ``log.parse`` gives it."""
    names = ("time", "run", "stage", "event")
    time, run, stage, kind = (log.text(fields.get(name)) for name in names)
    return Event(time, _level(kind, fields), run, stage, kind, words.line(kind, run, stage, fields), fields)


def _level(kind: str, fields: dict[str, Json]) -> Level:
    if kind in ("end", "closed", "job"):
        return _OF_STATUS.get(log.text(fields.get("status")), "info")
    if kind == log.FETCHED:
        return "warning" if fields.get("result") in ("refused", "failed") else "info"
    if kind == "error" and words.is_interruption(fields):
        return "warning"
    return "error" if kind == "error" else "warning" if kind == "warning" else "info"
