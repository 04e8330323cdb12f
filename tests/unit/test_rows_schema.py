"""Columns that came, went, changed their type or their name; renames are found by content."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo.compare import model
from observatudo.compare.rows import Source, schema, schema_changes

KEYS = [f"k{n}" for n in range(60)]


def source(folder: Path, side: str, **columns: Sequence[object] | pa.Array) -> Source:
    path = folder / f"{side}.parquet"
    pq.write_table(pa.table(columns), path)
    return Source((("t.parquet", "", path),))


def changes(folder: Path, a: dict[str, Sequence[object]], b: dict[str, Sequence[object]]) -> list[model.ColumnChange]:
    """Compare two tables of the same keys."""
    return schema_changes("t", source(folder, "a", k=KEYS, **a), source(folder, "b", k=KEYS, **b), ("k",))


def brief(found: list[model.ColumnChange]) -> list[tuple[str, str, str | None]]:
    return [(change.column, change.change, change.renamed_to) for change in found]


def test_the_schema_names_types_as_arrow_does(tmp_path: Path) -> None:
    columns = {"a": pa.array([1]), "b": pa.array(["x"], pa.large_string()), "c": pa.array([Decimal("1.50")])}
    columns["d"] = pa.array(["x"]).dictionary_encode()
    expected = {"a": "int64", "b": "string", "c": "decimal128(3, 2)", "d": "string"}
    assert schema(source(tmp_path, "a", **columns)) == expected
    assert schema(Source(())) == {}


def test_added_removed_and_retyped_columns_are_told(tmp_path: Path) -> None:
    found = changes(tmp_path, {"v": [1] * 60, "old": ["x"] * 60}, {"v": [1.0] * 60, "new": [True] * 60})
    assert brief(found) == [("v", "retyped", None), ("old", "removed", None), ("new", "added", None)]
    assert (found[0].a, found[0].b, found[0].lossy) == ("int64", "double", False)
    assert (found[1].a, found[1].b, found[2].a, found[2].b) == ("string", None, None, "bool")


@pytest.mark.parametrize(
    ("old", "new", "lossy"),
    [
        (pa.array([2**53]), pa.float64(), False),
        (pa.array([2**53 + 1]), pa.float64(), True),
        (pa.array([None, 2**24 + 1]), pa.float32(), True),
        (pa.array([100]), pa.int8(), False),
        (pa.array([200]), pa.int8(), True),
        (pa.array([0.5]), pa.int64(), True),
        (pa.array([0.5]), pa.float32(), True),
        (pa.array([0.5]), pa.string(), False),
        (pa.array(["7"]), pa.int64(), True),
        (pa.array([Decimal("1.50")]), pa.decimal128(9, 1), True),
        (pa.array([Decimal("1.50")]), pa.decimal128(9, 2), False),
        (pa.array([Decimal("1.50")], pa.decimal128(20, 2)), pa.float64(), True),
        (pa.array([0], pa.timestamp("us")), pa.date32(), True),
        (pa.array([0], pa.date32()), pa.timestamp("us"), False),
        (pa.array([0], pa.timestamp("ns")), pa.timestamp("us"), True),
        (pa.array([True]), pa.int64(), False),
    ],
)
def test_a_change_of_type_that_may_lose_values_is_flagged(
    tmp_path: Path, old: pa.Array, new: pa.DataType, lossy: bool
) -> None:
    a, b = source(tmp_path, "a", k=[1] * len(old), v=old), source(tmp_path, "b", k=[1], v=pa.nulls(1, new))
    (found,) = schema_changes("t", a, b, ("k",))
    assert (found.change, found.lossy) == ("retyped", lossy)


def test_a_new_name_is_found_by_the_values_below_it(tmp_path: Path) -> None:
    values = [n * 1.5 for n in range(60)]
    found = changes(
        tmp_path, {"valor": values, "x": [*range(60)]}, {"montante": [*values[:57], 0.1, 0.2, 0.3], "y": KEYS}
    )
    assert brief(found) == [("valor", "renamed", "montante"), ("x", "removed", None), ("y", "added", None)]
    assert (found[0].share, found[0].a, found[0].b) == (0.95, "double", "double")


def test_a_column_with_a_new_name_and_type_is_found(tmp_path: Path) -> None:
    (found,) = changes(tmp_path, {"valor": [*range(60)]}, {"montante": [float(n) for n in range(60)]})
    assert (found.change, found.renamed_to, found.a, found.b) == ("renamed", "montante", "int64", "double")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([None] * 60, [None] * 60),
        (["anual"] * 60, ["anual"] * 60),
        ([True, *[False] * 59], [False] * 59 + [True]),
        ([*range(60)], [*range(50), *range(100, 110)]),
    ],
    ids=["nulls", "a constant", "rare flags", "too few alike"],
)
def test_values_that_are_alike_by_chance_make_no_rename(
    tmp_path: Path, old: Sequence[object], new: Sequence[object]
) -> None:
    kind = pa.string() if old[0] is None else None
    found = changes(tmp_path, {"old": pa.array(old, kind)}, {"new": pa.array(new, kind)})
    assert brief(found) == [("old", "removed", None), ("new", "added", None)]


def test_one_column_that_became_two_alike_is_no_rename(tmp_path: Path) -> None:
    found = changes(tmp_path, {"old": KEYS}, {"one": KEYS, "other": KEYS})
    assert {change for _name, change, _to in brief(found)} == {"added", "removed"}


def test_two_columns_that_became_one_are_no_rename(tmp_path: Path) -> None:
    found = changes(tmp_path, {"one": KEYS, "other": KEYS}, {"new": KEYS})
    assert {change for _name, change, _to in brief(found)} == {"added", "removed"}


def test_a_side_without_files_has_no_columns_that_changed(tmp_path: Path) -> None:
    assert schema_changes("t", Source(()), source(tmp_path, "b", k=[1]), ("k",)) == []
