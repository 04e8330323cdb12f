"""CSV files that a user names: read strictly, every value a text, and copied as Parquet to be compared as such."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import literal

_DELIMITERS = ",;\t|"


def is_one(name: str, path: Path) -> bool:
    return any(text.lower().endswith((".csv", ".csv.gz")) for text in (name, path.name))


def header(name: str, path: Path) -> list[str]:
    """Return the names of the columns; raises ObservatudoError when the file is gone or has no usable header."""
    return _layout(name, path)[1]


def copy(name: str, path: Path, target: Path) -> None:
    """Write the rows to ``target`` as Parquet. An empty value is null, a quoted empty one is an empty text.

    Raises ObservatudoError, naming file and line, when a line has more or fewer values than the header.
    """
    import duckdb

    delimiter, names = _layout(name, path)
    columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in names)
    kind = "gzip" if _is_packed(name, path) else "none"
    query = (
        f"SELECT * FROM read_csv({literal(str(path))}, auto_detect = false, header = true, columns = {{{columns}}}, "
        f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', strict_mode = true, null_padding = false, "
        f"allow_quoted_nulls = false, compression = {literal(kind)})"
    )
    try:
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"COPY ({query}) TO {literal(str(target))} (FORMAT parquet)")
    except duckdb.Error as error:
        raise _unreadable(name, str(error).splitlines()[0]) from error


def _layout(name: str, path: Path) -> tuple[str, list[str]]:
    """Return the delimiter, which is the commonest in the header, and the names of the columns."""
    with _opened(name, path) as file:
        first = file.readline()
        delimiter = max(_DELIMITERS, key=first.count)
        names = next(csv.reader([first], delimiter=delimiter), [])
    if not names or len(set(names)) < len(names) or "" in names:
        raise _unreadable(name, _("its first line does not name every column once"))
    return delimiter, names


@contextmanager
def _opened(name: str, path: Path) -> Iterator[io.TextIOBase]:
    try:
        with path.open("rb") as raw, gzip.open(raw) if _is_packed(name, path) else raw as plain:
            yield io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise _unreadable(name, str(error)) from error


def _is_packed(name: str, path: Path) -> bool:
    return f"{name} {path.name}".lower().find(".csv.gz") >= 0


def _unreadable(name: str, why: str) -> ObservatudoError:
    return ObservatudoError(
        _("the file cannot be read as CSV: {why}").format(why=why),
        where=name,
        next_step=_("mend the file: UTF-8, one header, as many values in each line as in the header"),
    )
