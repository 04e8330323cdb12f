"""What a comparison counts while the rows go by; nothing in it depends on how they were cut into windows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import JsonValue

from observatudo.compare import model
from observatudo.compare.rows.arrays import Ints, Mask, given, places
from observatudo.compare.rows.arrays import column as places_of
from observatudo.compare.rows.options import TRANSITIONS, Options, Tolerance
from observatudo.compare.rows.segments import Parts, among, marks
from observatudo.compare.rows.sums import ExactSum
from observatudo.compare.rows.types import Column, is_text
from observatudo.compare.rows.values import deltas, different

Pairs: TypeAlias = "Counter[tuple[str | None, str | None]]"


@dataclass
class OfColumn:
    """The figures of one column; ``pairs`` is None once there are too many for a column of categories."""

    changed: int = 0
    to_null: int = 0
    from_null: int = 0
    within: int = 0
    largest: float | None = None
    total: ExactSum = field(default_factory=ExactSum)
    pairs: Pairs | None = field(default_factory=Counter)

    def judge(
        self, a: pa.Array, b: pa.Array, unequal: Mask, tolerance: Tolerance | None, *, pairs: bool
    ) -> Mask | None:
        """Count the rows that differ and return those that changed: the ones not within tolerance."""
        rows = np.flatnonzero(unequal)
        one, other = a.take(places_of(rows)), b.take(places_of(rows))
        found = deltas(one, other, tolerance)
        if found is not None:
            within = found.rows[found.within]
            self.within += len(within)
            sizes = found.sizes[~found.within]
            self.total.add(sizes)
            self.largest = max(sizes.max().item(), self.largest or 0.0) if len(sizes) else self.largest
            if len(within):
                unequal[rows[within]] = False
        self.changed += int(np.count_nonzero(unequal))
        self.to_null += other.null_count
        self.from_null += one.null_count
        if pairs and self.pairs is not None and is_text(a.type) and is_text(b.type):
            self._pair(one, other)
        return unequal if unequal.any() else None

    def _pair(self, a: pa.Array, b: pa.Array) -> None:
        (codes_a, texts_a), (codes_b, texts_b) = _numbered(a), _numbered(b)
        both, counts = np.unique(codes_a * len(texts_b) + codes_b, return_counts=True)
        if self.pairs is None or len(both) > TRANSITIONS:
            self.pairs = None
            return
        for pair, rows in zip(both.tolist(), counts.tolist(), strict=True):
            self.pairs[texts_a[pair // len(texts_b)], texts_b[pair % len(texts_b)]] += rows
        if len(self.pairs) > TRANSITIONS:
            self.pairs = None

    def shown(self, matched: int) -> model.Column:
        return model.Column(
            changed=self.changed,
            percent=100 * self.changed / matched if matched else 0.0,
            max_abs_delta=self.largest,
            mean_abs_delta=self.total.mean(),
            to_null=self.to_null,
            from_null=self.from_null,
            within_tolerance=self.within,
        )


def _numbered(texts: pa.Array) -> tuple[Ints, list[str | None]]:
    """Return a number for each text and the texts by number; the last stands for null."""
    encoded = texts if pa.types.is_dictionary(texts.type) else pc.dictionary_encode(texts)
    values = encoded.dictionary.to_pylist()
    return np.where(given(encoded), places(encoded), len(values)), [*values, None]


class Tally:
    """All figures of one table, added to window by window."""

    def __init__(self, keys: Sequence[Column], columns: Sequence[Column], options: Options, parts: Parts) -> None:
        self.keys = [column.name for column in keys]
        self.compared = list(columns)
        self.options = options
        self.full = options.report == "full"
        self.rows: dict[model.Change, int] = {"added": 0, "removed": 0, "changed": 0}
        self.matched = 0
        self.columns = {column.name: OfColumn() for column in columns}
        self.samples: dict[model.Change, list[model.Sample]] = {"added": [], "removed": [], "changed": []}
        self.parts = parts
        self._asked_column = options.samples_of.get("column", "")
        self._telling = sorted({*self.keys, *(name for names in parts.values() for name in names)})
        self.by_part: dict[str, dict[model.Change, Counter[object]]] = {
            kind: {"added": Counter(), "removed": Counter(), "changed": Counter()} for kind in parts
        }

    def alone(self, change: model.Change, rows: pa.Table) -> None:
        """Count rows that only one side has."""
        if not rows.num_rows:
            return
        self._count(change, rows)
        for row in [] if self._asked_column else self._wanted(change, rows):
            self.samples[change].append(model.Sample(change=change, key=self._key(rows, row)))

    def matching(self, a: pa.Table, b: pa.Table) -> None:
        """Compare rows that have the same keys, in the same order."""
        self.matched += a.num_rows
        changed: dict[str, Mask] = {}
        for column in self.compared:
            one, other = a.column(column.name).chunk(0), b.column(column.name).chunk(0)
            unequal = different(one, other)
            if unequal is None:
                continue
            tolerance = self.options.tolerance(column.name)
            judged = self.columns[column.name].judge(one, other, unequal, tolerance, pairs=self.full)
            if judged is not None:
                changed[column.name] = judged
        if changed:
            self._changed(a, b, changed)

    def _changed(self, a: pa.Table, b: pa.Table, changed: dict[str, Mask]) -> None:
        rows = np.flatnonzero(np.logical_or.reduce(list(changed.values())))
        taken = b.select(self._telling) if self.full else b.select(self.keys[:1])
        taken = taken.take(places_of(rows))
        self._count("changed", taken)
        for at in self._wanted("changed", taken, changed.get(self._asked_column), rows):
            row = int(rows[at])
            names = [name for name, mask in changed.items() if mask[row]]
            here, there = ({name: json_value(t.column(name)[row]) for name in names} for t in (a, b))
            self.samples["changed"].append(model.Sample(change="changed", key=self._key(b, row), a=here, b=there))

    def _count(self, change: model.Change, rows: pa.Table) -> None:
        self.rows[change] += rows.num_rows
        if self.full:
            for kind, names in self.parts.items():
                _add(self.by_part[kind][change], marks(rows, kind, names))

    def _wanted(
        self, change: model.Change, rows: pa.Table, mask: Mask | None = None, places: Ints | None = None
    ) -> Sequence[int]:
        """Return which rows become examples; ``mask`` is of the asked column, ``places`` the rows' places in it."""
        room = max(0, self.options.samples - len(self.samples[change])) if self.full else 0
        if not room or (places is not None and self._asked_column and mask is None):
            return ()
        asked = {kind: name for kind, name in self.options.samples_of.items() if kind != "column"}
        found = among(rows, asked, self.parts, self.options) if asked else range(rows.num_rows)
        if mask is not None and places is not None:
            found = [at for at in found if mask[places[at]]]
        return found[:room]

    def _key(self, table: pa.Table, row: int) -> dict[str, JsonValue]:
        return {name: json_value(table.column(name)[row]) for name in self.keys}


def _add(counter: Counter[object], column: pa.ChunkedArray) -> None:
    if len(column):
        counted = column.value_counts()
        for value, rows in zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True):
            counter[value] += rows


def json_value(scalar: pa.Scalar) -> JsonValue:
    """Return a value as JSON has it: dates in ISO form, bytes in hexadecimal, decimals and infinities as texts.

    Dates and times that Python does not hold (beyond the year 9999) are counted from 1970.
    """
    try:
        value = scalar.value if pa.types.is_timestamp(scalar.type) and scalar.type.unit == "ns" else scalar.as_py()
    except OverflowError:
        return f"{scalar.value} {'days' if pa.types.is_date(scalar.type) else scalar.type.unit} since 1970"
    if value is None or isinstance(value, bool | int | str):
        return str(scalar).replace(" ", "T", 1) if pa.types.is_timestamp(scalar.type) and value is not None else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if not hasattr(value, "isoformat") else str(value.isoformat())


def transitions(columns: dict[str, OfColumn]) -> list[model.Transition]:
    """Return the commonest changes of columns of categories."""
    found = [
        model.Transition(column=name, a=a, b=b, rows=rows)
        for name, column in columns.items()
        for (a, b), rows in (column.pairs or {}).items()
    ]
    found.sort(key=lambda t: (-t.rows, t.column, t.a is not None, t.a or "", t.b is not None, t.b or ""))
    return found[:TRANSITIONS]
