"""Taking values out of JSON that a command printed: what is not there, or of another kind, is none or empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures

if TYPE_CHECKING:
    from observatudo.journal import Json


def mapping(value: Json) -> dict[str, Json]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def dicts(value: Json) -> list[dict[str, Json]]:
    """Return the objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: Json) -> tuple[str, ...]:
    """Return the items of a list as text."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def integer(value: Json) -> int | None:
    """Return a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Json) -> float | None:
    """Return a number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_or_none(value: Json) -> str | None:
    """Return text that is not empty."""
    return str(value) if value not in (None, "") else None


def pair(name: str, value: str | None) -> Text:
    """Return a name and what it is, on one line; a dash for nothing."""
    return Text.assemble((f"{name}: ", "dim"), figures.printable(value or figures.NONE))
