"""Rows of many versions of one table at once: those that fit some conditions, read by content hash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pydantic import JsonValue

from observatudo.audit.timeline.cache import Cache
from observatudo.audit.timeline.past import Progress, quiet
from observatudo.audit.timeline.walk import Unreadable
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import ident

if TYPE_CHECKING:
    import duckdb

MOST = 400  # rows of one version; a blame of more is a comparison
_ROWS = "rows"
_AT_ONCE = 250  # files in one query
_FILE = "__file"
_GLOB = str.maketrans({sign: f"[{sign}]" for sign in "[*?"})
_SIX_DIGITS = 6  # a municipality's code without its check digit
_SIMPLE = re.compile(r"[A-Z_]+(\(\d+,\d+\))?")  # a type that can be named in a cast
Row: TypeAlias = dict[str, JsonValue]
Schema: TypeAlias = tuple[tuple[str, str], ...]  # (column, DuckDB's type)


@dataclass(frozen=True)
class Condition:
    """What a row must have: ``columns`` are names of which the table has one, ``value`` as text.

    ``how``: ``is``; ``place`` (a code, with or without its check digit); ``year`` and ``month`` of a date.
    """

    columns: tuple[str, ...]
    value: str
    how: str = "is"

    @property
    def name(self) -> str:
        return {"year": "ano", "month": "mes"}.get(self.how, self.columns[0])


@dataclass
class Reader:
    """Reads rows of objects in DVC's cache; what was read once is in the cache of timelines."""

    cache: Cache
    path: Callable[[str], Path]
    progress: Progress = quiet

    def known(self, md5s: Sequence[str], conditions: Sequence[Condition]) -> dict[str, list[Row]]:
        """Return the rows of the objects that were read before."""
        names = {_name(md5, conditions): md5 for md5 in md5s}
        return {names[name]: json.loads(text) for name, text in self.cache.get(_ROWS, names).items()}

    def read(self, md5s: Sequence[str], conditions: Sequence[Condition]) -> dict[str, list[Row] | Unreadable]:
        """Return the rows of each object, which must be in DVC's cache; without nulls.

        Raises ObservatudoError where a version has more than ``MOST`` rows that fit.
        """
        found: dict[str, list[Row] | Unreadable] = {}
        if not md5s:
            return found
        import duckdb

        with duckdb.connect() as connection:
            for start in range(0, len(md5s), _AT_ONCE):
                some = {str(self.path(md5)): md5 for md5 in md5s[start : start + _AT_ONCE]}
                read = _halving(connection, list(some), conditions)
                fresh = {some[path]: rows for path, rows in read.items()}
                whole = {md5: rows for md5, rows in fresh.items() if not isinstance(rows, Unreadable)}
                self.cache.put(_ROWS, {_name(md5, conditions): json.dumps(rows) for md5, rows in whole.items()})
                found |= fresh
                self.progress(_("reading the table's versions"), min(start + _AT_ONCE, len(md5s)), len(md5s))
        return found


def _name(md5: str, conditions: Sequence[Condition]) -> str:
    return f"{md5} {json.dumps([[*each.columns, each.value, each.how] for each in conditions])}"


def _halving(
    connection: duckdb.DuckDBPyConnection, files: list[str], conditions: Sequence[Condition]
) -> dict[str, list[Row] | Unreadable]:
    """Read many files; where that fails, each half by itself, until the damaged ones are found."""
    import duckdb

    try:
        return _read(connection, files, conditions)
    except duckdb.Error as error:
        if len(files) > 1:
            middle = len(files) // 2
            halves = (files[:middle], files[middle:])
            return {file: rows for half in halves for file, rows in _halving(connection, half, conditions).items()}
        why = _("its Parquet file is damaged: {why}").format(why=str(error).splitlines()[0][:120])
        return {files[0]: Unreadable(files[0], why)}


def _read(
    connection: duckdb.DuckDBPyConnection, files: list[str], conditions: Sequence[Condition]
) -> dict[str, list[Row] | Unreadable]:
    found: dict[str, list[Row] | Unreadable] = {}
    for schema, alike in _by_schema(connection, files).items():
        rows: dict[str, list[Row]] = {file: [] for file in alike}
        for file, row in _fitting(connection, schema, alike, conditions):
            if len(rows[file]) == MOST:
                raise _too_many(conditions)
            rows[file].append(row)
        found |= rows
    return found


def _by_schema(connection: duckdb.DuckDBPyConnection, files: list[str]) -> dict[Schema, list[str]]:
    """Files of one schema can be read by one query; of several they would be brought to common types."""
    query = (
        "SELECT file_name, name, coalesce(logical_type, converted_type, type), type, num_children"
        " FROM parquet_schema(?)"
    )
    marks: dict[str, list[tuple[object, ...]]] = {file: [] for file in files}
    for file, *mark in connection.execute(query, [_patterns(files)]).fetchall():
        marks[file].append(tuple(mark))
    groups: dict[tuple[tuple[object, ...], ...], list[str]] = {}
    for file, own in marks.items():
        groups.setdefault(tuple(own), []).append(file)
    return {_schema(connection, alike[0]): alike for alike in groups.values()}


def _schema(connection: duckdb.DuckDBPyConnection, file: str) -> Schema:
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [_patterns([file])]).fetchall()
    return tuple((str(name), str(kind)) for name, kind, *_rest in described)


def _patterns(files: Sequence[str]) -> list[str]:
    """DuckDB takes a path for a pattern."""
    return [file.translate(_GLOB) for file in files]


def _fitting(
    connection: duckdb.DuckDBPyConnection, schema: Schema, files: list[str], conditions: Sequence[Condition]
) -> Iterator[tuple[str, Row]]:
    tests, values = _tests(dict(schema), conditions)
    where = " AND ".join(f"({test})" for test in tests) or "true"
    query = (
        f"SELECT {ident(_FILE)}, * EXCLUDE ({ident(_FILE)}) FROM read_parquet(?, filename = '{_FILE}') WHERE {where}"
    )
    connection.execute(query, [_patterns(files), *values])
    names = [name for name, _kind in schema]
    while rows := connection.fetchmany(1000):
        for file, *row in rows:
            yield file, {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}


def _tests(schema: Mapping[str, str], conditions: Sequence[Condition]) -> tuple[list[str], list[object]]:
    """Return the conditions as SQL, and the values bound in it; a column that is not there fits no row."""
    tests: list[str] = []
    values: list[object] = []
    for condition in conditions:
        name = next((name for name in condition.columns if name in schema), None)
        test, bound = _test(ident(name), schema[name], condition) if name else ("false", ())
        tests.append(test)
        values += bound
    return tests, values


def _test(column: str, kind: str, condition: Condition) -> tuple[str, tuple[object, ...]]:
    value, text = condition.value, f"CAST({column} AS VARCHAR)"
    dated = kind == "DATE" or kind.startswith("TIMESTAMP")
    if condition.how == "year" and dated:
        return f"{column} >= ? AND {column} < ?", (date(int(value), 1, 1), date(int(value) + 1, 1, 1))
    if condition.how == "year":
        return f"{text} = ? OR starts_with({text}, ?)", (value, f"{value}-")
    if condition.how == "month":
        return (f"month({column}) = ?", (int(value),)) if dated else (f"{text} LIKE ?", (f"____-{int(value):02d}%",))
    if condition.how == "place" and len(value) == _SIX_DIGITS:
        return f"starts_with({text}, ?) AND length({text}) = ?", (value, _SIX_DIGITS + 1)
    if not _SIMPLE.fullmatch(kind) or kind == "VARCHAR":
        return f"{text if kind != 'VARCHAR' else column} = ?", (value,)
    return f"{column} = TRY_CAST(? AS {kind})", (value,)


def _plain(value: object) -> JsonValue:
    """Return a value as JSON has it: a date as text, a decimal as a number where that loses nothing."""
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, datetime):
        midnight = value.tzinfo is None and value.time() == datetime.min.time()
        return (value.date() if midnight else value).isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return value.isoformat() if isinstance(value, date) else str(value)


def _too_many(conditions: Sequence[Condition]) -> ObservatudoError:
    return ObservatudoError(
        _("more than {count} rows of one version fit").format(count=MOST),
        where=", ".join(f"{each.name}={each.value}" for each in conditions),
        next_step=_(
            "narrow it with --municipio, --indicador, --ano or --key; to compare whole tables: observatudo diff"
        ),
    )


def values(
    files: Sequence[Path], condition: Condition, others: Sequence[Condition]
) -> tuple[list[str], list[str]] | None:
    """Return the columns of a table, and the distinct values of the condition's column where the others fit.

    None where the files cannot be read.
    """
    import duckdb

    found: set[str] = set()
    columns: list[str] = []
    with duckdb.connect() as connection:
        try:
            for schema, alike in _by_schema(connection, [str(file) for file in files]).items():
                columns = [name for name, _kind in schema]
                column = next((name for name in condition.columns if name in columns), None)
                if column:
                    tests, bound = _tests(dict(schema), others)
                    where = " AND ".join(f"({test})" for test in tests) or "true"
                    query = f"SELECT DISTINCT CAST({ident(column)} AS VARCHAR) FROM read_parquet(?) WHERE {where}"
                    rows = connection.execute(query, [_patterns(alike), *bound]).fetchall()
                    found |= {str(value) for (value,) in rows if value is not None}
        except duckdb.Error:
            return None
    return columns, sorted(found)
