"""Columns that stand for years, months or quarters, alone or with the name of a variable: they become rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from pydantic import JsonValue

from observatudo.i18n import _
from observatudo.onboard.columns import Column, Numbers
from observatudo.onboard.draft import Part, When, Wide
from observatudo.onboard.periods import way_of
from observatudo.onboard.when import parts_of, period_of
from observatudo.onboard.words import YEAR, month, without_unit

_WITH_YEAR = re.compile(rf"(?P<before>.*?)(?<!\d)(?P<year>{YEAR})(?!\d)(?P<after>\D*)")


def find(columns: Mapping[str, Column], styles: Mapping[str, Numbers | None]) -> Wide | None:
    """Return the columns that are periods, None where there are not at least two of a kind."""
    values = [name for name, column in columns.items() if styles[name] is not None or column.known == 0]
    return _whole(values, columns) or _months(values, columns) or _stems(values, columns)


def free_name(wanted: str, columns: Mapping[str, Column]) -> str:
    """Return a name that no column has."""
    taken = {name.casefold() for name in columns}
    while wanted in taken:
        wanted += "_"
    return wanted


def _whole(names: list[str], columns: Mapping[str, Column]) -> Wide | None:
    """Columns whose whole names are periods of one way of writing them."""
    for each in names:
        way = way_of({each: 1})
        if way is None:
            continue
        taken = [name for name in names if way.form.fullmatch(name) and way_of({name: 1}) is way]
        if len(taken) < 2:
            continue
        pattern = f"({way.form.pattern})"
        if any(re.fullmatch(pattern, name) for name in columns if name not in taken):
            pattern = f"({'|'.join(map(quoted, taken))})"
        variable, value = free_name("periodo", columns), free_name("valor", columns)
        when = When(parts_of(way, variable), period_of(way), [], way.frequency)
        return Wide({"pattern": pattern, "variable": variable, "value": value}, [], taken, when, {"": taken})
    return None


def _months(names: list[str], columns: Mapping[str, Column]) -> Wide | None:
    """Columns called by months, beside a year in another column or nowhere."""
    taken = [name for name in names if month(name)]
    if len(taken) < 3:
        return None
    variable, value = free_name("mes_nome", columns), free_name("valor", columns)
    recode: dict[str, JsonValue] = {name: str(month(name)) for name in taken}
    part = Part({"name": "mes", "type": "integer", "source": variable, "recode": recode})
    melt: dict[str, JsonValue] = {"pattern": f"({'|'.join(map(quoted, taken))})", "variable": variable, "value": value}
    return Wide(melt, [part], taken, None, {"": taken})


def _stems(names: list[str], columns: Mapping[str, Column]) -> Wide | None:
    """Columns called by a variable and a year: pop_2010, pop_2022, PIB 2010 (R$ mil), …"""
    stems: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        match = _WITH_YEAR.fullmatch(name)
        if match:
            stems[(match["before"], match["after"])].append(name)
    stems = {stem: taken for stem, taken in stems.items() if len(taken) > 1}
    if not stems:
        return None
    taken = [name for each in stems.values() for name in each]
    variable, value = free_name("variavel", columns), free_name("valor", columns)
    year = Part({"name": "ano", "type": "integer", "source": variable})
    if len(stems) == 1:
        ((before, after),) = stems
        pattern = f"{quoted(before)}({YEAR}){quoted(after)}"
        when = When([year], {"year": "ano"}, [])
        return Wide(
            {"pattern": pattern, "variable": variable, "value": value}, [], taken, when, {_title(before, after): taken}
        )
    return _several(stems, columns, variable, value)


def _title(before: str, after: str) -> str:
    return without_unit(re.sub(r"[_\s-]+", " ", f"{before.strip(' _-')} {after.strip(' _-')}").strip())


def _several(
    stems: Mapping[tuple[str, str], list[str]], columns: Mapping[str, Column], variable: str, value: str
) -> Wide:
    """Columns of several variables: the whole name becomes a text, from which the year and the variable are taken."""
    union = "|".join(f"{quoted(before)}{YEAR}{quoted(after)}" for before, after in stems)
    taken = [name for each in stems.values() for name in each]
    recode: dict[str, JsonValue] = {
        name: _title(*stem) or _("valor") for stem, names in stems.items() for name in names
    }
    parts = [
        Part(
            {"name": "variavel_nome", "type": "string", "source": variable, "recode": recode},
            _("names of variables, cut from names of columns"),
        ),
    ]
    texts = [
        Part({"name": "coluna", "type": "string", "source": variable}),
        Part({"name": "ano", "type": "integer", "derive": {"extract": {"of": "coluna", "pattern": f"({YEAR})"}}}),
    ]
    when = When(texts, {"year": "ano"}, [])
    titles = {_title(*stem) or "valor": names for stem, names in stems.items()}
    return Wide({"pattern": f"({union})", "variable": variable, "value": value}, parts, taken, when, titles)


def quoted(text: str) -> str:
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text)
