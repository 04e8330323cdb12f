"""The declared checks on a dataset's result, each with what failed and up to five samples."""

from __future__ import annotations

import fnmatch
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from observatudo import config
from observatudo.config import (
    AcceptedValuesCheck,
    Check,
    MatchRateCheck,
    NullRateCheck,
    PartsSumCheck,
    RangeCheck,
    RepeatedBlockCheck,
    RowsCheck,
)
from observatudo.ingest import places
from observatudo.ingest.sql import failure, ident, literals

if TYPE_CHECKING:
    import duckdb

    from observatudo.config import Dataset, ParamValue

SAMPLES = 5


@dataclass(frozen=True)
class CheckResult:
    """One check: what it looked at, whether it passed, what was found against the limit, and samples."""

    check: str
    level: Literal["fatal", "warn"]
    column: str | None
    passed: bool
    failed: int
    found: float | None
    limit: float | None
    sample: list[str]

    def title(self) -> str:
        """Return the check's name, with its column if it has one."""
        return f"{self.check} {self.column}" if self.column else self.check

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Facts:
    """What checks need beside the tables: rows of the result, the match rate, copied blocks."""

    rows: int
    match_rate: float | None
    blocks: list[str]


def run(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, params: dict[str, ParamValue], facts: Facts
) -> list[CheckResult]:
    """Run the declared checks over ``localizado`` (the rows that were kept) and the facts."""
    return [_run_one(con, dataset, check, params, facts) for check in dataset.checks]


def _run_one(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, check: Check, params: dict[str, ParamValue], facts: Facts
) -> CheckResult:
    def limit(value: float | config.ParamRef | None) -> float | None:
        return config.resolve(value, params, f"checks.{check.check}")

    if isinstance(check, RowsCheck):
        return _bound(check, facts.rows, limit(check.minimum))
    if isinstance(check, MatchRateCheck):
        result = _bound(check, facts.match_rate, limit(check.minimum))
        return replace(result, sample=[] if result.passed else _unplaced(con))
    if isinstance(check, NullRateCheck):
        return _null_rate(con, dataset, check, limit(check.maximum))
    if isinstance(check, AcceptedValuesCheck):
        return _accepted(con, check, _taken(dataset, check.field))
    if isinstance(check, RangeCheck):
        return _range(con, check, limit(check.minimum), limit(check.maximum), _taken(dataset, check.field))
    if isinstance(check, PartsSumCheck):
        return _parts_sum(con, check, limit(check.tolerance) or 0.0, _taken(dataset, check.field))
    return _copied(check, facts.blocks, limit(check.minimum))


def _taken(dataset: Dataset, field: str) -> str:
    """Return the condition for a row whose value of the field was not rejected; other fields' rows are gone already."""
    return f"{failure(field)} IS NULL" if field in dataset.value_fields() else "true"


def always(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, ignored: dict[str, list[str]], named: list[str], duplicates: int
) -> list[CheckResult]:
    """Return the checks every dataset has: unique keys, no column without any value, none that nobody expects.

    ``ignored`` are the columns no field asks for (by file), ``named`` the duplicated keys, of ``duplicates`` rows.
    """
    results = [CheckResult("unique_key", "fatal", None, not duplicates, duplicates, None, None, named[:SAMPLES])]
    results += [
        CheckResult("empty_column", "fatal" if measured else "warn", name, False, 1, None, None, [])
        for name, measured in _empty(con, dataset)
    ]
    extra = [f"{file}: {name}" for file, names in sorted(ignored.items()) for name in names]
    unknown = [text for text in extra if not _expected(text.partition(": ")[2], dataset.ignore)]
    if unknown:
        results.append(CheckResult("unknown_column", "warn", None, False, len(unknown), None, None, unknown[:SAMPLES]))
    if dataset.indicator_columns is not None:
        results += [_one_each(con, "indicator_name", "nome"), _one_each(con, "indicator_unit", "unidade")]
    return results


def _expected(column: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(column, pattern) for pattern in patterns)


def _empty(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[tuple[str, bool]]:
    """Return the columns that have rows and not one value; true for those that are an indicator's values."""
    if dataset.indicator_columns is not None:
        return []
    texts = {indicator.value: indicator.text for indicator in dataset.indicators}
    names = [*texts] if dataset.kind == "observacao" else [f.name for f in dataset.fields if f.output]

    def count(name: str) -> str:
        return f"count({ident(name)}) FILTER ({_taken(dataset, name)})"

    filled = [f"{count(name)} + {count(text) if (text := texts.get(name)) else '0'}" for name in names]
    rows, *counts = con.execute(f"SELECT count(*), {', '.join(filled)} FROM localizado").fetchall()[0]
    return [(name, name in texts) for name, count in zip(names, counts, strict=True) if rows and not count]


def _one_each(con: duckdb.DuckDBPyConnection, check: str, column: str) -> CheckResult:
    """Return the check that rows agree on an indicator's name or unit; the first row's is the one taken."""
    rows = con.execute(f"""
        SELECT d.id || ': ' || v.{column} || ' ≠ ' || d.{column} FROM indicador_divergente AS d
        JOIN indicador_visto AS v USING (id) WHERE d.{column} IS NOT NULL GROUP BY ALL ORDER BY ALL
    """).fetchall()
    sample = [row[0] for row in rows[:SAMPLES]]
    return CheckResult(check, "warn", None, not rows, len(rows), None, None, sample)


def _accepted(con: duckdb.DuckDBPyConnection, check: AcceptedValuesCheck, taken: str) -> CheckResult:
    name = ident(check.field)
    rows = con.execute(f"""
        SELECT {name} || ' ×' || count(*), count(*) FROM localizado
        WHERE {name} NOT IN {literals(check.values)} AND {taken}
        GROUP BY {name} ORDER BY count(*) DESC, {name}
    """).fetchall()
    failed = sum(count for _text, count in rows)
    sample = [text for text, _count in rows[:SAMPLES]]
    return CheckResult(check.check, check.level, check.field, not rows, failed, None, None, sample)


def _bound(check: RowsCheck | MatchRateCheck, found: float | None, minimum: float | None) -> CheckResult:
    # no match rate: no row got as far as naming a place; the check on rows speaks then
    bad = minimum is not None and found is not None and found < minimum
    return CheckResult(check.check, check.level, None, not bad, int(bad), found, minimum, [])


def _unplaced(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the texts that were given no place, the most frequent first, each with its first row."""
    rows = con.execute(
        """
        SELECT texto || ' ×' || count(*) || ' (' || min_by(arquivo || ':' || linha, _r) || ')' FROM recusado
        WHERE list_contains(?, motivo) GROUP BY texto ORDER BY count(*) DESC, texto LIMIT ?
        """,
        [[*places.REASONS], SAMPLES],
    ).fetchall()
    return [row[0] for row in rows]


def _null_rate(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, check: NullRateCheck, maximum: float | None
) -> CheckResult:
    table, place = "localizado", "_arquivo || ':' || _linha"
    # a directory is judged by its result: another resource may have filled the gap
    if dataset.kind == "referencia":
        table, key = "referencia", dataset.primaryKey
        place = " || '/' || ".join(f"CAST({ident(name)} AS VARCHAR)" for name in key)
    name, source = ident(check.field), f"{table} WHERE {_taken(dataset, check.field)}"
    rows, filled = con.execute(f"SELECT count(*), count({name}) FROM {source}").fetchall()[0]
    empty = con.execute(f"SELECT {place} FROM {source} AND {name} IS NULL ORDER BY 1 LIMIT {SAMPLES}").fetchall()
    rate = round(1 - filled / rows, 6) if rows else 1.0
    bad = maximum is not None and rate > maximum
    sample = [row[0] for row in empty] if bad else []
    return CheckResult(check.check, check.level, check.field, not bad, rows - filled, rate, maximum, sample)


def _range(
    con: duckdb.DuckDBPyConnection, check: RangeCheck, minimum: float | None, maximum: float | None, taken: str
) -> CheckResult:
    name = ident(check.field)
    outside = " OR ".join(
        part
        for part, bound in ((f"{name} < {minimum!r}", minimum), (f"{name} > {maximum!r}", maximum))
        if bound is not None
    )
    rows = f"FROM localizado WHERE ({outside or 'false'}) AND {taken}"
    count = int(con.execute(f"SELECT count(*) {rows}").fetchall()[0][0])
    shown = f"_arquivo || ':' || _linha || ': ' || CAST({name} AS VARCHAR)"
    sample = [row[0] for row in con.execute(f"SELECT {shown} {rows} ORDER BY _r LIMIT {SAMPLES}").fetchall()]
    return CheckResult(check.check, check.level, check.field, not count, count, None, None, sample)


def _parts_sum(con: duckdb.DuckDBPyConnection, check: PartsSumCheck, tolerance: float, taken: str) -> CheckResult:
    """Compare the sums within each period and indicator; a state's row without a value is shown with ``∅``."""
    # 15 digits: what the order of adding up leaves behind them is no difference
    rows = con.execute(f"""
        WITH linha AS (
            SELECT CAST(_id_local AS VARCHAR) AS id, _data, _indicador,
                CASE WHEN {taken} THEN CAST({ident(check.field)} AS DOUBLE) END AS valor FROM localizado
        ), parte AS (
            SELECT left(id, 2) AS id_uf, _data, _indicador, CAST(printf('%.15g', fsum(valor)) AS DOUBLE) AS soma
            FROM linha WHERE length(id) = 7 GROUP BY ALL
        )
        SELECT concat_ws(' ', p.id_uf, CAST(p._data AS VARCHAR), v.id) || ': ' || printf('%.15g', p.soma) || ' ≠ '
            || coalesce(printf('%.15g', t.valor), '∅')
        FROM parte AS p
        JOIN linha AS t ON t.id = p.id_uf AND t._indicador = p._indicador AND t._data IS NOT DISTINCT FROM p._data
        LEFT JOIN indicador_visto AS v ON v._n = p._indicador
        WHERE p.soma IS NOT NULL AND (t.valor IS NULL OR abs(p.soma - t.valor) > {tolerance!r} * abs(t.valor))
        ORDER BY ALL
    """).fetchall()
    sample = [row[0] for row in rows[:SAMPLES]]
    return CheckResult(check.check, check.level, check.field, not rows, len(rows), None, tolerance, sample)


def _copied(check: RepeatedBlockCheck, blocks: list[str], length: float | None) -> CheckResult:
    return CheckResult(check.check, check.level, check.field, not blocks, len(blocks), None, length, blocks[:SAMPLES])
