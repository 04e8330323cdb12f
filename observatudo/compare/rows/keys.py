"""Keys of several columns as one integer per row, whose order is that of the keys; good for one window of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from observatudo.compare.rows.arrays import Floats, Ints, doubles, integers, places, truths

_ROOM = 2**62
_MOST = 200_000  # texts to remember


class Packer:
    """Packs keys; remembers the texts it has met in their order, as neighbouring windows share most of them."""

    def __init__(self, columns: int) -> None:
        self._known: list[pa.Array | None] = [None] * columns

    def pack(self, a: Sequence[pa.Array], b: Sequence[pa.Array]) -> tuple[Ints, Ints]:
        """Return one integer per row of both sides: equal where the keys are equal, less where the key is less.

        The columns have no nulls, and are of one type on both sides.
        """
        packed_a, packed_b, width = np.zeros(len(a[0]), np.int64), np.zeros(len(b[0]), np.int64), 1
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            codes_a, codes_b = self._codes(number, one, other)
            codes_a, codes_b, span = _from_zero(codes_a, codes_b)
            if span > _ROOM // width:
                packed_a, packed_b, width = _dense(packed_a, packed_b)
                if span > _ROOM // width:
                    codes_a, codes_b, span = _dense(codes_a, codes_b)
            packed_a, packed_b, width = packed_a * span + codes_a, packed_b * span + codes_b, width * span
        return packed_a, packed_b

    def _codes(self, number: int, a: pa.Array, b: pa.Array) -> tuple[Ints, Ints]:
        if _is_plain(a.type) and _is_plain(b.type):
            return whole(a), whole(b)
        a = a if pa.types.is_dictionary(a.type) else pc.dictionary_encode(a)
        b = b if pa.types.is_dictionary(b.type) else pc.dictionary_encode(b)
        return tuple(ranks[places(side)] for side, ranks in zip((a, b), self._ranks(number, a, b), strict=True))  # type: ignore[return-value]

    def _ranks(self, number: int, a: pa.DictionaryArray, b: pa.DictionaryArray) -> list[Ints]:
        """Return for each value of two dictionaries its place in the order of all values met."""
        known = self._known[number]
        if known is not None:
            found = [pc.index_in(side.dictionary, value_set=known) for side in (a, b)]
            if not any(ranks.null_count for ranks in found):
                return [integers(ranks) for ranks in found]
        met = [a.dictionary, b.dictionary]
        values = pc.unique(pa.concat_arrays(met if known is None or len(known) > _MOST else [*met, known]))
        known = values.take(pc.array_sort_indices(values))
        self._known[number] = known
        return [integers(pc.index_in(side.dictionary, value_set=known)) for side in (a, b)]


def _is_plain(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_int64(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_boolean(kind)
    )


def whole(array: pa.Array) -> Ints:
    """Return integers in the order of the values, the same for equal values; a NaN comes last, −0.0 is 0.0."""
    kind = array.type
    if pa.types.is_floating(kind):
        return whole_double(doubles(array))
    return truths(array).astype(np.int64) if pa.types.is_boolean(kind) else integers(array)


def whole_double(values: Floats) -> Ints:
    """Return integers in the order of doubles."""
    values = np.where(np.isnan(values), np.float64(np.nan), values + 0.0)
    bits = values.view(np.int64)
    return np.where(bits < 0, np.int64(-1) - (bits & np.int64(2**63 - 1)), bits)


def _from_zero(a: Ints, b: Ints) -> tuple[Ints, Ints, int]:
    """Return the codes from zero up and how many there may be; wide ones are made dense."""
    filled = [codes for codes in (a, b) if len(codes)]
    if not filled:
        return a, b, 1
    least, largest = min(int(codes.min()) for codes in filled), max(int(codes.max()) for codes in filled)
    if largest - least >= _ROOM:
        return _dense(a, b)
    return a - least, b - least, largest - least + 1


def _dense(a: Ints, b: Ints) -> tuple[Ints, Ints, int]:
    values, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    return places[: len(a)].astype(np.int64), places[len(a) :].astype(np.int64), max(len(values), 1)
