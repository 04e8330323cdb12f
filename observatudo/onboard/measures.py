"""What is measured: columns of values, columns that name what is measured, and columns nobody needs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observatudo.onboard.columns import Column, Numbers
from observatudo.onboard.words import (
    folded,
    says_date,
    says_dimension,
    says_identity,
    says_indicator,
    says_place_name,
    says_state,
    says_total,
    says_value,
    says_year,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from observatudo.onboard.places import Places

_GEOGRAPHY = re.compile(
    r"regi|uf\b|\buf|estado|mesor|micror|territ|municip|cidade|capital|pais|nivel|bairro|endere|logra|localidade|prefeit"
)
_MOST_TRIALS = 300
_ROWS_TRIED = 200_000
_LONGEST_ID = 40
_CALLED_VALUE = frozenset({"valor", "value", "v", "resposta"})


@dataclass
class Measured:
    """``values`` are columns of numbers, ``texts`` of grades and answers, ``dimensions`` tell rows of a place apart.

    ``names`` maps a dimension that is a code to the column with its words, ``about`` the roles description and note to
    columns. ``unique`` says whether place, period and dimensions tell every row apart.
    """

    values: list[str]
    texts: list[str] = field(default_factory=list)
    dimensions: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    unit: str | None = None
    unique: bool = True


@dataclass(frozen=True)
class Rows:
    """The table as plain texts, the columns that say place and period, and which columns are free to be measured."""

    table: pa.Table
    columns: Mapping[str, Column]
    styles: Mapping[str, Numbers | None]
    base: Sequence[str]
    free: Sequence[str]
    places: Places
    melted: bool
    value: str | None = None


def find(rows: Rows) -> Measured:
    """Return what is measured in the rows."""
    values = [rows.value] if rows.value else [name for name in rows.free if _is_value(rows, name)]
    said = [n for n in rows.free if n not in values and says_indicator(n) and rows.columns[n].known]
    said = [n for n in said if len(rows.columns[n].values()) > 1 or len(rows.free) < 12]
    if said and not rows.melted and not rows.value:  # what is called value is it, be it words for some indicators
        values = [n for n in rows.free if folded(n) in _CALLED_VALUE and rows.columns[n].known][:1] or values
    single = rows.melted or len(values) == 1 or any(folded(name) in _CALLED_VALUE for name in values)
    if said and single and not (rows.melted and _unique(rows, ())):
        values = [n for n in values if says_value(n)][:1] or values[:1] if not rows.melted else []
        return _told_apart(rows, values, _code_first(rows, said))
    if _unique(rows, ()):
        return Measured(values, [] if rows.melted else [n for n in rows.free if n not in values and _is_grade(rows, n)])
    return _told_apart(rows, values if not rows.melted else [], [])


def _is_value(rows: Rows, name: str) -> bool:
    column, style = rows.columns[name], rows.styles[name]
    if style is None or column.known == 0 or (says_identity(name) and not says_value(name)):
        return False
    header = folded(name)
    if says_year(name) or re.search(r"(^|_)(mes|dia|dt|data)($|_)", header) or (rows.melted and says_total(name)):
        return False
    whole = column.values()
    codes = sum(n for t, n in whole.items() if len(t) > 5 and rows.places.is_code(t)) / max(sum(whole.values()), 1)
    states = sum(n for t, n in whole.items() if rows.places.is_state_code(t)) / max(sum(whole.values()), 1)
    if codes > 0.9 or (states > 0.95 and re.search("uf|estado", header)):
        return False
    return not (says_dimension(name) and style.whole and len(whole) <= 60 and not says_value(name))


def _is_grade(rows: Rows, name: str) -> bool:
    """Say whether a column holds answers or grades: a few short texts that are no places."""
    column = rows.columns[name]
    values = column.values()
    if not values or rows.styles[name] is not None or _GEOGRAPHY.search(folded(name)) or says_identity(name):
        return False
    if says_state(name) or says_date(name) or (says_place_name(name) and not says_value(name)):
        return False
    if all(rows.places.state(text) for text in values):
        return False
    few = (len(values) > 1 or column.known < 4) and len(values) <= 12 and len(values) < max(0.5 * column.known, 4)
    return few and max(len(text) for text in values) <= 30


def _code_first(rows: Rows, names: list[str]) -> list[str]:
    """Return the columns that name the indicator, those that are codes first."""
    return sorted(names, key=lambda n: (not says_identity(n), max(map(len, rows.columns[n].values()), default=0), n))


def _told_apart(rows: Rows, values: list[str], said: list[str]) -> Measured:
    """Find the columns that, with place and period, tell every row apart."""
    candidates = [n for n in rows.free if n not in values and _can_tell(rows, n)]
    candidates.sort(key=lambda n: (not says_dimension(n), len(rows.columns[n].values())))
    chosen = _smallest(rows, said, candidates)
    if chosen is None:
        return Measured(values, dimensions=said[:1], unique=False)
    names: dict[str, str] = {}
    chosen = tuple(_shorter(rows, name, names, {*values, *chosen}) for name in chosen)
    for code in chosen:
        words = [n for n in rows.free if n not in values and n not in chosen and _names(rows, code, n)]
        if words and code not in names:
            names[code] = max(words, key=lambda n: (says_indicator(n), says_dimension(n), "nome" in folded(n)))
    unit = next((n for n in rows.free if folded(n) in {"unidade", "unidade de medida", "unit", "unidade_medida"}), None)
    about = _about(rows, [*chosen], {*values, *chosen, *names.values()})
    return Measured(values, dimensions=[*chosen], names=names, about=about, unit=unit)


def _about(rows: Rows, chosen: list[str], taken: set[str]) -> dict[str, str]:
    """Return the columns that describe what is measured, and that say something of a value, by their role."""
    found: dict[str, str] = {}
    for name in (n for n in rows.free if n not in taken):
        header = folded(name)
        if (
            "description" not in found
            and header.startswith("descricao")
            and _distinct(rows, chosen) == _distinct(rows, [*chosen, name])
        ):
            found["description"] = name
        elif "note" not in found and re.match(r"justificativa|observac(ao|oes)\b", header):
            found["note"] = name
    return found


def _shorter(rows: Rows, name: str, names: dict[str, str], taken: set[str]) -> str:
    """Return the column of codes that stand for the long texts of ``name``, which then are their words."""
    if max(map(len, rows.columns[name].values())) <= _LONGEST_ID:
        return name
    for code in (n for n in rows.free if n not in taken):
        column = rows.columns[code]
        counts = {_distinct(rows, which) for which in ((code,), (name,), (code, name))}
        if column.known and max(map(len, column.values())) <= 20 and len(counts) == 1:
            names[code] = name
            return code
    return name


def _smallest(rows: Rows, said: list[str], candidates: list[str]) -> tuple[str, ...] | None:
    first = [tuple(said[:1])] if said else []
    others = [name for name in candidates if name not in said[:1]]
    trials = itertools.chain(
        first,
        ((*said[:1], *more) for size in (1, 2, 3, 4) for more in itertools.combinations(others[:12], size)),
    )
    for trial in itertools.islice(trials, _MOST_TRIALS):
        if trial and _unique(rows, trial):
            return trial
    return None


def _can_tell(rows: Rows, name: str) -> bool:
    column = rows.columns[name]
    values = column.values()
    if len(values) < 2 or len(values) > 5_000 or column.empty > 0.2 * (column.filled + column.empty):
        return False
    if _GEOGRAPHY.search(folded(name)) and not says_dimension(name):
        return False
    style = rows.styles[name]
    return style is None or says_identity(name) or says_dimension(name) or (style.whole and not says_value(name))


def _names(rows: Rows, code: str, name: str) -> bool:
    """Say whether ``name`` holds words for the codes in ``code``: one for each."""
    if rows.styles[code] is None and not re.search(r"cod|id\b|^id|sigla|^co_|cd_", folded(code)):
        return False
    column = rows.columns[name]
    if rows.styles[name] is not None or column.known == 0:
        return False
    return bool(_distinct(rows, (code,)) == _distinct(rows, (code, name)) and len(column.values()) > 1)


def _unique(rows: Rows, more: Iterable[str]) -> bool:
    """Say whether place, period and these columns are different in every row (but for a few)."""
    names = [*dict.fromkeys([*rows.base, *more])]
    if not names:
        return int(rows.table.num_rows) == 1
    part = min(int(rows.table.num_rows), _ROWS_TRIED)
    return _distinct(rows, names) >= 0.998 * part


def _distinct(rows: Rows, names: Iterable[str]) -> int:
    part = rows.table.slice(0, _ROWS_TRIED).select([*names])
    return int(part.group_by([*names]).aggregate([]).num_rows)


def unique_key(rows: Rows, first: Sequence[str]) -> list[str]:
    """Return the fewest columns that tell all rows apart, identities first; empty where none do."""
    names = [n for n in rows.columns if rows.columns[n].empty == 0 and rows.columns[n].known]
    names.sort(key=lambda n: (n not in first, not says_identity(n), len(rows.columns[n].values()) * -1))
    for size in (1, 2, 3):
        for trial in itertools.islice(itertools.combinations(names[:15], size), 100):
            if _distinct(rows, trial) == min(rows.table.num_rows, _ROWS_TRIED):
                return [*trial]
    return []
