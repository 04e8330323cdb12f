"""Row comparison: names, bytes and values that Parquet allows and few programs expect."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo.compare import model
from observatudo.compare.rows import Options, Source, compare, schema, schema_changes
from observatudo.errors import ObservatudoError

ORDERS = pytest.mark.parametrize("key", [[1, 2], [2, 1]], ids=["sorted", "unsorted"])


def named(*columns: tuple[str, Sequence[object]]) -> pa.Table:
    """Return a table whose names may repeat."""
    return pa.Table.from_arrays([pa.array(values) for _name, values in columns], names=[name for name, _v in columns])


def source(folder: Path, side: str, table: pa.Table) -> Source:
    pq.write_table(table, folder / f"{side}.parquet")
    return Source(((f"{side}.parquet", "", folder / f"{side}.parquet"),))


def compared(folder: Path, a: pa.Table, b: pa.Table, *key: str, **options: object) -> model.Table:
    asked = Options(key or ("k",), temp=folder, **options)  # type: ignore[arg-type]
    return compare(source(folder, "a", a), source(folder, "b", b), asked)


@ORDERS
@pytest.mark.parametrize(("one", "other"), [("Valor", "valor"), ("valor", "valor"), ("", "valor"), ("K", "valor")])
def test_columns_that_names_do_not_tell_apart_are_not_compared(
    tmp_path: Path, key: list[int], one: str, other: str
) -> None:
    a, b = (named(("k", key), (one, [1, 2]), (other, [5, last])) for last in (6, 700))
    for left, right, side in ((a, b, "a"), (named(("k", key)), b, "b")):
        found = compared(tmp_path, left, right)
        assert (found.status, found.changed, found.rows_a) == ("not_comparable", None, 2)
        assert found.why.startswith(f"{side}: ")
        assert f'"{one}"' in found.why
        assert "name" in found.next_step


def test_a_name_in_another_case_in_the_key_is_not_compared(tmp_path: Path) -> None:
    a, b = (pa.table({"id": [2, 1], "ID": [5, last]}) for last in (6, 7))
    for key in (("id",), ("ID",), ("ID", "id")):
        assert compared(tmp_path, a, b, *key).why.startswith('a: "id", "ID" ')


def test_a_column_that_stands_twice_in_the_key_is_named(tmp_path: Path) -> None:
    rows = pa.table({"k": [2, 1]})
    assert compared(tmp_path, rows, rows, "k", "k").why.startswith('a, b: "k", "k" ')


@ORDERS
def test_letters_beyond_ascii_in_either_case_are_two_names(tmp_path: Path, key: list[int]) -> None:
    a, b = (pa.table({"k": key, "É": [1, 2], "é": [5, last]}) for last in (6, 7))
    found = compared(tmp_path, a, b)
    assert {name: column.changed for name, column in found.columns.items()} == {"É": 0, "é": 1}


@ORDERS
def test_a_name_whose_case_changed_is_a_rename(tmp_path: Path, key: list[int]) -> None:
    a, b = pa.table({"k": key, "Valor": [1, 2]}), pa.table({"k": key, "valor": [1, 3]})
    assert compared(tmp_path, a, b, renames={"Valor": "valor"}).columns["valor"].changed == 1


@pytest.mark.parametrize("one", ["Valor", "valor", ""])
def test_the_schema_of_columns_that_names_do_not_tell_apart_is_told(tmp_path: Path, one: str) -> None:
    a = source(tmp_path, "a", named(("k", [1]), (one, [1]), ("valor", [2]), ("x", [7])))
    b = source(tmp_path, "b", named(("k", [1]), (one, [1]), ("valor", [2]), ("y", [7])))
    changes = schema_changes("t", a, b, ("k",))
    assert [(change.column, change.change) for change in changes] == [("x", "removed"), ("y", "added")]
    assert schema(a)["valor"] == "int64"


def texts(*values: bytes) -> pa.Array:
    """Return texts of any bytes."""
    return pa.array(values, pa.binary()).view(pa.string())


@ORDERS
@pytest.mark.parametrize("both", [False, True])
def test_a_text_that_is_no_utf_8_is_an_error_that_names_its_file(tmp_path: Path, key: list[int], both: bool) -> None:
    good, bad = pa.table({"k": key, "v": ["a", "b"]}), pa.table({"k": key, "v": texts(b"\xff\xfe", b"b")})
    if both and key == [1, 2]:
        assert compared(tmp_path, bad, bad).same == 2  # nobody had to know what the bytes mean
        return
    with pytest.raises(ObservatudoError) as caught:
        compared(tmp_path, bad if both else good, bad)
    assert caught.value.where == ("a.parquet" if both else "b.parquet")
    assert "UTF8" in caught.value.message
    assert caught.value.next_step


def test_a_key_that_is_no_utf_8_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(ObservatudoError) as caught:
        compared(tmp_path, pa.table({"k": texts(b"a", b"\xff")}), pa.table({"k": ["a", "b"]}))
    assert caught.value.where == "a.parquet"


def test_a_name_that_is_no_utf_8_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    good, bad = (source(tmp_path, side, pa.table({"k": [1], "nome": [2]})) for side in "ab")
    path = bad.files[0][2]
    pq.write_table(pa.table({"k": [1], "nome": [2]}).replace_schema_metadata(None), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"nome", b"no\xffe"))
    for ask in (lambda: compare(good, bad, Options(("k",))), lambda: schema(bad)):
        with pytest.raises(ObservatudoError) as caught:
            ask()
        assert caught.value.where == "b.parquet"


FAR = [
    (pa.timestamp("ms"), 10**15, f"{10**18} us since 1970"),
    (pa.timestamp("us", "UTC"), -(2**62), f"{-(2**62)} us since 1970"),
    (pa.date32(), 2**31 - 2, f"{2**31 - 2} days since 1970"),
]


@ORDERS
@pytest.mark.parametrize(("kind", "number", "shown"), FAR, ids=lambda x: str(x))
def test_a_time_beyond_the_year_9999_is_compared_and_shown(
    tmp_path: Path, key: list[int], kind: pa.DataType, number: int, shown: str
) -> None:
    whole = pa.int32() if pa.types.is_date(kind) else pa.int64()
    a, b = (pa.table({"k": key, "v": pa.array([0, last], whole).cast(kind)}) for last in (1, number))
    found = compared(tmp_path, a, b, year="v")
    assert (found.changed, found.samples[0].b) == (1, {"v": shown})
    assert [(part.name, part.changed) for part in found.segments["year"]] == [("?", 1)]
    removed = compared(tmp_path, b.drop_columns("k"), b.drop_columns("k").slice(0, 1), "v")
    assert [(sample.change, sample.key) for sample in removed.samples] == [("removed", {"v": shown})]


def test_a_time_that_microseconds_do_not_hold_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    a, b = (pa.table({"k": [1], "v": pa.array([n], pa.timestamp("ms"))}) for n in (1, 2**62))
    with pytest.raises(ObservatudoError) as caught:
        compared(tmp_path, a, b)
    assert "b.parquet" in caught.value.where


@ORDERS
def test_years_of_nanoseconds_with_a_zone_are_told(tmp_path: Path, key: list[int]) -> None:
    a, b = (pa.table({"k": key, "v": pa.array([0, last], pa.timestamp("ns", "UTC"))}) for last in (1, 2))
    parts = compared(tmp_path, a, b, year="v").segments["year"]
    assert [(part.name, part.changed, part.same) for part in parts] == [("1970", 1, 1)]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")], ids=str)
def test_a_far_year_is_not_taken_for_a_near_one(tmp_path: Path, kind: pa.DataType) -> None:
    days = pa.array([(dt.date.max - dt.date(1970, 1, 1)).days, 23_954_429], pa.int32())  # the years 9999 and 67555
    dates = days.cast(pa.date32()).cast(kind)
    a, b = (pa.table({"k": [1, 2], "d": dates, "v": [last] * 2}) for last in (1, 2))
    parts = compared(tmp_path, a, b, year="d").segments["year"]
    assert [(part.name, part.changed, part.same) for part in parts] == [("9999", 1, 0), ("?", 1, 0)]


def test_infinities_stand_for_themselves_and_nothing_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low, high = -math.inf, math.inf
    a, b = (pa.table({"k": [1, 2, 3], "v": values}) for values in ([0.0, 1.0, 2.0], [low, 1.0, high]))
    for most in (1_000_000, 1):
        monkeypatch.setattr("observatudo.compare.rows.drift.EXACT", most)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figures = compared(tmp_path, a, b).drift[0].b
        assert math.isnan(figures.pop("mean") or 0.0)
        assert figures.pop("p50") == pytest.approx(1.0, rel=0.004)
        assert figures == {"rows": 3, "p0": low, "p25": low, "p75": high, "p100": high}


def test_a_quantile_between_numbers_that_lie_too_far_apart_for_a_double(tmp_path: Path) -> None:
    a, b = (pa.table({"k": [1, 2], "v": [last, 1.5e308]}) for last in (-1.5e308, 0.0))
    figures = compared(tmp_path, a, b).drift[0].a
    assert (figures["p25"], figures["p50"], figures["p75"]) == (-0.75e308, 0.0, 0.75e308)


def test_a_far_date_where_a_place_is_expected_is_an_error_that_names_the_files(tmp_path: Path) -> None:
    a, b = (pa.table({"k": pa.array([last], pa.int32()).cast(pa.date32())}) for last in (0, 2**31 - 1))
    with pytest.raises(ObservatudoError) as caught:
        compared(tmp_path, a, b, place="k")
    assert "b.parquet" in caught.value.where
