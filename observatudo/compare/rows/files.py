"""The files of one side: their footers, whether they agree, and which of them need not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from observatudo.compare.rows import csv
from observatudo.compare.rows.options import Source
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Value: TypeAlias = "int | float | str | bytes"
Range: TypeAlias = "tuple[Value, Value]"


@dataclass(frozen=True)
class File:
    """A Parquet file as its footer describes it."""

    name: str
    md5: str
    path: Path
    rows: int
    size: int
    schema: pa.Schema
    metadata: pq.FileMetaData


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn a failure to read ``name`` as Parquet into an error that names it."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError as error:
        raise ObservatudoError(
            _("the file is gone"), where=name, next_step=_("compare again; `observatudo verify` finds what is missing")
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ObservatudoError(
            _("the file cannot be read as Parquet: {why}").format(why=(str(error).splitlines() or [""])[0]),
            where=name,
            next_step=_("observatudo verify --deep says whether its bytes are those of its version"),
        ) from error


def footer(name: str, md5: str, path: Path) -> File:
    """Read a footer; raises ObservatudoError, naming the file, when it is not one of a Parquet file."""
    import pyarrow.parquet as pq

    with readable(name):
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
    return File(name, md5, path, metadata.num_rows, path.stat().st_size, schema, metadata)


def read_through(file: File) -> None:
    """Read all of a file; raises ObservatudoError, naming it, when a part of it is damaged or a text no UTF-8."""
    import pyarrow.parquet as pq

    with readable(file.name), pq.ParquetFile(file.path) as opened:
        for batch in opened.iter_batches(use_threads=False):
            batch.validate(full=True)


def footers(source: Source, folder: Path) -> list[File]:
    """Return the files of a side by name; a CSV is first copied into ``folder`` as Parquet, every value a text."""
    found = []
    for number, (name, md5, path) in enumerate(sorted(source.files, key=lambda file: file[0])):
        if csv.is_one(name, path):
            copied = folder / f"{number}.parquet"
            folder.mkdir(parents=True, exist_ok=True)
            csv.copy(name, path, copied)
            found.append(footer(name, md5, copied))
        else:
            found.append(footer(name, md5, _plain(path, folder / f"{number}.parquet")))
    agree(found)
    return found


def _plain(path: Path, link: Path) -> Path:
    """Return a path that DuckDB does not take for a pattern: itself, or a link to it."""
    if not set(str(path)) & set("*?["):
        return path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path.absolute())
    return link


def agree(found: Sequence[File]) -> None:
    """Raise ObservatudoError when two files of a table have different columns."""
    for file in found[1:]:
        if not file.schema.equals(found[0].schema):
            here, there = _types(file.schema), _types(found[0].schema)
            if here != there:
                column = min({name for name, _kind in here.items() ^ there.items()})
                raise ObservatudoError(
                    _("files of one table differ in column {column}: {here} here, {there} in {other}").format(
                        column=column, here=here.get(column, "–"), there=there.get(column, "–"), other=found[0].name
                    ),
                    where=file.name,
                    next_step=_("write the table again: dvc repro"),
                )


def schema(source: Source) -> dict[str, str]:
    """Return column → type of a side in the order of the file; empty where it has no file.

    Types are Arrow's names. Raises ObservatudoError when a file cannot be read or files differ.
    """
    if any(csv.is_one(name, path) for name, _md5, path in source.files):
        return {column: "string" for name, _md5, path in source.files for column in csv.header(name, path)}
    found = [footer(*file) for file in sorted(source.files, key=lambda file: file[0])]
    agree(found)
    return _types(found[0].schema) if found else {}


def _types(schema: pa.Schema) -> dict[str, str]:
    from observatudo.compare.rows.types import shown

    return {field.name: shown(field.type) for field in schema}


def span(file: File, column: str, *, nulls: bool = False) -> Range | None:
    """Return the least and the largest value of a column, or bounds around them; None where the footer has none.

    A column with nulls has none, as a null is within no bounds; with ``nulls``, they are passed over.
    """
    number = file.schema.get_field_index(column)
    lows: list[Value] = []
    highs: list[Value] = []
    for group in range(file.metadata.num_row_groups):
        if not file.metadata.row_group(group).num_rows:
            continue
        bounds = group_span(file, group, number, nulls=nulls)
        if bounds is None:
            return None
        lows.append(bounds[0])
        highs.append(bounds[1])
    return (min(lows), max(highs)) if lows else None


def group_span(file: File, group: int, column: int, *, nulls: bool = False) -> Range | None:
    """Return bounds of a top-level column's values in one row group, where its statistics have them and no nulls."""
    if column < 0 or file.metadata.num_columns != len(file.schema):  # nested: columns are leaves
        return None
    statistics = file.metadata.row_group(group).column(column).statistics
    if statistics is None or not statistics.has_min_max or not statistics.has_null_count:
        return None
    if statistics.null_count and not nulls:
        return None
    if statistics.physical_type not in ("INT32", "INT64", "BYTE_ARRAY") or statistics.logical_type.type == "DECIMAL":
        return None
    low, high = statistics.min_raw, statistics.max_raw
    if isinstance(low, bytes):
        return (low, high) if statistics.logical_type.type == "STRING" else None
    return (low, high) if low <= high else None  # unsigned ones are given as signed


def skipped(a: Sequence[File], b: Sequence[File], key: str) -> set[tuple[str, str]]:
    """Return (name, md5) of the files that both sides have alike and that need not be read.

    A key may have moved from one file to another, or stand twice: a file is left out only when no other file,
    on either side, may hold a key of its range. ``key`` is the first column of the key, whose ranges the footers tell.
    """
    common = {(file.name, file.md5) for file in a if file.md5} & {(file.name, file.md5) for file in b if file.md5}
    if not common:
        return set()
    alone = _apart(a, key) & _apart(b, key)
    return {pair for pair in common if pair[0] in alone}


def _apart(files: Sequence[File], key: str) -> set[str]:
    """Return the names of files whose ranges meet no other file's."""
    filled = [file for file in files if file.rows]
    spans = {file.name: span(file, key) for file in filled}
    known = sorted((bounds, name) for name, bounds in spans.items() if bounds is not None)
    if len(known) < len(filled) and len(filled) > 1:
        return {file.name for file in files if not file.rows}
    apart = {file.name for file in files}
    widest: tuple[Value, str] | None = None  # whoever is overtaken by a wider one overlaps it, and was found so
    for (low, high), name in known:
        if widest is not None and low <= widest[0]:  # type: ignore[operator]  # of one column, hence of one type
            apart -= {name, widest[1]}
        if widest is None or high > widest[0]:  # type: ignore[operator]
            widest = (high, name)
    return apart
