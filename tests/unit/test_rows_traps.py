"""Row comparison: each trap that a tool is known to fall into, by name."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo.compare import model
from observatudo.compare.rows import Options, Source, Tolerance, compare, schema
from observatudo.errors import ObservatudoError

NAN = float("nan")


def table(**columns: Sequence[object] | pa.Array) -> pa.Table:
    return pa.table(
        {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    )


class Sides:
    """Writes the two sides of a table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def source(self, side: str, *tables: pa.Table, md5: bool = False) -> Source:
        files = []
        for number, rows in enumerate(tables):
            path = self.folder / f"{side}{number}.parquet"
            pq.write_table(rows, path)
            text = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() if md5 else ""
            files.append((f"t{number}.parquet", text, path))
        return Source(tuple(files))

    def compare(self, a: pa.Table, b: pa.Table, *key: str, **options: object) -> model.Table:
        """Compare both ways through the engine, which must say the same: as sorted as given, and in no order."""
        asked = Options(key, temp=self.folder, **options)  # type: ignore[arg-type]
        found = compare(self.source("a", a), self.source("b", b), asked)
        mixed = [rows.take(pa.array([*range(1, rows.num_rows), 0][: rows.num_rows], pa.int64())) for rows in (a, b)]
        other = compare(self.source("c", mixed[0]), self.source("d", mixed[1]), asked)
        assert repr(found) == repr(other)
        return found


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path)


def counts(found: model.Table) -> tuple[int | None, ...]:
    return found.added, found.removed, found.changed, found.same


def test_keys_that_are_alike_once_joined_are_different_keys(sides: Sides) -> None:
    a = table(x=["a", "a|b"], y=["b|c", "c"], v=[1, 2])
    assert counts(sides.compare(a, table(x=["a", "a|b"], y=["b|c", "c"], v=[1, 2]), "x", "y")) == (0, 0, 0, 2)
    assert counts(sides.compare(a.slice(0, 1), a.slice(1, 1), "x", "y")) == (1, 1, 0, 0)


def test_a_null_in_the_key_is_named(sides: Sides) -> None:
    a = table(k=["a", "b"], v=[1, 2])
    found = sides.compare(a, table(k=["a", None], v=[1, 2]), "k")
    assert (found.status, found.why, found.added) == ("not_comparable", "b: k of the key is null in 1 rows", None)
    assert (found.rows_a, found.rows_b) == (2, 2)
    assert found.next_step


@pytest.mark.parametrize("side", ["a", "b"])
def test_duplicated_keys_are_named(sides: Sides, side: str) -> None:
    good = table(k=[*"abcdefg"], n=[1] * 7, v=range(7))
    bad = table(k=["a", *"abcdefg", *"bcdefg"], n=[1] * 14, v=range(14))
    found = sides.compare(*((bad, good) if side == "a" else (good, bad)), "k", "n")
    assert found.status == "not_comparable"
    assert found.why == f"{side}: 7 keys stand more than once"
    assert found.duplicates == [{"k": letter, "n": 1} for letter in "abcde"]


def test_identical_rows_of_one_key_are_duplicates_too(sides: Sides) -> None:
    rows = table(k=["a", "a"], v=[1, 1])
    assert sides.compare(rows, rows, "k").status == "not_comparable"


def test_nan_equals_nan_and_zero_has_no_sign_but_null_is_neither(sides: Sides) -> None:
    kind = pa.float64()
    a = table(k=range(6), v=pa.array([NAN, -0.0, None, None, NAN, 1.0], kind))
    b = table(k=range(6), v=pa.array([NAN, 0.0, None, NAN, None, NAN], kind))
    found = sides.compare(a, b, "k")
    assert counts(found) == (0, 0, 3, 3)
    column = found.columns["v"]
    assert (column.to_null, column.from_null, column.max_abs_delta) == (1, 1, None)


def test_a_nan_in_a_key_is_one_key(sides: Sides) -> None:
    found = sides.compare(table(k=[-0.0, NAN], v=[1, 2]), table(k=[0.0, NAN], v=[1, 3]), "k")
    assert counts(found) == (0, 0, 1, 1)
    assert found.samples[0].key == {"k": "nan"}


def test_a_key_of_text_meets_an_integer_in_its_canonical_form_alone(sides: Sides) -> None:
    a = table(k=["3550308", "03550309", " 3550310", "N/D"], v=[1.0, 2, 3, 4])
    b = table(k=[3550308, 3550309, 3550310, 5], v=[1.5, 2, 3, 4])
    found = sides.compare(a, b, "k")
    assert counts(found) == (3, 3, 1, 0)
    assert found.columns["v"].max_abs_delta == 0.5


def test_codes_of_six_and_seven_digits_are_different_keys(sides: Sides) -> None:
    found = sides.compare(table(k=["355030"], v=[1]), table(k=["3550308"], v=[1]), "k", place="k")
    assert counts(found) == (1, 1, 0, 0)
    assert {s.name: (s.added, s.removed) for s in found.segments["state"]} == {"35": (1, 1)}


def test_decimals_of_different_scale_are_compared_as_numbers(sides: Sides) -> None:
    a = table(k=[1, 2, 3], v=pa.array([Decimal("1.50"), Decimal("2.00"), None], pa.decimal128(9, 2)))
    b = table(k=[1, 2, 3], v=pa.array([Decimal("1.500"), Decimal("2.001"), None], pa.decimal128(12, 3)))
    found = sides.compare(a, b, "k")
    assert counts(found) == (0, 0, 1, 2)
    assert found.columns["v"].max_abs_delta == 0.001
    assert found.samples[0].b == {"v": "2.001"}


def test_a_decimal_meets_the_nearest_double(sides: Sides) -> None:
    a = table(k=range(3), v=pa.array([Decimal("0.1"), Decimal("0.3"), Decimal("7.7")], pa.decimal128(20, 1)))
    assert counts(sides.compare(a, table(k=range(3), v=[0.1, 0.1 + 0.2, 7.7]), "k")) == (0, 0, 1, 2)


def test_a_renamed_column_is_still_compared(sides: Sides) -> None:
    a, b = table(k=[1, 2], valor=[1.0, 2.0]), table(k=[1, 2], montante=[1.0, 3.0])
    assert sides.compare(a, b, "k").columns == {}
    found = sides.compare(a, b, "k", renames={"valor": "montante"})
    assert found.columns["montante"].changed == 1
    assert (found.samples[0].a, found.samples[0].b) == ({"montante": 2.0}, {"montante": 3.0})


def test_an_integer_that_became_a_double_is_compared_digit_by_digit(sides: Sides) -> None:
    a = table(k=[1, 2, 3], v=[2**53 + 1, 2**53, 7])
    found = sides.compare(a, table(k=[1, 2, 3], v=[float(2**53), float(2**53), 7.0]), "k")
    assert counts(found) == (0, 0, 1, 2)
    assert found.columns["v"].max_abs_delta == 1.0


def test_a_number_that_became_a_text_is_compared_by_what_it_spells(sides: Sides) -> None:
    a = table(k=range(5), v=[1.5, 2.0, 3.0, None, 5.0])
    b = table(k=range(5), v=["1.50", "2", "N/D", None, "5,0"])
    assert counts(sides.compare(a, b, "k")) == (0, 0, 2, 3)


def test_a_text_that_is_null_is_no_large_number(sides: Sides) -> None:
    a = table(k=[1, 2], v=pa.array([None, "9007199254740993"], pa.string()))
    found = sides.compare(a, table(k=[1, 2], v=[2.0**53, 2.0**53]), "k")
    assert (found.changed, found.columns["v"].from_null, found.columns["v"].max_abs_delta) == (2, 1, 1.0)


def test_a_date_that_became_a_time_is_its_midnight(sides: Sides) -> None:
    a = table(k=[dt.date(2019, 1, 1), dt.date(2020, 1, 1)], v=[dt.date(2019, 1, 1)] * 2)
    b = table(
        k=[dt.datetime(2019, 1, 1), dt.datetime(2020, 1, 1)], v=[dt.datetime(2019, 1, 1), dt.datetime(2019, 1, 1, 1)]
    )
    assert counts(sides.compare(a, b, "k")) == (0, 0, 1, 1)


def test_times_of_two_zones_are_compared_as_instants(sides: Sides) -> None:
    moment = pa.array([dt.datetime(2019, 1, 1, 3, tzinfo=dt.UTC)])
    a = table(k=[1], v=moment.cast(pa.timestamp("us", "America/Sao_Paulo")))
    assert counts(sides.compare(a, table(k=[1], v=moment.cast(pa.timestamp("ms", "Asia/Tokyo"))), "k")) == (0, 0, 0, 1)
    assert counts(sides.compare(a, table(k=[1], v=[dt.datetime(2019, 1, 1, 0)]), "k")) == (0, 0, 1, 0)


def test_nanoseconds_count(sides: Sides) -> None:
    a, b = (table(k=[1], v=pa.array([value], pa.timestamp("ns"))) for value in (1_000_000_001, 1_000_000_002))
    found = sides.compare(a, b, "k")
    assert counts(found) == (0, 0, 1, 0)
    assert found.samples[0].b == {"v": "1970-01-01T00:00:01.000000002"}


def test_a_text_in_another_normal_form_of_unicode_is_another_text(sides: Sides) -> None:
    composed, parted = "São Paulo", "Sa\u0303o Paulo"
    assert counts(sides.compare(table(k=[composed], v=["x"]), table(k=[parted], v=["x"]), "k")) == (1, 1, 0, 0)
    found = sides.compare(table(k=["x"], v=[composed]), table(k=["x"], v=[parted]), "k")
    assert [(t.a, t.b, t.rows) for t in found.transitions] == [(composed, parted, 1)]


def test_the_order_of_rows_and_of_columns_is_no_difference(sides: Sides) -> None:
    a = table(k=["a", "b", "c"], v=[1, 2, 3], w=["x", "y", "z"])
    assert sides.compare(a, a.select(["w", "v", "k"]).take([2, 0, 1]), "k").status == "same"


def test_tolerances_are_by_column_absolute_or_relative(sides: Sides) -> None:
    a = table(k=range(4), v=[100.0, 100.0, 0.0, math.inf], w=[1.0, 1.0, 1.0, 1.0])
    b = table(k=range(4), v=[100.9, 102.0, 1e-12, 1.0], w=[1.0, 1.0, 1.0, 1.0 + 1e-12])
    found = sides.compare(a, b, "k", tolerances={"v": Tolerance(1e-9, 0.01)})
    assert counts(found) == (0, 0, 2, 2)
    assert (found.columns["v"].changed, found.columns["v"].within_tolerance) == (2, 2)
    assert (found.columns["w"].changed, found.columns["w"].within_tolerance) == (1, 0)
    assert sides.compare(a, b, "k", tolerances={"*": Tolerance(2.0)}).changed == 1


def test_a_table_without_rows_is_compared_like_any_other(sides: Sides) -> None:
    rows = table(k=["a"], v=[1])
    assert counts(sides.compare(rows.slice(0, 0), rows, "k")) == (1, 0, 0, 0)
    assert sides.compare(rows.slice(0, 0), rows.slice(0, 0), "k").status == "same"


def test_a_side_without_files_is_a_table_that_was_added_or_removed(sides: Sides) -> None:
    some, none = sides.source("a", table(k=["a"], v=[1])), Source(())
    added, removed = compare(none, some, Options(("k",))), compare(some, none, Options(("k",)))
    assert (added.status, added.rows_a, added.rows_b) == ("added", None, 1)
    assert (removed.status, removed.rows_a, removed.rows_b) == ("removed", 1, None)


def test_a_key_that_a_side_lacks_is_named(sides: Sides) -> None:
    found = sides.compare(table(k=[1], v=[1]), table(j=[1], v=[1]), "k")
    assert (found.status, found.why) == ("not_comparable", "column k of the key is not on both sides")


def test_nested_values_are_compared_as_texts(sides: Sides) -> None:
    a, b = table(k=[1, 2], v=[[1, 2], [3]]), table(k=[1, 2], v=[[1, 2], [4]])
    assert counts(sides.compare(a, b, "k")) == (0, 0, 1, 1)


def test_files_that_are_alike_are_not_read(sides: Sides) -> None:
    one, other, changed = (table(k=[k, k + 1], v=v) for k, v in ((1, [1, 2]), (5, [1, 2]), (5, [1, 3])))
    a, b = sides.source("a", one, other, md5=True), sides.source("b", one, changed, md5=True)
    found = compare(a, b, Options(("k",)))
    assert counts(found) == (0, 0, 1, 3)
    assert (found.files_skipped, found.files_read, found.rows_a, found.rows_b) == (1, 2, 4, 4)


def test_bytes_of_a_file_that_is_alike_are_never_looked_at(sides: Sides) -> None:
    one, other, changed = (table(k=[k, k + 1], v=v) for k, v in ((1, [1, 2]), (5, [1, 2]), (5, [1, 3])))
    a, b = sides.source("a", one, other, md5=True), sides.source("b", one, changed, md5=True)
    data = bytearray(a.files[0][2].read_bytes())
    data[4:40] = bytes(36)
    a.files[0][2].write_bytes(data)
    assert counts(compare(a, b, Options(("k",), report="counts"))) == (0, 0, 1, 3)


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_key_in_a_read_file_that_stands_in_a_file_that_is_alike_is_a_duplicate(sides: Sides, side: str) -> None:
    alike, rest, twice = table(k=[1, 9], v=[1, 2]), table(k=[10], v=[1]), table(k=[9, 10], v=[1, 1])
    a, b = (sides.source(s, alike, twice if s == side else rest, md5=True) for s in "ab")
    found = compare(a, b, Options(("k",)))
    assert (found.status, found.duplicates) == ("not_comparable", [{"k": 9}])


def test_files_that_are_alike_and_hold_the_same_keys_are_duplicates(sides: Sides) -> None:
    alike, twin, rest, changed = (table(k=[k], v=[v]) for k, v in ((1, 1), (1, 2), (5, 1), (5, 2)))
    a, b = sides.source("a", alike, twin, rest, md5=True), sides.source("b", alike, twin, changed, md5=True)
    assert compare(a, b, Options(("k",))).duplicates == [{"k": 1}]


def test_keys_within_files_that_are_alike_are_not_looked_at(sides: Sides) -> None:
    twice, rest, changed = table(k=[1, 1], v=[1, 2]), table(k=[5], v=[1]), table(k=[5], v=[2])
    a, b = sides.source("a", twice, rest, md5=True), sides.source("b", twice, changed, md5=True)
    assert counts(compare(a, b, Options(("k",)))) == (0, 0, 1, 2)


def test_a_row_that_moves_to_another_file_is_the_same_row(sides: Sides) -> None:
    rows = table(k=range(6), v=range(6))
    a = sides.source("a", rows.slice(0, 2), rows.slice(2), md5=True)
    b = sides.source("b", rows.slice(0, 4), rows.slice(4), md5=True)
    assert counts(compare(a, b, Options(("k",)))) == (0, 0, 0, 6)


def test_a_file_cut_short_is_named(sides: Sides) -> None:
    good, bad = sides.source("a", table(k=[1], v=[1])), sides.source("b", table(k=[1], v=[1]))
    path = bad.files[0][2]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ObservatudoError) as caught:
        compare(good, bad, Options(("k",)))
    assert caught.value.where == "t0.parquet"
    assert caught.value.next_step


@pytest.mark.parametrize("values", [range(3), [dt.time(1)] * 3], ids=["merged", "hashed"])
def test_a_file_with_damaged_pages_is_named(sides: Sides, values: Sequence[object]) -> None:
    rows = table(k=range(3), v=["um texto que ocupa lugar"] * 3, w=values)
    good, bad = sides.source("a", rows), sides.source("b", rows)
    path = bad.files[0][2]
    data = bytearray(path.read_bytes())
    data[4:120] = bytes(116)
    path.write_bytes(data)
    with pytest.raises(ObservatudoError) as caught:
        compare(good, bad, Options(("k",)))
    assert "t0.parquet" in caught.value.where


def test_files_of_one_table_with_different_columns_are_named(sides: Sides) -> None:
    source = sides.source("a", table(k=[1], v=[1]), table(k=[2], v=["x"]))
    with pytest.raises(ObservatudoError) as caught:
        schema(source)
    assert (caught.value.where, "column v" in caught.value.message) == ("t1.parquet", True)


def test_csv_files_are_read_as_text_and_compared_with_parquet(sides: Sides, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('k,v,t\n3550308,1.50,""\n3550309,,x\n3550310,3,\n', encoding="utf-8")
    csv = Source((("x.csv", "", path),))
    assert schema(csv) == {"k": "string", "v": "string", "t": "string"}
    rows = table(k=[3550308, 3550309, 3550310], v=[1.5, None, 4.0], t=["", "x", None])
    found = compare(csv, sides.source("b", rows), Options(("k",)))
    assert counts(found) == (0, 0, 1, 2)
    assert found.columns["v"].max_abs_delta == 1.0


def test_a_csv_with_a_line_too_long_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("k,v\n1,2\n3,4,5\n", encoding="utf-8")
    source = Source((("x.csv", "", path),))
    with pytest.raises(ObservatudoError) as caught:
        compare(source, source, Options(("k",)))
    assert caught.value.where == "x.csv"


def test_nothing_is_left_behind(sides: Sides, tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    a = sides.source("a", table(k=[2, 1], v=[1, 2]))

    def interrupt(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(a, a, Options(("k",), temp=spill, progress=interrupt))
    compare(a, a, Options(("k",), temp=spill))
    assert not list(spill.iterdir())


def test_progress_ends_at_all_bytes(sides: Sides) -> None:
    told: list[tuple[int, int]] = []
    for key in ([1, 2, 3], [3, 1, 2]):
        a = sides.source("a", table(k=key, v=[1, 2, 3]))
        compare(a, a, Options(("k",), progress=lambda done, every: told.append((done, every))))
        assert told[-1][0] >= told[-1][1] - 2 > 0


def test_a_packed_csv_with_quotes_and_a_byte_order_mark_is_read(sides: Sides, tmp_path: Path) -> None:
    path = tmp_path / "0f"  # as an object in a cache, without an ending
    path.write_bytes(gzip.compress('\ufeffk;v\r\n1;"a\n""b"""\r\n2;"São; Paulo"\r\n'.encode()))
    csv = Source((("marts/x.csv.gz", "", path),))
    found = compare(csv, sides.source("b", table(k=["1", "2"], v=['a\n"b"', "São; Paulo"])), Options(("k",)))
    assert (found.status, found.same) == ("same", 2)


@pytest.mark.parametrize(
    "content", ["", "k,k\n1,2\n", "k,v\n1,2\n3\n", "k,v\n1,S\xe3o\n"], ids=["empty", "names", "short", "latin-1"]
)
def test_a_csv_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="latin-1")
    source = Source((("x.csv", "", path),))
    with pytest.raises(ObservatudoError) as caught:
        compare(source, source, Options(("k",)))
    assert (caught.value.where, bool(caught.value.next_step)) == ("x.csv", True)


def test_nanoseconds_of_a_time_with_a_zone_count(sides: Sides) -> None:
    a, b = (table(k=[1], v=pa.array([value], pa.timestamp("ns", "UTC"))) for value in (1_000_000_001, 1_000_000_002))
    assert counts(sides.compare(a, b, "k")) == (0, 0, 1, 0)


NARROW = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float32())


@pytest.mark.parametrize("kind", NARROW, ids=str)
def test_numbers_of_any_width_are_numbers(sides: Sides, kind: pa.DataType) -> None:
    a, b = (table(k=range(3), v=pa.array([1, 2, last], kind)) for last in (3, 7))
    found = sides.compare(a, b, "k")
    assert found.columns["v"].max_abs_delta == 4.0
    assert found.drift[0].b == {"rows": 3, "mean": 10 / 3, "p0": 1.0, "p25": 1.5, "p50": 2.0, "p75": 4.5, "p100": 7.0}
    assert counts(sides.compare(a, table(k=range(3), v=pa.array([1.0, 2.0, 3.5])), "k")) == (0, 0, 1, 2)


def test_integers_beyond_the_signed_are_exact(sides: Sides) -> None:
    a, b = (table(k=pa.array([2**64 - 1], pa.uint64()), v=pa.array([n], pa.uint64())) for n in (2**64 - 1, 2**64 - 2))
    found = sides.compare(a, b, "k")
    assert (found.changed, found.columns["v"].max_abs_delta, found.samples[0].key) == (1, 1.0, {"k": str(2**64 - 1)})


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.timestamp("us"), pa.bool_(), pa.string(), pa.decimal128(21, 2)], ids=str
)
def test_a_column_that_held_nothing_may_get_any_type(sides: Sides, kind: pa.DataType) -> None:
    value = pa.array([1]).cast(pa.int32() if pa.types.is_date(kind) else pa.int64()).cast(kind)
    found = sides.compare(table(k=[1], v=pa.nulls(1)), table(k=[1], v=value), "k")
    assert found.columns["v"].from_null == 1


def test_a_path_that_looks_like_a_pattern_is_a_path(tmp_path: Path) -> None:
    rows = table(k=[2, 1], v=[1, 2])
    path = tmp_path / "dados [1]*.parquet"
    pq.write_table(rows, path)
    source = Source(((path.name, "", path),))
    assert compare(source, source, Options(("k",))).same == 2


def test_row_groups_of_any_size_are_read_a_part_at_a_time(tmp_path: Path) -> None:
    rows = table(k=range(700_000), v=pa.array(["a", "b"]).take(pa.array([0, 1] * 350_000)))
    files = []
    for name, size in (("a", 700_000), ("b", 50_000)):
        pq.write_table(rows, tmp_path / name, row_group_size=size)
        files.append(Source(((name, "", tmp_path / name),)))
    assert compare(files[0], files[1], Options(("k",))).same == 700_000


def test_files_that_are_all_alike_are_the_same_without_reading(sides: Sides) -> None:
    a = sides.source("a", table(k=[1], v=[1]), table(k=[2], v=[1]), md5=True)
    found = compare(a, a, Options(("k",)))
    assert (found.status, found.same, found.files_skipped, found.files_read) == ("same", 2, 2, 0)


def test_keys_of_one_hash_are_told_apart(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observatudo.compare.rows.hashing.hashed", lambda _keys, _side: "hash(1)")
    a, b = table(k=["a", "b", "c"], v=[1, 2, 3]), table(k=["a", "b", "d"], v=[1, 5, 3])
    assert counts(sides.compare(a, b, "k")) == (1, 1, 1, 1)


def test_counts_alone_leave_the_rest_out(sides: Sides) -> None:
    a, b = table(k=["a", "b", "c"], v=[1, 2, 3]), table(k=["a", "b", "d"], v=[1, 5, 3])
    found, full = (sides.compare(a, b, "k", report=report, place="k") for report in ("counts", "full"))
    assert (found.segments, found.transitions, found.drift, found.samples) == ({}, [], [], [])
    assert (counts(found), found.columns) == (counts(full), full.columns)
    assert full.segments and full.drift and full.samples


def segment(found: model.Segment) -> tuple[str, int, int, int, int]:
    return found.name, found.added, found.removed, found.changed, found.same


def test_segments_name_datasets_states_indicators_and_years(sides: Sides) -> None:
    dates = [dt.date(2019, 1, 1), dt.date(2020, 1, 1)]
    places = ["3550308", "35", "1", "x"]
    rows = [(i, p, d) for i in ("i1", "i2") for p in places for d in dates]
    columns = {"i": [r[0] for r in rows], "p": [r[1] for r in rows], "d": [r[2] for r in rows]}
    a = table(**columns, v=range(16))
    b = table(**columns, v=[n + 100 if rows[n] == ("i1", "3550308", dates[0]) else n for n in range(16)]).slice(0, 15)
    names = {"indicator": "i", "place": "p", "year": "d", "datasets": {"i1": "fonte/um"}}
    found = sides.compare(a, b, "i", "p", "d", **names)
    assert {kind: [segment(s) for s in each] for kind, each in found.segments.items()} == {
        "dataset": [("?", 0, 1, 0, 7), ("fonte/um", 0, 0, 1, 7)],
        "state": [("35", 0, 0, 1, 7), ("?", 0, 1, 0, 3)],
        "indicator": [("i1", 0, 0, 1, 7), ("i2", 0, 1, 0, 7)],
        "year": [("2019", 0, 0, 1, 7), ("2020", 0, 1, 0, 7)],
    }
    one = sides.compare(a, b, "i", "p", "d", dataset="fonte/um").segments["dataset"]
    assert [segment(s) for s in one] == [("fonte/um", 0, 1, 1, 14)]
    joined = sides.compare(a, b, "i", "p", "d", dataset_columns=("i", "p")).segments["dataset"]
    assert [s.name for s in joined] == ["i1/3550308", "i2/x"]


def test_a_column_with_many_texts_is_none_of_categories(sides: Sides) -> None:
    few, many = [f"a{n % 2}" for n in range(60)], [f"b{n}" for n in range(60)]
    a, b = table(k=range(60), x=["-"] * 60, y=["-"] * 60), table(k=range(60), x=few, y=many)
    transitions = sides.compare(a, b, "k").transitions
    assert [(t.column, t.a, t.b, t.rows) for t in transitions] == [("x", "-", "a0", 30), ("x", "-", "a1", 30)]


def test_quantiles_of_a_large_column_are_near_and_say_so(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1.01**n for n in range(1000)]
    a, b = table(k=range(1000), v=values), table(k=range(1000), v=[-2 * v for v in values])
    exact = sides.compare(a, b, "k").drift[0]
    monkeypatch.setattr("observatudo.compare.rows.drift.EXACT", 100)
    near = sides.compare(a, b, "k").drift[0]
    assert (exact.approximate, near.approximate) == (False, True)
    for figures, expected in ((near.a, exact.a), (near.b, exact.b)):
        assert {name: figures[name] for name in ("rows", "mean", "p0", "p100")} == {
            name: expected[name] for name in ("rows", "mean", "p0", "p100")
        }
        assert figures == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("twice", [[0.0, -0.0], [NAN, NAN]], ids=["zeros", "not numbers"])
def test_keys_that_are_equal_though_their_bits_differ_are_duplicates(sides: Sides, twice: list[float]) -> None:
    found = sides.compare(table(k=[1.0], v=[1]), table(k=twice, v=[1, 2]), "k")
    assert (found.status, len(found.duplicates)) == ("not_comparable", 1)
