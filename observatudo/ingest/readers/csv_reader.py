"""Delimited text → batches, streaming: memory is bounded by the block, whatever the file's size.

Blocks end at a newline, so that no CRLF is ever torn apart, and Arrow's batch of the same position holds
the records that end in the block: its newlines tell whether lines have to be counted record by record.
"""

from __future__ import annotations

import io
import itertools
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.csv_header import Header, open_quote, read_header
from observatudo.ingest.readers.encoding import CHUNK_BYTES, Text, count_newlines, open_text
from observatudo.ingest.readers.lines import Lines
from observatudo.ingest.readers.source import LINE, Malformed, Source, search

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    from observatudo.resource import Dialect, Resource

LONGEST_LINE = 64 << 20
_Block = tuple[bytes, int]


def read(path: Path, resource: Resource) -> Source:
    """Open a CSV; raises DataError for an encoding or a header that cannot be read."""
    text = open_text(path, resource)
    blocks = _blocks(text)
    first, _newlines = next(blocks)
    header = read_header(first, resource.dialect, text.where)
    source = Source(header.columns, iter(()), encoding=text.encoding)
    source.preamble = search(resource.preamble, header.above, text.where)
    source.batches = _numbered(text.where, resource.dialect, header, blocks, source.malformed)
    return source


def _blocks(text: Text) -> Iterator[_Block]:
    """Yield chunks cut at newlines, the last one ended by one, each with the number of its newlines."""
    held, line = b"", 0
    for data, newlines in text.chunks():
        line += newlines
        # where there is no newline at all, lines may end as on old Macs; a last \r may be half of \r\n
        cut = (data.rfind(b"\n") if newlines else data.rfind(b"\r", 0, -1)) + 1
        if cut:
            yield held + data[:cut], newlines
            held = data[cut:]
        else:
            held += data
        if len(held) > LONGEST_LINE:
            raise _too_long(text.where, line, LONGEST_LINE)
    if held:
        yield (held, 0) if held.endswith(b"\r") else (held + b"\n", 1)


def _too_long(where: str, line: int, size: int) -> DataError:
    return DataError(
        _("a record after line {line} is longer than {n} MB: a quote is never closed there, or a field is huge").format(
            line=line, n=size >> 20
        ),
        where=f"{where}:{line}",
        next_step=_("look at the lines from there on; mend the snapshot at its source"),
    )


class _Stream(io.RawIOBase):
    """Blocks as Arrow asks for them: the count of lines after each, and the last two, are kept."""

    def __init__(self, blocks: Iterator[_Block], lines: int) -> None:
        self._blocks = blocks
        self.lines = [lines]
        self.tail: deque[bytes] = deque(maxlen=2)

    def readable(self) -> bool:
        return True

    def read(self, _size: int = -1) -> bytes:
        block, newlines = next(self._blocks, (b"", 0))
        if block:
            self.lines.append(self.lines[-1] + newlines)
            self.tail.append(block)
        return block


def _numbered(
    where: str, dialect: Dialect, header: Header, blocks: Iterator[_Block], malformed: list[Malformed]
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    # Arrow leaves out batches before its first row: a row of our own makes batch n the records of block n
    row = (dialect.delimiter * (len(header.columns) - 1)).encode() + b"\n"
    rest = [(header.rest, count_newlines(header.rest))] if header.rest else []
    stream = _Stream(itertools.chain([(row, 0)], rest, blocks), header.lines)
    bad: dict[int, Malformed] = {}
    lines = Lines(bad, malformed, first=2, above=header.lines)
    try:
        for position, batch in enumerate(_reader(stream, dialect, header.columns, bad), start=1):
            if position > 1 and batch.num_rows:
                numbers = pa.array(lines.of(batch, stream.lines[position]), pa.int64())
                yield batch.append_column(LINE, numbers)
        lines.finish()
    except pa.ArrowInvalid as error:
        if "straddling" in str(error):
            raise _too_long(where, lines.last, CHUNK_BYTES) from None
        raise DataError(_("the CSV cannot be read: {error}").format(error=error), where=where) from None
    _refuse_open_quote(where, dialect, stream, lines.last)


def _reader(
    stream: _Stream, dialect: Dialect, columns: list[str], bad: dict[int, Malformed]
) -> arrow_csv.CSVStreamingReader:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def keep(row: arrow_csv.InvalidRow) -> str:
        bad[row.number] = Malformed(row.number, row.text, row.expected_columns, row.actual_columns)
        return "skip"

    return arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=columns, block_size=CHUNK_BYTES),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quoteChar,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=keep,
        ),
        convert_options=arrow_csv.ConvertOptions(
            check_utf8=False,  # it is, by then
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )


def _refuse_open_quote(where: str, dialect: Dialect, stream: _Stream, line: int) -> None:
    """Raise DataError when the last record, from ``line`` on, is inside a quote: it swallowed what follows."""
    tail = b"".join(stream.tail).decode()
    above = stream.lines[-1] - tail.count("\n")
    if open_quote(itertools.islice(io.StringIO(tail, newline="\n"), max(line - above - 1, 0), None), dialect):
        raise DataError(
            _("a quote is opened in the record of line {line} and never closed").format(line=line),
            where=f"{where}:{line}",
            next_step=_("mend the snapshot at its source; nothing after that quote can be trusted"),
        )
