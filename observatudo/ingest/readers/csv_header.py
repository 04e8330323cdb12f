"""The first lines of a CSV: what stands above the header, the header, and why a header may be none."""

from __future__ import annotations

import collections
import csv
import io
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.source import joined, named

if TYPE_CHECKING:
    from observatudo.resource import Dialect

DELIMITERS = ";,\t|"
_LONGEST_FIELD = 1 << 30
_SAMPLE = 50  # lines looked at for a header further down


@dataclass
class Header:
    """The columns, the text above them, how many physical lines both take, and what follows in the first block."""

    columns: list[str]
    above: str
    lines: int
    rest: bytes


def read_header(block: bytes, dialect: Dialect, where: str) -> Header:
    """Read the header from the first block of a CSV; raises DataError when it is none or breaks a rule of names."""
    file = io.StringIO(block.decode(), newline="")
    wanted = dialect.headerRows or [1]
    above = "".join(itertools.islice(file, wanted[0] - 1))
    lines = wanted[0] - 1
    rows: list[list[str]] = []
    for row in wanted:
        for _between in itertools.islice(file, max(row - 1 - lines, 0)):
            lines += 1
        record, taken = _record(file, dialect, f"{where}:{row}")
        rows.append(record)
        lines += taken
    rest = file.read()
    _refuse_wrong_dialect(rows, rest, dialect, f"{where}:{wanted[0]}")
    names = named(joined(rows, dialect.headerJoin), f"{where}:{wanted[0]}")
    return Header(names, above.replace("\r\n", "\n"), lines, rest.encode())


def open_quote(lines: Iterable[str], dialect: Dialect) -> bool:
    """Tell whether the last of these records ends inside a quote."""
    before = csv.field_size_limit(_LONGEST_FIELD)  # what was swallowed can be as long as a block
    try:
        for _row in csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quoteChar, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    finally:
        csv.field_size_limit(before)
    return False


def _record(file: io.StringIO, dialect: Dialect, where: str) -> tuple[list[str], int]:
    start = file.tell()
    reader = csv.reader(file, delimiter=dialect.delimiter, quotechar=dialect.quoteChar)
    try:
        record = next(reader, None)
    except csv.Error:  # longer than any name
        swallowed = True
    else:
        swallowed = reader.line_num > 1 and open_quote([file.getvalue()[start : file.tell()]], dialect)
    if swallowed:
        raise DataError(
            _("a quote is opened in the header and never closed"),
            where=where,
            next_step=_("correct “dialect” in the dataset's declaration, or mend the snapshot at its source"),
        )
    if record is None:
        raise DataError(
            _("the file ends before the line of its header"),
            where=where,
            next_step=_("correct “dialect.headerRows” in the dataset's declaration"),
        )
    return record, reader.line_num


def _refuse_wrong_dialect(rows: list[list[str]], rest: str, dialect: Dialect, where: str) -> None:
    """Raise DataError when a header of one column would be several with another delimiter, or stands further down."""
    if any(len(row) != 1 for row in rows):
        return
    sample = list(itertools.islice(io.StringIO(rest, newline=""), _SAMPLE))
    widths = [len(row) for row in csv.reader(sample, delimiter=dialect.delimiter, quotechar=dialect.quoteChar)]
    width, times = collections.Counter(widths or [1]).most_common(1)[0]
    if width > 1 and 2 * times > len(widths):
        line = int(where.rpartition(":")[2]) + 1 + widths.index(width)
        raise DataError(
            _("the header has one column, most lines below it have {n}").format(n=width),
            where=where,
            next_step=_("if line {line} is the header: dialect: {{headerRows: [{line}]}}").format(line=line),
        )
    for delimiter in DELIMITERS:
        if any(len(next(csv.reader(row, delimiter=delimiter, quotechar=dialect.quoteChar), [])) > 1 for row in rows):
            written = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'
            raise DataError(
                _("“{delimiter}” does not split the header, “{other}” would").format(
                    delimiter=dialect.delimiter, other=delimiter
                ),
                where=where,
                next_step=_(
                    "put into the resource in the dataset's declaration: dialect: {{delimiter: {text}}}"
                ).format(text=written),
            )
