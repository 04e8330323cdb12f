"""Where the table stands in a file: delimiter, header, sheet, way through a JSON → a resource and its rows."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers import open_source
from observatudo.ingest.readers.csv_header import DELIMITERS
from observatudo.ingest.readers.encoding import open_text
from observatudo.onboard import header, jsonpath, sheets
from observatudo.onboard.look import Look
from observatudo.resource import Dialect, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from observatudo.onboard.places import Places

_SAMPLE_LINES: Final = 400
_MOST_ROWS: Final = 1_000_000


@dataclass
class Shape:
    """A resource that reads the file, the table it gives, what stands above it, and what was guessed of it by key."""

    resources: list[Resource]
    table: pa.Table
    above: str = ""
    title: str = ""
    guesses: dict[str, str] = field(default_factory=dict)
    whole: bool = True

    @property
    def columns(self) -> list[str]:
        return [name for name in self.table.schema.names if name != "_linha"]


def find(found: Look, places: Places) -> Shape:
    """Return how the table is read; raises DataError where there is none, or it cannot be read as it is."""
    make: dict[str, Callable[[Look, Places], Shape]] = {"csv": _csv, "xlsx": _xlsx, "json": _json, "parquet": _parquet}
    shape = make[found.format](found, places)
    shape.guesses = found.guesses | shape.guesses
    if shape.table.num_rows == 0:
        raise DataError(_("the table has a header and no rows"), where=str(found.path))
    return shape


def rows_of(found: Look, resource: Resource) -> tuple[pa.Table, bool]:
    """Read the table as ingest would, its first million rows; the second value says whether that is all."""
    import pyarrow as pa

    source = open_source(found.path, resource)
    batches, count = [], 0
    for batch in source.batches:
        batches.append(batch)
        count += batch.num_rows
        if count >= _MOST_ROWS:
            return pa.Table.from_batches(batches), False
    if not batches:
        return pa.table({name: pa.array([], pa.string()) for name in source.columns}), True
    return pa.Table.from_batches(batches), True


def _csv(found: Look, _places: Places) -> Shape:
    text = open_text(found.path, found.resource())
    chunks = text.chunks()
    sample = next(chunks)[0].decode(errors="ignore")
    dialect, top, lines = _dialect(sample, found)
    resource = Resource(
        path=found.path.name, format="csv", encoding=found.encoding, innerpath=found.innerpath, dialect=dialect
    )
    table, whole = rows_of(found, resource)
    guesses = {}
    if len(top.rows) > 1 or lines[0] > 1:
        guesses["headerRows"] = _("the names stand on line {line}: above are titles, below values").format(
            line=lines[-1]
        )
    above = "".join(sample.splitlines(keepends=True)[: lines[0] - 1])
    return Shape([resource], table, above=above, guesses=guesses, whole=whole)


def _dialect(sample: str, found: Look) -> tuple[Dialect, header.Header, list[int]]:
    """Return the dialect whose header looks best, the header, and the lines of the file it stands on."""
    best: tuple[float, Dialect, header.Header, list[int]] | None = None
    for delimiter in DELIMITERS:
        for quote in _quotes(sample, delimiter):
            numbered = list(itertools.islice(_records(sample, delimiter, quote), _SAMPLE_LINES))
            top = header.find([row for _line, row in numbered])
            if top is None:
                continue
            width = len(top.names)
            after = [row for _line, row in numbered[top.rows[-1] + 1 :] if any(row)]
            even = sum(len(row) == width for row in after) / max(len(after), 1)
            score = top.score * even * min(width, 12) ** 0.2 - (0.05 if quote != '"' else 0)
            if best is None or score > best[0]:
                lines = [numbered[row][0] for row in top.rows]
                best = (score, _as_dialect(delimiter, quote, lines), top, lines)
    if best is None or best[0] <= 0:
        raise DataError(
            _("no table was found: no row looks like names of columns above rows of values"),
            where=str(found.path),
            next_step=_("a file without a row of names cannot be read; write one above its rows"),
        )
    return best[1], best[2], best[3]


def _as_dialect(delimiter: str, quote: str, lines: list[int]) -> Dialect:
    rows = None if lines == [1] else lines
    return Dialect(delimiter=delimiter, quoteChar=quote, headerRows=rows)


def _quotes(sample: str, delimiter: str) -> list[str]:
    cut = re.escape(delimiter)
    single = len(re.findall(rf"(?:^|{cut})'[^'\n]*'(?={cut}|\r?$)", sample[:20_000], re.MULTILINE))
    return ['"', "'"] if single > 10 and sample[:20_000].count('"') < single else ['"']


def _records(sample: str, delimiter: str, quote: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the physical line each record starts on, from 1, and its cells; the last, perhaps cut off, is left out."""
    lines = io.StringIO(sample, newline="")
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    held: tuple[int, list[str]] | None = None
    start = 1
    try:
        for row in reader:
            if held is not None:
                yield held
            held, start = (start, row), reader.line_num + 1
    except csv.Error:
        return
    if held is not None:
        yield held


def _xlsx(found: Look, places: Places) -> Shape:
    chosen = sheets.choose(found, places)
    resources, tables = [], []
    for sheet in chosen.sheets:
        resource = Resource(
            path=found.path.name,
            format="xlsx",
            innerpath=found.innerpath,
            dialect=Dialect(sheetName=sheet.name if chosen.named else None, headerRows=sheet.header_rows),
            constants=sheet.constants,
        )
        table, whole = rows_of(found, resource)
        resources.append(resource)
        tables.append(table)
    import pyarrow as pa

    first = chosen.sheets[0]
    return Shape(
        resources,
        pa.concat_tables(tables),
        first.above,
        first.name if len(chosen.sheets) == 1 else "",
        chosen.guesses,
        whole,
    )


def _json(found: Look, _places: Places) -> Shape:
    records, names_first, guesses = jsonpath.find(found)
    dialect = Dialect(headerRows=[1]) if names_first else Dialect()
    resource = Resource(
        path=found.path.name,
        format="json",
        encoding=found.encoding,
        innerpath=found.innerpath,
        records=records,
        dialect=dialect,
    )
    table, whole = rows_of(found, resource)
    return Shape([resource], table, guesses=guesses, whole=whole)


def _parquet(found: Look, _places: Places) -> Shape:
    resource = Resource(path=found.path.name, format="parquet", innerpath=found.innerpath)
    table, whole = rows_of(found, resource)
    return Shape([resource], table, whole=whole)


def same_columns(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether two tables have the same columns, in any order."""
    return {name.casefold() for name in one} == {name.casefold() for name in other}
