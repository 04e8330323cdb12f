"""The log of one run that is over, as the Live screen would have shown it."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from pathlib import Path

from observatudo.live import events
from observatudo.live.events import Event
from observatudo.runs import log

_LONGEST = timedelta(days=7)


def of_run(home: Path, run_id: str, most: int) -> list[Event]:
    """Return the last ``most`` events of a run, oldest first; none when this machine's log does not know it."""
    began = log.began(run_id)
    first, last = (f"pipeline_{day:%Y%m%d}" for day in (began, began + _LONGEST))
    mark = f'"run":"{run_id}"'.encode()
    kept: deque[Event] = deque(maxlen=most)
    for path in log.files(home):
        if not first <= path.stem <= last:
            continue
        with path.open("rb") as lines:
            kept.extend(event for line in lines if mark in line and (event := events.parse(line)) is not None)
    return list(kept)
