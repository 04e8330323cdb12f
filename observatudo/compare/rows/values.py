"""Where two columns of the same rows differ, and by how much. Null, NaN and every other value are three things."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from observatudo.compare.rows.arrays import Floats, Ints, Mask, doubles, given, integers, places, truths
from observatudo.compare.rows.options import Tolerance
from observatudo.compare.rows.types import EXACT, NUMBER, is_number, is_text

_INTEGER = re.compile("-?[0-9]+")


def different(a: pa.Array, b: pa.Array) -> Mask | None:
    """Return which rows differ, None where none does."""
    if not len(a) or (a.null_count == len(a) and b.null_count == len(b)):
        return None
    if pa.types.is_dictionary(a.type) and pa.types.is_dictionary(b.type):
        unequal = _codes(a, b)
    else:
        unequal = _unequal(_decoded(a), _decoded(b))
    if unequal is not None and (a.null_count or b.null_count):
        here, there = given(a), given(b)
        unequal = (unequal & here & there) | (here != there)
    elif unequal is None and (a.null_count or b.null_count):
        unequal = given(a) != given(b)
    return unequal if unequal is not None and unequal.any() else None


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _codes(a: pa.Array, b: pa.Array) -> Mask | None:
    """Texts by their places in the dictionaries; what stands for a null does not matter."""
    if a.dictionary.equals(b.dictionary):
        if a.indices.equals(b.indices):
            return None
        return np.asarray(places(a) != places(b))
    if not len(a.dictionary) or not len(b.dictionary):  # nothing but nulls on one side
        return np.zeros(len(a), np.bool_)
    found = pc.index_in(b.dictionary, value_set=a.dictionary)
    place = np.where(given(found), integers(found), -1)
    return np.asarray(places(a) != place[places(b)])


def _unequal(a: pa.Array, b: pa.Array) -> Mask | None:
    if is_text(a.type) != is_text(b.type):
        return _text_beside_number(a, b)
    if not a.type.equals(b.type):
        return _integer_beside_double(a, b)
    if pa.types.is_floating(a.type):
        return _doubles(floats(a), floats(b))
    if a.equals(b):
        return None
    return truths(pc.not_equal(a, b))


def floats(array: pa.Array) -> Floats:
    """Return a column of numbers as doubles, nulls as zeros."""
    if pa.types.is_decimal(array.type):
        return np.array([float(value or 0) for value in array.to_pylist()], dtype=np.float64)
    values = doubles(array) if pa.types.is_floating(array.type) else integers(array).astype(np.float64)
    return np.where(given(array), values, 0.0) if array.null_count else values


def _doubles(a: Floats, b: Floats) -> Mask:
    unequal = np.asarray(a != b)
    rows = np.flatnonzero(unequal)
    unequal[rows] = ~(np.isnan(a[rows]) & np.isnan(b[rows]))
    return unequal


def _integer_beside_double(a: pa.Array, b: pa.Array) -> Mask:
    """Exactly: 2**53 + 1 is no double."""
    whole, inexact = (a, b) if pa.types.is_integer(a.type) else (b, a)
    exact, near = integers(whole), floats(inexact)
    unequal = np.asarray(exact.astype(np.float64) != near)
    large = np.flatnonzero(~unequal & (np.abs(near) >= EXACT))
    unequal[large] = [int(exact[row]) != int(near[row]) for row in large.tolist()]
    return unequal


def _text_beside_number(a: pa.Array, b: pa.Array) -> Mask:
    """A text counts as the number it spells; one that spells none equals no number."""
    texts, numbers = (a, b) if is_text(a.type) else (b, a)
    spelt, near = _spelt(texts), floats(numbers)
    unequal = np.asarray(spelt != near)
    large = np.flatnonzero(~unequal & (np.abs(near) >= EXACT) & np.isfinite(near))
    unequal[large] = [_exact(texts, row) != _exact(numbers, row) for row in large.tolist()]
    return unequal


def _spelt(texts: pa.Array) -> Floats:
    """Return the numbers that texts spell, NaN where they spell none or are null."""
    encoded = pc.dictionary_encode(texts)
    values = encoded.dictionary
    spells = pc.match_substring_regex(values, f"^(?:{NUMBER})$")
    numbers = np.array(
        [float(text) if good else np.nan for text, good in zip(values.to_pylist(), spells.to_pylist(), strict=True)],
        dtype=np.float64,
    )
    if not len(numbers):
        return np.full(len(texts), np.nan)
    return np.where(given(encoded), numbers[places(encoded)], np.nan)


@dataclass(frozen=True)
class Deltas:
    """|b − a| of rows that have a number on both sides: where among the rows given, and which lie within tolerance."""

    rows: Ints
    sizes: Floats
    within: Mask


def deltas(a: pa.Array, b: pa.Array, tolerance: Tolerance | None) -> Deltas | None:
    """Return the deltas of rows that differ; None of columns that hold no numbers.

    A delta is the real difference, rounded once. NaN and a text that spells no number are no numbers; an
    infinity is one, and within no tolerance of another.
    """
    if not all(is_number(x.type) or is_text(x.type) for x in (a, b)) or (is_text(a.type) and is_text(b.type)):
        return None
    a, b = _decoded(a), _decoded(b)
    here, there = (_spelt(x) if is_text(x.type) else floats(x) for x in (a, b))
    both = given(a) & given(b) & ~np.isnan(here) & ~np.isnan(there)
    rows = np.flatnonzero(both)
    one, other = here[rows], there[rows]
    with np.errstate(over="ignore"):
        sizes = np.abs(other - one)
    _sharpen(sizes, a, b, rows, np.maximum(np.abs(one), np.abs(other)))
    within = np.zeros(len(rows), np.bool_)
    if tolerance is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            allowed = np.maximum(tolerance.absolute, tolerance.relative * np.maximum(np.abs(one), np.abs(other)))
        within = (sizes <= allowed) & np.isfinite(one) & np.isfinite(other)
    return Deltas(rows, sizes, within)


def _sharpen(sizes: Floats, a: pa.Array, b: pa.Array, rows: Ints, largest: Floats) -> None:
    """Work out exactly what doubles do not hold: large integers and decimals."""
    if pa.types.is_decimal(a.type) or pa.types.is_decimal(b.type):
        doubtful = np.arange(len(rows))
    elif pa.types.is_floating(a.type) and pa.types.is_floating(b.type):
        return
    else:
        doubtful = np.flatnonzero((largest >= EXACT) & np.isfinite(largest))
    for at in doubtful.tolist():
        one, other = _exact(a, int(rows[at])), _exact(b, int(rows[at]))
        sizes[at] = float(abs(other - one))


def _exact(array: pa.Array, row: int) -> Fraction:
    """Return a number as it is; of a text that spells an integer all digits count, of any other the nearest double."""
    value = array[row].as_py()
    if isinstance(value, str):
        value = int(value) if _INTEGER.fullmatch(value) else float(value)
    assert isinstance(value, int | float | Decimal)
    return Fraction(value)
