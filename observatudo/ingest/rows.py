"""One batch of text rows (the view ``lido``) → typed rows with their place and period, and rejects.

``localizado`` keeps, of every accepted row, only the columns that something later looks at:

- ``_r``, ``_ordem`` (of its resource), ``_arquivo``, ``_linha``; the typed fields; of a value also its text as
  published and why it failed;
- ``_id_local``, ``_lugar`` (why there is no place, else null), and for places by name ``_relacao`` (how the name
  led there) and ``_nome`` (the name compared); ``_data`` (first day of the period); ``_indicador`` (number in
  ``indicador_visto``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo.config import RepeatedBlockCheck
from observatudo.ingest import casts, places
from observatudo.ingest.sql import failure, ident, literal, literals, native, published, raw, reason

if TYPE_CHECKING:
    import duckdb

    from observatudo.config import Dataset, Indicator, IndicatorColumns, ParamValue
    from observatudo.ingest.corrected import Corrector

DUPLICATE = "chave_duplicada"
_MONTHS = {"anual": 12, "semestral": 6, "trimestral": 3, "bimestral": 2, "mensal": 1}
_REJECTED = """
CREATE TABLE recusado (_r BIGINT, arquivo VARCHAR, linha BIGINT, coluna VARCHAR, texto VARCHAR, motivo VARCHAR)
"""
# the indicators that rows name themselves: the first row of each describes it, what others say is kept aside
_SEEN = """
CREATE SEQUENCE numero_do_indicador;
CREATE TABLE indicador_visto (_n INTEGER, id VARCHAR, nome VARCHAR, descricao VARCHAR, unidade VARCHAR, eixo VARCHAR);
CREATE TABLE indicador_divergente (id VARCHAR, nome VARCHAR, unidade VARCHAR);
"""


@dataclass(frozen=True)
class Plan:
    """What is done to every batch of a dataset: its declaration, the SQL made of it, and corrections, if any."""

    dataset: Dataset
    typed: str
    rejected: str
    placed: str
    corrector: Corrector | None = None


def prepare(
    con: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    params: dict[str, ParamValue],
    files: list[str],
    corrector: Corrector | None = None,
) -> Plan:
    """Make the empty tables and return the plan, after ``reasons``. ``files`` are the names of the snapshot's files."""
    con.execute(f"CREATE TYPE arquivo AS ENUM {literals(files)}")
    con.execute(_REJECTED)
    con.execute(_SEEN)
    read = [field for field in dataset.fields if field.derive is None]
    empty = [f"CAST(NULL AS VARCHAR) AS {raw(field.name)}" for field in read]
    empty += [f"false AS {native(field.name)}" for field in casts.marked_fields(dataset)]
    nowhere = "0::BIGINT AS _r, 0::USMALLINT AS _ordem, NULL::arquivo AS _arquivo, 0::BIGINT AS _linha"
    con.execute(f"CREATE VIEW lido AS SELECT {', '.join([nowhere, *empty])} WHERE false")
    if corrector is not None:
        corrector.apply(con)
    fields = corrector.fields if corrector is not None else []
    source = "corrigido" if fields else "lido"
    typed, rejected = _typed(dataset, params, source, fields), _rejected(dataset, params, source)
    plan = Plan(dataset, typed, rejected, _placed(dataset, fields), corrector)
    con.execute(plan.typed)
    con.execute(f"CREATE TABLE localizado AS {plan.placed}")
    return plan


def reasons(con: duckdb.DuckDBPyConnection) -> None:
    """Make the type ``motivo``: why a row or a value is rejected."""
    con.execute(f"CREATE TYPE motivo AS ENUM {literals([*casts.REASONS, *places.REASONS])}")


def take(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Type and place the rows of ``lido``: the accepted ones join ``localizado``, the others ``recusado``."""
    if plan.corrector is not None:
        plan.corrector.apply(con)
    con.execute(plan.typed)
    if con.execute("SELECT count(_motivo) FROM tipado").fetchall()[0][0]:
        con.execute(plan.rejected)
    if plan.dataset.indicator_columns is not None:
        _meet_indicators(con, plan.dataset.indicator_columns)
    if plan.dataset.locality is not None:
        places.note_matches(con, plan.dataset.locality)
    con.execute(f"INSERT INTO localizado {plan.placed}")


def _typed(dataset: Dataset, params: dict[str, ParamValue], source: str, corrected: list[str]) -> str:
    """Return the statement that makes ``tipado`` of the source; a value's failure is left to the value."""
    kept = ", ".join(dict.fromkeys([*_kept(dataset, corrected), *map(ident, _passing(dataset))]))
    reason = f"coalesce({', '.join(failure(name) for name in _judged(dataset))}, NULL)"
    return f"""
        CREATE OR REPLACE TEMP TABLE tipado AS SELECT {casts.PLACES}, {kept}, {reason} AS _motivo
        FROM ({casts.typed_query(dataset, params, source)})
    """


def _rejected(dataset: Dataset, params: dict[str, ParamValue], source: str) -> str:
    """Return the statement that rejects the rows of ``tipado`` with a reason: they are typed once more for the details.

    That is cheaper than details for every row: hardly any row is rejected.
    """
    judged = _judged(dataset)
    column = " ".join(f"WHEN {failure(name)} IS NOT NULL THEN {literal(name)}" for name in judged)
    text = " ".join(f"WHEN {failure(name)} IS NOT NULL THEN {raw(name)}" for name in judged)
    reason = f"coalesce({', '.join(map(failure, judged))}, NULL)"
    again = f"(SELECT * FROM {source} WHERE _r IN (SELECT _r FROM tipado WHERE _motivo IS NOT NULL))"
    return f"""
        INSERT INTO recusado SELECT _r, _arquivo, _linha, CASE {column} END, CASE {text} END, {reason}
        FROM ({casts.typed_query(dataset, params, again)}) WHERE {reason} IS NOT NULL
    """


def _judged(dataset: Dataset) -> list[str]:
    """Return the fields whose failure rejects the row, in the order in which they are looked at."""
    return [field.name for field in dataset.fields if field.name not in dataset.value_fields()]


def _kept(dataset: Dataset, corrected: list[str]) -> list[str]:
    """Return the quoted columns of ``localizado`` beside places: those that something later looks at."""
    if dataset.kind != "observacao":
        typed, texts = [f.name for f in dataset.fields], set(_named(dataset))
    else:
        note = dataset.indicator_columns.note if dataset.indicator_columns else None
        typed = sorted(dataset.value_fields() | _checked(dataset) | ({note} if note else set()))
        texts = dataset.value_fields() | set(_named(dataset))
    texts |= {check.field for check in dataset.checks if isinstance(check, RepeatedBlockCheck)}
    failures = [failure(name) for name in sorted(dataset.value_fields())]
    told = sorted({*corrected} & dataset.value_fields())
    return [*map(ident, typed), *map(raw, sorted(texts)), *failures, *map(published, told), *map(reason, told)]


def _named(dataset: Dataset) -> list[str]:
    """Return the field whose text is shown for a row without a place."""
    if dataset.locality is None:
        return []
    return [name for name in (dataset.locality.code or dataset.locality.name,) if name]


def _checked(dataset: Dataset) -> set[str]:
    """Return the fields that checks look at; a copied block is judged by state and name too."""
    found: set[str] = set()
    for check in dataset.checks:
        named = [getattr(check, "field", None), *getattr(check, "within", [])]
        found |= {name for name in named if name is not None}
        if isinstance(check, RepeatedBlockCheck) and dataset.locality is not None:
            found |= set(dataset.locality.fields().values())
    return found


def _passing(dataset: Dataset) -> list[str]:
    """Return the fields that place and describe a row and are not kept for themselves."""
    found = [*(dataset.locality.fields().values() if dataset.locality else ())]
    found += [*(dataset.period.fields().values() if dataset.period else ())]
    found += [name for _key, name in dataset.indicator_columns or () if name is not None]
    return found


def _placed(dataset: Dataset, corrected: list[str]) -> str:
    """Return the query that gives the accepted rows of ``tipado`` their place, period and indicator."""
    kept = ", ".join(f"t.{column}" for column in _kept(dataset, corrected))
    query = f"SELECT t._r, t._ordem, t._arquivo, t._linha, {kept}, {places.columns(dataset.locality)}"
    query += f", {period(dataset)} AS _data"
    if dataset.indicator_columns is None:
        return f"{query}, 0 AS _indicador FROM tipado AS t {places.join(dataset.locality)} WHERE t._motivo IS NULL"
    return (
        f"{query}, i._n AS _indicador FROM tipado AS t {places.join(dataset.locality)}"
        f" JOIN indicador_visto AS i ON i.id = t.{ident(dataset.indicator_columns.id)} WHERE t._motivo IS NULL"
    )


def period(dataset: Dataset) -> str:
    """Return the expression for the first day of the period of a row of ``tipado AS t``."""
    declared = dataset.period
    if declared is None:
        return "CAST(NULL AS DATE)"
    if declared.date is not None:
        months = _MONTHS.get(dataset.frequency)
        name = f"t.{ident(declared.date)}"
        first = f"month({name}) - (month({name}) - 1) % {months}"
        return f"make_date(year({name}), {first}, 1)" if months else name
    month = f"t.{ident(declared.month)}" if declared.month else "1"
    assert declared.year is not None
    return f"make_date(t.{ident(declared.year)}, {month}, 1)"


def _meet_indicators(con: duckdb.DuckDBPyConnection, columns: IndicatorColumns) -> None:
    """Number the indicators that this batch is the first to name, and note names that differ.

    What the id is judged by is looked at once per id, not once per row.
    """
    id_, name = ident(columns.id), ident(columns.name)
    unit = ident(columns.unit) if columns.unit else "CAST(NULL AS VARCHAR)"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE nomeado AS
        SELECT {id_} AS id, {name} AS nome, {unit} AS unidade, min(_r) AS _r FROM tipado
        WHERE _motivo IS NULL GROUP BY ALL
    """)
    wrong = con.execute(
        f"SELECT DISTINCT id FROM nomeado WHERE NOT regexp_full_match(id, {literal(casts.ID_PATTERN)})"
    ).fetchall()
    if wrong:
        _reject_ids(con, columns.id, [row[0] for row in wrong])
    fields = (columns.description, columns.unit, columns.axis)
    described = ", ".join(f"t.{ident(field)}" if field is not None else "NULL" for field in fields)
    con.execute(f"""
        INSERT INTO indicador_visto
        SELECT nextval('numero_do_indicador'), n.id, n.nome, {described}
        FROM (SELECT id, arg_min(nome, _r) AS nome, min(_r) AS _r FROM nomeado GROUP BY id) AS n
        JOIN tipado AS t ON t._r = n._r AND t.{id_} = n.id
        WHERE n.id NOT IN (SELECT id FROM indicador_visto)
        QUALIFY row_number() OVER (PARTITION BY n.id ORDER BY n._r) = 1
    """)
    con.execute("""
        INSERT INTO indicador_divergente
        SELECT n.id, CASE WHEN n.nome <> v.nome THEN n.nome END, CASE WHEN n.unidade <> v.unidade THEN n.unidade END
        FROM nomeado AS n JOIN indicador_visto AS v USING (id) WHERE n.nome <> v.nome OR n.unidade <> v.unidade
    """)


def _reject_ids(con: duckdb.DuckDBPyConnection, field: str, ids: list[str]) -> None:
    con.execute("DELETE FROM nomeado WHERE id IN (SELECT unnest(?))", [ids])
    con.execute(
        f"INSERT INTO recusado SELECT _r, _arquivo, _linha, {literal(field)}, {ident(field)}, 'id_invalido'"
        f" FROM tipado WHERE _motivo IS NULL AND {ident(field)} IN (SELECT unnest(?))",
        [ids],
    )
    con.execute(f"UPDATE tipado SET _motivo = 'id_invalido' WHERE {ident(field)} IN (SELECT unnest(?))", [ids])


def value_failure(measure: Indicator | IndicatorColumns) -> str:
    """Return the expression for why a row has no value of this measure, null where it has one (or none was given).

    A text speaks for a value that is no number at all; it does not excuse a number that is out of bounds.
    """
    number = failure(measure.value)
    if measure.text is None:
        return number
    spoken = f"{failure(measure.text)} IS NULL AND {ident(measure.text)} IS NOT NULL"
    no_number = ", ".join(f"'{reason}'" for reason in ("nao_inteiro", "nao_numero", "nao_booleano"))
    return (
        f"CASE WHEN {number} IN ({no_number}) AND {spoken} THEN NULL WHEN {number} IS NOT NULL THEN {number}"
        f" WHEN {ident(measure.value)} IS NULL THEN {failure(measure.text)} END"
    )
