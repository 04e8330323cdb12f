"""Text → typed values by a strict grammar, and the constraints on them, as SQL over ``bruto``.

No reader's own number parsing is used: each takes some malformed numbers in silence. A text that is
neither a missing value nor in the grammar is a failure with a reason, never a null.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from observatudo import config
from observatudo.ingest.sql import failure, ident, literal, literals, raw

if TYPE_CHECKING:
    from observatudo.config import Dataset, Derive, Field, ParamValue

_SPACES = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_NOT_OF_TYPE = {"integer": "nao_inteiro", "number": "nao_numero", "boolean": "nao_booleano"}


def text(field: Field) -> str:
    """Return the expression for the field's text, trimmed; null where it is one of the missing values."""
    trimmed = f"trim({ident(field.name)}, {_SPACES})"
    return f"CASE WHEN {trimmed} IN {literals(field.missingValues)} THEN NULL ELSE {trimmed} END"


def typed(field: Field) -> str:
    """Return the expression that turns the field's text (column ``texto:…``) into its type, else null."""
    source = raw(field.name)
    if field.type == "string":
        return source
    if field.type == "boolean":
        return (
            f"CASE WHEN {source} IN {literals(field.trueValues)} THEN true"
            f" WHEN {source} IN {literals(field.falseValues)} THEN false END"
        )
    plain = f"replace({source}, {literal(field.groupChar)}, '')" if field.groupChar else source
    number = f"replace({plain}, {literal(field.decimalChar)}, '.')"
    kind = "BIGINT" if field.type == "integer" else "DOUBLE"
    factor = f" * {field.factor!r}" if field.factor != 1 else ""
    grammar = literal(grammar_of(field))
    return f"CASE WHEN regexp_full_match({source}, {grammar}) THEN TRY_CAST({number} AS {kind}){factor} END"


def grammar_of(field: Field) -> str:
    """Return the regular expression of the numbers a field accepts (sign, groups of three, decimals)."""
    group, decimal = re.escape(field.groupChar), re.escape(field.decimalChar)
    whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d+)" if field.groupChar else r"\d+"
    return rf"[+-]?{whole}" + ("" if field.type == "integer" else rf"({decimal}\d+)?")


def derived(derive: Derive) -> str:
    """Return the expression of a derived field over the typed ones."""
    if derive.prefix is not None:
        return f"left({ident(derive.prefix.of)}, {derive.prefix.length})"
    if derive.lookup is not None:
        of = ident(derive.lookup.of)
        return f"(SELECT t.valor FROM tabela t WHERE t.nome = {literal(lookup_name(derive))} AND t.chave = {of})"
    if derive.constant is not None:
        return literal(derive.constant)
    parts = re.split(r"\{(\w+)\}", derive.template or "")
    pieces = [ident(part) if i % 2 else literal(part) for i, part in enumerate(parts) if part]
    return " || ".join(pieces)


def lookup_name(derive: Derive) -> str:
    """Return the name under which a lookup's pairs stand in the table ``tabela`` (nome, chave, valor)."""
    assert derive.lookup is not None
    return f"{derive.lookup.table}:{derive.lookup.key}:{derive.lookup.value}"


def failures(field: Field, params: dict[str, ParamValue], dataset: Dataset) -> str:
    """Return the expression for the reason a row's field fails, null where it does not."""
    name, limits = ident(field.name), field.constraints
    cases: list[tuple[str, str]] = []
    if field.derive is None and field.type != "string":
        cases.append((f"{raw(field.name)} IS NOT NULL AND {name} IS NULL", _NOT_OF_TYPE[field.type]))
    if field.derive is not None and field.derive.lookup is not None:
        cases.append((f"{ident(field.derive.lookup.of)} IS NOT NULL AND {name} IS NULL", "fora_da_tabela"))
    if field.name in dataset.required_fields():
        cases.append((f"{name} IS NULL", "vazio"))
    if field.type == "number":
        cases.append((f"NOT isfinite({name})", "nao_numero"))
    if limits.pattern is not None:
        cases.append((f"NOT regexp_full_match({name}, {literal(limits.pattern)})", "fora_do_padrao"))
    if limits.enum is not None:
        cases.append((f"{name} NOT IN {literals(limits.enum)}", "fora_da_lista"))
    cases += _outside(field, params, dataset)
    if not cases:
        return "CAST(NULL AS VARCHAR)"
    return "CASE " + " ".join(f"WHEN {when} THEN {literal(reason)}" for when, reason in cases) + " END"


def _outside(field: Field, params: dict[str, ParamValue], dataset: Dataset) -> list[tuple[str, str]]:
    """Return the conditions for a value below or above its declared bounds, or outside the calendar."""
    name, limits, where = ident(field.name), field.constraints, f"fields.{field.name}.constraints"
    declared = (
        config.resolve(limits.minimum, params, f"{where}.minimum"),
        config.resolve(limits.maximum, params, f"{where}.maximum"),
    )
    cases: list[tuple[str, str]] = []
    for minimum, maximum in (declared, _calendar(field, dataset)):
        if minimum is not None:
            cases.append((f"{name} < {minimum!r}", "abaixo_do_minimo"))
        if maximum is not None:
            cases.append((f"{name} > {maximum!r}", "acima_do_maximo"))
    return cases


def _calendar(field: Field, dataset: Dataset) -> tuple[float | None, float | None]:
    """Return the bounds that make a year or a month part of a date."""
    if dataset.period is not None and field.name == dataset.period.year:
        return 1, 9999
    if dataset.period is not None and field.name == dataset.period.month:
        return 1, 12
    return None, None


def typed_query(dataset: Dataset, params: dict[str, ParamValue]) -> str:
    """Return the query that types ``bruto``: its places, every field, its text and its failure."""
    places = "_r, _ordem, _arquivo, _linha"
    read = [f for f in dataset.fields if f.derive is None]
    query = f"SELECT {places}, {', '.join(f'{text(f)} AS {raw(f.name)}' for f in read)} FROM bruto"
    query = f"SELECT *, {', '.join(f'{typed(f)} AS {ident(f.name)}' for f in read)} FROM ({query})"
    for field in dataset.fields:
        if field.derive is not None:
            value, shown = derived(field.derive), _text_behind(field.derive)
            query = f"SELECT *, {value} AS {ident(field.name)}, {shown} AS {raw(field.name)} FROM ({query})"
    reasons = ", ".join(f"{failures(f, params, dataset)} AS {failure(f.name)}" for f in dataset.fields)
    return f"SELECT *, {reasons} FROM ({query})"


def _text_behind(derive: Derive) -> str:
    """Return what to show of a derived field that failed: the value it was derived from."""
    of = derive.prefix.of if derive.prefix else derive.lookup.of if derive.lookup else None
    return f"CAST({ident(of)} AS VARCHAR)" if of else "CAST(NULL AS VARCHAR)"
