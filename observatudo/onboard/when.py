"""Which columns say the period of a row; where none does: what stands above the table, or in names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from observatudo.i18n import _
from observatudo.onboard.columns import MONTH_NUMBERS, YEARS, YEARS_OR_NONE, Column, months_by_name
from observatudo.onboard.draft import Keys, Part, When
from observatudo.onboard.periods import Way, way_of
from observatudo.onboard.words import YEAR, folded, month, says_date, says_month, says_value, says_year

MONTHS_TABLE: Final = "configs/tabelas/mes.csv"
_SINGLE: Final = re.compile(rf"(?<!\d){YEAR}(?!\d)")
_PARTS: Final = {"trimestre": (3, "trimestral"), "bimestre": (2, "bimestral"), "semestre": (6, "semestral")}
_OTHER_YEARS = re.compile(r"nasc|funda|inicio|fim|cria|implant|instal|obra|final|conclus|inaug|prev|termino")
_EXACT = {
    "ano",
    "year",
    "exercicio",
    "nu_ano",
    "ano referencia",
    "ano_referencia",
    "ano base",
    "ano_base",
    "nu_ano_censo",
}
# the part that takes the month out → the day's format, and the pattern that takes the day out
_DAYS = {
    r"^\d{4}-(\d{2})": ("%Y-%m-%d", r"^(\d{4}-\d{2}-\d{2})"),
    r"^\d+/(\d+)/": ("%d/%m/%Y", r"^(\d{2}/\d{2}/\d{4})"),
    r"^\d+-(\d+)-": ("%d-%m-%Y", r"^(\d{2}-\d{2}-\d{4})"),
    r"^\d{4}(\d{2})": ("%Y%m%d", r"^(\d{8})"),
}
_LIMITS: dict[str, JsonValue] = {"minimum": 1900, "maximum": 2100}


@dataclass(frozen=True)
class Context:
    """Texts beside the table that may name its year: above the header, the sheet's name, the file's name."""

    above: str
    title: str
    file: str
    year: int | None = None


def find(columns: Mapping[str, Column]) -> When | None:
    """Return how the rows' own columns say the period, None where they do not."""
    dated = _dated(columns)
    years = [(rank, c) for c in columns.values() if (rank := _year_rank(c)) > 0]
    if dated is not None and (not years or max(years, key=lambda each: each[0])[0] < 2 or dated[0] > 3):
        return _daily(dated[1], columns[dated[2]]) or _of_way(dated[1], dated[2], columns[dated[2]].values())
    if not years:
        return _hollow(columns)
    year = max(years, key=lambda each: each[0])[1]
    part = Part({"name": "ano", "type": "integer", "source": year.name, "constraints": dict(_LIMITS)})
    if "0" in year.values():
        part.keys["missingValues"] = ["", {"value": "0", "label": "sem ano"}]
    elif year.missing:
        part.keys["missingValues"] = ["", *sorted(year.missing)]
    if any(text.endswith(".0") for text in year.texts):
        return _of_way(Way(YEARS, r"^(\d{4})", frequency="anual"), year.name)
    rest = {name: column for name, column in columns.items() if name != year.name}
    return _with_month(When([part], {"year": "ano"}, [year.name]), rest)


def _hollow(columns: Mapping[str, Column]) -> When | None:
    """Return the year's column of a file in which every row has the year 0, as goals have that nobody dated."""
    for column in columns.values():
        if says_year(column.name) and set(column.values()) == {"0"}:
            keys: Keys = {"name": "ano", "type": "integer", "source": column.name}
            keys["missingValues"] = ["", {"value": "0", "label": "sem ano"}]
            guess = _("0 is no year, and no row has another: every row is rejected until one has")
            part = Part(keys | {"constraints": dict(_LIMITS)}, guess)
            return When([part], {"year": "ano"}, [column.name], hollow=True)
    return None


def _year_rank(column: Column) -> float:
    """Return how likely the column is the year of the row's values; 0 where it cannot be."""
    values, header = column.values(), folded(column.name)
    if not values or column.share(YEARS_OR_NONE) + column.share(re.compile(rf"{YEAR}\.0")) < 0.95:
        return 0
    if column.share(YEARS) == 0 or column.empty > column.filled:
        return 0
    rank = 3 if header in _EXACT else 2 if says_year(header) else 1.5 if says_date(header) else 0.5
    if rank == 0.5 and (says_value(header) or len(values) > 60):
        return 0
    return rank - (1.8 if _OTHER_YEARS.search(header) else 0)


def _dated(columns: Mapping[str, Column]) -> tuple[float, Way, str] | None:
    """Return rank, way and name of the column that writes whole periods; a bare year is none."""
    found: list[tuple[float, Way, str]] = []
    for column in columns.values():
        header = folded(column.name)
        way = way_of(column.values(), 0.9) if column.known > column.empty else None
        if way is None or not way.year:
            continue
        said = says_date(header) or says_year(header) or says_month(header) or header in _PARTS
        if not said and (re.fullmatch(r"[\d.]+", next(iter(column.values()))) or len(column.values()) > 400):
            continue
        rank = 3.5 if re.search(r"compet|refer|periodo|anomes|ano_mes|mes", header) else 2 if said else 1
        found.append((rank - (1.8 if _OTHER_YEARS.search(header) or "atualiza" in header else 0), way, column.name))
    found = [each for each in found if each[0] > 0]
    return max(found, key=lambda each: each[0]) if found else None


def _of_way(way: Way, name: str, texts: Iterable[str] = ()) -> When:
    parts = parts_of(way, name)
    if any(re.fullmatch(rf"{YEAR}[-/]\d{{2}}(\d\d)?", text) for text in texts) and not way.month:
        parts[-1].guess = _("the first year of several, such as 2018-2020, stands for all of them")
    return When(parts, period_of(way), [name], way.frequency)


def _daily(way: Way, column: Column) -> When | None:
    """Return the whole day as the period where there are several days to a month."""
    form, pattern = _DAYS.get(way.month, ("", ""))
    texts = column.values()
    months = {(*re.findall(way.year, text)[:1], *re.findall(way.month, text)[:1]) for text in texts} if form else set()
    days = {match[1] for text in texts if form and (match := re.search(pattern, text))}
    if len(days) <= len(months):
        return None
    date: Keys = {"name": "data", "type": "date", "derive": {"extract": {"of": "data_texto", "pattern": pattern}}}
    date |= {"format": form} if form != "%Y-%m-%d" else {}
    parts = [Part({"name": "data_texto", "type": "string", "source": column.name}), Part(date)]
    return When(parts, {"date": "data"}, [column.name], "unica", _("values of single days"))


def period_of(way: Way) -> Keys:
    """Return ``period`` of the fields that ``parts_of`` makes."""
    period: Keys = {"year": "ano"}
    if way.month:
        period["month"] = "mes"
    return period


def parts_of(way: Way, source: str) -> list[Part]:
    """Return the fields that take year and month out of the texts of a column (or of a melt's variable)."""
    if not way.year:
        return [Part({"name": "ano", "type": "integer", "source": source, "constraints": dict(_LIMITS)})]
    parts = [Part({"name": "periodo_texto", "type": "string", "source": source})]
    if way.short:
        parts.append(_cut("ano_curto", "string", way.year))
        parts.append(
            Part(
                {"name": "ano", "type": "integer", "derive": {"template": "20{ano_curto}"}},
                _("years of two digits are of this century"),
            )
        )
    else:
        parts.append(_cut("ano", "integer", way.year))
    if not way.month:
        return parts
    if way.named or way.step > 1:
        parts.append(_cut("parte", "string", way.month))
        of = "parte"
        if way.step > 1:
            letter = {3: "T", 2: "B", 6: "S"}[way.step]
            parts.append(Part({"name": "parte_chave", "type": "string", "derive": {"template": f"{letter}{{parte}}"}}))
            of = "parte_chave"
        lookup: dict[str, JsonValue] = {"of": of, "table": MONTHS_TABLE, "key": "texto", "value": "mes"}
        parts.append(Part({"name": "mes", "type": "integer", "derive": {"lookup": lookup}}))
    else:
        parts.append(_cut("mes", "integer", way.month))
    return parts


def _cut(name: str, kind: str, pattern: str) -> Part:
    return Part({"name": name, "type": kind, "derive": {"extract": {"of": "periodo_texto", "pattern": pattern}}})


def _with_month(found: When, columns: Mapping[str, Column]) -> When:
    """Add the column of the month, quarter, … beside the year's, if there is one."""
    for column in columns.values():
        header, values = folded(column.name), column.values()
        part = next((each for each in _PARTS if each in header), None)
        if part is not None and column.share(re.compile(r"[1-6](º|o|°|ª)?( .*)?")) >= 0.95 and len(values) <= 12:
            step, frequency = _PARTS[part]
            recode: dict[str, JsonValue] = {text: str((int(text[0]) - 1) * step + 1) for text in sorted(values)}
            return _month(found, column.name, recode, frequency)
        named = months_by_name(column)
        if named and (says_month(header) or len(values) > 1):
            return _month(found, column.name, {text: str(month(text)) for text in values}, "mensal")
        if says_month(header) and column.share(MONTH_NUMBERS) >= 0.95:
            return _month(found, column.name, {}, "mensal")
    return found


def _month(found: When, name: str, recode: dict[str, JsonValue], frequency: str) -> When:
    keys: dict[str, JsonValue] = {"name": "mes", "type": "integer", "source": name}
    keys |= {"recode": recode} if recode and any(k != v for k, v in recode.items()) else {}
    return When([*found.parts, Part(keys)], {"year": "ano", "month": "mes"}, [*found.columns, name], frequency)


def beside(context: Context, headers: list[str]) -> When | None:
    """Return the one year that stands beside the table: given, above it, in the file's, sheet's or columns' names."""
    if context.year is not None:
        return _constant(str(context.year), "")
    titled = _above(context.above, labelled=True)
    if titled is not None:
        return titled
    named = _only(re.findall(YEAR, " ".join(headers)))
    for years, where in (
        (_only(_SINGLE.findall(context.file)), _("the file's name")),
        (_only(_SINGLE.findall(context.title)), _("the sheet's name")),
        (named, _("the names of columns")),
    ):
        if years:
            return _constant(years, _("{year}, because {where} says so").format(year=years, where=where))
    return _above(context.above, labelled=False)


def _only(years: list[str]) -> str:
    return years[0] if len(set(years)) == 1 else ""


def _constant(year: str, guess: str) -> When:
    return When(
        [_year_part("ano_do_arquivo", guess)], {"year": "ano"}, [], constants={"ano_do_arquivo": year}, guess=guess
    )


def _year_part(source: str, _guess: str) -> Part:
    return Part({"name": "ano", "type": "integer", "source": source, "constraints": dict(_LIMITS)})


def _above(above: str, *, labelled: bool) -> When | None:
    """Return the year in the text above the header, as a pattern that will find the next edition's too."""
    label = r"(?:exerc.cio|ano|per.odo|refer.ncia|compet.ncia|edi..o|vig.ncia|data)\b[^\d\n]{0,25}" if labelled else ""
    found = list(re.finditer(rf"{label}(?<!\d)({YEAR})(?!\d)", above, re.IGNORECASE))
    if not found or (not labelled and len({match[1] for match in found}) > 1):
        return None
    start = found[0].start(1)
    line = above[above.rfind("\n", 0, start) + 1 : start][-25:]
    pattern = re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", line) + r"(?P<ano_do_titulo>\d{4})"
    if re.search(pattern, above) is None:
        return None
    guess = "" if labelled else _("the only year above the table")
    return When([_year_part("ano_do_titulo", guess)], {"year": "ano"}, [], preamble=pattern, guess=guess)
