"""When each source was last asked, and what it had: what ``observatudo fetch``, ``--check`` too, leaves in the log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.i18n import _
from observatudo.runs import log

if TYPE_CHECKING:
    from pathlib import Path

_MARK = b'"event":"fetched"'
_DAYS = 400  # logs that are looked through, one a day at most


@dataclass(frozen=True)
class LastCheck:
    """When (ISO 8601, UTC), ``new``, ``same``, ``refused`` or ``failed``, why, and whether it was only asked."""

    when: str
    result: str
    message: str
    only_asked: bool


def last(home: Path, keys: Iterable[str], now: datetime) -> dict[str, LastCheck]:
    """Return the last check of each dataset that has one before ``now``; lines that are damaged are passed over.

    ``now`` needs a zone.
    """
    wanted, found = set(keys), dict[str, LastCheck]()
    for path in reversed(log.files(home)[-_DAYS:]):
        if wanted <= found.keys():
            break
        with path.open("rb") as content:
            lines = [line for line in content if _MARK in line]
        for line in reversed(lines):
            key, check = _read(line)
            if check is not None and key in wanted - found.keys() and _at(check.when) <= now:
                found[key] = check
    return found


def _read(line: bytes) -> tuple[str, LastCheck | None]:
    try:
        event = json.loads(line)
        kind, key, when, result = event["event"], event["dataset"], event["time"], event["result"]
        _at(when)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", None
    if not (kind == log.FETCHED and isinstance(key, str) and isinstance(result, str)):
        return "", None
    message = figures.printable(str(event.get("message") or ""))
    return key, LastCheck(when, result, message, event.get("checked") is True)


def _at(when: str) -> datetime:
    time = datetime.fromisoformat(when)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def word(result: str) -> str:
    """Return the words for what a source had; logs and JSON have the English."""
    words = {
        "new": _("something new"),
        "same": _("nothing new"),
        "refused": _("refused"),
        "failed": _("no answer"),
    }
    return words.get(result, result)
