"""Which changes of a column's type lose values."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from observatudo.compare.rows.files import Range
from observatudo.compare.rows.types import EXACT, is_number, is_text, normal

_SINGLE = 2**24  # from here on a single-precision number does not hold every integer
_DIGITS = 15  # decimal digits that a double always keeps


def lossy(old: pa.DataType, new: pa.DataType, bounds: Sequence[Range | None]) -> bool:
    """Say whether values of the old type may not survive in the new one.

    ``bounds`` are the least and largest values of the column's files where footers tell; for integers they decide.
    """
    if pa.types.is_null(old) or is_text(normal(new) or pa.string()):
        return False
    if pa.types.is_integer(old) and (pa.types.is_floating(new) or pa.types.is_integer(new) or pa.types.is_decimal(new)):
        least, largest = _holds(new)
        return any(not _within(bound, least, largest) for bound in bounds)
    if pa.types.is_decimal(old) and pa.types.is_decimal(new):
        return bool(new.scale < old.scale or new.precision - new.scale < old.precision - old.scale)
    if pa.types.is_decimal(old) and pa.types.is_floating(new):
        return bool(old.precision > _DIGITS)
    if pa.types.is_floating(old) and pa.types.is_floating(new):
        return bool(new.bit_width < old.bit_width)
    if pa.types.is_timestamp(old) and pa.types.is_timestamp(new):
        units = ("s", "ms", "us", "ns")
        return units.index(new.unit) < units.index(old.unit) or bool(old.tz) != bool(new.tz)
    if pa.types.is_date(old) and pa.types.is_timestamp(new):
        return False
    if pa.types.is_boolean(old) and is_number(new):
        return False
    return normal(old) != normal(new)


def _holds(kind: pa.DataType) -> tuple[int, int]:
    """Return the least and the largest integer between which a type holds all."""
    if pa.types.is_floating(kind):
        most = EXACT if kind.bit_width == 64 else _SINGLE
        return -most, most
    if pa.types.is_decimal(kind):
        most = 10 ** (kind.precision - kind.scale) - 1
        return -most, most
    signed = pa.types.is_signed_integer(kind)
    most = 2 ** (kind.bit_width - signed) - 1
    return (-most - 1 if signed else 0), most


def _within(bound: Range | None, least: int, largest: int) -> bool:
    if bound is None or not isinstance(bound[0], int) or not isinstance(bound[1], int):
        return False
    return least <= bound[0] and bound[1] <= largest
