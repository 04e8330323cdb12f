"""Rows in no order: hashes tell the rows that both sides have alike; DuckDB sorts what is left for the merge.

A row that is alike has the hash of its key and that of its values on the other side too; of two versions most rows
are. The rest is fetched by the hash of its key and compared value by value, so a hash decides nothing but equality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from observatudo.compare.rows.arrays import Hashes, hashes
from observatudo.compare.rows.arrays import column as column_of
from observatudo.compare.rows.files import File
from observatudo.compare.rows.streams import NotOneRow, bring, one_chunk
from observatudo.compare.rows.types import EXACT, NUMBER, Column, is_text
from observatudo.compare.rows.work import Work, scan, select
from observatudo.ingest.sql import ident, literal
from observatudo.parquet import ROW_GROUP

_PART = 250_000  # rows of a side that are matched at a time: their table fits in a processor's cache
_BITS = 64
Pairs: TypeAlias = "tuple[Hashes, Hashes]"  # of key and of values, row by row


@dataclass(frozen=True)
class Sides:
    """The files and columns of a comparison."""

    a: Sequence[File]
    b: Sequence[File]
    keys: Sequence[Column]
    columns: Sequence[Column]

    def files(self, side: str) -> Sequence[File]:
        return self.a if side == "a" else self.b


def alike(work: Work, sides: Sides, tell: Callable[[int], None]) -> tuple[int, Hashes]:
    """Return how many rows both sides have alike, and the hashes of the keys of all others, sorted.

    Raises NotOneRow when a key is null on a side or may stand there twice.
    """
    rows = max(sum(file.rows for file in files) for files in (sides.a, sides.b))
    bits = (-(-rows // _PART) - 1).bit_length() if rows else 0
    stores = {side: _Store(work.folder / f"hashes-{side}", bits) for side in ("a", "b")}
    for side, store in stores.items():
        _fill(work, sides, side, store, tell)
    same, others = 0, []
    for part in range(2**bits):
        found, left = _match(stores["a"].part(part), stores["b"].part(part))
        same += found
        others.append(left)
    return same, np.sort(np.concatenate(others))


class _Store:
    """Pairs of hashes in parts by the first bits of the key's; each part is a file, as all may not fit in memory."""

    def __init__(self, folder: Path, bits: int) -> None:
        self._folder = folder
        self._bits = bits
        folder.mkdir()

    def add(self, keys: Hashes, values: Hashes) -> None:
        pairs = np.column_stack([keys, values])
        if not self._bits:
            self._append(0, pairs)
            return
        part = (keys >> np.uint64(_BITS - self._bits)).astype(np.uint16)
        order = np.argsort(part, kind="stable")
        # as one number of 16 bytes, a pair is moved three times faster than as a row of two
        pairs = pairs.view(np.complex128).ravel().take(order).view(np.uint64).reshape(-1, 2)
        ends = np.cumsum(np.bincount(part, minlength=2**self._bits)).tolist()
        for number, (start, end) in enumerate(pairwise([0, *ends])):
            if end > start:
                self._append(number, pairs[start:end])

    def _append(self, part: int, pairs: npt.NDArray[np.uint64]) -> None:
        with (self._folder / str(part)).open("ab") as file:
            pairs.tofile(file)

    def part(self, number: int) -> Pairs:
        path = self._folder / str(number)
        if not path.exists():
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        pairs = np.fromfile(path, np.uint64).reshape(-1, 2)
        path.unlink()
        return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _fill(work: Work, sides: Sides, side: str, store: _Store, tell: Callable[[int], None]) -> None:
    files = sides.files(side)
    if not any(file.rows for file in files):
        return
    key = hashed(sides.keys, side)
    nulls = " OR ".join(f"{sql(column, side)} IS NULL" for column in sides.keys)
    values = ", ".join(part for column in [*sides.keys, *sides.columns] for part in _hashable(column, side))
    query = f"SELECT {key} AS k, hash({values}) AS v, {nulls} AS n FROM {scan(files)}"
    rows = sum(file.rows for file in files)
    share = sum(file.size for file in files) / max(rows, 1)
    for batch in work.connection.sql(query).to_arrow_reader(4 * ROW_GROUP):
        if batch.column(2).true_count:
            raise NotOneRow
        store.add(hashes(batch.column(0)), hashes(batch.column(1)))
        tell(int(share * batch.num_rows))


def sql(column: Column, side: str) -> str:
    return column.sql_a if side == "a" else column.sql_b


def hashed(keys: Sequence[Column], side: str) -> str:
    """Return SQL for the hash of a key."""
    return f"hash({', '.join(signless(sql(column, side), column.type_a) for column in keys)})"


def signless(expression: str, kind: pa.DataType) -> str:
    """Return SQL in which a zero has no sign."""
    return f"({expression} + 0.0)" if pa.types.is_floating(kind) else expression


def _hashable(column: Column, side: str) -> list[str]:
    """Return SQL of values whose hashes are equal on both sides only where the column's values are.

    Unlike hashes of equal values cost time, not truth: those rows are compared value by value. So integers that a
    double may not hold, and texts that spell no number, hash as nothing that a number does.
    """
    expression = sql(column, side)
    if not column.mixed():
        return [signless(expression, column.type_a)]
    kind = column.type_a if side == "a" else column.type_b
    value = expression
    if is_text(kind):
        value = f"CASE WHEN regexp_full_match({value}, {literal(NUMBER)}) THEN TRY_CAST({value} AS DOUBLE) END"
    if is_text(kind) or pa.types.is_integer(kind):
        value = f"CASE WHEN {value} BETWEEN {1 - EXACT} AND {EXACT - 1} THEN CAST({value} AS DOUBLE) END"
    beyond = 2 if side == "a" else 3
    return [
        f"({value} + 0.0)",
        f"CASE WHEN {expression} IS NULL THEN 0 WHEN ({value}) IS NULL THEN {beyond} ELSE 1 END",
    ]


def _match(a: Pairs, b: Pairs) -> tuple[int, Hashes]:
    """Return how many rows are alike and the key hashes of the others.

    Most rows of *b* find theirs in *a* through a table by the last bits of the key's hash, where the last of those
    that share a place stands; only what finds nothing there is sorted.
    """
    (key_a, value_a), (key_b, value_b) = a, b
    size = 2 ** (4 * max(len(key_a), 1)).bit_length()
    mask = np.uint64(size - 1)
    rows = np.arange(len(key_a), dtype=np.int32)
    table = np.full(size, -1, np.int32)
    table[key_a & mask] = rows
    holder = table[key_a & mask]
    lost = np.flatnonzero(holder != rows)
    if np.any(key_a[holder[lost]] == key_a[lost]):
        raise NotOneRow
    found = table[key_b & mask]
    hit = found >= 0
    hit[hit] = key_a[found[hit]] == key_b[hit]
    target = found[hit]
    seen = np.zeros(len(key_a), np.bool_)
    seen[target] = True
    if np.count_nonzero(seen) < len(target):
        raise NotOneRow
    unlike = value_a[target] != value_b[hit]
    same, others = _sorted_match((key_a[~seen], value_a[~seen]), (key_b[~hit], value_b[~hit]))
    return same + len(target) - int(np.count_nonzero(unlike)), np.concatenate([key_a[target[unlike]], others])


def _sorted_match(a: Pairs, b: Pairs) -> tuple[int, Hashes]:
    (key_a, value_a), (key_b, value_b) = _in_order(a), _in_order(b)
    if len(key_a) == 0 or len(key_b) == 0:
        return 0, np.concatenate([key_a, key_b])
    place = np.minimum(np.searchsorted(key_b, key_a), len(key_b) - 1)
    equal = (key_b[place] == key_a) & (value_b[place] == value_a)
    rest = np.ones(len(key_b), np.bool_)
    rest[place[equal]] = False
    return int(np.count_nonzero(equal)), np.union1d(key_a[~equal], key_b[rest])


def _in_order(pairs: Pairs) -> Pairs:
    order = np.argsort(pairs[0])
    keys = pairs[0][order]
    if np.any(keys[1:] == keys[:-1]):
        raise NotOneRow
    return keys, pairs[1][order]


def fetched(work: Work, sides: Sides, side: str, wanted: Hashes | None) -> Iterator[pa.Table]:
    """Yield rows of a side in the order of the key: those whose key has one of the hashes, or (None) all."""
    if not any(file.rows for file in sides.files(side)) or (wanted is not None and not len(wanted)):
        return
    columns = [*sides.keys, *sides.columns]
    connection = work.cursor()
    read = select(sides.files(side), columns, side)
    if wanted is not None:
        connection.register("wanted", pa.Table.from_arrays([column_of(wanted)], names=["h"]))
        read += f" WHERE {hashed(sides.keys, side)} IN (SELECT h FROM wanted)"
    order = ", ".join(signless(ident(column.name), column.type_a) for column in sides.keys)
    reader = connection.sql(f"SELECT * FROM ({read}) ORDER BY {order}").to_arrow_reader(ROW_GROUP)
    kinds = [column.type_a if side == "a" else column.type_b for column in columns]
    for batch in reader:
        table = pa.Table.from_batches([batch])
        arrays = [bring(one_chunk(table.column(n)), kind) for n, kind in enumerate(kinds)]
        yield pa.Table.from_arrays(arrays, names=[column.name for column in columns])
