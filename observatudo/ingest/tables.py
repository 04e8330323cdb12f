"""Accepted rows → the directory, and the catalogue of indicators; the long table is made in ``observations``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observatudo.ingest.rows import DUPLICATE
from observatudo.ingest.sql import ident, literal

if TYPE_CHECKING:
    import duckdb

    from observatudo.config import Dataset

INDICATOR_COLUMNS = {
    "id_indicador": "VARCHAR",
    "nome": "VARCHAR",
    "descricao": "VARCHAR",
    "unidade": "VARCHAR",
    "periodicidade": "VARCHAR",
    "eixo_fonte": "VARCHAR",
    "por_mil": "BOOLEAN",
}


def _duplicates(con: duckdb.DuckDBPyConnection, table: str, key: list[str]) -> list[str]:
    """Reject every row of ``table`` whose key is in ``duplicada``; return up to ten keys with their places."""
    columns = ", ".join(map(ident, key))
    shown = " || '/' || ".join(f"coalesce(CAST({ident(name)} AS VARCHAR), '∅')" for name in key)
    con.execute(f"""
        INSERT INTO recusado SELECT _r, _arquivo, _linha, {literal("+".join(key))}, {shown}, {literal(DUPLICATE)}
        FROM {table} SEMI JOIN duplicada USING ({columns})
    """)
    named = con.execute(f"""
        SELECT {shown} || ' (' || string_agg(_arquivo || ':' || _linha, ', ' ORDER BY _r) || ')' AS lugar
        FROM {table} SEMI JOIN duplicada USING ({columns}) GROUP BY {columns} ORDER BY lugar LIMIT 10
    """).fetchall()
    con.execute(f"DELETE FROM {table} WHERE _r IN (SELECT _r FROM {table} SEMI JOIN duplicada USING ({columns}))")
    return [row[0] for row in named]


def reference(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """Make ``referencia`` (one row per key) and ``divergencia`` from ``localizado``; reject duplicates.

    Of several resources the first that has a value gives it. What a later one says differently stands in
    ``divergencia``: key, coluna, valor_adotado, valor, arquivo, linha. Returns the duplicated keys.
    """
    key = ", ".join(map(ident, dataset.primaryKey))
    outputs = [field for field in dataset.fields if field.output]
    con.execute(f"""
        CREATE TABLE duplicada AS SELECT DISTINCT {key} FROM
        (SELECT {key}, _ordem FROM localizado GROUP BY ALL HAVING count(*) > 1)
    """)
    named = _duplicates(con, "localizado", dataset.primaryKey)
    chosen = ", ".join(
        ident(f.name)
        if f.name in dataset.primaryKey
        else f"first({ident(f.name)} ORDER BY _ordem) FILTER (WHERE {ident(f.name)} IS NOT NULL) AS {ident(f.name)}"
        for f in outputs
    )
    con.execute(f"CREATE TABLE referencia AS SELECT {chosen} FROM localizado GROUP BY {key}")
    compared = [f.name for f in outputs if f.name not in dataset.primaryKey and f.derive is None]
    differing = " UNION ALL ".join(
        f"SELECT {key}, {literal(name)} AS coluna, CAST(r.{ident(name)} AS VARCHAR) AS valor_adotado,"
        f" CAST(l.{ident(name)} AS VARCHAR) AS valor, l._arquivo AS arquivo, l._linha AS linha"
        f" FROM localizado AS l JOIN referencia AS r USING ({key}) WHERE l.{ident(name)} <> r.{ident(name)}"
        for name in compared
    )
    nothing = (
        f"SELECT {key}, '' AS coluna, '' AS valor_adotado, '' AS valor, '' AS arquivo, 0::BIGINT AS linha"
        f" FROM referencia WHERE false"
    )
    con.execute(f"CREATE TABLE divergencia AS {differing or nothing}")
    return named


def indicators(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """Make ``indicador``: those declared or met in the rows, or for a catalogue its rows; return duplicated ids."""
    columns = ", ".join(f"{name} {kind}" for name, kind in INDICATOR_COLUMNS.items())
    con.execute(f"CREATE TABLE indicador ({columns})")
    if dataset.kind == "catalogo":
        return _catalogue(con, dataset)
    if dataset.indicator_columns is not None:
        query = "SELECT id, nome, descricao, unidade, ?, eixo, false FROM indicador_visto ORDER BY id"
        con.execute(f"INSERT INTO indicador {query}", [dataset.frequency])
    for i in dataset.indicators:
        row = [i.id, i.name, i.description, i.unit, dataset.frequency, i.axis, i.per_thousand]
        con.execute("INSERT INTO indicador VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    return []


def _catalogue(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    present = {field.name for field in dataset.fields}
    con.execute("""
        CREATE TABLE duplicada AS
        SELECT id_indicador FROM localizado GROUP BY ALL HAVING count(*) > 1
    """)
    named = _duplicates(con, "localizado", ["id_indicador"])
    values = ", ".join(
        f"CAST({ident(name)} AS {kind})" if name in present else _absent(name, kind, dataset)
        for name, kind in INDICATOR_COLUMNS.items()
    )
    con.execute(f"INSERT INTO indicador SELECT {values} FROM localizado")
    return named


def _absent(name: str, kind: str, dataset: Dataset) -> str:
    if name == "periodicidade":
        return literal(dataset.frequency)
    return "false" if kind == "BOOLEAN" else "NULL"
