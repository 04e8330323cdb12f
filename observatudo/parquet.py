"""One way to write Parquet, so that the same rows are the same bytes everywhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP = 122_880
_HARDLY_REPEATING = {"valor_original", "texto"}


def write(table: pa.Table, path: Path) -> None:
    """Write a table that is already in a total order to ``path``, making its folders."""
    write_batches(table.to_batches(), table.schema, path)


def write_batches(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    """Write batches that come in a total order as ``write`` does their table, one row group at a time in memory."""
    with writer(path, schema) as out:
        for group in groups(batches, schema):
            out.write_table(group)


@contextmanager
def writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open ``path`` for the tables of ``groups``, making its folders: a table too large for memory is written so.

    Every setting that could change the bytes is fixed here. The writer puts its own version into
    the file, so an upgrade of pyarrow changes hashes; the run record names that version. Columns that
    hardly repeat get no dictionary: of observations that makes the file smaller and its writing three times faster.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    repeating = [f.name for f in schema if not pa.types.is_floating(f.type) and f.name not in _HARDLY_REPEATING]

    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(
        path,
        schema.remove_metadata(),
        version="2.6",
        compression="zstd",
        compression_level=1,
        use_dictionary=repeating,
        write_statistics=True,
        store_schema=False,
    ) as out:
        yield out


def groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut the rows of ``batches`` into tables of ROW_GROUP rows, the last one shorter; no rows give one empty table.

    However the rows were batched, they come out alike: one table is one row group of the file.
    """
    import pyarrow as pa

    plain = schema.remove_metadata()
    held = plain.empty_table()
    given = 0
    for batch in batches:
        held = pa.concat_tables([held, pa.Table.from_batches([batch]).replace_schema_metadata(None)])
        while held.num_rows >= ROW_GROUP:
            yield held.slice(0, ROW_GROUP).combine_chunks()
            held = held.slice(ROW_GROUP)
            given += 1
    if held.num_rows or not given:
        yield held.combine_chunks()
