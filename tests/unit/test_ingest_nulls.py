"""The share of a result that is empty, from footers alone, against a plain count of the cells."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo import parquet
from observatudo.ingest import nulls

NUMBER, TEXT = st.none() | st.floats(allow_nan=False), st.none() | st.text(max_size=3)
VALUE = st.one_of(st.tuples(NUMBER, st.none()), st.tuples(st.none(), TEXT))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(VALUE, max_size=5), max_size=3))
def test_observations_without_a_value(files: list[list[tuple[float | None, str | None]]]) -> None:
    schema = pa.schema([("id", pa.string()), ("valor", pa.float64()), ("valor_texto", pa.string())])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "observacao").mkdir()
        for number, rows in enumerate(files):
            table = [{"id": None, "valor": value, "valor_texto": text} for value, text in rows]
            parquet.write(pa.Table.from_pylist(table, schema), Path(folder) / f"observacao/{number}.parquet")
        found = nulls.rate(Path(folder))
    values = [row for rows in files for row in rows]
    empty = sum(value is None and text is None for value, text in values)
    assert found == (round(empty / len(values), 6) if values else None)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, NUMBER), max_size=6))
def test_empty_cells_of_a_directory(rows: list[tuple[str | None, float | None]]) -> None:
    schema = pa.schema([("nome", pa.string()), ("populacao", pa.float64())])
    with tempfile.TemporaryDirectory() as folder:
        table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
        parquet.write(table, Path(folder) / "referencia.parquet")
        found = nulls.rate(Path(folder))
    empty = sum(cell is None for row in rows for cell in row)
    assert found == (round(empty / (2 * len(rows)), 6) if rows else None)


def test_no_result_has_no_rate(tmp_path: Path) -> None:
    assert nulls.rate(tmp_path) is None
