"""Copied blocks: the same run of values, row after row, under two states in one period.

A collector that reads one state's table again as the next state's leaves such a run. By chance it
does not happen: in the 225,957 rows of registered deaths the longest run two states share by chance
has 8 values, the two copied blocks have 284 and 233. A run of one repeated value proves nothing, so
at least three different values are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from observatudo.ingest.sql import ident, literal, raw

if TYPE_CHECKING:
    import duckdb

    from observatudo.config import Locality, RepeatedBlockCheck

REASON = "bloco_repetido"
_DISTINCT_VALUES = 3

_SEQUENCE = """
CREATE OR REPLACE TABLE sequencia AS
SELECT _r, {group} AS grupo, {state} AS estado, {value} AS valor, _lugar IS NULL AS do_estado,
    row_number() OVER (PARTITION BY {group}, {state} ORDER BY _r) AS posicao
FROM localizado
"""
_WINDOWS = """
WITH janela AS (
    SELECT *, list(valor) OVER (PARTITION BY grupo, estado ORDER BY posicao
        ROWS BETWEEN CURRENT ROW AND {following} FOLLOWING) AS valores
    FROM sequencia
), repetida AS (
    SELECT grupo, valores, string_agg(DISTINCT estado, '+' ORDER BY estado) AS estados FROM janela
    WHERE len(valores) = {length} AND len(list_distinct(valores)) >= {distinct}
    GROUP BY grupo, valores HAVING count(DISTINCT estado) > 1
)
SELECT grupo, estados, estado, posicao
FROM janela JOIN repetida USING (grupo, valores) ORDER BY ALL
"""
_AT = """
SELECT _r, do_estado FROM sequencia
WHERE grupo = ? AND estado = ? AND posicao IN (SELECT unnest(?)) ORDER BY _r
"""

Hits = dict[tuple[str, str], dict[str, set[int]]]


def reject_copies(
    con: duckdb.DuckDBPyConnection, check: RepeatedBlockCheck, locality: Locality, length: int
) -> list[str]:
    """Move copied blocks out of ``localizado`` into the rejects; return one line per block for the report.

    Of the two states, the copy is the one where a smaller share of the names belongs to the state;
    where the shares are equal nobody can tell, and both are rejected.
    """
    assert locality.name is not None
    assert locality.state is not None
    group = "concat_ws('-', " + ", ".join(ident(name) for name in check.within) + ")"
    names = {"group": group, "state": ident(locality.state), "value": ident(check.field)}
    con.execute(_SEQUENCE.format(**names))
    copies: set[int] = set()
    found: list[str] = []
    for (in_group, states), positions in sorted(_hits(con, length).items()):
        sides = {state: _rows(con, in_group, state, where) for state, where in sorted(positions.items())}
        for state in _copies({state: share for state, (_rows_, share) in sides.items()}):
            rows = sides[state][0]
            copies.update(rows)
            found.append(f"{in_group}: {state} ({len(rows)}) = {states}")
    _reject(con, sorted(copies), check.field)
    return found


def _hits(con: duckdb.DuckDBPyConnection, length: int) -> Hits:
    """Return (group, states) → state → positions of the rows inside a run that the states share."""
    hits: Hits = defaultdict(lambda: defaultdict(set))
    query = _WINDOWS.format(following=length - 1, length=length, distinct=_DISTINCT_VALUES)
    for in_group, states, state, position in con.execute(query).fetchall():
        hits[in_group, states][state].update(range(position, position + length))
    return hits


def _rows(con: duckdb.DuckDBPyConnection, group: str, state: str, positions: set[int]) -> tuple[list[int], float]:
    """Return the row numbers at these positions and the share of them whose name belongs to the state."""
    found = con.execute(_AT, [group, state, sorted(positions)]).fetchall()
    return [row for row, _matched in found], sum(matched for _row, matched in found) / len(found)


def _copies(shares: dict[str, float]) -> list[str]:
    best = max(shares.values())
    originals = [state for state, share in shares.items() if share == best]
    return sorted(shares if len(originals) > 1 else set(shares) - set(originals))


def _reject(con: duckdb.DuckDBPyConnection, rows: list[int], field: str) -> None:
    con.execute(
        f"""
        INSERT INTO recusado SELECT _r, _arquivo, _linha, {literal(field)}, {raw(field)}, {literal(REASON)}
        FROM localizado WHERE _r IN (SELECT unnest(?))
        """,
        [rows],
    )
    con.execute("DELETE FROM localizado WHERE _r IN (SELECT unnest(?))", [rows])
