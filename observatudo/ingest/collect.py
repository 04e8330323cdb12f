"""Every file of a snapshot, batch by batch, into ``localizado`` and ``recusado``: memory stays bounded.

Per file a view ``lido`` gives the rows of the batch at hand (``lote``) their place and the text of every field
that is read; a row whose file has no column for a field has null there. What is made of them is told in
``rows``. ``recusado`` has ``_r`` (row number over the whole dataset), arquivo, linha, coluna, texto, motivo.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest import rows
from observatudo.ingest.casts import NATIVE_FORMATS, marked_fields
from observatudo.ingest.readers import LINE, NATIVE, Source, open_source
from observatudo.ingest.sql import ident, literal, literals, native, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from observatudo.config import Dataset, Field, Melt, Resource
    from observatudo.ingest.rows import Plan

BLANK = "linha_vazia"
OUTSIDE = "fora_do_filtro"
MALFORMED = "numero_de_colunas"
# blanks around a text mean nothing; the no-break space comes from web pages and spreadsheets
_BLANKS = " \t\n\r\xa0"
# of one batch: rows, unless they are so long that it comes to this many bytes first
_ROWS, _BYTES = 122_880, 64 << 20


@dataclass
class Collected:
    """How many rows the files had, which columns no field asks for, and each text file's encoding (by file)."""

    rows_read: int = 0
    ignored: dict[str, list[str]] = field(default_factory=dict)
    encodings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """One file being read: its resource, the column each field is read from, and all columns that are looked at."""

    path: Path
    resource: Resource
    source: Source
    columns: dict[str, str]
    used: set[str]

    @property
    def name(self) -> str:
        return self.path.name


def collect(
    con: duckdb.DuckDBPyConnection, files: list[Path], plan: Plan, progress: Callable[[int, int], None]
) -> Collected:
    """Read every resource of the dataset, among the snapshot's ``files``.

    ``progress`` is told how many bytes of how many are read.
    Raises DataError for a file that is missing or unreadable and for a column no file has.
    """
    dataset, result = plan.dataset, Collected()
    seen: dict[str, set[str]] = {}
    reads = [(order, r, path) for order, r in enumerate(dataset.resources) for path in _matching(files, r)]
    done, total = 0, sum(path.stat().st_size for _order, _resource, path in reads)
    for order, resource, path in reads:
        source = open_source(path, resource)
        _check_filter(path, resource, source)
        columns = _columns(dataset, source, path)
        used = {*columns.values(), *resource.filter, *_melted(dataset, source)}
        file = _File(path, resource, source, columns, used)
        _read(con, file, order, plan, result)
        seen[path.name] = set(file.columns)
        if source.encoding:
            result.encodings[path.name] = source.encoding
        result.ignored[path.name] = [name for name in source.columns if name not in used]
        done += path.stat().st_size
        progress(done, total)
    _every_file_read(files, seen)
    _every_field_found(dataset, seen, files, result.ignored)
    return result


def _matching(files: list[Path], resource: Resource) -> list[Path]:
    found = sorted(path for path in files if fnmatch.fnmatch(path.name, resource.path))
    if not found:
        raise DataError(
            _("no file of the snapshot is called “{path}”").format(path=resource.path),
            where=str(files[0].parent) if files else "",
            next_step=_("its files are: {names}").format(names=", ".join(sorted(path.name for path in files))),
        )
    return found


def _check_filter(path: Path, resource: Resource, source: Source) -> None:
    for name in resource.filter:
        if name not in source.columns:
            raise DataError(
                _("the filter names the column “{name}”, which the file does not have").format(name=name),
                where=str(path),
                next_step=_("its columns are: {names}").format(names=", ".join(source.columns)),
            )


def _melted(dataset: Dataset, source: Source) -> list[str]:
    if dataset.melt is None:
        return []
    pattern = re.compile(dataset.melt.pattern)
    return [name for name in source.columns if pattern.fullmatch(name)]


def _columns(dataset: Dataset, source: Source, path: Path) -> dict[str, str]:
    """Map each field to the column of this file it is read from; melted fields map to themselves."""
    present = list(source.columns)
    if dataset.melt is not None:
        _check_melt(dataset.melt, source, _melted(dataset, source), path)
        present += [dataset.melt.variable, dataset.melt.value]
    found: dict[str, str] = {}
    for wanted in dataset.fields:
        name = next((name for name in wanted.sources() if name in present), None)
        if wanted.derive is None and name is not None:
            found[wanted.name] = name
    return found


def _check_melt(melt: Melt, source: Source, melted: list[str], path: Path) -> None:
    if not melted:
        raise DataError(
            _("no column matches the pattern of “melt”: {pattern}").format(pattern=melt.pattern), where=str(path)
        )
    own = {melt.variable.casefold(), melt.value.casefold()}
    if taken := [name for name in source.columns if name.casefold() in own]:
        raise DataError(
            _("“melt” makes a column “{name}”, and the file has one of that name already").format(name=taken[0]),
            where=str(path),
            next_step=_("call melt.variable or melt.value, and its field, something else"),
        )


def _read(con: duckdb.DuckDBPyConnection, file: _File, order: int, plan: Plan, result: Collected) -> None:
    """Take one file's batches, number their rows, and hand back what was malformed as rejects."""
    ready = False
    for batch in _gathered(file.source.batches):
        table = _trimmed(_without_blank(con, file, _numbered(batch, result.rows_read)), file.used)
        con.register("lote", table)
        if not ready:
            _view(con, file, order, plan.dataset)
            ready = True
        _reject_outside(con, file)
        rows.take(con, plan)
        con.unregister("lote")
        result.rows_read += batch.num_rows
    result.rows_read += _malformed(con, file.name, file.source, result.rows_read)


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows in tables large enough that a statement's fixed cost does not count."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for batch in batches:
        held += [batch] if batch.num_rows else []
        if sum(each.num_rows for each in held) >= _ROWS or sum(each.nbytes for each in held) >= _BYTES:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _numbered(table: pa.Table, start: int) -> pa.Table:
    """Return the rows with ``_r``: counted on from ``start``."""
    import numpy as np
    import pyarrow as pa

    return table.append_column("_r", pa.array(np.arange(start, start + table.num_rows)))


def _without_blank(con: duckdb.DuckDBPyConnection, file: _File, table: pa.Table) -> pa.Table:
    """Reject the rows of a CSV or a sheet in which every column is empty, and return the others."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as compute

    if file.resource.format not in {"csv", "xlsx"}:
        return table
    blank = np.ones(table.num_rows, dtype=np.bool_)
    for name in file.source.columns:
        if name in file.source.constant:
            continue
        text = compute.utf8_trim(table.column(name), _BLANKS)
        blank &= compute.equal(compute.fill_null(compute.binary_length(text), 0), 0).to_numpy()
        if not blank.any():
            return table
    con.register("vazias", table.filter(pa.array(blank)).select([LINE, "_r"]))
    con.execute(f"INSERT INTO recusado SELECT _r, ?, {LINE}, '', '', {literal(BLANK)} FROM vazias", [file.name])
    con.unregister("vazias")
    return table.filter(pa.array(~blank))


def _trimmed(table: pa.Table, used: set[str]) -> pa.Table:
    """Return the columns that something looks at, without the blanks around texts."""
    import pyarrow.compute as compute

    for name in sorted(used & {*table.schema.names}):
        position = table.schema.get_field_index(name)
        table = table.set_column(position, name, compute.utf8_trim(table.column(name), _BLANKS))
    return table.select([*sorted(used & {*table.schema.names}), LINE, "_r"])


def _view(con: duckdb.DuckDBPyConnection, file: _File, order: int, dataset: Dataset) -> None:
    """Make the view ``lido`` over the batches of one file, without the rows outside the filter."""
    outside = " OR ".join(_outside(file, column) for column in file.resource.filter)
    con.execute(f"CREATE OR REPLACE VIEW mantido AS SELECT * FROM lote WHERE NOT ({outside or 'false'})")
    source = _melted_rows(dataset.melt, file.source.columns) if dataset.melt else "mantido"
    read = [field for field in dataset.fields if field.derive is None]
    texts = [f"{_text(file, field)} AS {raw(field.name)}" for field in read]
    texts += [f"{_is_native(file, field)} AS {native(field.name)}" for field in marked_fields(dataset)]
    places = f"_r, {order}::USMALLINT AS _ordem, CAST({literal(file.name)} AS arquivo) AS _arquivo, {LINE} AS _linha"
    con.execute(f"CREATE OR REPLACE VIEW lido AS SELECT {', '.join([places, *texts])} FROM {source}")


def _text(file: _File, field: Field) -> str:
    """Return the expression for the field's text in this file."""
    return _unmarked(file, file.columns[field.name]) if field.name in file.columns else "CAST(NULL AS VARCHAR)"


def _unmarked(file: _File, column: str) -> str:
    """Return the expression for a column's text without the mark of a native number."""
    text = ident(column)
    if file.resource.format not in NATIVE_FORMATS:
        return text
    return f"CASE WHEN starts_with({text}, {literal(NATIVE)}) THEN substr({text}, 2) ELSE {text} END"


def _is_native(file: _File, field: Field) -> str:
    if field.name not in file.columns or file.resource.format not in NATIVE_FORMATS:
        return "false"
    return f"coalesce(starts_with({ident(file.columns[field.name])}, {literal(NATIVE)}), false)"


def _outside(file: _File, column: str) -> str:
    return f"coalesce({_unmarked(file, column)}, '') NOT IN {literals(file.resource.filter[column])}"


def _reject_outside(con: duckdb.DuckDBPyConnection, file: _File) -> None:
    """Reject the rows outside the resource's filter, each once: for the first column that leaves it out."""
    earlier = "false"
    for column in file.resource.filter:
        outside = _outside(file, column)
        con.execute(
            f"INSERT INTO recusado SELECT _r, ?, {LINE}, ?, {_unmarked(file, column)}, {literal(OUTSIDE)} FROM lote"
            f" WHERE {outside} AND NOT ({earlier})",
            [file.name, column],
        )
        earlier += f" OR {outside}"


def _melted_rows(melt: Melt, columns: list[str]) -> str:
    """Return the subquery that turns the matching columns of ``mantido`` into rows."""
    pattern = re.compile(melt.pattern)
    found = [(column, pattern.fullmatch(column)) for column in columns]
    melted = ", ".join(
        f"{ident(column)} AS {literal(match[min(pattern.groups, 1)] or '')}" for column, match in found if match
    )
    return f"(FROM mantido UNPIVOT INCLUDE NULLS ({ident(melt.value)} FOR {ident(melt.variable)} IN ({melted})))"


def _malformed(con: duckdb.DuckDBPyConnection, name: str, source: Source, start: int) -> int:
    for number, record in enumerate(source.malformed, start=start):
        con.execute(
            "INSERT INTO recusado VALUES (?, ?, ?, ?, ?, ?)",
            [number, name, record.line, f"{record.found}/{record.expected}", record.text, MALFORMED],
        )
    return len(source.malformed)


def _every_file_read(files: list[Path], seen: dict[str, set[str]]) -> None:
    unread = sorted(path for path in files if path.name not in seen)
    if unread:
        raise DataError(
            _("no resource of the declaration reads this file of the snapshot"),
            where=str(unread[0]),
            next_step=_("add it to a resource's “path”, or take it out of the snapshot"),
        )


def _every_field_found(
    dataset: Dataset, seen: dict[str, set[str]], files: list[Path], ignored: dict[str, list[str]]
) -> None:
    """A field a row cannot do without, and every value, must be in every file; any other in at least one."""
    everywhere = dataset.required_fields() | dataset.value_fields()
    for wanted in (each for each in dataset.fields if each.derive is None):
        without = [name for name, found in seen.items() if wanted.name not in found]
        if without and (wanted.name in everywhere or len(without) == len(seen)):
            raise DataError(
                _("the file has no column for the field “{name}” (looked for: {sources})").format(
                    name=wanted.name, sources=", ".join(wanted.sources())
                ),
                where=str(next(path for path in files if path.name == without[0])),
                next_step=_("add the column's name to its “source”; unused columns here: {names}").format(
                    names=", ".join(ignored[without[0]]) or "–"
                ),
            )
