"""Parquet → batches of text, one row group after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.native import NATIVE, Number, cell
from observatudo.ingest.readers.raw import seekable
from observatudo.ingest.readers.source import LINE, RECORDS_PER_BATCH, Source, named, refuse_marked

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from observatudo.resource import Resource


def read(path: Path, resource: Resource) -> Source:
    """Open a Parquet file; raises DataError when it is damaged or a column is nested or holds bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = str(path)
    try:
        file = pq.ParquetFile(seekable(path, resource.innerpath))
    except pa.ArrowException as error:
        raise _unreadable(where, error) from None
    for field in file.schema_arrow:
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type) or pa.types.is_duration(field.type):
            raise DataError(
                _("the column “{name}” is of type {type}, which is no cell of a table").format(
                    name=field.name, type=field.type
                ),
                where=where,
                next_step=_("have it published flat, as text or numbers"),
            )
    columns = named([name.strip() for name in file.schema_arrow.names], where)
    return Source(columns, _batches(file, columns, where))


def _batches(file: pq.ParquetFile, columns: list[str], where: str) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    row = 1
    try:
        for batch in file.iter_batches(RECORDS_PER_BATCH, use_threads=False):
            numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
            texts = [_texts(column, numbers, where) for column in batch]
            yield pa.RecordBatch.from_arrays([*texts, numbers], names=[*columns, LINE])
            row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(where, error) from None


def _texts(column: pa.Array, numbers: pa.Array, where: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as compute

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    text = column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        text = compute.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
        return compute.replace_substring(text, " ", "T", max_replacements=1)
    if pa.types.is_integer(column.type):
        return compute.binary_join_element_wise(NATIVE, text, "")
    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        if compute.any(compute.match_substring(text, "e", ignore_case=True)).as_py():
            return pa.array([each and cell(Number(each)) for each in text.to_pylist()], pa.string())
        text = compute.replace_substring_regex(text, r"\.0*$", "")
        return compute.replace_substring_regex(text, r"^(.*\d)$", NATIVE + r"\1")  # NaN and infinities stay
    refuse_marked(text, numbers, where)
    return text


def _unreadable(where: str, error: Exception) -> DataError:
    return DataError(
        _("this is no Parquet file, or a damaged one: {error}").format(error=error),
        where=where,
        next_step=_("get it again: observatudo fetch; or correct “format” in the dataset's declaration"),
    )
