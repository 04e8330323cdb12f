"""The one Parquet writer: the same rows are the same bytes, however they arrive."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo import parquet


def _table(rows: int) -> pa.Table:
    return pa.table(
        {
            "nome": pa.array([f"município {row % 7}" for row in range(rows)], pa.string()),
            "valor": pa.array([None if row % 11 == 0 else row / 3 for row in range(rows)], pa.float64()),
            "texto": pa.nulls(rows, pa.string()),
        }
    )


def _whole(table: pa.Table, path: Path) -> bytes:
    """Write the table in one call of pyarrow, as it was done when every table fitted into memory."""
    pq.write_table(
        table.combine_chunks(),
        path,
        row_group_size=parquet.ROW_GROUP,
        version="2.6",
        compression="zstd",
        compression_level=1,
        use_dictionary=["nome"],
        write_statistics=True,
        store_schema=False,
    )
    return path.read_bytes()


@pytest.mark.parametrize("rows", [0, 1, parquet.ROW_GROUP - 1, parquet.ROW_GROUP, 2 * parquet.ROW_GROUP + 5])
@pytest.mark.parametrize("batch", [1_000, 50_001, 300_000])
def test_the_rows_decide_the_bytes_and_not_how_they_were_batched(tmp_path: Path, rows: int, batch: int) -> None:
    table = _table(rows)
    with parquet.writer(tmp_path / "new/groups.parquet", table.schema) as out:
        for group in parquet.groups(table.to_batches(max_chunksize=batch), table.schema):
            out.write_table(group)
    parquet.write(table, tmp_path / "table.parquet")
    expected = _whole(table, tmp_path / "whole.parquet")
    assert (tmp_path / "new/groups.parquet").read_bytes() == expected
    assert (tmp_path / "table.parquet").read_bytes() == expected


def test_metadata_of_a_table_never_reach_the_file(tmp_path: Path) -> None:
    table = _table(3)
    parquet.write(table, tmp_path / "plain.parquet")
    parquet.write(table.replace_schema_metadata({"made": "today"}), tmp_path / "marked.parquet")
    assert (tmp_path / "marked.parquet").read_bytes() == (tmp_path / "plain.parquet").read_bytes()


def test_groups_have_a_fixed_size(tmp_path: Path) -> None:
    table = _table(parquet.ROW_GROUP + 10)
    sizes = [group.num_rows for group in parquet.groups(table.to_batches(max_chunksize=7_777), table.schema)]
    assert sizes == [parquet.ROW_GROUP, 10]
    assert [group.num_rows for group in parquet.groups([], table.schema)] == [0]
