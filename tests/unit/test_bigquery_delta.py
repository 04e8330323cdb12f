"""The difference between two versions, held against one worked out in plain Python."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo.errors import ObservatudoError
from observatudo.warehouse.bigquery import delta
from observatudo.warehouse.bigquery.fingerprint import Fingerprint, of_files
from observatudo.warehouse.bigquery.sent import Columns, File, Sent
from observatudo.warehouse.tables import arrow_schema

COLUMNS: Columns = (("id", "string"), ("mes", "date"), ("valor", "number"), ("texto", "string"), ("sim", "boolean"))
KEY = ("id", "mes")
Row = tuple[object, ...]

text = st.sampled_from(["", "N", "1:a", "1:", "0:", "á", "a\u0301", "𝔘", "\x00", "x" * 70, "'; drop table t; --"])
number = st.sampled_from([0.0, -0.0, 0.1, 1e300, 5e-324, float("inf"), float("-inf"), float("nan"), 2.0**53])
rest = st.tuples(st.none() | number, st.none() | text, st.none() | st.booleans())
key = st.tuples(text, st.sampled_from([date(1, 1, 1), date(1969, 12, 31), date(2020, 2, 29), date(2020, 2, 1)]))
version = st.dictionaries(key, rest, max_size=8)


def written(root: Path, name: str, rows: Sequence[Row], columns: Columns = COLUMNS) -> File:
    path = root / f"{name}.parquet"
    names = [name for name, _kind in columns]
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    pq.write_table(pa.Table.from_pylist(listed, schema=arrow_schema(columns)), path)
    content = path.read_bytes()
    md5, sha256 = hashlib.md5(content, usedforsecurity=False).hexdigest(), hashlib.sha256(content).hexdigest()
    (root / md5).write_bytes(content)
    return File("a.parquet", md5, sha256, len(rows))


def between(root: Path, before: Sequence[Row], after: Sequence[Row], columns: Columns = COLUMNS) -> delta.Delta:
    old = written(root, "antes", before, columns)
    new = written(root, "a", after, columns)
    month = "mes" if "mes" in dict(columns) else ""
    table = Sent("t", columns, tuple(name for name in KEY if name in dict(columns)), (new,), "", month)
    here = of_files([root / old.md5], columns)
    (root / "saida").mkdir(exist_ok=True)
    return delta.between([old], lambda file: root / file.md5, here, table, root, root / "saida")


@given(version, version)
@settings(max_examples=25, deadline=None)
def test_the_difference_is_that_of_plain_python(before: dict[Row, Row], after: dict[Row, Row]) -> None:
    expected = {("I" if key not in before else "U", repr((*key, *after[key]))) for key in after if key not in before}
    expected |= {
        ("U", repr((*key, *after[key]))) for key in after if key in before and repr(before[key]) != repr(after[key])
    }
    expected |= {("R", repr((*key, *before[key]))) for key in before if key not in after}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        found = between(root, [(*k, *v) for k, v in before.items()], [(*k, *v) for k, v in after.items()])
        rows = [tuple(row.values()) for row in pq.read_table(found.file).to_pylist()]
        assert {(str(row[-1]), repr(row[:-1])) for row in rows} == expected and len(rows) == len(expected) == found.rows
        assert found.after == of_files([root / "a.parquet"], COLUMNS)
        days = sorted(row[1].isoformat() for row in rows if isinstance(row[1], date))
        assert found.days == ((days[0], days[-1]) if days else None)


def test_only_files_that_differ_are_read(tmp_path: Path) -> None:
    same = written(tmp_path, "igual", [("a", date(2020, 1, 1), 1.0, None, None)])
    same = File("igual.parquet", same.md5, same.sha256, 1)
    (tmp_path / "igual.parquet").unlink()
    new = written(tmp_path, "a", [("b", date(2020, 1, 1), 1.0, None, None)])
    table = Sent("t", COLUMNS, KEY, (new, same), "", "mes")
    found = delta.between([same], lambda file: tmp_path / "nowhere", Fingerprint(), table, tmp_path, tmp_path)
    assert (found.inserted, found.updated, found.removed) == (1, 0, 0)


def test_a_table_whose_key_is_all_of_it(tmp_path: Path) -> None:
    columns: Columns = (("id", "string"),)
    found = between(tmp_path, [("a",), ("b",)], [("b",), ("c",)], columns)
    assert (found.inserted, found.updated, found.removed, found.days) == (1, 0, 1, None)


def test_the_same_difference_is_the_same_file(tmp_path: Path) -> None:
    before = [(str(number), date(2020, 1, 1), float(number), None, None) for number in range(5000)]
    after = [(str(number), date(2020, 1, 1), float(number % 7), "x", None) for number in range(100, 5100)]
    assert between(tmp_path, before, after).sha256 == between(tmp_path, before, after).sha256


def test_an_object_with_other_bytes_than_its_name_says_is_known(tmp_path: Path) -> None:
    file = written(tmp_path, "x", [("a", date(2020, 1, 1), 1.0, None, None)])
    assert delta.is_sound(tmp_path / file.md5, file)
    (tmp_path / file.md5).write_bytes((tmp_path / file.md5).read_bytes()[:-1])
    assert not delta.is_sound(tmp_path / file.md5, file)
    assert not delta.is_sound(tmp_path / "nowhere", file)


def test_a_file_that_duckdb_cannot_read_is_said(tmp_path: Path) -> None:
    old = written(tmp_path, "antes", [])
    new = written(tmp_path, "a", [("a", date(2020, 1, 1), 1.0, None, None)])
    (tmp_path / old.md5).write_bytes(b"PAR1 nothing of the kind PAR1")
    table = Sent("t", COLUMNS, KEY, (new,), "", "mes")
    with pytest.raises(ObservatudoError) as raised:
        delta.between([old], lambda f: tmp_path / f.md5, Fingerprint(), table, tmp_path, tmp_path)
    assert raised.value.where == "t" and raised.value.next_step


ROWS: list[Row] = [("a", date(2020, 1, 1), 1.0, "b", True), ("c", date(1969, 1, 1), -0.0, None, None)]
OTHERS: list[list[Row]] = [
    [ROWS[0]],
    [ROWS[0], ROWS[1], ROWS[1]],
    [ROWS[0], ("c", date(1969, 1, 1), 0.0, None, None)],
    [ROWS[0], ("c", date(1969, 1, 1), -0.0, "", None)],
    [ROWS[0], ("c", date(1969, 1, 1), -0.0, "N", None)],
    [ROWS[0], ("c", date(1969, 1, 1), None, None, None)],
    [("b", date(2020, 1, 1), 1.0, "a", True), ROWS[1]],  # swapped between columns
    [("a", date(1969, 1, 1), 1.0, "b", True), ("c", date(2020, 1, 1), -0.0, None, None)],  # and between rows
    [("a", date(2020, 1, 1), 1.0000000000000002, "b", True), ROWS[1]],
    [("a", date(2020, 1, 1), 1.0, "b", False), ROWS[1]],
    [("a", date(2020, 1, 1), 1.0, "1:b", True), ROWS[1]],
]


@pytest.mark.parametrize("others", OTHERS)
def test_a_fingerprint_tells_rows_apart_and_not_their_order(tmp_path: Path, others: list[Row]) -> None:
    written(tmp_path, "um", ROWS)
    written(tmp_path, "outra_ordem", ROWS[::-1])
    written(tmp_path, "outro", others)
    one = of_files([tmp_path / "um.parquet"], COLUMNS)
    assert one == of_files([tmp_path / "outra_ordem.parquet"], COLUMNS)
    assert one != of_files([tmp_path / "outro.parquet"], COLUMNS)
    both = of_files([tmp_path / "um.parquet", tmp_path / "outro.parquet"], COLUMNS)
    assert both == one + of_files([tmp_path / "outro.parquet"], COLUMNS)


ZEROS = [(0.0, -0.0), (-0.0, 0.0), (0.1, 0.1 + 2**-55), (None, 0.0), (5e-324, 0.0), (float("nan"), None)]


@pytest.mark.parametrize(("before", "after"), ZEROS)
def test_a_value_that_the_fingerprint_tells_apart_is_a_change(
    tmp_path: Path, before: float | None, after: float | None
) -> None:
    first, second = [("a", date(2020, 1, 1), value, None, None) for value in (before, after)]
    found = between(tmp_path, [first], [second])
    assert (found.inserted, found.updated, found.removed) == (0, 1, 0)
    assert found.after == of_files([tmp_path / "a.parquet"], COLUMNS)
