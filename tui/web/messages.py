"""What a browser may say through its socket: a short JSON list, checked before anything acts on it."""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

LARGEST = 65_536  # bytes; a screenful of pasted text is far below
_COLUMNS = (20, 600)
_ROWS = (5, 300)


class Said(NamedTuple):
    """One message: its kind, with the text typed, or the size wanted in cells."""

    kind: Literal["stdin", "ping", "focus", "blur", "resize"]
    text: str = ""
    width: int = 0
    height: int = 0


def understood(text: str) -> Said | None:
    """Return a message as textual-serve's terminal sends it, None when it is anything else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match content:
        case ["stdin", str(typed)]:
            return Said("stdin", typed)
        case ["ping", str(stamp)]:
            return Said("ping", stamp)
        case ["focus"]:
            return Said("focus")
        case ["blur"]:
            return Said("blur")
        case ["resize", {"width": int(width), "height": int(height)}]:
            return Said("resize", width=within(width, _COLUMNS), height=within(height, _ROWS))
    return None


def size(width: str, height: str) -> tuple[int, int]:
    """Return columns and rows as a query names them, within what a terminal can be; 80 by 24 otherwise."""
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        return 80, 24
    return within(int(width[:6]), _COLUMNS), within(int(height[:6]), _ROWS)


def within(number: int, bounds: tuple[int, int]) -> int:
    """Return the number, or the bound it is beyond."""
    return min(max(number, bounds[0]), bounds[1])
