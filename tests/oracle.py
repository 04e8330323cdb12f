"""The row comparison done naively: pandas pairs the rows by key, Python judges every cell. Slow, small, plain to read.

It shares no code with the product. Cells are Python's own objects, as pandas would blur what it is about: integers
and doubles, null and NaN.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

Row: TypeAlias = "dict[str, object]"
Key: TypeAlias = "tuple[object, ...]"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_QUANTILES = {"p0": 0.0, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p100": 1.0}
_NAN = "the key NaN"  # one NaN is not equal to another, so it cannot be looked up


class Oracle:
    """All figures about two tables; ``a`` has its columns renamed already."""

    def __init__(
        self, a: pa.Table, b: pa.Table, key: Sequence[str], tolerances: Mapping[str, tuple[float, float]] | None = None
    ) -> None:
        self.key, self.tolerances = list(key), tolerances or {}
        self.types = {
            name: (a.schema.field(name).type, b.schema.field(name).type)
            for name in b.column_names
            if name in a.column_names
        }
        self.compared = [name for name in self.types if name not in key]
        old, new = ([(self._key(row, side), row) for row in table.to_pylist()] for side, table in enumerate((a, b)))
        self.tables = (a, b)
        self.bad = [
            {k for k, n in Counter(k for k, _row in rows).items() if n > 1 and None not in k} for rows in (old, new)
        ]
        self.nulls = [sum(None in k for k, _row in rows) for rows in (old, new)]
        self.comparable = not any(self.bad) and not any(self.nulls)
        if self.comparable:
            self._pair(old, new)

    def _key(self, row: Row, side: int) -> Key:
        return tuple(_key_cell(row[name], self.types[name][side], self.types[name][1 - side]) for name in self.key)

    def _pair(self, old: list[tuple[Key, Row]], new: list[tuple[Key, Row]]) -> None:
        self.old, self.new = dict(old), dict(new)
        numbers = {
            k: number for number, k in enumerate({**self.old, **self.new})
        }  # pandas stumbles over joining tuples
        frames = [pd.DataFrame({"n": [numbers[k] for k in rows]}, dtype="int64") for rows in (self.old, self.new)]
        joined = frames[0].merge(frames[1], how="outer", on="n", indicator=True)
        every = list(numbers)
        keys = {
            which: [every[number] for number in joined.loc[joined["_merge"] == which, "n"]]
            for which in ("left_only", "right_only", "both")
        }
        self.removed, self.added, self.both = keys["left_only"], keys["right_only"], keys["both"]
        self.changed: dict[Key, list[str]] = {}
        self.columns = {name: self._column(name) for name in self.compared}

    def _column(self, name: str) -> dict[str, object]:
        absolute, relative = self.tolerances.get(name, self.tolerances.get("*", (0.0, 0.0)))
        differing = [
            (k, self.old[k][name], self.new[k][name])
            for k in self.both
            if not equal(self.old[k][name], self.new[k][name])
        ]
        within = [item for item in differing if _close(item[1], item[2], absolute, relative)]
        changed = [item for item in differing if item not in within] if within else differing
        for k, _one, _other in changed:
            self.changed.setdefault(k, []).append(name)
        sizes = [size for _k, one, other in changed if (size := delta(one, other)) is not None]
        return {
            "changed": len(changed),
            "percent": 100 * len(changed) / len(self.both) if self.both else 0.0,
            "max_abs_delta": max(sizes, default=None),
            "mean_abs_delta": _mean(sizes),
            "to_null": sum(other is None for _k, _one, other in changed),
            "from_null": sum(one is None for _k, one, _other in changed),
            "within_tolerance": len(within),
        }

    def counts(self) -> dict[str, int]:
        return {
            "rows_a": len(self.old),
            "rows_b": len(self.new),
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "same": len(self.both) - len(self.changed),
        }

    def segments(self, name: Callable[[Row], str]) -> dict[str, tuple[int, int, int, int]]:
        """Return added, removed, changed and same of segments that differ; a changed row counts where it is now."""
        found: dict[str, list[int]] = {}
        for k in self.added:
            found.setdefault(name(self.new[k]), [0, 0, 0, 0])[0] += 1
        for k in self.removed:
            found.setdefault(name(self.old[k]), [0, 0, 0, 0])[1] += 1
        for k in self.both:
            found.setdefault(name(self.new[k]), [0, 0, 0, 0])[2 if k in self.changed else 3] += 1
        return {label: (n[0], n[1], n[2], n[3]) for label, n in found.items() if any(n[:3])}

    def transitions(self, most: int) -> list[tuple[str, object, object, int]]:
        """Return the changes of columns of text with at most ``most`` different ones, in no order."""
        found: list[tuple[str, object, object, int]] = []
        for name in self.compared:
            if not all(pa.types.is_string(kind) for kind in self.types[name]):
                continue
            pairs = Counter(
                (self.old[k][name], self.new[k][name]) for k, names in self.changed.items() if name in names
            )
            if len(pairs) <= most:
                found += [(name, one, other, rows) for (one, other), rows in pairs.items()]
        return found

    def samples(self, most: int) -> list[tuple[str, Key]]:
        """Return the first keys of each kind of difference."""
        groups = {"added": self.added, "removed": self.removed, "changed": list(self.changed)}
        return [(change, k) for change, keys in groups.items() for k in sorted(keys, key=_in_order)[:most]]

    def distribution(self, name: str, side: int) -> dict[str, float | None]:
        """Return what the report says of the numbers in a column."""
        cells = [float(cell) for cell in self.tables[side].column(name).to_pylist() if cell is not None]
        numbers = pd.Series([cell + 0.0 for cell in cells if not math.isnan(cell)], dtype="float64")
        if numbers.empty:
            return {"rows": 0, "mean": None, "p0": None, "p25": None, "p50": None, "p75": None, "p100": None}
        quantiles = {name: _quantile(sorted(numbers), share) for name, share in _QUANTILES.items()}
        return {"rows": len(numbers), "mean": _mean(list(numbers)), **quantiles}


def _key_cell(cell: object, kind: pa.DataType, other: pa.DataType) -> object:
    """Dates meet times, integers meet texts as text; nothing else is brought together here."""
    if cell is None:
        return None
    if isinstance(cell, float):
        return _NAN if math.isnan(cell) else cell + 0.0
    if pa.types.is_integer(kind) and pa.types.is_string(other):
        return str(cell)
    return _instant(cell) if isinstance(cell, dt.date) and not kind.equals(other) else cell


def _instant(cell: object) -> object:
    if isinstance(cell, dt.datetime):
        return cell.replace(tzinfo=dt.UTC) if cell.tzinfo is None else cell.astimezone(dt.UTC)
    return dt.datetime(cell.year, cell.month, cell.day, tzinfo=dt.UTC) if isinstance(cell, dt.date) else cell


def _in_order(key: Key) -> Key:
    """A key that sorts as its columns do: texts by their bytes, NaN last."""
    return tuple(
        (cell == _NAN, 0 if cell == _NAN else cell.encode() if isinstance(cell, str) else cell) for cell in key
    )


def equal(one: object, other: object) -> bool:
    """Say whether two cells are the same value."""
    if one is None or other is None:
        return one is other
    if isinstance(one, str) != isinstance(other, str):
        one, other = _number(one), _number(other)
        return one is not None and other is not None and bool(one == other)
    if isinstance(one, dt.date):
        return _instant(one) == _instant(other)
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    if isinstance(one, Decimal) != isinstance(other, Decimal) and isinstance(one, float) != isinstance(other, float):
        return float(one) == float(other)  # type: ignore[arg-type]
    return bool(one == other)


def _number(cell: object) -> int | float | Decimal | None:
    if isinstance(cell, str):
        if not _NUMBER.fullmatch(cell):
            return None
        return int(cell) if re.fullmatch(r"-?[0-9]+", cell) else float(cell)
    return cell if isinstance(cell, int | float | Decimal) and not math.isnan(cell) else None


def delta(one: object, other: object) -> float | None:
    """Return |other − one|, rounded once; None where they are not both numbers."""
    if type(one) is type(other) and isinstance(one, bool | str):
        return None
    x, y = _number(one), _number(other)
    if x is None or y is None:
        return None
    if math.isinf(x) or math.isinf(y):
        return math.inf
    try:
        return float(abs(Fraction(y) - Fraction(x)))
    except OverflowError:
        return math.inf


def _close(one: object, other: object, absolute: float, relative: float) -> bool:
    size = delta(one, other)
    if size is None or not (absolute or relative):
        return False
    x, y = (abs(float(_number(cell) or 0)) for cell in (one, other))
    return math.isfinite(x) and math.isfinite(y) and size <= max(absolute, relative * max(x, y))


def _mean(sizes: list[float]) -> float | None:
    """Rounded once."""
    if not sizes:
        return None
    beyond = [size for size in sizes if math.isinf(size)]
    return sum(beyond) if beyond else float(sum(map(Fraction, sizes), Fraction(0)) / len(sizes))


def _quantile(values: list[float], share: float) -> float:
    """By linear interpolation, beside an infinity that infinity; pandas' own gives NaN there."""
    place = share * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    if low == high or math.isinf(low) or math.isinf(high):
        return low if low == high or math.isfinite(high) else high if math.isfinite(low) else math.nan
    if math.isinf(high - low):
        return low * (1 - place % 1) + high * (place % 1)
    return low + (high - low) * (place - math.floor(place))
