"""``logs/alerts.jsonl``: who was told of what, who acknowledged, what was measured. It only grows; Git ignores it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.alerts.facts import Disk, Verified
from observatudo.alerts.model import Acknowledgement, Delivery
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.journal import Json

FILE = Path("logs/alerts.jsonl")


@dataclass
class Ledger:
    """What the file says: deliveries and acknowledgements by id of alert, attempts by channel, what was measured."""

    deliveries: dict[str, list[Delivery]] = field(default_factory=dict)
    acknowledged: dict[str, Acknowledgement] = field(default_factory=dict)
    verified: list[Verified] = field(default_factory=list)
    disk: list[Disk] = field(default_factory=list)
    attempts: dict[str, list[Delivery]] = field(default_factory=dict)


def append(home: Path, event: str, **fields: Json) -> None:
    """Append one event, in one write, on a line of its own. Raises ObservatudoError when it cannot."""
    content = {"time": _now(), "event": event} | fields
    line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
    path = home / FILE
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a crash cut the last line off
                line = b"\n" + line
            written = os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if written != len(line):
        raise _unwritable(path, _("the disk is full"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _unwritable(path: Path, reason: str) -> ObservatudoError:
    return ObservatudoError(
        _("the log of alerts cannot be written: {reason}").format(reason=reason),
        where=str(path),
        next_step=_("make room or mend the permissions, then run again"),
    )


def read(home: Path) -> Ledger:
    """Return what the file says, lines that a crash cut off left out; nothing where there is no file."""
    found = Ledger()
    for event in _events(home / FILE):
        _take(found, event)
    return found


def _events(path: Path) -> Iterator[dict[str, Json]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
            if isinstance(event, dict) and _is_moment(str(event.get("time"))):
                yield event
        except (ValueError, OverflowError, RecursionError):
            continue


def _is_moment(iso: str) -> bool:
    """Say whether the time has a zone. Raises ValueError for no time, OverflowError for one that UTC does not have."""
    when = datetime.fromisoformat(iso)
    return when.tzinfo is not None and when.astimezone(UTC) == when


def _take(found: Ledger, event: dict[str, Json]) -> None:
    when = str(event["time"])
    match event.get("event"):
        case "told" | "tested":
            channel, error = _text(event, "channel"), _text(event, "error")
            found.attempts.setdefault(channel, []).append(Delivery(channel, "open", when, error))
            for about, ids in (("open", event.get("open")), ("recovered", event.get("recovered"))):
                for name in ids if isinstance(ids, list) else ():
                    own = Delivery(channel, "open" if about == "open" else "recovered", when, error)
                    found.deliveries.setdefault(str(name), []).append(own)
        case "acknowledged":
            mark = Acknowledgement(_text(event, "who"), when, _text(event, "note"))
            found.acknowledged[_text(event, "alert")] = mark
        case "verified":
            code, problems = _count(event, "exit_code"), _count(event, "problems")
            found.verified.append(Verified(when, code, problems, event.get("thorough") is True))
        case "disk":
            found.disk.append(Disk(when, _count(event, "free")))


def _text(event: dict[str, Json], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def _count(event: dict[str, Json], key: str) -> int:
    value = event.get(key)
    return value if isinstance(value, int) else 0
