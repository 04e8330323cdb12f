"""The SQL that a load sends. Names are quoted, values are bound parameters; nothing here runs anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from observatudo.warehouse.bigquery.delta import OPERATION
from observatudo.warehouse.bigquery.fingerprint import expression
from observatudo.warehouse.bigquery.quoting import identifier, table
from observatudo.warehouse.bigquery.sent import Columns, Sent
from observatudo.warehouse.tables import ColumnType

LEDGER, TURN, BUILDS = "_carga", "_vez", "_construcao"
OVERTAKEN, ALTERED = "OBSERVATUDO_OVERTAKEN", "OBSERVATUDO_NOT_AS_SENT"  # ASSERT's messages, told apart by jobs.py
LEDGER_COLUMNS: Columns = (
    ("id_carga", "string"),
    ("sequencia", "integer"),
    ("tabela", "string"),
    ("versao", "string"),
    ("versao_anterior", "string"),
    ("modo", "string"),
    ("linhas", "integer"),
    ("inseridas", "integer"),
    ("atualizadas", "integer"),
    ("removidas", "integer"),
    ("impressao", "string"),
    ("colunas", "string"),
    ("arquivos", "string"),
    ("bytes_enviados", "integer"),
    ("commit", "string"),
    ("id_execucao", "string"),
    ("quem", "string"),
    ("iniciada_em", "datetime"),
)
TECHNICAL: Columns = (("_carga", "integer"), ("_ativo", "boolean"), ("_removido_em", "datetime"))
TYPES: dict[ColumnType, str] = {
    "string": "STRING",
    "integer": "INT64",
    "number": "FLOAT64",
    "boolean": "BOOL",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}


@dataclass(frozen=True)
class Place:
    """Where tables of loads are: project and dataset."""

    project: str
    dataset: str

    def table(self, name: str) -> str:
        """Return a table's quoted name."""
        return table(self.project, self.dataset, name)


def turn(place: Place) -> str:
    """Return the statement that makes the table of whose turn it is: one row, the newest load's number.

    Every load changes that row, so of two transactions at once BigQuery commits one.
    """
    return f"create table if not exists {place.table(TURN)} as select 0 as sequencia"


def newest(place: Place) -> str:
    """Return the query of the newest row of the ledger for each table, and of the number of the newest load."""
    names = ", ".join(identifier(name) for name, _kind in LEDGER_COLUMNS)
    return (
        f"select {names} from {place.table(LEDGER)} where true"
        " qualify row_number() over (partition by tabela order by sequencia desc) = 1 order by tabela"
    )


def noted(place: Place, columns: Iterable[str]) -> str:
    """Return the query of the ledger's rows that have certain values, which are parameters of the columns' names."""
    wanted = " and ".join(f"{identifier(name)} = @{name}" for name in columns)
    return f"select sequencia from {place.table(LEDGER)} where {wanted}"


def newest_and_turn(place: Place) -> str:
    """Return the query of ``newest`` with, on each row, ``vez``, the newest load's number, and ``vezes``, 1.

    There is one row, of nulls else, where the ledger has none.
    """
    turn = f"select count(*) as vezes, max(sequencia) as vez from {place.table(TURN)}"
    return f"select v.vezes, v.vez, n.* from ({turn}) as v left join ({newest(place)}) as n on true order by tabela"


def observed(place: Place, name: str, columns: Columns) -> str:
    """Return the query of the fingerprint of the rows that a table shows: those that are active."""
    return f"select {expression(columns, 'bigquery')} as impressao from {place.table(name)} where _ativo"


def apply_delta(place: Place, sent: Sent, staging: str) -> str:
    """Return the script that brings a delta into a table as one transaction.

    Parameters: ``anterior`` and ``sequencia`` INT64, those of the ledger's row, and, of a table with months,
    ``primeiro`` and ``ultimo`` DATE: all of the delta lies between them, which spares BigQuery the partitions outside.
    """
    own, delta = place.table(sent.name), place.table(staging)
    names = [name for name, _kind in sent.columns]
    values = ", ".join(f"{identifier(name)} = d.{identifier(name)}" for name in names if name not in sent.key)
    same = " and ".join(f"t.{identifier(name)} = d.{identifier(name)}" for name in sent.key)
    pruned = f" and t.{identifier(sent.month)} between @primeiro and @ultimo" if sent.month else ""
    removed = f"d.{identifier(OPERATION)} = 'R'"
    return _transaction(
        place,
        sent,
        f"update {own} as t set {values + ', ' if values else ''}_carga = @sequencia, _ativo = not ({removed}),"
        f" _removido_em = if({removed}, @iniciada_em, null) from {delta} as d where {same}{pruned};\n"
        f"{_insert(own, names)} from {delta} as d where not ({removed})"
        f" and not exists (select 1 from {own} as t where {same}{pruned});",
    )


def replace_rows(place: Place, sent: Sent, staging: str) -> str:
    """Return the script that puts all rows of the staging table in the place of a table's, as one transaction."""
    own = place.table(sent.name)
    names = [name for name, _kind in sent.columns]
    return _transaction(
        place,
        sent,
        f"delete from {own} where true;\n{_insert(own, names)} from {place.table(staging)} as d where true;",
    )


def note_only(place: Place, sent: Sent) -> str:
    """Return the script that writes the ledger's row for a table that holds the version in hand already."""
    return _transaction(place, sent, "")


def _insert(own: str, names: list[str]) -> str:
    quoted = [identifier(name) for name in names]
    given = ", ".join(f"d.{name}" for name in quoted)
    technical = "_carga, _ativo, _removido_em"
    return f"insert into {own} ({', '.join(quoted)}, {technical}) select {given}, @sequencia, true, null"


def _transaction(place: Place, sent: Sent, work: str) -> str:
    names = ", ".join(identifier(name) for name, _kind in LEDGER_COLUMNS)
    values = ", ".join(f"@{name}" for name, _kind in LEDGER_COLUMNS)
    now = observed(place, sent.name, sent.columns)
    turn = place.table(TURN)
    return (
        "begin transaction;\n"
        f"assert (select max(sequencia) from {turn}) = @anterior as '{OVERTAKEN}';\n"
        f"update {turn} set sequencia = @sequencia where true;\n"
        f"{work}\n"
        f"assert ({now}) = @impressao as '{ALTERED}';\n"
        f"insert into {place.table(LEDGER)} ({names}) values ({values});\n"
        "commit transaction"
    )


def recreate(place: Place, sent: Sent, staging: str, *, is_replaceable: bool) -> str:
    """Return the script that makes a table anew, with other columns than it had; parameter ``sequencia`` INT64.

    BigQuery replaces none by one with other partitions or clusters; one that is not ``is_replaceable`` is dropped.
    """
    names = ", ".join(f"cast({identifier(name)} as {TYPES[kind]}) as {identifier(name)}" for name, kind in sent.columns)
    month = f" partition by date_trunc({identifier(sent.month)}, month)" if sent.month else ""
    clusters = f" cluster by {', '.join(identifier(name) for name in sent.clusters)}" if sent.clusters else ""
    before = "" if is_replaceable else f"drop table if exists {place.table(sent.name)};\n"
    return (
        f"{before}create or replace table {place.table(sent.name)}{month}{clusters} as"
        f" select {names}, @sequencia as _carga, true as _ativo, cast(null as timestamp) as _removido_em"
        f" from {place.table(staging)}"
    )
