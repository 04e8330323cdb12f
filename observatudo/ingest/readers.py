"""Files of a snapshot → batches of text columns, each row with its place in the file.

Nothing is typed here and nothing dropped: a record that does not fit its header is handed back as
malformed. A row's ``linha`` is the physical line it starts on in a CSV (newlines in quotes counted), and
the record's number (from 1) in JSON and other text.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from observatudo.config import Resource

    Ints = NDArray[np.int64]

BLOCK_BYTES = 8 << 20
RECORDS_PER_BATCH = 100_000
LINE = "_linha"
ROW = "_r"


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

    Batches have the columns, all text (null where JSON has null or a group did not match), and LINE (int64).
    """

    columns: list[str]
    batches: Iterator[pa.RecordBatch]
    malformed: list[Malformed] = field(default_factory=list)


def open_source(path: Path, resource: Resource) -> Source:
    """Open one file as its resource declares; raises DataError for what cannot be read at all."""
    if not path.is_file():
        raise DataError(_("the file is not in the snapshot"), where=str(path), next_step="observatudo fetch")
    if path.stat().st_size == 0:
        raise DataError(_("the file is empty"), where=str(path), next_step="observatudo fetch")
    readers = {"csv": _open_csv, "json": _open_json, "text": _open_text}
    try:
        return readers[resource.format](path, resource)
    except (UnicodeError, LookupError) as error:
        raise _wrong_encoding(path, _encoding(resource), error) from None


def _wrong_encoding(path: Path, encoding: str, error: Exception) -> DataError:
    return DataError(
        _("the file is not {encoding} text: {error}").format(encoding=encoding, error=error),
        where=str(path),
        next_step=_("correct “encoding” in the dataset's declaration"),
    )


def _open_csv(path: Path, resource: Resource) -> Source:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _header(path, resource)
    source = Source(header, iter(()))
    bad: dict[int, Malformed] = {}

    def keep(row: arrow_csv.InvalidRow) -> str:
        bad[row.number] = Malformed(row.number, row.text, row.expected_columns, row.actual_columns)
        return "skip"

    reader = arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            use_threads=False, encoding=_encoding(resource), column_names=header, block_size=BLOCK_BYTES
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=resource.dialect.delimiter,
            quote_char=resource.dialect.quoteChar,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=keep,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )
    source.batches = _numbered(path, resource, reader, bad, source)
    return source


def _header(path: Path, resource: Resource) -> list[str]:
    with path.open(encoding=_with_bom(_encoding(resource)), newline="") as file:
        dialect = resource.dialect
        header = next(csv.reader(file, delimiter=dialect.delimiter, quotechar=dialect.quoteChar), [])
    return _columns([name.strip() for name in header], f"{path}:1")


def _columns(names: list[str], where: str) -> list[str]:
    """Return the columns' names, blank ones (a trailing delimiter) numbered; raises DataError for a clash.

    Upper and lower case are the same column to the database.
    """
    if not any(names):
        raise DataError(_("the header names no column"), where=where, next_step=_("is this the right file?"))
    named = [name or f"coluna_{position}" for position, name in enumerate(names, start=1)]
    folded = [name.casefold() for name in named]
    twice = sorted({name for name, key in zip(named, folded, strict=True) if folded.count(key) > 1})
    if twice:
        raise DataError(_("the header names a column twice: {names}").format(names=", ".join(twice)), where=where)
    if reserved := sorted(set(folded) & {LINE, ROW}):
        raise DataError(
            _("these names of columns are taken by Observatudo itself: {names}").format(names=", ".join(reserved)),
            where=where,
        )
    return named


def _with_bom(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding


def _numbered(
    path: Path,
    resource: Resource,
    reader: Iterator[pa.RecordBatch],
    bad: dict[int, Malformed],
    source: Source,
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    lines = _Lines(bad, source.malformed)
    try:
        for position, batch in enumerate(reader):
            numbered = batch.append_column(LINE, pa.array(lines.of(_newlines(batch)), pa.int64()))
            yield numbered if position else numbered.slice(1)
        lines.finish()
        _refuse_open_quote(path, resource, lines.last)
    except pa.ArrowInvalid as error:
        if "invalid UTF8" in str(error):
            raise _wrong_encoding(path, _encoding(resource), error) from None
        raise DataError(_("the CSV cannot be read: {error}").format(error=error), where=str(path)) from None
    except UnicodeError as error:
        raise _wrong_encoding(path, _encoding(resource), error) from None


def _refuse_open_quote(path: Path, resource: Resource, line: int) -> None:
    """Raise DataError when the last record, from ``line`` on, is inside a quote: it swallowed what follows."""
    csv.field_size_limit(path.stat().st_size + 1)  # what was swallowed can be as long as the file
    with path.open(encoding=_with_bom(_encoding(resource)), newline="\n") as file:
        rest = itertools.islice(file, line - 1, None)
        dialect = resource.dialect
        try:
            for _record in csv.reader(rest, delimiter=dialect.delimiter, quotechar=dialect.quoteChar, strict=True):
                pass
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise DataError(
                    _("a quote is opened in the record of line {line} and never closed").format(line=line),
                    where=f"{path}:{line}",
                    next_step=_("mend the snapshot at its source; nothing after that quote can be trusted"),
                ) from None


class _Lines:
    """The physical line on which each record starts: its number plus the newlines inside records before it.

    ``bad`` maps record numbers to malformed records; it grows while the file is read, and always
    holds those that stand before the rows read so far. Placed ones move on to ``malformed``.
    """

    def __init__(self, bad: dict[int, Malformed], malformed: list[Malformed]) -> None:
        self._bad = bad
        self._malformed = malformed
        self._last = 0
        self._newlines = 0
        self.last = 1  # the line of the last record placed

    def of(self, inside: Ints) -> Ints:
        """Return the lines of the next good records, given the number of newlines inside each."""
        import numpy as np

        waiting = np.array(sorted(self._bad), dtype=np.int64)
        candidates = np.arange(self._last + 1, self._last + 1 + len(inside) + len(waiting), dtype=np.int64)
        good = candidates[~np.isin(candidates, waiting)][: len(inside)]
        passed = waiting[waiting < good[-1]] if len(good) else waiting
        numbers = np.concatenate([good, passed])
        counts = np.concatenate([inside, [self._bad[int(n)].text.count("\n") for n in passed]]).astype(np.int64)
        order = np.argsort(numbers)
        lines = np.empty_like(numbers)
        lines[order] = numbers[order] + self._newlines + np.cumsum(counts[order]) - counts[order]
        for number, line in zip(passed, lines[len(good) :], strict=True):
            self._malformed.append(replace(self._bad.pop(int(number)), line=int(line)))
        self._last = int(numbers.max(initial=self._last))
        self.last = int(lines.max(initial=self.last))
        self._newlines += int(counts.sum())
        return lines[: len(good)]

    def finish(self) -> None:
        """Place the malformed records that stand after the last good one."""
        import numpy as np

        self.of(np.empty(0, dtype=np.int64))


def _newlines(batch: pa.RecordBatch) -> Ints:
    import numpy as np
    import pyarrow.compute as compute

    counts = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        counts += compute.count_substring(column, "\n").to_numpy(zero_copy_only=False)
    return counts


def _open_json(path: Path, resource: Resource) -> Source:
    # numbers stay the text that was published
    try:
        content = json.loads(path.read_text(encoding=_with_bom(_encoding(resource))), parse_float=str, parse_int=str)
    except RecursionError:
        raise DataError(_("the JSON is nested too deeply to be a table"), where=str(path)) from None
    except json.JSONDecodeError as error:
        raise DataError(
            _("this is not valid JSON: {error}").format(error=error.msg), where=f"{path}:{error.lineno}"
        ) from None
    records = list(_walk(content, resource.records.split("."), {}, path))
    columns = list(dict.fromkeys(name for record in records for name in record))
    _columns(columns or [""], str(path))
    return Source(columns, _batches(records, columns))


def _walk(node: object, steps: list[str], found: dict[str, str | None], path: Path) -> Iterator[dict[str, str | None]]:
    """Yield one record per place the ``records`` path leads to, with the mapping keys it passed."""
    if not steps:
        if not isinstance(node, dict):
            raise _no_such_path(path, "{}", node)
        yield found | {str(key): _text(value) for key, value in node.items()}
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        if not isinstance(node, list):
            raise _no_such_path(path, step, node)
        for item in node:
            yield from _walk(item, rest, found, path)
        return
    if not isinstance(node, dict):
        raise _no_such_path(path, step, node)
    if step == "*" or step.startswith("{"):
        for key, value in node.items():
            names: dict[str, str | None] = {} if step == "*" else {step.strip("{}"): str(key)}
            yield from _walk(value, rest, found | names, path)
        return
    if step not in node:
        raise _no_such_path(path, step, node)
    yield from _walk(node[step], rest, found, path)


def _no_such_path(path: Path, step: str, node: object) -> DataError:
    return DataError(
        _("“records” does not fit the file: at “{step}” it holds a {kind}").format(step=step, kind=type(node).__name__),
        where=str(path),
        next_step=_("correct “records” in the dataset's declaration"),
    )


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _open_text(path: Path, resource: Resource) -> Source:
    pattern = re.compile(resource.pattern)
    text = path.read_text(encoding=_with_bom(_encoding(resource)))
    columns = list(pattern.groupindex)
    return Source(columns, _batches((match.groupdict() for match in pattern.finditer(text)), columns))


def _batches(records: Iterable[dict[str, str | None]], columns: list[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = pa.schema([*((name, pa.string()) for name in columns), (LINE, pa.int64())])
    rows: list[dict[str, object]] = []
    for number, record in enumerate(records, start=1):
        rows.append({**record, LINE: number})
        if len(rows) == RECORDS_PER_BATCH:
            yield pa.RecordBatch.from_pylist(rows, schema)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema)


def _encoding(resource: Resource) -> str:
    return resource.encoding or "utf-8"
