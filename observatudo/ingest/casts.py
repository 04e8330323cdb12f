"""Text → typed values by a strict grammar, and the constraints on them, as SQL over ``lido``.

No reader's own number parsing is used: each takes some malformed numbers in silence. A text that is
neither a missing value nor in the grammar is a failure with a reason, never a null. Reasons are of the type
``motivo``, one byte each: most rows have none.

For each field there are four columns: its text as published (``texto:…``), the text to type, null where it
is missing (``dado:…``), the typed value under the field's own name, and why it failed (``falha:…``). Of a number
that is read, ``nativo:…`` says whether the file itself holds it as a number.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from observatudo import config
from observatudo.consistency import as_python, made_of
from observatudo.ingest.sql import failure, given, ident, literal, literals, native, raw

if TYPE_CHECKING:
    from observatudo.config import Dataset, Derive, Field, Lookup, ParamValue

REASONS = (
    "nao_inteiro",
    "nao_numero",
    "nao_booleano",
    "nao_data",
    "numero_ambiguo",
    "unidade_desconhecida",
    "fora_da_tabela",
    "vazio",
    "fora_do_padrao",
    "fora_da_lista",
    "abaixo_do_minimo",
    "acima_do_maximo",
    "id_invalido",
)
# an indicator's id is the name of its file
ID_PATTERN = "[a-z][a-z0-9_]{0,119}"
NATIVE_FORMATS = {"json", "xlsx", "parquet"}
PLACES = "_r, _ordem, _arquivo, _linha"
_NOT_OF_TYPE = {
    "integer": "nao_inteiro",
    "number": "nao_numero",
    "boolean": "nao_booleano",
    "date": "nao_data",
}
_SQL_TYPES = {"integer": "BIGINT", "number": "DOUBLE"}


def typed_query(dataset: Dataset, params: dict[str, ParamValue], source: str = "lido") -> str:
    """Return the query that types ``source`` (places and the text of every field that is read).

    Costly texts are made once for each combination of the texts they are made from, not once per row.
    """
    base, made = _costly(dataset)
    query = source
    if made:
        texts = ", ".join(raw(field.name) for field in base)
        once = _typed_block(f"SELECT DISTINCT {texts} FROM {source}", [*base, *made], dataset, params)
        same = " AND ".join(f"l.{raw(field.name)} IS NOT DISTINCT FROM m.{raw(field.name)}" for field in base)
        added = [column for field in [*base, *made] for column in _columns(field, shown=field.derive is not None)]
        query = (
            f"(SELECT l.*, {', '.join(f'm.{each}' for each in added)} FROM {source} AS l JOIN ({once}) AS m ON {same})"
        )
    rest = [field for field in dataset.fields if field not in base and field not in made]
    return _typed_block(f"SELECT * FROM {query}", rest, dataset, params)


def _columns(field: Field, *, shown: bool) -> list[str]:
    name = field.name
    return [*([raw(name)] if shown else []), given(name), ident(name), failure(name)]


def _typed_block(query: str, fields: list[Field], dataset: Dataset, params: dict[str, ParamValue]) -> str:
    """Return the query with the columns of these fields added, those that are read before those made of them."""
    read, marked = [field for field in fields if field.derive is None], marks_numbers(dataset)
    if read:
        query = f"SELECT *, {', '.join(f'{_given(f)} AS {given(f.name)}' for f in read)} FROM ({query})"
        query = f"SELECT *, {', '.join(f'{typed(f, marked=marked)} AS {ident(f.name)}' for f in read)} FROM ({query})"
    for field in fields:
        if field.derive is not None:
            query = f"SELECT *, {_shown(field.derive)} AS {raw(field.name)} FROM ({query})"
            query = f"SELECT *, {derived(field.derive)} AS {given(field.name)} FROM ({query})"
            query = f"SELECT *, {typed(field)} AS {ident(field.name)} FROM ({query})"
    reasons = ", ".join(f"{failures(f, params, dataset)} AS {failure(f.name)}" for f in fields)
    return f"SELECT *, {reasons} FROM ({query})" if fields else query


def _costly(dataset: Dataset) -> tuple[list[Field], list[Field]]:
    """Return the read texts that costly derived fields are made from, and all fields made from these alone."""
    fields = {field.name: field for field in dataset.fields}
    roots: dict[str, set[str]] = {}
    base: set[str] = set()
    for field in dataset.fields:
        if field.derive is None:
            roots[field.name] = {field.name}
            continue
        roots[field.name] = set().union(*(roots[name] for name in made_of(field.derive)))
        if field.derive.extract or field.derive.slug or field.derive.lookup:
            base |= roots[field.name] if _all_text(roots[field.name], fields) else set()
    made = [f for f in dataset.fields if f.derive is not None and roots[f.name] and roots[f.name] <= base]
    return [field for field in dataset.fields if field.name in base], made


def _all_text(names: set[str], fields: dict[str, Field]) -> bool:
    return all(fields[name].type == "string" for name in names)


def _given(field: Field) -> str:
    """Return the expression for the field's text, recoded; null where it is one of the missing values."""
    source, missing = raw(field.name), field.missing()
    cases = {text: "NULL" for text in missing if text not in field.recode}
    cases |= {old: "NULL" if new in missing else literal(new) for old, new in field.recode.items()}
    if not cases:
        return source
    whens = " ".join(f"WHEN {literal(text)} THEN {result}" for text, result in sorted(cases.items()))
    return f"CASE {source} {whens} ELSE {source} END"


def typed(field: Field, *, marked: bool = False) -> str:
    """Return the expression that turns the field's text (column ``dado:…``) into its type, else null.

    ``marked``: some texts are numbers of the file itself, which ``nativo:…`` tells.
    """
    source = given(field.name)
    if field.type == "string":
        return source
    if field.type == "boolean":
        return (
            f"CASE WHEN {source} IN {literals(field.trueValues)} THEN true"
            f" WHEN {source} IN {literals(field.falseValues)} THEN false END"
        )
    if field.type == "date":
        form = literal(field.format)
        day = f"try_strptime(CASE WHEN regexp_matches({source}, '[0-9]') THEN {source} END, {form})"
        # written back it must be the same text: no word for a day, no year of two digits taken for the first century
        return f"CASE WHEN strftime({day}, {form}) = {source} AND year({day}) >= 1000 THEN CAST({day} AS DATE) END"
    if field.factor == 1:
        return _number(field, marked=marked)
    if field.type == "integer":
        return f"TRY_CAST(CAST({_number(field, marked=marked)} AS HUGEINT) * {_factor(field)} AS BIGINT)"
    # 15 digits: 1.005 × 1000 is 1005, not 1004.9999999999999
    return f"CAST(printf('%.15g', {_number(field, marked=marked)} * {_factor(field)}) AS DOUBLE)"


def _number(field: Field, *, marked: bool) -> str:
    """Return the expression for the number in the field's text; a native one is written plainly, always."""
    if not marked or field.derive is not None:
        return _declared(field)
    return f"CASE WHEN {native(field.name)} THEN {_read_as(field, '.', '')} ELSE {_declared(field)} END"


def _declared(field: Field) -> str:
    if field.decimalChar != "any":
        return _read_as(field, field.decimalChar, field.groupChar)
    one, other = _read_as(field, ",", "."), _read_as(field, ".", ",")
    return f"CASE WHEN {_ambiguous(field)} THEN NULL ELSE coalesce({one}, {other}) END"


def _ambiguous(field: Field) -> str:
    return f"{_read_as(field, ',', '.')} <> {_read_as(field, '.', ',')}"


def marks_numbers(dataset: Dataset) -> bool:
    """Say whether files of the dataset say themselves which of their texts are numbers."""
    return any(resource.format in NATIVE_FORMATS for resource in dataset.resources)


def marked_fields(dataset: Dataset) -> list[Field]:
    """Return the fields of which ``nativo:…`` tells whether their text is a number of the file."""
    numbers = [field for field in dataset.fields if field.type in _SQL_TYPES and field.derive is None]
    return numbers if marks_numbers(dataset) else []


def _read_as(field: Field, decimal: str, group: str) -> str:
    source = given(field.name)
    plain = f"replace({source}, {literal(group)}, '')" if group else source
    number = plain if decimal == "." or field.type == "integer" else f"replace({plain}, {literal(decimal)}, '.')"
    grammar = literal(grammar_of(decimal, group, whole_only=field.type == "integer"))
    cast = f"TRY_CAST({number} AS {_SQL_TYPES[field.type]})"
    return f"CASE WHEN regexp_full_match({source}, {grammar}) THEN {cast} END"


def grammar_of(decimal: str, group: str, *, whole_only: bool) -> str:
    """Return the regular expression of the numbers that are accepted: sign, groups of three, decimals.

    A grouped number does not begin with zero: 0.123 is no way to write 123. Numbers that need not be whole may be as
    programs write the very small and the very large ones, ``9,5E-05``: one digit, an exponent with sign and two digits
    at least, so that the code ``12E5`` stays a text; up to 299, which a double holds.
    """
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(group)}\d{{3}})+|" if group else ""
    if whole_only:
        return rf"[+-]?(?:{grouped}\d+)"
    part = rf"(?:{re.escape(decimal)}\d+)?"
    return rf"[+-]?(?:(?:{grouped}\d+){part}|\d{part}[eE][+-](?:\d\d|[012]\d\d))"


def _factor(field: Field) -> str:
    if isinstance(field.factor, int | float):
        return repr(field.factor)
    return f"CAST({_looked_up(field.factor)} AS DOUBLE)"


def _looked_up(lookup: Lookup) -> str:
    name, of = literal(lookup_name(lookup)), ident(lookup.of)
    return f"(SELECT _t._valor FROM tabela _t WHERE _t._tabela = {name} AND _t._chave = {of})"


def derived(derive: Derive) -> str:
    """Return the expression of a derived field's text over the typed fields."""
    if derive.prefix is not None:
        return f"left({ident(derive.prefix.of)}, {derive.prefix.length})"
    if derive.extract is not None:
        group = min(re.compile(as_python(derive.extract.pattern)).groups, 1)
        found = f"regexp_extract({ident(derive.extract.of)}, {literal(derive.extract.pattern)}, {group})"
        return f"nullif({found}, '')"
    if derive.lookup is not None:
        return _looked_up(derive.lookup)
    if derive.constant is not None:
        return literal(derive.constant)
    if derive.slug is not None:
        words = f"regexp_replace(lower(strip_accents({_filled(derive.slug)})), '[^a-z0-9]+', '_', 'g')"
        return f"trim({words}, '_')"
    return _filled(derive.template or "")


def _filled(template: str) -> str:
    parts = re.split(r"\{(\w+)\}", template)
    pieces = [f"CAST({ident(part)} AS VARCHAR)" if i % 2 else literal(part) for i, part in enumerate(parts) if part]
    return " || ".join(pieces) or "''"


def lookups(dataset: Dataset) -> dict[str, Lookup]:
    """Return every lookup of the declaration by the name its pairs have in ``tabela`` (_tabela, _chave, _valor)."""
    found = [field.derive.lookup for field in dataset.fields if field.derive and field.derive.lookup]
    found += [field.factor for field in dataset.fields if not isinstance(field.factor, int | float)]
    return {lookup_name(lookup): lookup for lookup in found}


def lookup_name(lookup: Lookup) -> str:
    """Return the name under which a lookup's pairs stand in ``tabela``."""
    return f"{lookup.table}:{lookup.key}:{lookup.value}"


def _shown(derive: Derive) -> str:
    """Return what to show of a derived field that failed: the values it was derived from."""
    parts = [f"CAST({ident(name)} AS VARCHAR)" for name in made_of(derive)]
    return f"concat_ws(' ', {', '.join(parts)})" if parts else "CAST(NULL AS VARCHAR)"


def failures(field: Field, params: dict[str, ParamValue], dataset: Dataset) -> str:
    """Return the expression for the reason a row's field fails, null where it does not."""
    name, limits = ident(field.name), field.constraints
    cases: list[tuple[str, str]] = []
    if field.type != "string":
        cases += _not_of_type(field, marked=marks_numbers(dataset))
    if dataset.kind == "catalogo" and field.name == "id_indicador":
        cases.append((f"NOT regexp_full_match({name}, {literal(ID_PATTERN)})", "id_invalido"))
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
        return "NULL::motivo"
    return "CASE " + " ".join(f"WHEN {when} THEN {literal(reason)}::motivo" for when, reason in cases) + " END"


def _not_of_type(field: Field, *, marked: bool) -> list[tuple[str, str]]:
    """Return the conditions for a text that is there and yet gave no value."""
    none = f"{given(field.name)} IS NOT NULL AND {ident(field.name)} IS NULL"
    cases = []
    if field.decimalChar == "any":
        unmarked = f" AND NOT {native(field.name)}" if marked else ""
        cases.append((f"{none}{unmarked} AND {_ambiguous(field)}", "numero_ambiguo"))
    if not isinstance(field.factor, int | float):
        cases.append((f"{none} AND {_number(field, marked=marked)} IS NOT NULL", "unidade_desconhecida"))
    return [*cases, (none, _NOT_OF_TYPE[field.type])]


def _outside(field: Field, params: dict[str, ParamValue], dataset: Dataset) -> list[tuple[str, str]]:
    """Return the conditions for a value below or above its declared bounds, or outside the calendar."""
    name, limits, where = ident(field.name), field.constraints, f"fields.{field.name}.constraints"
    cases: list[tuple[str, str]] = []
    earliest, latest = _calendar(field, dataset)
    for bounds, sign, reason in (
        ((limits.minimum, earliest), "<", "abaixo_do_minimo"),
        ((limits.maximum, latest), ">", "acima_do_maximo"),
    ):
        for bound in bounds:
            if isinstance(bound, date):
                cases.append((f"{name} {sign} DATE {literal(bound.isoformat())}", reason))
            elif (number := config.resolve(bound, params, where)) is not None:
                cases.append((f"{name} {sign} {number!r}", reason))
    return cases


def _calendar(field: Field, dataset: Dataset) -> tuple[float | None, float | None]:
    """Return the bounds that make a year or a month part of a date."""
    if dataset.period is not None and field.name == dataset.period.year:
        return 1, 9999
    if dataset.period is not None and field.name == dataset.period.month:
        return 1, 12
    return None, None
