"""Export: the warehouse's marts as Parquet, CSV and one Data Package; the same rows give the same bytes.

Technical columns stay in the warehouse: some of them name the run. Rows pass through in groups, so that
a mart of any size takes the same memory.
"""

from __future__ import annotations

import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from observatudo import parquet, paths
from observatudo.config import declared, load_dataset
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import datapackage, engine
from observatudo.warehouse.glossary import Glossary, load_glossary
from observatudo.warehouse.tables import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from observatudo.warehouse.artifacts import Mart
    from observatudo.warehouse.engine import Engine

# A spreadsheet opens no more lines than this, header included: a longer CSV is for programs, and compressed.
SPREADSHEET_LINES = 1_048_576
_GZIP_LEVEL = 3


def export(root: Path, marts: Sequence[Mart], target: str = engine.DUCKDB) -> dict[str, int]:
    """Write every mart of the warehouse ``target`` and the Data Package under ``data/marts``; return rows per mart.

    A folder is filled aside and then takes the place of the old one, so that a reader never finds half. Raises
    ObservatudoError, with the old one in its place, when the warehouse cannot be read or the disk not be written.
    """
    aside = root / paths.MARTS.with_name("marts.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        rows = _fill(root, aside, marts, target)
        shutil.rmtree(root / paths.MARTS, ignore_errors=True)
        aside.rename(root / paths.MARTS)
    except OSError as error:
        raise ObservatudoError(
            _("the marts cannot be written: {reason}").format(reason=error.strerror or error),
            where=paths.MARTS.as_posix(),
            next_step=_("make room on the disk, then type: dvc repro transform"),
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return rows


def _fill(root: Path, folder: Path, marts: Sequence[Mart], target: str) -> dict[str, int]:
    glossary = load_glossary(root)
    folder.mkdir(parents=True)
    with engine.opened(root, target) as warehouse:
        rows = {mart.name: _export_mart(warehouse, mart, glossary, folder) for mart in marts}
    datapackage.write(folder, marts, glossary, {key: load_dataset(root, key) for key in declared(root)})
    return rows


def _export_mart(warehouse: Engine, mart: Mart, glossary: Glossary, folder: Path) -> int:
    schema = arrow_schema([(name, glossary[name].type) for name in mart.columns])
    rows = warehouse.count(mart.name)
    with (
        ThreadPoolExecutor(2) as pool,
        parquet.writer(folder / f"{mart.name}.parquet", schema) as to_parquet,
        _csv_writer(folder / f"{mart.name}.csv", compressed=rows >= SPREADSHEET_LINES) as to_csv,
    ):
        for group in _read(warehouse, mart, schema):
            # side by side, and both done before the next group is fetched: never more than one in memory
            for write in [pool.submit(to_parquet.write_table, group), pool.submit(to_csv, group)]:
                write.result()
    return rows


def _read(warehouse: Engine, mart: Mart, schema: pa.Schema) -> Iterator[pa.Table]:
    """Give the mart's published columns, ordered by its key, in the types of ``schema``."""
    reader = warehouse.reader(mart.name, mart.columns, mart.key)
    return (group.cast(schema) for group in parquet.groups(reader, reader.schema))


@contextmanager
def _csv_writer(path: Path, *, compressed: bool) -> Iterator[Callable[[pa.Table], None]]:
    """Open a CSV, or its compressed form ``path`` + ``.gz``, and give what writes one group to it."""
    from pyarrow import csv

    first = True

    def write(group: pa.Table) -> None:
        nonlocal first
        text = io.BytesIO()
        csv.write_csv(group, text, csv.WriteOptions(include_header=first, quoting_style="needed"))
        out.write(_gzip(text.getvalue()) if compressed else text.getbuffer())
        first = False

    with (path.with_name(f"{path.name}.gz") if compressed else path).open("wb") as out:
        yield write


def _gzip(text: bytes) -> bytes:
    """Compress one group; members stand one behind the other in a file, as RFC 1952 has it.

    By pyarrow's own zlib, which a machine's Python need not have in the same version. The tenth byte
    names the operating system: 255 is “unknown”.
    """
    import pyarrow as pa

    packed: bytes = pa.Codec("gzip", compression_level=_GZIP_LEVEL).compress(text, asbytes=True)
    return packed[:9] + b"\xff" + packed[10:]
