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
from observatudo.ingest.sql import ident, literals

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
    """What checks need beside the tables: rows of the result and its key, the match rate, copied blocks."""

    rows: int
    key: list[str]
    match_rate: float | None
    blocks: list[str]


def run(
    con: duckdb.DuckDBPyConnection, checks: list[Check], params: dict[str, ParamValue], facts: Facts
) -> list[CheckResult]:
    """Run the declared checks over ``localizado`` (the rows that were kept) and the facts."""
    return [_run_one(con, check, params, facts) for check in checks]


def _run_one(con: duckdb.DuckDBPyConnection, check: Check, params: dict[str, ParamValue], facts: Facts) -> CheckResult:
    def limit(value: float | config.ParamRef | None) -> float | None:
        return config.resolve(value, params, f"checks.{check.check}")

    if isinstance(check, RowsCheck):
        return _bound(check, facts.rows, limit(check.minimum))
    if isinstance(check, MatchRateCheck):
        result = _bound(check, facts.match_rate, limit(check.minimum))
        return replace(result, sample=[] if result.passed else _unplaced(con))
    if isinstance(check, NullRateCheck):
        return _null_rate(con, check, limit(check.maximum), facts.key)
    if isinstance(check, AcceptedValuesCheck):
        return _accepted(con, check)
    if isinstance(check, RangeCheck):
        return _range(con, check, limit(check.minimum), limit(check.maximum))
    if isinstance(check, PartsSumCheck):
        return _parts_sum(con, check, limit(check.tolerance) or 0.0)
    return _copied(check, facts.blocks, limit(check.minimum))


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
        results.append(_one_name_each(con))
    return results


def _expected(column: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(column, pattern) for pattern in patterns)


def _empty(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[tuple[str, bool]]:
    """Return the columns that have rows and not one value; true for those that are an indicator's values."""
    if dataset.indicator_columns is not None:
        return []
    texts = {indicator.value: indicator.text for indicator in dataset.indicators}
    names = [*texts] if dataset.kind == "observacao" else [f.name for f in dataset.fields if f.output]
    filled = [f"count({ident(n)}) + {f'count({ident(text)})' if (text := texts.get(n)) else '0'}" for n in names]
    rows, *counts = con.execute(f"SELECT count(*), {', '.join(filled)} FROM localizado").fetchall()[0]
    return [(name, name in texts) for name, count in zip(names, counts, strict=True) if rows and not count]


def _one_name_each(con: duckdb.DuckDBPyConnection) -> CheckResult:
    """Return the check that rows agree on what an indicator is called; the first name is the one taken."""
    rows = con.execute("""
        SELECT d.id || ': ' || v.nome || ' ≠ ' || d.nome FROM indicador_divergente AS d
        JOIN indicador_visto AS v USING (id) GROUP BY ALL ORDER BY ALL
    """).fetchall()
    sample = [row[0] for row in rows[:SAMPLES]]
    return CheckResult("indicator_name", "warn", None, not rows, len(rows), None, None, sample)


def _accepted(con: duckdb.DuckDBPyConnection, check: AcceptedValuesCheck) -> CheckResult:
    name = ident(check.field)
    rows = con.execute(f"""
        SELECT {name} || ' ×' || count(*), count(*) FROM localizado WHERE {name} NOT IN {literals(check.values)}
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
    con: duckdb.DuckDBPyConnection, check: NullRateCheck, maximum: float | None, key: list[str]
) -> CheckResult:
    # a directory is judged by its result: another resource may have filled the gap
    table, place = "localizado", "_arquivo || ':' || _linha"
    if key:
        table, place = "referencia", " || '/' || ".join(f"CAST({ident(name)} AS VARCHAR)" for name in key)
    name = ident(check.field)
    rows, filled = con.execute(f"SELECT count(*), count({name}) FROM {table}").fetchall()[0]
    empty = con.execute(f"SELECT {place} FROM {table} WHERE {name} IS NULL ORDER BY 1 LIMIT {SAMPLES}").fetchall()
    rate = round(1 - filled / rows, 6) if rows else 1.0
    bad = maximum is not None and rate > maximum
    sample = [row[0] for row in empty] if bad else []
    return CheckResult(check.check, check.level, check.field, not bad, rows - filled, rate, maximum, sample)


def _range(
    con: duckdb.DuckDBPyConnection, check: RangeCheck, minimum: float | None, maximum: float | None
) -> CheckResult:
    name = ident(check.field)
    outside = " OR ".join(
        part
        for part, bound in ((f"{name} < {minimum!r}", minimum), (f"{name} > {maximum!r}", maximum))
        if bound is not None
    )
    rows = f"FROM localizado WHERE {outside or 'false'}"
    count = int(con.execute(f"SELECT count(*) {rows}").fetchall()[0][0])
    shown = f"_arquivo || ':' || _linha || ': ' || CAST({name} AS VARCHAR)"
    sample = [row[0] for row in con.execute(f"SELECT {shown} {rows} ORDER BY _r LIMIT {SAMPLES}").fetchall()]
    return CheckResult(check.check, check.level, check.field, not count, count, None, None, sample)


def _parts_sum(con: duckdb.DuckDBPyConnection, check: PartsSumCheck, tolerance: float) -> CheckResult:
    name = ident(check.field)
    rows = con.execute(f"""
        WITH parte AS (
            SELECT left(_id_local, 2) AS id_uf, sum({name}) AS soma FROM localizado
            WHERE length(_id_local) = 7 GROUP BY ALL
        )
        SELECT p.id_uf || ': ' || CAST(p.soma AS VARCHAR) || ' ≠ ' || CAST(t.{name} AS VARCHAR)
        FROM parte AS p JOIN localizado AS t ON t._id_local = p.id_uf
        WHERE abs(p.soma - t.{name}) > {tolerance!r} * abs(t.{name}) ORDER BY ALL
    """).fetchall()
    sample = [row[0] for row in rows[:SAMPLES]]
    return CheckResult(check.check, check.level, check.field, not rows, len(rows), None, tolerance, sample)


def _copied(check: RepeatedBlockCheck, blocks: list[str], length: float | None) -> CheckResult:
    return CheckResult(check.check, check.level, check.field, not blocks, len(blocks), None, length, blocks[:SAMPLES])
