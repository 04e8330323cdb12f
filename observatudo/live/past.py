"""The log of one run that is over, as the Live screen would have shown it."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from observatudo.live import events
from observatudo.live.events import Event
from observatudo.runs import log


def of_run(home: Path, run_id: str, most: int) -> list[Event]:
    """Return the last ``most`` events of a run, oldest first; none when this machine's log does not know it."""
    return [events.of(fields) for fields in deque(log.events(home, run_id), most)]
