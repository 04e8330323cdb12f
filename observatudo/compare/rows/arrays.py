"""Between Arrow and numpy without copies, and without the import of pandas that Arrow's own conversions cost."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Hashes: TypeAlias = npt.NDArray[np.uint64]


def integers(array: pa.Array) -> Ints:
    """Return the integers below a column of 64-bit integers, times, or dates; those in a null's place are any."""
    return _raw(array).astype(np.int64, copy=False)


def doubles(array: pa.Array) -> Floats:
    """Return the values of a column of doubles; those in a null's place are any."""
    return _raw(array).astype(np.float64, copy=False)


def hashes(array: pa.Array) -> Hashes:
    """Return the values of a column of unsigned 64-bit integers without nulls."""
    return _raw(array).astype(np.uint64, copy=False)


def places(array: pa.DictionaryArray) -> Ints:
    """Return where in the dictionary the values stand; zero in a null's place."""
    found = integers(array.indices)
    return np.where(given(array), found, 0) if array.null_count else found


def given(array: pa.Array) -> Mask:
    """Return which values are not null."""
    validity = array.indices.buffers()[0] if pa.types.is_dictionary(array.type) else array.buffers()[0]
    offset = array.indices.offset if pa.types.is_dictionary(array.type) else array.offset
    return np.ones(len(array), np.bool_) if validity is None else _bits(validity, offset, len(array))


def truths(array: pa.Array) -> Mask:
    """Return the values of a column of booleans; those in a null's place are any."""
    return _bits(array.buffers()[1], array.offset, len(array))


def _bits(buffer: pa.Buffer, offset: int, length: int) -> Mask:
    packed = np.frombuffer(buffer, np.uint8)[offset // 8 : (offset + length + 7) // 8]
    return np.unpackbits(packed, bitorder="little")[offset % 8 : offset % 8 + length].view(np.bool_)


_KINDS = (
    (pa.types.is_int64, np.int64),
    (pa.types.is_uint64, np.uint64),
    (pa.types.is_float64, np.float64),
    (pa.types.is_timestamp, np.int64),
    (pa.types.is_int32, np.int32),
    (pa.types.is_date32, np.int32),
    (pa.types.is_int16, np.int16),
    (pa.types.is_int8, np.int8),
    (pa.types.is_uint32, np.uint32),
    (pa.types.is_uint16, np.uint16),
    (pa.types.is_uint8, np.uint8),
)


def _raw(array: pa.Array) -> npt.NDArray[np.generic]:
    if not len(array):
        return np.empty(0, np.int64)
    kind = next(kind for is_one, kind in _KINDS if is_one(array.type))
    values: npt.NDArray[np.generic] = np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]
    return values


def column(values: Ints | Hashes) -> pa.Array:
    """Return integers as a column."""
    held = np.ascontiguousarray(values)
    kind = pa.uint64() if held.dtype == np.uint64 else pa.int64()
    return pa.Array.from_buffers(kind, len(held), [None, pa.py_buffer(held)])


def flags(mask: Mask) -> pa.Array:
    """Return a mask as a column of booleans."""
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(np.packbits(mask, bitorder="little"))])
