"""Files of a snapshot → batches of text columns, each row with its place in the file.

Nothing is typed here and nothing dropped: a record that does not fit its header is handed back as
malformed. docs/reading.md tells what is read and how; one module per reason to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.csv_reader import read as read_csv
from observatudo.ingest.readers.json_reader import read as read_json
from observatudo.ingest.readers.native import NATIVE
from observatudo.ingest.readers.parquet_reader import read as read_parquet
from observatudo.ingest.readers.source import LINE, ROW, Malformed, Source, with_constants
from observatudo.ingest.readers.text_reader import read as read_text
from observatudo.ingest.readers.xlsx_reader import read as read_xlsx

if TYPE_CHECKING:
    from observatudo.resource import Resource

__all__ = ["LINE", "NATIVE", "ROW", "Malformed", "Source", "open_source"]

_READERS: dict[str, Callable[[Path, Resource], Source]] = {
    "csv": read_csv,
    "json": read_json,
    "parquet": read_parquet,
    "text": read_text,
    "xlsx": read_xlsx,
}


def open_source(path: Path, resource: Resource) -> Source:
    """Open one file as its resource declares.

    Numbers that are typed in the file come marked by NATIVE, so that no field's grammar is needed to read them.
    Raises DataError for what cannot be read at all, here or while the batches are read.
    """
    if not path.is_file():
        raise DataError(_("the file is not in the snapshot"), where=str(path), next_step="observatudo fetch")
    if path.stat().st_size == 0:
        raise DataError(_("the file is empty"), where=str(path), next_step="observatudo fetch")
    source = _READERS[resource.format](path, resource)
    constants = source.preamble | resource.constants
    return replace(with_constants(source, constants, str(path)), preamble=source.preamble) if constants else source
