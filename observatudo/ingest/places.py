"""Which municipality a row is about: by code against the official list, or by name and state.

A code is looked up among the spellings in use: seven digits, six (without the check digit), either as a
float. Membership of the list decides, never the check digit: nine official codes fail its rule.

By name the order is: the reviewed exceptions, the official names, then the names under which other
sources know a municipality. Names are compared without accents, case, blanks and punctuation,
always within their state. A name that leads to two municipalities is rejected, not guessed. Every name that
was asked for, and where it led, is kept in ``casamento`` for people to look through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.ingest import reviewed
from observatudo.ingest.sql import ident, literal, literals, raw

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from observatudo.config import Locality

KEY = "regexp_replace(lower(strip_accents({})), '[^a-z0-9]', '', 'g')"
NOT_FOUND = "municipio_nao_encontrado"
AMBIGUOUS = "nome_ambiguo"
UNKNOWN_CODE = "codigo_desconhecido"
IGNORED = "municipio_ignorado"
_EXCEPTION = ("sigla_uf", "nome", "id_municipio", "relacao", "motivo")
REASONS = (NOT_FOUND, AMBIGUOUS, UNKNOWN_CODE, IGNORED)
RELATIONS = ("oficial", "outra_fonte", "grafia", "renomeado", "parte")

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
    CASE WHEN count(DISTINCT id_municipio) = 1 THEN min(id_municipio)::local END AS id_municipio,
    min(relacao)::relacao AS relacao
FROM preferido WHERE vale GROUP BY sigla_uf, chave;
"""
_MATCHES = """
CREATE TABLE casado (
    sigla_uf VARCHAR, nome VARCHAR, id_municipio VARCHAR, relacao VARCHAR, motivo VARCHAR, linhas BIGINT
)
"""
MATCHES = """
SELECT sigla_uf, nome, id_municipio, relacao, motivo, CAST(sum(linhas) AS BIGINT) AS linhas
FROM casado GROUP BY ALL ORDER BY sigla_uf, nome
"""
# every spelling of a code that leads to one place, and to no other
_CODES = """
CREATE TABLE codigo AS
WITH grafia AS (
    SELECT id_local AS chave, id_local FROM ({known})
    UNION ALL SELECT left(id_local, 6), id_local FROM ({known}) WHERE length(id_local) = 7
)
SELECT chave || fim AS chave, min(id_local)::local AS id_local FROM grafia, (VALUES (''), ('.0')) AS fins(fim)
GROUP BY ALL HAVING count(DISTINCT id_local) = 1
"""
_KNOWN = {
    "municipio": "SELECT id_municipio AS id_local FROM oficial",
    "uf": "SELECT DISTINCT id_uf AS id_local FROM oficial",
    "pais": "SELECT '1' AS id_local",
}


def prepare(con: duckdb.DuckDBPyConnection, directory: Path, locality: Locality, root: Path) -> None:
    """Load the official list in ``directory``: as ``codigo`` (chave, id_local), or as ``lugar`` by state and name.

    The type ``local`` has every place in the order of its code; it sorts and takes room as a small number.
    Raises ConfigError when the official list is not there or the exceptions table is wrong.
    """
    _official(con, directory)
    known = " UNION ALL ".join(_KNOWN[level] for level in locality.levels)
    con.execute(f"CREATE TYPE local AS ENUM (SELECT id_local FROM ({known}) ORDER BY id_local)")
    if locality.code is not None:
        con.execute(_CODES.format(known=known))
        return
    _exceptions(con, locality, root)
    con.execute(_MATCHES)
    con.execute(f"CREATE TYPE relacao AS ENUM {literals([*RELATIONS])}")
    con.execute(_CANDIDATES.format(key_nome=KEY.format("nome"), key_valor=KEY.format("d.valor")))


def _official(con: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Load the list as ``oficial`` and the other names of its places as ``outro_nome``; raises ConfigError."""
    import duckdb

    for table, name, wanted in (
        ("oficial", "referencia", "id_municipio, nome, id_uf, sigla_uf"),
        ("outro_nome", "divergencia", "id_municipio, coluna, valor"),
    ):
        file = directory / f"{name}.parquet"
        if not file.is_file():
            raise _no_list(file, _("a dataset with places needs the official list of municipalities"))
        try:
            con.execute(f"CREATE TABLE {table} AS SELECT {wanted} FROM read_parquet({literal(str(file))})")
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            first, *_rest = str(error).splitlines()
            message = _("the official list of municipalities cannot be read: {error}").format(error=first)
            raise _no_list(file, message) from error


def _no_list(file: Path, message: str) -> ConfigError:
    return ConfigError(message, where=str(file), next_step="dvc repro ingest@ibge/municipio")


def columns(locality: Locality | None) -> str:
    """Return the columns that say where the rows of ``tipado AS t`` are, over what ``join`` adds to it."""
    if locality is None:
        return "NULL AS _id_local, NULL::motivo AS _lugar"
    if locality.code is not None:
        ignored = f"regexp_full_match(t.{ident(locality.code)}, '\\d{{2}}0000\\d?(\\.0)?')"
        return (
            "c.id_local AS _id_local,"
            f" CASE WHEN c.id_local IS NOT NULL THEN NULL WHEN {ignored} THEN {literal(IGNORED)}::motivo"
            f" ELSE {literal(UNKNOWN_CODE)}::motivo END AS _lugar"
        )
    return (
        "l.id_municipio AS _id_local, l.relacao AS _relacao, l.chave AS _nome,"
        f" CASE WHEN l.chave IS NULL THEN {literal(NOT_FOUND)}::motivo"
        f" WHEN l.id_municipio IS NULL THEN {literal(AMBIGUOUS)}::motivo END AS _lugar"
    )


def join(locality: Locality | None) -> str:
    """Return the join of ``tipado AS t`` with the places; a name is made comparable once, however often it stands."""
    if locality is None:
        return ""
    if locality.code is not None:
        return f"LEFT JOIN codigo AS c ON c.chave = t.{ident(locality.code)}"
    assert locality.name is not None
    assert locality.state is not None
    state, name = ident(locality.state), ident(locality.name)
    return f"""
        LEFT JOIN (
            SELECT n.sigla_uf, n.nome, p.chave, p.id_municipio, p.relacao
            FROM (SELECT DISTINCT {state} AS sigla_uf, {name} AS nome FROM tipado) AS n
            JOIN lugar AS p ON p.sigla_uf = n.sigla_uf AND p.chave = {KEY.format("n.nome")}
        ) AS l ON l.sigla_uf = t.{state} AND l.nome = t.{name}
    """


def note_matches(con: duckdb.DuckDBPyConnection, locality: Locality) -> None:
    """Add the names of the batch in ``tipado`` to ``casado``: sigla_uf, nome, id_municipio, relacao, motivo, linhas."""
    if locality.name is None or locality.state is None:
        return
    con.execute(f"""
        INSERT INTO casado
        SELECT t.{ident(locality.state)}, t.{ident(locality.name)}, _id_local, _relacao, _lugar, count(*)
        FROM (SELECT t.*, {columns(locality)} FROM tipado AS t {join(locality)} WHERE t._motivo IS NULL) AS t
        GROUP BY ALL
    """)


def _exceptions(con: duckdb.DuckDBPyConnection, locality: Locality, root: Path) -> None:
    con.execute(f"CREATE TABLE excecao ({', '.join(f'{name} VARCHAR' for name in _EXCEPTION)})")
    if locality.exceptions is None:
        return
    path = root / locality.exceptions
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
