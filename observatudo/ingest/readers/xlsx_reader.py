"""A sheet of a workbook (XLSX) → rows of text, each with its row in the sheet."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree.ElementTree import ParseError

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.left_out import left_out
from observatudo.ingest.readers.native import as_text
from observatudo.ingest.readers.raw import first_bytes, seekable
from observatudo.ingest.readers.source import Source, batches_of, joined, named, search

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

    from observatudo.resource import Dialect, Resource

_Cells = list[object]
_LeftOut = dict[int, dict[int, str]]


def read(path: Path, resource: Resource) -> Source:
    """Open one sheet; raises DataError when the workbook is none, or it is not clear which of its sheets to read."""
    where = str(path)
    with _opened(path, resource.innerpath) as file:
        sheet, others = _sheet(file, resource.dialect, where)
    rows = _rows(sheet, others)
    wanted = resource.dialect.headerRows or [1]
    top = [(number, row) for number, row in zip(range(1, wanted[-1] + 1), rows, strict=False)]
    if len(top) < wanted[-1]:
        raise DataError(
            _("the sheet “{name}” ends before the row of its header").format(name=sheet.name),
            where=where,
            next_step=_("correct “dialect.headerRows” or “sheetName” in the dataset's declaration"),
        )
    spread = _spread(sheet, [row for _number, row in top])
    texts = [[as_text(cell) or "" for cell in row] for row in spread]
    columns = named(joined([texts[n - 1] for n in wanted], resource.dialect.headerJoin), f"{where}:{wanted[0]}")
    above = "\n".join("\t".join(filter(None, row)) for row in texts[: wanted[0] - 1])
    data = _numbered(rows, wanted[-1] + 1)
    return Source(columns, batches_of(data, columns, where), preamble=search(resource.preamble, above, where))


def _opened(path: Path, innerpath: str) -> BinaryIO:
    if first_bytes(path)[:1] == b"<":
        raise DataError(
            _("this is an HTML page where {format} is expected: often a server's message of an error").format(
                format="XLSX"
            ),
            where=str(path),
            next_step=_("open it in a browser to see what it says, then: observatudo fetch"),
        )
    return seekable(path, innerpath)


def _sheet(file: BinaryIO, dialect: Dialect, where: str) -> tuple[CalamineSheet, _LeftOut]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        if not zipfile.is_zipfile(file):
            raise zipfile.BadZipFile(_("it is no zip, as every workbook is"))
        file.seek(0)
        book = CalamineWorkbook.from_filelike(file)
        index = _index(book, dialect, where)
        sheet = book.get_sheet_by_index(index)
        others = left_out(file, index)
    except (CalamineError, zipfile.BadZipFile, KeyError, ParseError) as error:
        raise DataError(
            _("this is no XLSX workbook, or a damaged one: {error}").format(error=error),
            where=where,
            next_step=_("get it again: observatudo fetch; or correct “format” in the dataset's declaration"),
        ) from None
    if sheet.start is None and not others:
        raise DataError(_("the sheet “{name}” is empty").format(name=sheet.name), where=where)
    return sheet, others


def _index(book: CalamineWorkbook, dialect: Dialect, where: str) -> int:
    """Return the position of the sheet that is asked for, or of the only one a reader would see."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    names = book.sheet_names
    if dialect.sheetName is not None and dialect.sheetName in names:
        return names.index(dialect.sheetName)
    if dialect.sheetNumber is not None and dialect.sheetNumber <= len(names):
        return dialect.sheetNumber - 1
    seen = [
        position
        for position, sheet in enumerate(book.sheets_metadata)
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
    ]
    asked = dialect.sheetName if dialect.sheetName is not None else dialect.sheetNumber
    if asked is None and len(seen) == 1:
        return seen[0]
    if asked is None:
        message = _("the workbook has {n} sheets, and the declaration does not say which to read").format(n=len(seen))
    else:
        message = _("the workbook has no sheet “{name}”").format(name=asked)
    raise DataError(
        message,
        where=where,
        next_step=_("name one in the resource's “dialect.sheetName”; there are: {names}").format(
            names=", ".join(names)
        ),
    )


def _rows(sheet: CalamineSheet, others: _LeftOut) -> Iterator[_Cells]:
    """Yield every row from the sheet's first on, from its first column on; empty cells are None.

    What was left out can stand beyond the last row and column that the sheet's reader knows of.
    """
    end = sheet.end or (-1, -1)
    height = 1 + max(end[0], *others, -1)
    width = 1 + max(end[1], *(max(row) for row in others.values()), -1)
    before: _Cells = [None] * (sheet.start[1] if sheet.start else 0)
    for number, cells in zip(range(height), itertools.chain(sheet.iter_rows(), itertools.repeat([])), strict=False):
        row = [*before, *(None if cell == "" else cell for cell in cells)]
        row += [None] * (width - len(row))
        for column, text in others.get(number, {}).items():
            row[column] = text
        yield row


def _spread(sheet: CalamineSheet, rows: list[_Cells]) -> list[_Cells]:
    """Return the top rows with the text of merged cells in every cell they cover."""
    rows = [list(row) for row in rows]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        for row in rows[top : bottom + 1]:
            row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])
    return rows


def _numbered(rows: Iterator[_Cells], first: int) -> Iterator[tuple[int, _Cells]]:
    """Yield the rows with their numbers, without the empty ones after the last that holds something."""
    empty: list[tuple[int, _Cells]] = []
    for number, row in enumerate(rows, start=first):
        empty.append((number, row))
        if any(cell is not None for cell in row):
            yield from empty
            empty = []
