"""Rows of one side as a stream of tables in the order of the key, cut where the other side's stream is cut."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from observatudo.compare.rows.files import File, group_span, readable, span
from observatudo.compare.rows.keys import whole_double
from observatudo.compare.rows.types import Column, is_text
from observatudo.parquet import ROW_GROUP

KeyValue = tuple[object, ...]
_LARGE = 4 * ROW_GROUP


class Unsorted(Exception):
    """The rows of a side do not come in the order of the key."""


class NotOneRow(Exception):
    """A key names no row or more than one: it is null, or stands twice on one side."""


def bring(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the values as ``kind``; a text may stay encoded by a dictionary."""
    if array.type.equals(kind):
        return array
    if array.null_count == len(array):
        return pa.nulls(len(array), kind)
    if pa.types.is_dictionary(array.type):
        if is_text(kind) and is_text(array.type):
            return array
        return bring(array.dictionary_decode(), kind)
    if is_text(kind) and pa.types.is_integer(array.type):
        encoded = pc.dictionary_encode(array)
        return pa.DictionaryArray.from_arrays(encoded.indices, encoded.dictionary.cast(pa.string()))
    return array.cast(kind)


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def brought(table: pa.Table, columns: Sequence[Column], side: str) -> pa.Table:
    """Return the columns of a table read from side ``a`` or ``b`` in their names and types for the comparison."""
    arrays = []
    for column in columns:
        name, kind = (column.a, column.type_a) if side == "a" else (column.b, column.type_b)
        arrays.append(bring(one_chunk(table.column(name)), kind))
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def ordered(files: Sequence[File], key: str) -> list[File]:
    """Return the files by the range of the key's first column; raises Unsorted when ranges or row groups overlap."""
    filled = [file for file in files if file.rows]
    if len(filled) == 1:
        _groups_in_order(filled[0], key)
        return filled
    spans = {file.name: span(file, key) for file in filled}
    known = [(bounds, file) for file in filled if (bounds := spans[file.name]) is not None]
    if len(known) < len(filled):
        raise Unsorted
    known.sort(key=lambda pair: (pair[0], pair[1].name))
    for (before, _first), (after, _second) in pairwise(known):
        if after[0] < before[1]:  # type: ignore[operator]  # of one column, hence of one type
            raise Unsorted
    for _bounds, file in known:
        _groups_in_order(file, key)
    return [file for _bounds, file in known]


def _groups_in_order(file: File, key: str) -> None:
    number = file.schema.get_field_index(key)
    before = None
    for group in range(file.metadata.num_row_groups):
        bounds = group_span(file, group, number)
        if before is not None and bounds is not None and bounds[0] < before[1]:  # type: ignore[operator]
            raise Unsorted
        before = bounds or before


def stored(
    files: Sequence[File], columns: Sequence[Column], side: str, tell: Callable[[int], None]
) -> Iterator[pa.Table]:
    """Yield the rows of files as they stand, a row group at a time; ``tell`` is told the bytes that were read."""
    names = [column.a if side == "a" else column.b for column in columns]
    for file in files:
        with readable(file.name), pq.ParquetFile(file.path, read_dictionary=_encoded(file, names)) as opened:
            for group in range(opened.num_row_groups):
                for table in _tables(opened, group, names):
                    yield brought(table, columns, side)
                tell(file.size * file.metadata.row_group(group).num_rows // file.rows if file.rows else 0)


def _tables(opened: pq.ParquetFile, group: int, names: list[str]) -> Iterator[pa.Table]:
    rows = opened.metadata.row_group(group).num_rows
    if rows <= _LARGE:
        yield opened.read_row_group(group, columns=names, use_threads=False)
        return
    for batch in opened.iter_batches(ROW_GROUP, row_groups=[group], columns=names, use_threads=False):
        yield pa.Table.from_batches([batch])


def _encoded(file: File, names: Sequence[str]) -> list[str]:
    """Return the columns of text to read as dictionaries: those that were written so, and not given up on.

    The writer puts a dictionary's page before the pages of values, and the values in plain pages once it is full.
    """
    wanted = {name for name in names if is_text(file.schema.field(name).type)}
    if not file.metadata.num_row_groups:
        return []
    first = file.metadata.row_group(0)
    found = []
    for number in range(first.num_columns):
        column = first.column(number)
        repeating = column.total_uncompressed_size < 4 * max(first.num_rows, 1)
        if column.path_in_schema in wanted and column.has_dictionary_page and repeating:
            found.append(column.path_in_schema)
    return found


class Cursor:
    """Hands out the rows of a stream up to a key."""

    def __init__(self, tables: Iterator[pa.Table], keys: Sequence[str]) -> None:
        self._tables = tables
        self._keys = keys
        self._table: pa.Table | None = None
        self._start = 0
        self._next()

    def _next(self) -> None:
        self._start = 0
        self._table = next((table for table in self._tables if table.num_rows), None)
        if self._table is not None and any(self._table.column(name).null_count for name in self._keys):
            raise NotOneRow

    def last(self) -> KeyValue | None:
        """Return the last key in hand, None at the end of the stream."""
        return None if self._table is None else key_at(self._table, self._keys, self._table.num_rows - 1)

    def until(self, key: KeyValue | None) -> pa.Table | None:
        """Return the rows in hand that do not exceed the key (None: all of them); None when there are none."""
        if self._table is None:
            return None
        table, start, end = self._table, self._start, self._table.num_rows
        if key is not None:
            end = bisect_right(range(end), key, lo=start, key=lambda row: key_at(table, self._keys, row))
        self._start = end
        if end == table.num_rows:
            self._next()
        return table.slice(start, end - start) if end > start else None


def key_at(table: pa.Table, keys: Sequence[str], row: int) -> KeyValue:
    """Return one key as Python values that compare as the column's values do; none of them is null."""
    return tuple(_comparable(table.column(name), row) for name in keys)


def _comparable(column: pa.ChunkedArray, row: int) -> object:
    scalar = column[row]
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return scalar.value
    if pa.types.is_floating(column.type):
        return int(whole_double(np.array([scalar.as_py()]))[0])
    return scalar.as_py()
