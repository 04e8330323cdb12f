"""What must hold between the keys of a dataset's declaration, beyond each key's own type."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.config import Check, Dataset, Derive, Extract, Field, Lookup, ParamRef, Prefix

_NUMERIC = {"integer", "number"}
# what follows is of the database's regular expressions (RE2): they have no look-around and no back-references,
_LOOKS = re.compile(r"\(\?<?[=!]|\(\?P=")
_BACK = re.compile(r"\\[1-9]")
# of words they know only letters without accents,
_WORDS = re.compile(r"\\[wWbB]")
# and they name classes of characters, which Python's do not
_CLASS = re.compile(r"\\[pP](?:\{\^?\w+\}|[A-Z])")
_ESCAPE = re.compile(_CLASS.pattern + r"|\\.", re.DOTALL)
# of a date's format, what moves the day by the hours of a time zone
_ZONES = {"z", "Z"}


def nearest(name: str, valid: Collection[str]) -> str:
    """Return “; did you mean …?” with the valid name nearest to this one, or nothing."""
    close = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return "; " + _("did you mean “{name}”?").format(name=close[0]) if close else ""


def problems(dataset: Dataset) -> list[str]:
    """Return what contradicts itself in a declaration, one sentence each; empty when all is well."""
    fields = {field.name: field for field in dataset.fields}
    names = [field.name for field in dataset.fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    found = [_("fields declared twice: {names}").format(names=", ".join(twice))] if twice else []
    for place, name in _references(dataset):
        if name not in fields:
            found.append(_unknown(place, name, names))
    found += [*_patterns(dataset), *_derivations(dataset), *_types(dataset), *_made(dataset), *_kind(dataset)]
    found += [*_melt(dataset), *_values(dataset)]
    for check in dataset.checks:
        found += _check(check, dataset, fields)
    return found


def _unknown(place: str, name: str, names: list[str]) -> str:
    message = _("{place} names the field “{name}”, which is not declared under fields").format(place=place, name=name)
    return message + nearest(name, names)


def _references(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield (where, field) for every place but derivations that names a field."""
    for name in dataset.primaryKey:
        yield "primaryKey", name
    for place, part in (("locality", dataset.locality), ("period", dataset.period)):
        if part is not None:
            yield from ((f"{place}.{key}", name) for key, name in part.fields().items())
    yield from _measured(dataset)
    for check in dataset.checks:
        for name in [getattr(check, "field", None), *getattr(check, "within", [])]:
            if name is not None:
                yield f"checks.{check.check}", name


def _measured(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for indicator in dataset.indicators:
        named = (("value", indicator.value), ("text", indicator.text))
        yield from ((f"indicators.{indicator.id}.{key}", name) for key, name in named if name is not None)
    columns = dataset.indicator_columns or ()
    yield from ((f"indicator_columns.{key}", name) for key, name in columns if name is not None)


def _patterns(dataset: Dataset) -> Iterator[str]:
    written = [(f"resources.{r.path}.pattern", r.pattern) for r in dataset.resources]
    if dataset.melt is not None:
        written.append(("melt.pattern", dataset.melt.pattern))
    for place, pattern in written:
        groups, wrong = _compiled(place, pattern)
        yield from wrong
        if place.startswith("resources.") and groups == {}:
            yield _("{place} needs named groups, (?P<name>…): they are the columns").format(place=place)
    for field in dataset.fields:
        if field.constraints.pattern:
            yield from _for_database(f"fields.{field.name}.constraints.pattern", field.constraints.pattern)
        if field.derive and field.derive.extract:
            yield from _for_database(f"fields.{field.name}.derive.extract.pattern", field.derive.extract.pattern)


def _compiled(place: str, pattern: str) -> tuple[Mapping[str, int] | None, list[str]]:
    """Return the pattern's named groups (None where there are none to look at) and what is wrong with it."""
    try:
        return (re.compile(pattern).groupindex if pattern else None), []
    except re.error as error:
        return None, [_("{place} is no regular expression: {error}").format(place=place, error=error)]


def _for_database(place: str, pattern: str) -> Iterator[str]:
    yield from _compiled(place, as_python(pattern))[1]
    escapes = [found.group() for found in _ESCAPE.finditer(pattern)]
    if _LOOKS.search(pattern) or any(map(_BACK.fullmatch, escapes)):
        yield _("{place}: look-around and back-references are not possible here").format(place=place)
    if words := sorted({escape for escape in escapes if _WORDS.fullmatch(escape)}):
        yield _(
            "{place}: {escapes} knows no letters with accents here; write {letters} for a character of a word"
        ).format(place=place, escapes=", ".join(words), letters=r"[\p{L}\d_]")


def as_python(pattern: str) -> str:
    """Return the database's pattern as one that Python can read, with the same groups: its classes are letters."""
    return _ESCAPE.sub(lambda found: "x" if _CLASS.fullmatch(found.group()) else found.group(), pattern)


def _derivations(dataset: Dataset) -> Iterator[str]:
    """A derived field, or a factor that is looked up, is made of fields that stand before it."""
    before: list[str] = []
    for field in dataset.fields:
        needs = [("derive", name) for name in made_of(field.derive)] if field.derive else []
        if not isinstance(field.factor, int | float):
            needs.append(("factor", field.factor.of))
        for key, name in needs:
            if name not in before:
                yield _("{place} needs the field “{name}”, which must be declared before it").format(
                    place=f"fields.{field.name}.{key}", name=name
                ) + nearest(name, before)
        before.append(field.name)


def made_of(derive: Derive) -> list[str]:
    """Return the fields a derived field's text is made from."""
    for way in (derive.prefix, derive.extract, derive.lookup):
        if way is not None:
            return [way.of]
    return re.findall(r"\{(\w+)\}", derive.template or derive.slug or "")


def _types(dataset: Dataset) -> Iterator[str]:
    for field in dataset.fields:
        limits, place = field.constraints, f"fields.{field.name}.constraints"
        for bound in (limits.minimum, limits.maximum):
            if bound is not None and not _fits(bound, field):
                yield _("{place}: a number bounds numbers, a date bounds dates").format(place=place)
        if field.type != "string" and (limits.pattern is not None or limits.enum is not None):
            yield _("{place}: pattern and enum are for text").format(place=place)
        if field.decimalChar == "any" and field.groupChar:
            yield _("fields.{name}: decimalChar any leaves no room for groupChar").format(name=field.name)
        if field.groupChar and field.groupChar == field.decimalChar:
            yield _("fields.{name}: decimalChar and groupChar are the same").format(name=field.name)
        yield from _factor(field)
        if field.type == "date" and _ZONES & set(re.findall("%(.)", field.format)):
            yield _("fields.{name}.format: %z and %Z would move the day; take the day out with derive.extract").format(
                name=field.name
            )
    kinds = {field.name: field.type for field in dataset.fields}
    for place, name, kind in _typed_references(dataset):
        if kinds.get(name, kind) != kind:
            yield _("{place}: the field “{name}” must be of type {kind}").format(place=place, name=name, kind=kind)


def _factor(field: Field) -> Iterator[str]:
    whole = isinstance(field.factor, int | float) and float(field.factor).is_integer()
    if field.factor != 1 and field.type not in _NUMERIC:
        yield _("fields.{name}: factor is for numbers").format(name=field.name)
    elif field.type == "integer" and not whole:
        yield _("fields.{name}: with this factor an integer may be none any more; use type: number").format(
            name=field.name
        )


def _cut_from_text(derive: Derive, dataset: Dataset) -> bool:
    """Say whether the number is a part of a published text: numbers of such a text are written as its source does.

    A sheet, JSON or Parquet may hold the text as a number, whose digits are plain.
    """
    return derive.extract is not None and all(each.format in {"csv", "text"} for each in dataset.resources)


def _made(dataset: Dataset) -> Iterator[str]:
    """What is cut out of a text, or looked up by one, is made of a text; what we make is written plainly."""
    kinds = {field.name: field.type for field in dataset.fields}
    for field in dataset.fields:
        ways: list[tuple[str, Prefix | Extract | Lookup | None]] = []
        if field.derive is not None:
            ways = [(f"derive.{key}", getattr(field.derive, key)) for key in ("prefix", "extract", "lookup")]
            if (field.decimalChar != "." or field.groupChar) and not _cut_from_text(field.derive, dataset):
                yield _("fields.{name}: a derived number is written plainly: no decimalChar, no groupChar").format(
                    name=field.name
                )
        if not isinstance(field.factor, int | float):
            ways.append(("factor", field.factor))
        for key, way in ways:
            if way is not None and kinds.get(way.of, "string") != "string":
                place = f"fields.{field.name}.{key}.of"
                yield _("{place}: the field “{name}” must be of type {kind}").format(
                    place=place, name=way.of, kind="string"
                )


def _melt(dataset: Dataset) -> Iterator[str]:
    """A column that becomes rows cannot be a field as well."""
    if dataset.melt is None or _compiled("", dataset.melt.pattern)[1]:
        return
    pattern, own = re.compile(dataset.melt.pattern), {dataset.melt.variable, dataset.melt.value}
    for field in dataset.fields:
        for source in field.sources():
            if field.derive is None and source not in own and pattern.fullmatch(source):
                yield _("fields.{name}: the column “{source}” matches melt.pattern and becomes rows").format(
                    name=field.name, source=source
                )


def _values(dataset: Dataset) -> Iterator[str]:
    kinds = {field.name: field.type for field in dataset.fields}
    ids = [indicator.id for indicator in dataset.indicators]
    for twice in sorted({each for each in ids if ids.count(each) > 1}):
        yield _("indicators: the id “{id}” stands twice").format(id=twice)
    for indicator in dataset.indicators:
        yield from _value(f"indicators.{indicator.id}.value", indicator.value, kinds)
    if dataset.indicator_columns is not None:
        yield from _value("indicator_columns.value", dataset.indicator_columns.value, kinds)


def _value(place: str, name: str, kinds: Mapping[str, str]) -> Iterator[str]:
    if kinds.get(name) in {"date", "boolean"}:
        yield _("{place}: the field “{name}” must be a number or a text").format(place=place, name=name)


def _fits(bound: float | date | ParamRef, field: Field) -> bool:
    return field.type == "date" if isinstance(bound, date) else field.type in _NUMERIC


def _typed_references(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Yield (where, field, the type it must have)."""
    if dataset.period is not None:
        for key, name in dataset.period.fields().items():
            yield f"period.{key}", name, "date" if key == "date" else "integer"
    if dataset.locality is not None:
        for key, name in dataset.locality.fields().items():
            yield f"locality.{key}", name, "string"
    for measure in dataset.measures():
        if measure.text is not None:
            yield f"indicators.{measure.id}.text", measure.text, "string"
    for key, name in dataset.indicator_columns or ():
        if key not in {"value", "text"} and name is not None:
            yield f"indicator_columns.{key}", name, "string"
    if dataset.kind == "catalogo":
        yield "kind catalogo", "id_indicador", "string"
        yield "kind catalogo", "por_mil", "boolean"


def _kind(dataset: Dataset) -> Iterator[str]:
    names = {field.name for field in dataset.fields}
    hidden = {field.name for field in dataset.fields if not field.output}
    if dataset.kind == "observacao" and not (dataset.measures() and dataset.locality and dataset.period):
        yield _("kind observacao needs indicators (or indicator_columns), locality and period")
    if dataset.indicators and dataset.indicator_columns:
        yield _("give either indicators or indicator_columns, not both")
    if dataset.kind == "referencia" and not dataset.primaryKey:
        yield _("kind referencia needs primaryKey")
    if dataset.kind == "catalogo" and not {"id_indicador", "nome"} <= names:
        yield _("kind catalogo needs the fields id_indicador and nome")
    if dataset.kind != "observacao" and dataset.measures():
        yield _("indicators belong to kind observacao")
    for name in sorted(hidden & set(dataset.primaryKey)):
        yield _("primaryKey: the field “{name}” has output: false").format(name=name)


def _check(check: Check, dataset: Dataset, fields: dict[str, Field]) -> Iterator[str]:
    place = f"checks.{check.check}"
    field = fields.get(getattr(check, "field", ""))
    if check.check in {"range", "parts_sum", "repeated_block"} and field and field.type not in _NUMERIC:
        yield _("{place}: the field “{name}” is no number").format(place=place, name=field.name)
    if check.check == "accepted_values" and field and field.type != "string":
        yield _("{place}: the field “{name}” is no text").format(place=place, name=field.name)
    if check.check == "null_rate" and dataset.kind == "referencia" and field and not field.output:
        yield _("{place}: the field “{name}” has output: false").format(place=place, name=field.name)
    if check.check in {"match_rate", "parts_sum"} and dataset.locality is None:
        yield _("{place} needs locality").format(place=place)
    if check.check == "repeated_block":
        if dataset.locality is None or dataset.locality.name is None or dataset.melt is not None:
            yield _("{place} works on rows whose place is found by name, and not with melt").format(place=place)
        if not check.within:
            yield _("{place}.within must name the fields of the period").format(place=place)
