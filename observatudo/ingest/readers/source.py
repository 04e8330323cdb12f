"""What every reader hands back: columns, batches of text, what was malformed; and the rules columns obey."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.native import NATIVE, cell

if TYPE_CHECKING:
    import pyarrow as pa

LINE = "_linha"
ROW = "_r"
RECORDS_PER_BATCH = 100_000


@dataclass
class Malformed:
    """A record that could not be read: its line, its text, and how many columns were expected and found."""

    line: int
    text: str
    expected: int
    found: int


@dataclass
class Source:
    """One open file: its columns, its rows in batches, and what was malformed (complete once all batches are read).

    Batches have the columns, all text (null where the file has null or an empty cell), and LINE (int64): the
    physical line a CSV's row starts on (newlines in quotes counted), a sheet's row, else the record's number.
    Numbers that are typed in the file (sheets, JSON, Parquet) are written plainly, with a point, after NATIVE;
    no text of these formats begins with it. A CSV has no such numbers: there it is a character like any other.
    ``encoding`` is the one found, "" for binary formats. ``preamble`` holds what was taken from above the
    header; it is among the columns. ``constant`` names the columns whose text is the same in every row because
    ``preamble`` or ``constants`` of the declaration gave it, not the file's rows.
    """

    columns: list[str]
    batches: Iterator[pa.RecordBatch]
    malformed: list[Malformed] = field(default_factory=list)
    encoding: str = ""
    preamble: dict[str, str] = field(default_factory=dict)
    constant: frozenset[str] = frozenset()


def named(names: list[str], where: str) -> list[str]:
    """Return the columns' names, blank ones (a trailing delimiter) numbered; raises DataError for a clash.

    Upper and lower case are the same column to the database.
    """
    if not any(names):
        raise DataError(_("the header names no column"), where=where, next_step=_("is this the right file?"))
    result = [name or f"coluna_{position}" for position, name in enumerate(names, start=1)]
    folded = [name.casefold() for name in result]
    twice = sorted({name for name, key in zip(result, folded, strict=True) if folded.count(key) > 1})
    if twice:
        raise DataError(
            _("the header names a column twice: {names}").format(names=", ".join(twice)),
            where=where,
            next_step=_("if the header is another row: “dialect.headerRows” in the dataset's declaration"),
        )
    if reserved := sorted(set(folded) & {LINE, ROW}):
        raise DataError(
            _("these names of columns are taken by Observatudo itself: {names}").format(names=", ".join(reserved)),
            where=where,
        )
    return result


def joined(rows: list[list[str]], glue: str) -> list[str]:
    """Return one name per column from the texts of its header rows.

    A line break in a text is a blank; a text that is repeated below itself counts once.
    """
    width = max(len(row) for row in rows)
    parts: list[list[str]] = [[] for _column in range(width)]
    for row in rows:
        for column, text in zip(parts, row, strict=False):
            clean = re.sub(r"\s*[\r\n]+\s*", " ", text.strip())
            if clean and column[-1:] != [clean]:
                column.append(clean)
    return [glue.join(column) for column in parts]


def search(pattern: str, above: str, where: str) -> dict[str, str]:
    """Return the named groups of ``pattern`` in the text above the header; raises DataError when it is not there."""
    if not pattern:
        return {}
    match = re.search(pattern, above)
    if match is None or None in match.groupdict().values():
        raise DataError(
            _("“preamble” is not found above the header, which is: {text}").format(text=above[:200].strip() or "–"),
            where=where,
            next_step=_("correct “preamble” or “dialect.headerRows” in the dataset's declaration"),
        )
    return match.groupdict()


def with_constants(source: Source, constants: dict[str, str], where: str) -> Source:
    """Return the source with one more column for each constant; raises DataError when the file has one of that name."""
    columns = [*source.columns, *constants]
    folded = {name.casefold() for name in source.columns}
    if clash := [name for name in constants if name.casefold() in folded]:
        raise DataError(
            _("the file itself has columns of these names: {names}").format(names=", ".join(clash)),
            where=where,
            next_step=_("call them something else under “constants” or “preamble”"),
        )
    named(columns, where)
    batches = _extended(source.batches, constants)
    return replace(source, columns=columns, batches=batches, constant=frozenset(constants))


def _extended(batches: Iterator[pa.RecordBatch], constants: dict[str, str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        texts = [pa.repeat(text, batch.num_rows) for text in constants.values()]
        arrays = [*batch.columns[:-1], *texts, batch.columns[-1]]
        yield pa.RecordBatch.from_arrays(arrays, names=[*batch.schema.names[:-1], *constants, LINE])


def batches_of(
    rows: Iterable[tuple[int, Sequence[object]]], columns: list[str], where: str
) -> Iterator[pa.RecordBatch]:
    """Yield batches of numbered rows, each with as many values as there are ``columns``.

    Raises DataError for a text that begins with NATIVE.
    """
    import pyarrow as pa

    names = [*columns, LINE]
    types = [*(pa.string() for _name in columns), pa.int64()]
    waiting: list[list[str | int | None]] = []

    def batch() -> pa.RecordBatch:
        held = zip(*waiting, strict=True) if waiting else ([] for _name in names)
        arrays = [pa.array(values, kind) for values, kind in zip(held, types, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, names=names)

    for number, row in rows:
        texts = [cell(value) for value in row]
        if any(text == value and text.startswith(NATIVE) for text, value in zip(texts, row, strict=True) if text):
            raise _marked(f"{where}:{number}")
        waiting.append([*texts, number])
        if len(waiting) == RECORDS_PER_BATCH:
            yield batch()
            waiting = []
    if waiting:
        yield batch()


def refuse_marked(texts: pa.Array, lines: pa.Array, where: str) -> None:
    """Raise DataError when a text of the file begins with NATIVE, as if it were a number and no text."""
    import pyarrow.compute as compute

    at = compute.index(compute.starts_with(texts, NATIVE), True).as_py()
    if at >= 0:
        raise _marked(f"{where}:{lines[at]}")


def _marked(where: str) -> DataError:
    return DataError(
        _("a text begins with the character U+E000, which Observatudo keeps for itself"),
        where=where,
        next_step=_("mend the snapshot at its source; that character means nothing in a text"),
    )
