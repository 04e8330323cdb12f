"""Every file of a snapshot → one table of text, ``bruto``, and the first rejects.

``bruto`` has ``_r`` (row number over the whole dataset), ``_ordem`` (position of its resource),
``_arquivo``, ``_linha``, and the text of every field that is read (not derived). A row whose file has
no column for a field has null there. ``recusado`` has ``_r``, arquivo, linha, coluna, texto, motivo.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers import LINE, Source, open_source
from observatudo.ingest.sql import ident, literal, literals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from observatudo.config import Dataset, Melt, Resource

_TABLES = """
CREATE TABLE recusado (_r BIGINT, arquivo VARCHAR, linha BIGINT, coluna VARCHAR, texto VARCHAR, motivo VARCHAR);
CREATE TABLE bruto (_r BIGINT, _ordem INTEGER, _arquivo VARCHAR, _linha BIGINT, {fields});
"""


@dataclass
class Collected:
    """How many rows the files had, and which of their columns no field asks for (file → columns)."""

    rows_read: int = 0
    ignored: dict[str, list[str]] = field(default_factory=dict)


def collect(
    con: duckdb.DuckDBPyConnection, files: list[Path], dataset: Dataset, progress: Callable[[int, int], None]
) -> Collected:
    """Read every resource of the dataset, among the snapshot's ``files``, into ``bruto`` and ``recusado``.

    ``progress`` is told how many bytes of how many are read.

    Raises DataError for a file that is missing or unreadable and for a column no file has.
    """
    fields = [f for f in dataset.fields if f.derive is None]
    con.execute(_TABLES.format(fields=", ".join(f"{ident(f.name)} VARCHAR" for f in fields)))
    result = Collected()
    seen: dict[str, set[str]] = {}
    reads = [(order, r, path) for order, r in enumerate(dataset.resources) for path in _matching(files, r)]
    done, total = 0, sum(path.stat().st_size for _order, _resource, path in reads)
    for order, resource, path in reads:
        source = open_source(path, resource)
        _check_filter(path, resource, source)
        columns = _columns(dataset, source, path)
        _load(con, source, result)
        _keep(con, path.name, order, resource, dataset, columns)
        result.rows_read += _malformed(con, path.name, source, result.rows_read)
        seen[path.name] = set(columns)
        used = {*columns.values(), *resource.filter, *_melted(dataset, source)}
        result.ignored[path.name] = [name for name in source.columns if name not in used]
        con.execute("DROP TABLE arquivo")
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
        if not _melted(dataset, source):
            raise DataError(
                _("no column matches the pattern of “melt”: {pattern}").format(pattern=dataset.melt.pattern),
                where=str(path),
            )
        present += [dataset.melt.variable, dataset.melt.value]
    found: dict[str, str] = {}
    for wanted in dataset.fields:
        name = next((name for name in wanted.sources() if name in present), None)
        if wanted.derive is None and name is not None:
            found[wanted.name] = name
    return found


def _load(con: duckdb.DuckDBPyConnection, source: Source, result: Collected) -> None:
    import pyarrow as pa

    declared = ", ".join(f"{ident(name)} VARCHAR" for name in source.columns)
    con.execute(f"CREATE TABLE arquivo ({declared}, {LINE} BIGINT, _r BIGINT)")
    for batch in source.batches:
        numbers = pa.array(range(result.rows_read, result.rows_read + batch.num_rows), pa.int64())
        rows = pa.table([*batch.columns, numbers], names=[*batch.schema.names, "_r"])
        con.register("lote", rows)
        con.execute("INSERT INTO arquivo SELECT * FROM lote")
        con.unregister("lote")
        result.rows_read += batch.num_rows


def _keep(
    con: duckdb.DuckDBPyConnection,
    name: str,
    order: int,
    resource: Resource,
    dataset: Dataset,
    columns: dict[str, str],
) -> None:
    """Move the rows of one file into ``bruto``; blank rows and rows outside the filter become rejects."""
    all_columns = [row[0] for row in con.execute("DESCRIBE arquivo").fetchall()][:-2]
    if resource.format == "csv":
        blank = " AND ".join(f"{ident(column)} = ''" for column in all_columns)
        _reject(con, name, blank, "''", "''", "linha_vazia")
    for column, allowed in resource.filter.items():
        outside = f"trim({ident(column)}) NOT IN {literals(allowed)} OR {ident(column)} IS NULL"
        _reject(con, name, outside, literal(column), ident(column), "fora_do_filtro")
    rows = _melted_rows(dataset.melt, all_columns) if dataset.melt else "mantida"
    read = [f.name for f in dataset.fields if f.derive is None]
    values = ", ".join(ident(columns[field]) if field in columns else "NULL" for field in read)
    con.execute("CREATE VIEW mantida AS SELECT * FROM arquivo ANTI JOIN recusado USING (_r)")
    con.execute(f"INSERT INTO bruto SELECT _r, {order}, ?, {LINE}, {values} FROM {rows} ORDER BY _r", [name])
    con.execute("DROP VIEW mantida")


def _melted_rows(melt: Melt, columns: list[str]) -> str:
    """Return the subquery that turns the matching columns of ``mantida`` into rows."""
    variable, value, pattern = ident(melt.variable), ident(melt.value), re.compile(melt.pattern)
    melted = ", ".join(ident(column) for column in columns if pattern.fullmatch(column))
    part = f"regexp_extract({variable}, {literal(melt.pattern)}, {min(pattern.groups, 1)})"
    return (
        f"(SELECT * REPLACE ({part} AS {variable})"
        f" FROM mantida UNPIVOT INCLUDE NULLS ({value} FOR {variable} IN ({melted})))"
    )


def _reject(con: duckdb.DuckDBPyConnection, name: str, condition: str, column: str, text: str, reason: str) -> None:
    con.execute(
        f"INSERT INTO recusado SELECT _r, ?, {LINE}, {column}, {text}, ? FROM arquivo"
        f" ANTI JOIN recusado USING (_r) WHERE {condition}",
        [name, reason],
    )


def _malformed(con: duckdb.DuckDBPyConnection, name: str, source: Source, start: int) -> int:
    for number, record in enumerate(source.malformed, start=start):
        con.execute(
            "INSERT INTO recusado VALUES (?, ?, ?, ?, ?, 'numero_de_colunas')",
            [number, name, record.line, f"{record.found}/{record.expected}", record.text],
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
    everywhere = dataset.required_fields() | {indicator.value for indicator in dataset.indicators}
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
