"""Two streams of rows in the order of the key, walked side by side: memory holds one row group of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from observatudo.compare.rows.arrays import Ints, Mask, flags
from observatudo.compare.rows.keys import Packer
from observatudo.compare.rows.streams import Cursor, KeyValue, NotOneRow, Unsorted, key_at
from observatudo.compare.rows.tally import Tally


def merge(a: Iterator[pa.Table], b: Iterator[pa.Table], keys: Sequence[str], tally: Tally) -> None:
    """Compare two streams, with columns of the same names, and count what is found.

    Raises Unsorted when a stream turns out not to be in the order of the key, and NotOneRow when a key
    is null or stands twice in a stream; what was counted until then is of no use.
    """
    here, there = Cursor(a, keys), Cursor(b, keys)
    order_a, order_b, packer = Order(keys), Order(keys), Packer(len(keys))
    while True:
        last_a, last_b = here.last(), there.last()
        if last_a is None and last_b is None:
            return
        until = None if last_a is None or last_b is None else min(last_a, last_b)
        one, other = here.until(until), there.until(until)
        if one is None and other is None:
            raise Unsorted  # the least of the last keys is in no window: rows before it are larger
        one, other = _filled(one, other), _filled(other, one)
        packed_a, packed_b = packer.pack(_chunks(one, keys), _chunks(other, keys))
        order_a.check(one, packed_a)
        order_b.check(other, packed_b)
        _window(one, other, packed_a, packed_b, tally)


def _filled(table: pa.Table | None, like: pa.Table | None) -> pa.Table:
    if table is not None:
        return table
    assert like is not None
    return like.slice(0, 0)


def _chunks(table: pa.Table, names: Sequence[str]) -> list[pa.Array]:
    return [chunk(table, name) for name in names]


def chunk(table: pa.Table, name: str) -> pa.Array:
    """Return a column of a window; tables here have one chunk a column, and empty ones may have none."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.nulls(0, column.type)


class Order:
    """Checks that the keys of one side only ever grow, within a window and from one to the next."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._last: KeyValue | None = None

    def check(self, table: pa.Table, packed: Ints) -> None:
        if not table.num_rows:
            return
        first = key_at(table, self._keys, 0)
        if self._last is not None and first <= self._last:
            raise NotOneRow if first == self._last else Unsorted
        if not np.all(packed[1:] > packed[:-1]):
            raise Unsorted if np.any(packed[1:] < packed[:-1]) else NotOneRow
        self._last = key_at(table, self._keys, table.num_rows - 1)


def _window(a: pa.Table, b: pa.Table, packed_a: Ints, packed_b: Ints, tally: Tally) -> None:
    if len(packed_a) == len(packed_b) and np.array_equal(packed_a, packed_b):
        if len(packed_a):
            tally.matching(a, b)
        return
    place = np.searchsorted(packed_b, packed_a)
    found = np.zeros(len(packed_a), np.bool_)
    inside = place < len(packed_b)
    found[inside] = packed_b[place[inside]] == packed_a[inside]
    matched = np.zeros(len(packed_b), np.bool_)
    matched[place[found]] = True
    tally.alone("removed", a.filter(flags(~found)).combine_chunks())
    tally.alone("added", b.filter(flags(~matched)).combine_chunks())
    if found.any():
        tally.matching(_kept(a, found), _kept(b, matched))


def _kept(table: pa.Table, rows: Mask) -> pa.Table:
    return table if rows.all() else table.filter(flags(rows)).combine_chunks()
