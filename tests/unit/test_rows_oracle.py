"""Row comparison against the naive one, over generated pairs of tables in every layout of files."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatudo.compare import model
from observatudo.compare.rows import SEGMENTS, TRANSITIONS, Options, Source, Tolerance, compare
from tests.oracle import Oracle, Row

NAN = float("nan")
CELLS: dict[pa.DataType, Sequence[object]] = {
    pa.string(): ("", "a", "b", "a|b", "c", "São", "Sa\u0303o", "1", "2.5", "1.0", "N/D", "9007199254740993", "-0"),
    pa.int64(): (0, 1, 2, -1, 2**53, 2**53 + 1, -(2**63), 2**63 - 1),
    pa.float64(): (0.0, -0.0, 1.0, 1.0 + 1e-12, 2.5, NAN, math.inf, -math.inf, 2.0**53, 1e-300, 1.7e308, -1.7e308),
    pa.bool_(): (True, False),
    pa.date32(): (dt.date(2019, 1, 1), dt.date(2019, 12, 31), dt.date(2020, 2, 29), dt.date(1, 1, 1)),
    pa.decimal128(9, 2): (Decimal("0.00"), Decimal("0.10"), Decimal("1.00"), Decimal("-2.50")),
    pa.decimal128(12, 4): (Decimal("0.0000"), Decimal("0.1000"), Decimal("1.0000"), Decimal("-2.5001")),
    pa.timestamp("us"): (dt.datetime(2019, 1, 1), dt.datetime(2019, 1, 1, 3), dt.datetime(2020, 2, 29, 1, 2, 3, 4)),
    pa.timestamp("us", "UTC"): (
        dt.datetime(2019, 1, 1, tzinfo=dt.UTC),
        dt.datetime(2019, 1, 1, 3, tzinfo=dt.UTC),
        dt.datetime(2020, 2, 29, 1, 2, 3, 4, tzinfo=dt.UTC),
    ),
}
KEYS: dict[pa.DataType, Sequence[object]] = {
    pa.string(): ("a", "a|b", "b", "b|c", "c", "São", "Sa\u0303o", "355030", "3550308", "03550308", "N/D"),
    pa.int64(): (1, 2, 355030, 3550308, -(2**63), 2**63 - 1),
    pa.date32(): CELLS[pa.date32()],
    pa.float64(): (0.0, 1.5, NAN, -2.0, math.inf),
    pa.decimal128(9, 2): CELLS[pa.decimal128(9, 2)],
    pa.timestamp("us", "UTC"): CELLS[pa.timestamp("us", "UTC")],
    pa.bool_(): (True, False),
}
# a type and the one it became
RETYPED = (
    (pa.int64(), pa.float64()),
    (pa.float64(), pa.int64()),
    (pa.string(), pa.float64()),
    (pa.int64(), pa.string()),
    (pa.date32(), pa.timestamp("us")),
    (pa.timestamp("us"), pa.timestamp("us", "UTC")),
    (pa.decimal128(9, 2), pa.decimal128(12, 4)),
    (pa.decimal128(9, 2), pa.int64()),
    (pa.decimal128(9, 2), pa.float64()),
    (pa.bool_(), pa.int64()),
)
RETYPED_KEYS = ((pa.string(), pa.int64()), (pa.int64(), pa.string()), (pa.date32(), pa.timestamp("us")))
TOLERANCES = ((0.0, 0.0), (0.0, 0.0), (0.5, 0.0), (0.0, 1e-9), (1e-9, 0.5))


@dataclass
class Pair:
    """Two tables, and how they lie in files."""

    a: pa.Table
    b: pa.Table
    key: list[str]
    tolerances: dict[str, tuple[float, float]]
    renames: dict[str, str] = field(default_factory=dict)

    segments: bool = False

    def options(self, **more: object) -> Options:
        tolerances = {name: Tolerance(*limits) for name, limits in self.tolerances.items()}
        names = {"place": "k0", "indicator": "k1", "year": "k2"} if self.segments else {}
        return Options(tuple(self.key), tolerances, renames=self.renames, **names, **more)  # type: ignore[arg-type]

    def oracle(self) -> Oracle:
        renamed = self.a.rename_columns([self.renames.get(name, name) for name in self.a.column_names])
        return Oracle(renamed, self.b, self.key, self.tolerances)


def make(chance: random.Random) -> Pair:
    """Make a pair: the second table is the first with rows and cells changed, some of its types and names too."""
    key_types = [chance.choice(list(KEYS)) for _ in range(chance.choice((1, 2, 2, 3)))]
    types_a = {f"k{n}": kind for n, kind in enumerate(key_types)}
    types_b = dict(types_a)
    if chance.random() < 0.15:
        types_a["k0"], types_b["k0"] = chance.choice(RETYPED_KEYS)
    for n in range(chance.choice((0, 1, 2, 4))):
        kind = chance.choice(list(CELLS))
        old, new = chance.choice(RETYPED) if chance.random() < 0.3 else (kind, kind)
        types_a[f"v{n}"], types_b[f"v{n}"] = old, new
    rows_a = _rows(chance, types_a, chance.choice((0, 1, 3, 8, 25)))
    rows_b = _edited(chance, rows_a, types_a, types_b)
    key = [f"k{n}" for n in range(len(key_types))]
    spoilt = chance.random()
    if spoilt > 0.05:
        rows_a, rows_b = _unique(rows_a, key, types_a, types_b), _unique(rows_b, key, types_b, types_a)
    if 0.05 < spoilt < 0.08 and rows_b:
        chance.choice(rows_b)[chance.choice(key)] = None
    tolerances = {chance.choice(["*", "v0", "v1"]): chance.choice(TOLERANCES)}
    pair = Pair(_table(rows_a, types_a), _table(rows_b, types_b), key, tolerances)
    if "v0" in types_a and chance.random() < 0.2:
        pair.a = pair.a.rename_columns(["velho" if name == "v0" else name for name in pair.a.column_names])
        pair.renames = {"velho": "v0"}
    if "v1" in types_a and chance.random() < 0.1:
        pair.b = pair.b.drop_columns(["v1"])
    pair.segments = chance.random() < 0.3
    return pair


def _cell(chance: random.Random, name: str, kind: pa.DataType) -> object:
    if name.startswith("k"):
        return chance.choice(KEYS.get(kind, CELLS[kind]))
    return None if chance.random() < 0.15 else chance.choice(CELLS[kind])


def _rows(chance: random.Random, types: dict[str, pa.DataType], count: int) -> list[Row]:
    return [{name: _cell(chance, name, kind) for name, kind in types.items()} for _ in range(count)]


def _edited(
    chance: random.Random, rows: list[Row], old: dict[str, pa.DataType], new: dict[str, pa.DataType]
) -> list[Row]:
    edits = chance.choice((0.0, 0.1, 0.5))
    kept = [row for row in rows if chance.random() >= edits / 2]
    changed = [
        {
            name: _cell(chance, name, kind)
            if chance.random() < edits and name.startswith("v")
            else _cast(chance, row[name], name, old[name], kind)
            for name, kind in new.items()
        }
        for row in kept
    ]
    return changed + _rows(chance, new, chance.choice((0, 0, 1, 5)) if edits else 0)


def _cast(chance: random.Random, cell: object, name: str, old: pa.DataType, new: pa.DataType) -> object:
    """Bring a cell to a new type by its nearest value, or any where there is none."""
    if old.equals(new) or cell is None:
        return cell
    try:
        return pa.scalar(cell, old).cast(new).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _cell(chance, name, new)


def _unique(
    rows: list[Row], key: list[str], types: dict[str, pa.DataType], others: dict[str, pa.DataType]
) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        cells = [0.0 if row[name] == 0 and isinstance(row[name], float) else row[name] for name in key]
        found.setdefault(repr(cells), row)
    return list(found.values())


def _table(rows: list[Row], types: dict[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})


def _sorted(table: pa.Table, key: Sequence[str]) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in key])


def layout(
    chance: random.Random, folder: Path, table: pa.Table, key: Sequence[str], *, ordered: bool, md5: bool
) -> Source:
    """Write a table into one file or several, of row groups of any size; the MD5 is told or not.

    Not where keys are bad: in files that are alike, nobody looks for them.
    """
    if ordered:
        table = _sorted(table, key)
    else:
        table = table.take(pa.array(chance.sample(range(table.num_rows), table.num_rows), pa.int64()))
    cuts = sorted(chance.choices(range(table.num_rows + 1), k=chance.choice((0, 0, 1, 3))))
    files = []
    folder.mkdir()
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, table.num_rows], strict=True)):
        path = folder / f"{number}.parquet"
        pq.write_table(
            table.slice(start, end - start),
            path,
            row_group_size=chance.choice((1, 3, 1000)),
            use_dictionary=chance.random() < 0.5,
        )
        told = (
            hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() if md5 and chance.random() < 0.7 else ""
        )
        files.append((path.name, told, path))
    return Source(tuple(files))


def check(chance: random.Random) -> None:
    """One pair: both ways through the engine say the same, and what the oracle says."""
    pair = make(chance)
    oracle = pair.oracle()
    with tempfile.TemporaryDirectory() as name:
        found = [
            compare(
                layout(chance, Path(name, f"a{ordered}"), pair.a, pair.key, ordered=ordered, md5=oracle.comparable),
                layout(chance, Path(name, f"b{ordered}"), pair.b, pair.key, ordered=ordered, md5=oracle.comparable),
                pair.options(temp=Path(name)),
            )
            for ordered in (True, False)
        ]
        assert sorted(path.name for path in Path(name).iterdir()) == ["aFalse", "aTrue", "bFalse", "bTrue"]
    plain = [table.model_copy(update={"files_read": 0, "files_skipped": 0, "drift": []}) for table in found]
    assert repr(plain[0]) == repr(plain[1])
    for table in found:
        agrees(table, oracle)


def agrees(table: model.Table, oracle: Oracle) -> None:
    """Hold a result against the oracle."""
    if not oracle.comparable:
        assert table.status == "not_comparable"
        assert len(table.duplicates) == min(5, len({*oracle.bad[0], *oracle.bad[1]}))
        assert ("null" in table.why) == any(oracle.nulls)
        return
    counts = oracle.counts()
    assert {name: getattr(table, name) for name in counts} == counts
    assert {name: column.model_dump() for name, column in table.columns.items()} == oracle.columns
    differs = bool(oracle.added or oracle.removed or oracle.changed)
    assert table.status == ("changed" if differs else "same")
    if not differs:
        return
    transitions = [(t.column, t.a, t.b, t.rows) for t in table.transitions]
    assert len(transitions) <= TRANSITIONS
    assert sorted(map(repr, transitions)) == sorted(map(repr, oracle.transitions(TRANSITIONS)))
    assert [(s.change, list(s.key)) for s in table.samples] == [
        (change, oracle.key) for change, _k in oracle.samples(3)
    ]
    assert [_first(s) for s in table.samples] == [_shown(k[0]) for _change, k in oracle.samples(3)]
    if table.segments:
        _segments_agree(table, oracle)
    for drift in table.drift:
        for side, figures in enumerate((drift.a, drift.b)):
            expected = oracle.distribution(drift.column, side)
            assert figures.keys() == expected.keys()
            for name, value in expected.items():
                assert figures[name] == (value if value is None else pytest.approx(value, rel=1e-9, nan_ok=True))


def _first(sample: model.Sample) -> object:
    return next(iter(sample.key.values()))


def _shown(cell: object) -> object:
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else str(cell)
    return "nan" if cell == "the key NaN" else str(cell) if isinstance(cell, Decimal) else cell


def _segments_agree(table: model.Table, oracle: Oracle) -> None:
    def indicator(row: Row) -> str:
        cell = row["k1"]
        return str(cell)

    if "k1" in oracle.key and pa.types.is_string(oracle.types["k1"][1]):
        shown = {s.name: (s.added, s.removed, s.changed, s.same) for s in table.segments["indicator"]}
        expected = oracle.segments(indicator)
        assert len(expected) > SEGMENTS or shown == expected


SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@settings(max_examples=120, derandomize=True, **SETTINGS)  # type: ignore[arg-type]
@given(st.randoms(use_true_random=False))
def test_the_engine_agrees_with_the_oracle(chance: random.Random) -> None:
    check(chance)


@pytest.mark.drill
@settings(max_examples=10_000, **SETTINGS)  # type: ignore[arg-type]
@given(st.randoms(use_true_random=True))
def test_the_engine_agrees_with_the_oracle_on_10_000_pairs(chance: random.Random) -> None:
    check(chance)
