"""Values that are typed in the file → the text their field's grammar expects."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

_LONGEST = 400  # digits: a float has at most 309 before the point and 324 zeros behind it


class Number(str):
    """The digits of a number as JSON has them: no float comes between the file and the text."""

    __slots__ = ()


def as_text(value: object, decimal: str = ".") -> str | None:
    """Return the text of one value: numbers plain (no exponent, no ``.0``), truth in words, dates as ISO 8601.

    Shortest digits that give the same float again. None stays None; lists and mappings become JSON.
    """
    if isinstance(value, float):
        return _plain(repr(value), decimal)
    if isinstance(value, Number):
        return _plain(value, decimal)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _plain(digits: str, decimal: str) -> str:
    if "e" in digits or "E" in digits:
        number = Decimal(digits)
        if number.is_finite() and abs(number.adjusted()) < _LONGEST:
            digits = format(number, "f")
    whole, point, fraction = digits.partition(".")
    if not point or not fraction.strip("0"):
        return whole
    return f"{whole}{decimal}{fraction}"
