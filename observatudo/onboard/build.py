"""The pieces that were found → the draft's fields, indicators, checks and what is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from observatudo.i18n import _
from observatudo.onboard import above, fields, measures
from observatudo.onboard.columns import Column, Numbers
from observatudo.onboard.draft import Draft, Keys, Part, Place, When, Wide
from observatudo.onboard.shape import Shape
from observatudo.onboard.wide import free_name, quoted
from observatudo.onboard.words import folded, says_identity, slug, unit_of, without_unit

_MOST_INDICATORS = 60  # above it each column of values becomes rows, not an indicator of the declaration
_MOST_FIELDS = 200  # of a directory; the engine's memory ends before thousand and some of them
_LONGEST_ID = 118
_TEXT_FORMATS = {"csv", "text"}


@dataclass(frozen=True)
class Found:
    """All that was found of a table of observations."""

    shape: Shape
    rows: measures.Rows
    place: Place
    when: When
    wide: Wide | None
    measured: measures.Measured


def observations(draft: Draft, found: Found) -> Draft:
    """Return the draft with fields, place, period and indicators of a table of values."""
    _beside(draft, found)
    draft.parts += [*found.place.parts, *found.when.parts]
    draft.locality, draft.period = found.place.locality, found.when.period
    draft.frequency, draft.hollow = found.when.frequency, found.when.hollow
    draft.guesses |= {"locality": found.place.guess, "frequency": _frequency(found)}
    if found.wide is not None or found.measured.dimensions or len(found.measured.values) > _MOST_INDICATORS:
        _rows_name_indicators(draft, found)
    else:
        _indicators(draft, found)
    above.bring_to_base(draft, found.shape.above)
    _distinct_names(draft)
    _ignored(draft, found.shape.columns)
    _checks(draft)
    return draft


def _frequency(found: Found) -> str:
    if found.when.guess and found.when.columns:
        return found.when.guess
    return "" if found.when.columns else _("{word}, by the shape of the file").format(word=found.when.frequency)


def _beside(draft: Draft, found: Found) -> None:
    """Put constants and the preamble into every resource."""
    constants: dict[str, JsonValue] = {**found.place.constants, **found.when.constants}
    for keys in draft.resources:
        if constants:
            own = keys.get("constants")
            keys["constants"] = {**(own if isinstance(own, dict) else {}), **constants}
        if found.when.preamble:
            keys["preamble"] = found.when.preamble
    if found.when.constants or found.when.preamble:
        draft.guesses["resources.constants" if found.when.constants else "resources.preamble"] = found.when.guess
    if not found.when.parts:  # the sheets' names are the years
        found.when.parts.append(Part({"name": "ano", "type": "integer", "source": "ano_da_planilha"}))


def _is_text(draft: Draft) -> bool:
    return all(keys["format"] in _TEXT_FORMATS for keys in draft.resources)


def _indicators(draft: Draft, found: Found) -> None:
    source, _slash, dataset = draft.key.partition("/")
    whole = [*found.measured.values, *found.measured.texts]
    taken = {part.name for part in draft.parts}
    for header in (name for name in found.shape.columns if name in whole):
        name = _unused(slug(header), taken)
        column, style = found.rows.columns[header], found.rows.styles[header]
        text = None
        if style is None:
            parts = [Part(fields.text(column, name))]
            unit = "resposta"
        else:
            parts = fields.number(column, style, name, header, is_text_file=_is_text(draft))
            unit = str(parts[-1].keys.get("unit", "resposta"))
            if len(parts) == 1 and fields.speaks(column, style) and parts[0].keys["type"] != "string":
                parts.append(fields.beside(name, header))
                text = parts[-1].name
        value = parts[-2].name if text else parts[-1].name
        taken |= {part.name for part in parts}
        draft.parts += parts
        keys: Keys = {"id": f"{source}_{slug(header)}", "name": without_unit(header), "value": value, "unit": unit}
        keys |= {"text": text} if text else {}
        draft.indicators.append(Part(keys, _about(header, dataset, style)))
    _unique_ids(draft)


def _about(header: str, dataset: str, style: Numbers | None) -> str:
    """Say what of an indicator a person has to look at."""
    if style is None:
        return _("a grade or an answer, because the column has few different texts")
    unit, factor, said = unit_of(header, whole=style.whole)
    if factor != 1:
        return _("in base units, because the header says thousands or millions: multiplied by {factor}").format(
            factor=factor
        )
    return "" if said else _("unit {unit}: the header of {dataset} does not say it").format(unit=unit, dataset=dataset)


def _unused(name: str, taken: Iterable[str]) -> str:
    known, chosen, n = set(taken), name, 2
    while chosen in known:
        chosen, n = f"{name}_{n}", n + 1
    return chosen


def _unique_ids(draft: Draft) -> None:
    seen: set[str] = set()
    for part in draft.indicators:
        part.keys["id"] = _unused(str(part.keys["id"]), seen)
        seen.add(str(part.keys["id"]))


def _rows_name_indicators(draft: Draft, found: Found) -> None:
    """Fields of a table whose rows name what is measured, by columns of their own or by names of melted ones."""
    source, _slash, dataset = draft.key.partition("/")
    dims, ids, names = found.measured.dimensions, [source], []
    if found.wide is not None:
        draft.melt = found.wide.melt
        draft.guesses["melt"] = _("columns that stand for periods become rows")
        if len(found.wide.stems) > 1:
            draft.parts += found.wide.parts
            ids.append("{variavel_nome}")
            names.append("{variavel_nome}")
        elif not dims:
            _single(draft, found)
            return
    elif len(found.measured.values) > 1:
        _melt_values(draft, found)
        ids.append("{variavel_nome}")
        names.append("{variavel_nome}")
    if dataset not in {"indicador", "dados"} and not (found.wide and len(found.wide.stems) > 1):
        ids.insert(1, dataset)
    for position, header in enumerate(dims, start=1):
        name = _unused(slug(header), [*(part.name for part in draft.parts), "nome", "valor", "unidade", "id_indicador"])
        draft.parts.append(Part({"name": name, "type": "string", "source": header}))
        ids.append(f"{{{_cut(draft, found, name, header, len(dims))}}}")
        shown = name
        if header in found.measured.names:
            shown = f"{name}_nome" if names or position > 1 or len(dims) > 1 else "nome"
            draft.parts.append(Part({"name": shown, "type": "string", "source": found.measured.names[header]}))
        names.append(f"{{{shown}}}")
    draft.parts.append(Part({"name": "id_indicador", "type": "string", "derive": {"slug": "_".join(ids)}}))
    if names != ["{nome}"]:
        draft.parts.append(Part({"name": "nome", "type": "string", "derive": {"template": ": ".join(names)}}))
    if dims:
        draft.guesses["indicator_columns"] = _("what is measured stands in {names}").format(names=", ".join(dims))
    _value_and_unit(draft, found)


def _cut(draft: Draft, found: Found, name: str, header: str, n: int) -> str:
    """Return the field an id is made of: the text, or its beginning where it is too long and that tells as much."""
    texts = found.rows.columns[header].values()
    room = (_LONGEST_ID - len(draft.key) - 30 * bool(draft.melt)) // n
    if max(map(len, texts), default=0) <= room or len({text[:room] for text in texts}) < len(texts):
        return name
    derive: JsonValue = {"prefix": {"of": name, "length": room}}
    keys: Keys = {"name": f"{name}_curto", "type": "string", "derive": derive}
    draft.parts.append(Part(keys, _("the beginning of the text, because an id has at most 120 characters")))
    return f"{name}_curto"


def _melt_values(draft: Draft, found: Found) -> None:
    taken = found.measured.values
    columns = found.rows.columns
    variable, value = free_name("variavel", columns), free_name("valor", columns)
    draft.melt = {"pattern": f"({'|'.join(map(quoted, taken))})", "variable": variable, "value": value}
    draft.guesses["melt"] = _("several columns of values for each combination of the others")
    recode: dict[str, JsonValue] = {name: without_unit(name) for name in taken if without_unit(name) != name}
    draft.parts.append(
        Part({"name": "variavel_nome", "type": "string", "source": variable} | ({"recode": recode} if recode else {}))
    )


def _value_columns(found: Found) -> list[str]:
    return found.wide.columns if found.wide is not None else found.measured.values


def _style(found: Found) -> tuple[Column, Numbers]:
    """Return one column and one way of writing numbers for all columns whose cells become one field."""
    names = _value_columns(found)
    merged = Column(without_unit(names[0]) if len(names) > 1 else names[0], {}, {}, 0)
    for name in names:
        column = found.rows.columns[name]
        merged.texts |= column.texts
        merged.native |= column.native
        merged.missing |= column.missing
    styles = [style for name in names if (style := found.rows.styles[name]) is not None]
    if not styles:  # answers in words
        return merged, Numbers(".", "", whole=False, share=0)
    best = max(styles, key=lambda style: (style.group != "", not style.whole, style.decimal == ","))
    whole = all(style.whole for style in styles)
    doubt = (
        next((style.doubt for style in styles if style.doubt), "") if all(s.doubt or s.whole for s in styles) else ""
    )
    return merged, Numbers(best.decimal, best.group, whole, best.share, any(s.dressed for s in styles), doubt)


def _value_and_unit(draft: Draft, found: Found) -> None:
    column, style = _style(found)
    source = str(draft.melt["value"]) if draft.melt else found.measured.values[0]
    parts = fields.number(column, style, "valor", source, is_text_file=_is_text(draft))
    unit = parts[-1].keys.pop("unit", "resposta")
    speaks, any_unit = style.share == 0 or fields.speaks(column, style), False
    if not draft.melt and any("indicador" in folded(name) for name in found.measured.dimensions):
        any_unit = not unit_of(column.name, whole=False)[2]
        if not style.doubt and (guess := fields.any_manner(parts[-1].keys, column)):
            parts[-1].guess, speaks = guess, True
    text = None
    if len(parts) == 1 and speaks and parts[0].keys["type"] != "string":
        parts.append(fields.beside("valor", source))
        text = parts[-1].name
    _warn_of_factors(parts, _value_columns(found))
    guess = ""
    keys: Keys
    if found.measured.unit:
        keys = {"name": "unidade", "type": "string", "source": found.measured.unit}
    else:
        keys = {"name": "unidade", "type": "string", "derive": {"constant": "a confirmar" if any_unit else unit}}
        guess = _("one unit for all")
    draft.parts += [*parts, Part(keys, guess)]
    draft.indicator_columns = {"id": "id_indicador", "name": "nome", "unit": "unidade", "value": "valor"}
    draft.indicator_columns |= {"text": text} if text else {}
    for role, header in found.measured.about.items():
        name = _unused(slug(header), [part.name for part in draft.parts])
        draft.parts.append(Part({"name": name, "type": "string", "source": header}))
        draft.indicator_columns[role] = name


def _warn_of_factors(parts: list[Part], headers: Sequence[str]) -> None:
    """Say that some of the columns are in thousands and others are not: one field has one factor."""
    factors = {header: unit_of(header, whole=False)[1] for header in headers}
    if len(set(factors.values())) > 1:
        parts[-1].keys.pop("factor", None)
        named = ", ".join(header for header, factor in factors.items() if factor != 1)
        parts[-1].guess = _("NOT in base units: {names} are in thousands or millions, the others are not").format(
            names=named
        )
    elif headers and (factor := next(iter(factors.values()))) != 1:
        parts[-1].keys["factor"] = factor


def _single(draft: Draft, found: Found) -> None:
    """One variable over columns of periods: one indicator."""
    source, _slash, dataset = draft.key.partition("/")
    column, style = _style(found)
    title = next(iter(found.wide.stems)) if found.wide else ""
    name = title or draft.title
    column.name = name
    parts = fields.number(column, style, "valor", str(draft.melt["value"]), is_text_file=_is_text(draft))
    draft.parts += parts
    unit = str(parts[-1].keys.get("unit", "resposta"))
    keys: Keys = {"id": f"{source}_{slug(title or dataset)}", "name": name, "value": "valor", "unit": unit}
    draft.indicators.append(
        Part(keys, _("name and unit, which no header says") if not title else _about(title, dataset, style))
    )


def _distinct_names(draft: Draft) -> None:
    seen: set[str] = set()
    kept: list[Part] = []
    for part in draft.parts:
        if part.name in seen and any(part.keys == other.keys for other in kept):
            continue
        seen.add(part.name)
        kept.append(part)
    draft.parts = kept


def _ignored(draft: Draft, columns: Sequence[str]) -> None:
    used = {str(part.keys.get("source", "")) for part in draft.parts}
    used |= {part.name for part in draft.parts if "derive" not in part.keys and "source" not in part.keys}
    melted = str(draft.melt.get("pattern", "")) if draft.melt else ""
    draft.ignore = [n for n in columns if n not in used and not (melted and re.fullmatch(melted, n))]
    if draft.ignore:
        draft.guesses["ignore"] = _("no indicator is made of these columns")


def _checks(draft: Draft) -> None:
    draft.checks = [{"check": "rows", "level": "fatal", "minimum": {"param": "min_rows"}}]
    if draft.locality:
        draft.checks.append({"check": "match_rate", "level": "fatal", "minimum": {"param": "min_match_rate"}})


def directory(draft: Draft, shape: Shape, rows: measures.Rows, where: Place | None, key: Sequence[str] = ()) -> Draft:
    """Return the draft of a list of things: every column a field, one key."""
    draft.kind = "referencia"
    draft.guesses.setdefault("kind", _("a list of things, because it has no period or no values"))
    chosen = [*key] or measures.unique_key(rows, where.columns if where else [])
    if where is not None:
        draft.parts += where.parts
        draft.locality = where.locality
        draft.guesses["locality"] = where.guess
    taken = {part.name for part in draft.parts}
    sources = {str(part.keys.get("source")): part.name for part in draft.parts}
    for header in _first(draft, shape.columns, chosen):
        if header not in sources or "derive" in draft.locality:
            draft.parts += _described(draft, rows, header, taken, header in chosen)
            sources[header] = draft.parts[-1].name
            taken |= {part.name for part in draft.parts}
    for keys in draft.resources:
        if where is not None and where.constants:
            keys["constants"] = dict(where.constants)
    draft.primary_key = [sources[name] for name in chosen]
    if where is not None and list(where.columns) == chosen and "code" in where.locality:
        draft.primary_key = [str(where.locality["code"])]
    for part in draft.parts:
        if part.name != "id_municipio":
            part.keys.setdefault("description", str(part.keys.get("source", part.name)))
    draft.guesses["primaryKey"] = _("what tells the rows apart")
    _checks(draft)
    return draft


def _first(draft: Draft, columns: list[str], key: Sequence[str]) -> list[str]:
    """Return the columns that become fields: all, or the key and the first of so many that no one engine holds them."""
    if len(columns) <= _MOST_FIELDS:
        return columns
    taken = {*key, *columns[:_MOST_FIELDS]}
    draft.ignore = [name for name in columns if name not in taken]
    draft.guesses["ignore"] = _(
        "of {n} columns the first {most} are fields; put others in their place if they are needed"
    ).format(n=len(columns), most=_MOST_FIELDS)
    return [name for name in columns if name in taken]


def _described(draft: Draft, rows: measures.Rows, header: str, taken: set[str], is_key: bool) -> list[Part]:
    column, style = rows.columns[header], rows.styles[header]
    name = _unused(slug(header), taken)
    code = says_identity(header) and (style is None or style.whole)
    if style is None or is_key or code or column.known == 0 or style.share < 0.98:
        return [Part(fields.text(column, name))]
    return fields.number(column, style, name, header, is_text_file=_is_text(draft))
