"""Values that are typed in the file → text; numbers that need no grammar to be understood are marked as such."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Final

NATIVE: Final = "\ue000"  # a private character: before the text of every number that is one in the file
_LONGEST = 400  # digits: a float has at most 309 before the point and 324 zeros behind it


class Number(str):
    """The digits of a number as JSON has them: no float comes between the file and the text."""

    __slots__ = ()


def as_text(value: object) -> str | None:
    """Return the text of one value: numbers plain (no exponent, no ``.0``), truth in words, dates as ISO 8601.

    Shortest digits that give the same float again, after a point. None stays None.
    """
    if isinstance(value, float):
        return _plain(repr(value))
    if isinstance(value, Number):
        return _plain(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def cell(value: object) -> str | None:
    """Return the text of one value, that of a number with NATIVE before it. NaN and infinities are no numbers."""
    text = as_text(value)
    native = isinstance(value, int | float | Number) and not isinstance(value, bool)
    return NATIVE + text if native and text and text[-1].isdigit() else text


def _plain(digits: str) -> str:
    if "e" in digits or "E" in digits:
        number = Decimal(digits)
        if number.is_finite() and abs(number.adjusted()) < _LONGEST:
            digits = format(number, "f")
    whole, point, fraction = digits.partition(".")
    return digits if point and fraction.strip("0") else whole
