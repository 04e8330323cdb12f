"""Accepted rows → the tables of each kind: the long table, the directory, the catalogue of indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observatudo.ingest.sql import failure, ident, literal, raw

if TYPE_CHECKING:
    import duckdb

    from observatudo.config import Dataset, Indicator

DUPLICATE = "chave_duplicada"

OBSERVATION_KEY = ["id_indicador", "id_municipio", "data_referencia"]
INDICATOR_COLUMNS = {
    "id_indicador": "VARCHAR",
    "nome": "VARCHAR",
    "descricao": "VARCHAR",
    "unidade": "VARCHAR",
    "periodicidade": "VARCHAR",
    "eixo_fonte": "VARCHAR",
    "por_mil": "BOOLEAN",
}

_OBSERVATIONS = """
CREATE TABLE observacao AS
SELECT id_indicador, id_municipio, data_referencia, any_value(periodicidade) AS periodicidade,
    CASE WHEN count(valor) > 0 THEN list_sum(list(valor ORDER BY _r)) END AS valor,
    any_value(valor_texto) AS valor_texto,
    string_agg(valor_original, ' + ' ORDER BY _r) AS valor_original,
    CASE WHEN count(*) > 1 THEN 'soma de ' || count(*) || ' linhas' END AS justificativa
FROM celula GROUP BY id_indicador, id_municipio, data_referencia
"""
# different parts of a municipality add up to it, beside at most one row of its own; any other second row of a key,
# and the same part once more, is a duplicate
_DUPLICATES = """
CREATE TABLE duplicada AS
SELECT id_indicador, id_municipio, data_referencia FROM celula
GROUP BY ALL
HAVING count(*) FILTER (WHERE _relacao IS DISTINCT FROM 'parte') > 1
    OR count(*) FILTER (WHERE _relacao = 'parte') > count(DISTINCT _nome) FILTER (WHERE _relacao = 'parte')
"""


def observations(con: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """Make ``observacao`` from ``localizado``, and ``celula`` (each value with its row); reject duplicates.

    A value that could not be taken is a reject of its own; its row stands as long as one value of it does.
    Returns the duplicated keys, at most ten, each with the places of its rows.
    """
    query = " UNION ALL ".join(_cells(dataset, indicator) for indicator in dataset.indicators)
    con.execute(f"CREATE TABLE celula AS {query}")
    for indicator in dataset.indicators:
        name = indicator.value
        con.execute(f"""
            INSERT INTO recusado SELECT _r, _arquivo, _linha, {literal(name)}, {raw(name)}, {failure(name)}
            FROM localizado WHERE {failure(name)} IS NOT NULL
        """)
    con.execute(_DUPLICATES)
    named = _duplicates(con, "celula", OBSERVATION_KEY)
    con.execute(_OBSERVATIONS)
    return named


def _cells(dataset: Dataset, indicator: Indicator) -> str:
    assert dataset.period is not None
    value = next(field for field in dataset.fields if field.name == indicator.value)
    month = ident(dataset.period.month) if dataset.period.month else "1"
    is_text = value.type == "string"
    number = "CAST(NULL AS DOUBLE)" if is_text else f"CAST({ident(value.name)} AS DOUBLE)"
    text = ident(value.name) if is_text else "CAST(NULL AS VARCHAR)"
    return f"""
        SELECT _r, _arquivo, _linha, _relacao, _nome,
            {literal(indicator.id)} AS id_indicador, _id_local AS id_municipio,
            make_date({ident(dataset.period.year)}, {month}, 1) AS data_referencia,
            {literal(dataset.frequency)} AS periodicidade, {number} AS valor, {text} AS valor_texto,
            {raw(value.name)} AS valor_original
        FROM localizado WHERE {failure(value.name)} IS NULL
    """


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
    """Make ``indicador``: the declared indicators, or for a catalogue its rows; return duplicated ids."""
    columns = ", ".join(f"{name} {kind}" for name, kind in INDICATOR_COLUMNS.items())
    con.execute(f"CREATE TABLE indicador ({columns})")
    if dataset.kind == "catalogo":
        return _catalogue(con, dataset)
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
