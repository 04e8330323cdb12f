"""Which sheet of a workbook holds the table; several where each is the same table of another year."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.native import as_text
from observatudo.ingest.readers.raw import seekable
from observatudo.onboard import header
from observatudo.onboard.look import Look
from observatudo.onboard.words import YEAR, folded

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

    from observatudo.onboard.places import Places

_LOOKED_AT = 200
_ABOUT = re.compile(r"leia|nota|dicion|metad|legenda|sobre|capa|indice|sumario|readme|glossario|fonte|instruc")


@dataclass
class Sheet:
    """A sheet with a table: its header's rows (from 1, None for the first), what is above, and how good it looks."""

    name: str
    header_rows: list[int] | None
    names: list[str]
    above: str
    score: float
    constants: dict[str, str] = field(default_factory=dict)


@dataclass
class Chosen:
    """The sheets to read; ``named`` says whether a declaration has to name them."""

    sheets: list[Sheet]
    named: bool
    guesses: dict[str, str] = field(default_factory=dict)


def choose(found: Look, places: Places) -> Chosen:
    """Return the sheets to read; raises DataError where no visible sheet holds a table."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    with seekable(found.path, found.innerpath) as file:
        try:
            book = CalamineWorkbook.from_filelike(file)
            seen = [
                book.get_sheet_by_index(n)
                for n, about in enumerate(book.sheets_metadata)
                if about.visible == SheetVisibleEnum.Visible and about.typ == SheetTypeEnum.WorkSheet
            ]
            tables = [table for sheet in seen if (table := _table(sheet, places)) is not None]
        except CalamineError as error:
            raise DataError(
                _("the workbook cannot be read: {error}").format(error=error), where=str(found.path)
            ) from None
    if not tables:
        raise DataError(
            _("no sheet holds a table: no row looks like names of columns above rows of values"), where=str(found.path)
        )
    best = max(tables, key=lambda table: table.score)
    years = _of_years(best, tables)
    if len(years) > 1:
        why = _("{names}, because they have the same columns and their names are years").format(
            names=", ".join(sheet.name for sheet in years)
        )
        return Chosen(years, True, {"sheetName": why})
    guesses = {}
    if len(seen) > 1:
        guesses["sheetName"] = _("“{name}”, because of {n} sheets it looks most like a table of places").format(
            name=best.name, n=len(seen)
        )
    return Chosen([best], len(seen) > 1, guesses)


def _of_years(best: Sheet, tables: list[Sheet]) -> list[Sheet]:
    """Return the sheets of one table whose names tell them apart by year, each with its year as a constant."""
    alike = [t for t in tables if [folded(name) for name in t.names] == [folded(name) for name in best.names]]
    years = [re.findall(YEAR, sheet.name) for sheet in alike]
    if len(alike) < 2 or any(len(found) != 1 for found in years) or len({found[0] for found in years}) != len(alike):
        return [best]
    for sheet, found in zip(alike, years, strict=True):
        sheet.constants = {"ano_da_planilha": found[0]}
    return alike


def _table(sheet: CalamineSheet, places: Places) -> Sheet | None:
    # the reader counts rows from the sheet's first, empty or not
    rows = [[as_text(cell) or "" for cell in row] for row in sheet.to_python(skip_empty_area=False, nrows=_LOOKED_AT)]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        for row in rows[top : bottom + 1]:
            row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])
    found = header.find(rows)
    if found is None:
        return None
    below = rows[found.rows[-1] + 1 :]
    placed = sum(any(places.is_code(cell.strip()) or places.is_name(cell) for cell in row if cell) for row in below)
    about = _ABOUT.search(folded(sheet.name)) is not None
    height = max(sheet.height - found.rows[-1] - 1, 0)
    score = found.score + 5 * placed / max(len(below), 1) + min(height, 10_000) / 10_000 - (3 if about else 0)
    numbers = [row + 1 for row in found.rows]
    above = "\n".join("\t".join(filter(None, row)) for row in rows[: found.rows[0]])
    return Sheet(sheet.name, None if numbers == [1] else numbers, found.names, above, score)
