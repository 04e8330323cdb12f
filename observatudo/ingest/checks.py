"""The declared checks on a dataset's result, each with what failed and up to five samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from observatudo import config
from observatudo.config import (
    Check,
    MatchRateCheck,
    NullRateCheck,
    PartsSumCheck,
    RangeCheck,
    RepeatedBlockCheck,
    RowsCheck,
)
from observatudo.ingest.sql import ident

if TYPE_CHECKING:
    import duckdb

    from observatudo.config import ParamValue

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

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Facts:
    """What checks need beside the tables: rows of the result, the match rate, copied blocks."""

    rows: int
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
        return _bound(check, None, facts.rows, minimum=limit(check.minimum))
    if isinstance(check, MatchRateCheck):
        return _bound(check, None, facts.match_rate, minimum=limit(check.minimum))
    if isinstance(check, NullRateCheck):
        return _bound(check, check.field, _null_rate(con, check.field), maximum=limit(check.maximum))
    if isinstance(check, RangeCheck):
        return _range(con, check, limit(check.minimum), limit(check.maximum))
    if isinstance(check, PartsSumCheck):
        return _parts_sum(con, check, limit(check.tolerance) or 0.0)
    return _copied(check, facts.blocks, limit(check.minimum))


def duplicates(named: list[str], count: int) -> CheckResult:
    """Return the check every dataset has: no key stands twice."""
    return CheckResult("unique_key", "fatal", None, not count, count, None, None, named[:SAMPLES])


def _bound(
    check: RowsCheck | MatchRateCheck | NullRateCheck,
    column: str | None,
    found: float | None,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
) -> CheckResult:
    too_low = minimum is not None and (found is None or found < minimum)
    too_high = maximum is not None and (found is None or found > maximum)
    bound = minimum if minimum is not None else maximum
    bad = too_low or too_high
    return CheckResult(check.check, check.level, column, not bad, int(bad), found, bound, [])


def _null_rate(con: duckdb.DuckDBPyConnection, field: str) -> float:
    # a directory is judged by its result: another resource may have filled the gap
    tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    table = "referencia" if "referencia" in tables else "localizado"
    query = f"SELECT count(*), count({ident(field)}) FROM {table}"
    rows, filled = con.execute(query).fetchall()[0]
    return round(1 - filled / rows, 6) if rows else 1.0


def _range(
    con: duckdb.DuckDBPyConnection, check: RangeCheck, minimum: float | None, maximum: float | None
) -> CheckResult:
    name = ident(check.field)
    outside = " OR ".join(
        part
        for part, bound in ((f"{name} < {minimum!r}", minimum), (f"{name} > {maximum!r}", maximum))
        if bound is not None
    )
    rows = con.execute(f"""
        SELECT _arquivo || ':' || _linha || ': ' || CAST({name} AS VARCHAR) FROM localizado
        WHERE {outside or "false"} ORDER BY _r
    """).fetchall()
    sample = [row[0] for row in rows[:SAMPLES]]
    return CheckResult(check.check, check.level, check.field, not rows, len(rows), None, None, sample)


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
