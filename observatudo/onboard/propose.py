"""A file → the draft of its declaration: shape, place, period, what is measured, put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.native import NATIVE
from observatudo.onboard import build, columns, look, measures, place, shape, when, wide
from observatudo.onboard.columns import BLANKS, Column, Numbers
from observatudo.onboard.draft import Draft, Keys, Place, When, Wide
from observatudo.onboard.words import without_unit

if TYPE_CHECKING:
    import pyarrow as pa

    from observatudo.onboard.places import Places

_KINDS: Final = ("observacao", "referencia")


@dataclass(frozen=True)
class Asked:
    """What the caller knows better: the kind, the year, columns of place (one, or name and state) and of value."""

    key: str
    file: Path
    url: str = ""
    kind: str | None = None
    year: int | None = None
    place: list[str] | None = None
    value: str | None = None


@dataclass(frozen=True)
class Read:
    """A file as it was read: its shape, its table as plain trimmed texts, and what stands in each column."""

    shape: shape.Shape
    table: pa.Table
    columns: Mapping[str, Column]
    styles: Mapping[str, Numbers | None]


def read(file: Path, places: Places) -> Read:
    """Find the table of a file and look at its columns; raises DataError where there is none."""
    found = shape.find(look.look(file), places)
    profiles = {name: columns.profile(found.table, name) for name in found.columns}
    usual = columns.usual_decimal(profiles.values())
    styles = {name: columns.numbers(column, usual) for name, column in profiles.items()}
    return Read(found, _plain(found.table, found.columns), profiles, styles)


def _plain(table: pa.Table, names: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as compute

    trimmed = [compute.utf8_trim(compute.utf8_ltrim(table.column(name), NATIVE), BLANKS) for name in names]
    return pa.table(dict(zip(names, trimmed, strict=True)))


def propose(asked: Asked, places: Places, *, exceptions: bool) -> Draft:
    """Return the draft of a declaration for the file.

    Raises DataError where no declaration could read it, or something has to be given that the file does not tell.
    """
    data = read(asked.file, places)
    _known(asked, data)
    where = place.find(place.Searched(data.table, data.columns, places, exceptions), asked.place)
    melted = wide.find(data.columns, data.styles) if asked.kind != "referencia" else None
    draft = _start(asked, data)
    if where is None and asked.kind != "referencia":
        raise _no_place(asked, data)
    period = _period(asked, data, where, melted)
    rows = _rows(asked, data, where, period, melted, places)
    measured = measures.find(rows)
    if asked.kind == "referencia" or (asked.kind is None and _is_directory(rows, measured, period, melted)):
        return build.directory(draft, data.shape, rows, where)
    assert where is not None
    if period is None:
        raise _no_period(asked)
    if not measured.unique and asked.kind is None and (key := measures.unique_key(rows, [])):
        draft.guesses["kind"] = _(
            "rows of single things (several to a place and period), told apart by {names}"
        ).format(names=", ".join(key))
        return build.directory(draft, data.shape, rows, where, key)
    return build.observations(draft, build.Found(data.shape, rows, where, period, melted, measured))


def _start(asked: Asked, data: Read) -> Draft:
    resources: list[Keys] = [
        resource.model_dump(exclude_defaults=True, exclude_none=True) for resource in data.shape.resources
    ]
    file = asked.file.name
    snapshot: Keys = {"http": [{"url": asked.url, "file": file}]} if asked.url else {}
    title = without_unit(re.sub(r"(\.\w{2,7})+$", "", file)).replace("-", " ")
    draft = Draft(asked.key, title, "observacao", "anual", snapshot, resources)
    draft.homepage = asked.url
    draft.guesses |= {f"resources.{key}": text for key, text in data.shape.guesses.items()}
    if not data.shape.whole:
        draft.guesses["resources"] = _("only the first million rows were looked at")
    return draft


def _known(asked: Asked, data: Read) -> None:
    for name in [*(asked.place or []), *([asked.value] if asked.value else [])]:
        if name not in data.columns:
            raise DataError(
                _("the file has no column “{name}”; it has: {names}").format(name=name, names=", ".join(data.columns)),
                where=str(asked.file),
            )


def _period(asked: Asked, data: Read, where: Place | None, melted: Wide | None) -> When | None:
    free = {n: c for n, c in data.columns.items() if where is None or n not in where.columns}
    if melted is not None:
        free = {n: c for n, c in free.items() if n not in melted.columns}
        if melted.when is not None:
            return melted.when
    found = when.find(free) if asked.year is None else None
    sheet = next((r.constants for r in data.shape.resources if "ano_da_planilha" in r.constants), None)
    if found is None and sheet is None:
        context = when.Context(data.shape.above, data.shape.title, asked.file.name, asked.year)
        values = [n for n in free if data.styles[n] is not None]
        found = when.beside(context, values)
    if found is not None and melted is not None:  # columns are months: the year is theirs
        period: Keys = {"year": "ano", "month": "mes"}
        found = replace(found, parts=[*found.parts[:1], *melted.parts], period=period, frequency="mensal")
    return found


def _rows(
    asked: Asked, data: Read, where: Place | None, period: When | None, melted: Wide | None, places: Places
) -> measures.Rows:
    base = [*(where.columns if where else []), *(period.columns if period else [])]
    taken = {*base, *(melted.columns if melted else [])}
    free = [name for name in data.columns if name not in taken]
    table = data.table
    if where is not None and where.placed:
        import pyarrow as pa
        import pyarrow.compute as compute

        table = table.filter(compute.is_in(table.column(where.columns[0]), value_set=pa.array(sorted(where.placed))))
    return measures.Rows(table, data.columns, data.styles, base, free, places, melted is not None, asked.value)


def _is_directory(rows: measures.Rows, found: measures.Measured, period: When | None, melted: Wide | None) -> bool:
    """Say whether the file is a list of things rather than of values: no period, or nothing that is measured."""
    if melted is not None:
        return False
    if not found.values and not found.texts:
        return True
    beside = period is None or not (period.columns or period.preamble)
    return beside and len(found.values) + len(found.texts) <= 0.25 * len(rows.columns) and not found.dimensions


def _no_place(asked: Asked, data: Read) -> DataError:
    return DataError(
        _("no column says which municipality or state a row is about; the columns are: {names}").format(
            names=", ".join(list(data.columns)[:40])
        ),
        where=str(asked.file),
        next_step=_("name it: --place COLUMN (a code), or --place NAME --place STATE; or --kind referencia"),
    )


def _no_period(asked: Asked) -> DataError:
    return DataError(
        _("nothing says which year the values are of: no column, no title, not the file's name"),
        where=str(asked.file),
        next_step=_("give it: --year 2022; or --kind referencia, for a list without a period"),
    )
