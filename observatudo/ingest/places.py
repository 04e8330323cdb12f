"""Which municipality a row is about: by code against the official list, or by name and state.

By name the order is: the reviewed exceptions, the official names, then the names under which other
sources know a municipality. Names are compared without accents, case, blanks and punctuation,
always within their state. A name that leads to two municipalities is rejected, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.ingest import reviewed
from observatudo.ingest.sql import ident, literal, raw

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from observatudo.config import Locality

KEY = "regexp_replace(lower(strip_accents({})), '[^a-z0-9]', '', 'g')"
NOT_FOUND = "municipio_nao_encontrado"
AMBIGUOUS = "nome_ambiguo"
UNKNOWN_CODE = "codigo_desconhecido"
_EXCEPTION = ("sigla_uf", "nome", "id_municipio", "relacao", "motivo")
REASONS = (NOT_FOUND, AMBIGUOUS, UNKNOWN_CODE)

_CANDIDATES = """
CREATE TABLE candidato AS
SELECT 1 AS preferencia, sigla_uf, {key_nome} AS chave, id_municipio, relacao FROM excecao
UNION ALL SELECT 2, sigla_uf, {key_nome}, id_municipio, 'oficial' FROM oficial
UNION ALL
SELECT 3, o.sigla_uf, {key_valor}, o.id_municipio, 'outra_fonte'
FROM outro_nome AS d JOIN oficial AS o USING (id_municipio) WHERE d.coluna = 'nome';

CREATE TABLE lugar AS
WITH preferido AS (
    SELECT *, min(preferencia) OVER (PARTITION BY sigla_uf, chave) = preferencia AS vale FROM candidato
)
SELECT sigla_uf, chave,
    CASE WHEN count(DISTINCT id_municipio) = 1 THEN min(id_municipio) END AS id_municipio,
    min(relacao) AS relacao
FROM preferido WHERE vale GROUP BY sigla_uf, chave;
"""


@dataclass(frozen=True)
class Places:
    """Where the official list is, and the dataset's way of naming a place."""

    directory: Path
    locality: Locality
    root: Path


def locate(con: duckdb.DuckDBPyConnection, places: Places) -> None:
    """Make ``localizado``: ``aceito`` plus ``_id_local``, ``_relacao`` and ``_lugar`` (why there is no place).

    Raises ConfigError when the official list is not there or the exceptions table is wrong.
    """
    _official(con, places.directory)
    if places.locality.code is not None:
        _by_code(con, places.locality)
    else:
        _by_name(con, places)


def _official(con: duckdb.DuckDBPyConnection, directory: Path) -> None:
    if not (directory / "referencia.parquet").is_file():
        raise ConfigError(
            _("a dataset with places needs the official list of municipalities"),
            where=str(directory / "referencia.parquet"),
            next_step="dvc repro ingest@ibge/municipio",
        )
    for table, file in (("oficial", "referencia"), ("outro_nome", "divergencia")):
        source = literal(str(directory / f"{file}.parquet"))
        con.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet({source})")


def _by_code(con: duckdb.DuckDBPyConnection, locality: Locality) -> None:
    assert locality.code is not None
    known = {
        "municipio": "SELECT id_municipio AS codigo FROM oficial",
        "uf": "SELECT DISTINCT id_uf FROM oficial",
        "pais": "SELECT '1'",
    }
    codes = " UNION ALL ".join(known[level] for level in locality.levels)
    code = ident(locality.code)
    con.execute(f"""
        CREATE TABLE localizado AS
        SELECT a.*, c.codigo AS _id_local, 'oficial' AS _relacao, NULL AS _nome,
            CASE WHEN c.codigo IS NULL THEN {literal(UNKNOWN_CODE)} END AS _lugar
        FROM aceito AS a LEFT JOIN ({codes}) AS c(codigo) ON c.codigo = a.{code}
    """)


def _by_name(con: duckdb.DuckDBPyConnection, places: Places) -> None:
    locality = places.locality
    assert locality.name is not None
    assert locality.state is not None
    _exceptions(con, places)
    con.execute(_CANDIDATES.format(key_nome=KEY.format("nome"), key_valor=KEY.format("d.valor")))
    con.execute(f"""
        CREATE TABLE localizado AS
        SELECT a.*, l.id_municipio AS _id_local, l.relacao AS _relacao, l.chave AS _nome,
            CASE WHEN l.chave IS NULL THEN {literal(NOT_FOUND)}
                 WHEN l.id_municipio IS NULL THEN {literal(AMBIGUOUS)} END AS _lugar
        FROM aceito AS a LEFT JOIN lugar AS l
            ON l.sigla_uf = a.{ident(locality.state)} AND l.chave = {KEY.format("a." + ident(locality.name))}
    """)


def _exceptions(con: duckdb.DuckDBPyConnection, places: Places) -> None:
    con.execute(f"CREATE TABLE excecao ({', '.join(f'{name} VARCHAR' for name in _EXCEPTION)})")
    if places.locality.exceptions is None:
        return
    path = places.root / places.locality.exceptions
    for row in reviewed.rows(path, set(_EXCEPTION)):
        con.execute("INSERT INTO excecao VALUES (?, ?, ?, ?, ?)", [row[name] for name in _EXCEPTION])
    wrong = con.execute("""
        SELECT e.sigla_uf, e.nome, e.id_municipio FROM excecao AS e
        LEFT JOIN oficial AS o ON o.id_municipio = e.id_municipio
        WHERE o.id_municipio IS NULL OR o.sigla_uf <> e.sigla_uf OR e.motivo = ''
            OR e.relacao NOT IN ('grafia', 'renomeado', 'parte')
        ORDER BY ALL
    """).fetchall()
    if wrong:
        raise ConfigError(
            _(
                "exceptions need a municipality of the same state in the official list, a relacao "
                "(grafia, renomeado, parte) and a motivo; wrong: {rows}"
            ).format(rows="; ".join("/".join(map(str, row)) for row in wrong)),
            where=str(path),
            next_step=_("correct these rows"),
        )


def reject_unplaced(con: duckdb.DuckDBPyConnection, locality: Locality) -> None:
    """Move the rows of ``localizado`` without a place to the rejects, with the name or code as published."""
    named = locality.code or locality.name
    assert named is not None
    con.execute(f"""
        INSERT INTO recusado
        SELECT _r, _arquivo, _linha, {literal(named)}, {raw(named)}, _lugar FROM localizado WHERE _lugar IS NOT NULL
    """)
    con.execute("DELETE FROM localizado WHERE _lugar IS NOT NULL")
