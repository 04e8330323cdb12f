"""Which columns say what place a row is about: a code, a name with its state, or either inside a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from observatudo.i18n import _
from observatudo.onboard.columns import Column
from observatudo.onboard.draft import Part, Place
from observatudo.onboard.places import Places
from observatudo.onboard.words import says_place_code, says_place_name, says_state, slug

if TYPE_CHECKING:
    import pyarrow as pa
    from pydantic import JsonValue

EXCEPTIONS: Final = "configs/tabelas/municipio_excecao.csv"
_INSIDE: Final = (r"^(\d{7}|\d{6})[^\d]", r"[(\[ -](\d{7}|\d{6})[)\]]?$")
_OFFICE = (
    r"(?:Prefeitura Municipal|PREFEITURA MUNICIPAL|Prefeitura|Munic.pio|MUNIC.PIO|Governo Municipal) [dD][eEoOaA][sS]? "
)
_NAMED: Final = (
    (rf"^(?:{_OFFICE})?(.*[^\s\-–/(]) *[-–/(] *[A-Z][A-Z]\)?$", r"([A-Z][A-Z])\)?$"),
    (r"^[A-Z][A-Z] *[-–/] *(.+)$", r"^([A-Z][A-Z])"),
)
_Test = Callable[[str], bool]


@dataclass(frozen=True)
class Searched:
    """What a place is looked for in: the table as plain texts, its columns, the official places."""

    table: pa.Table
    columns: Mapping[str, Column]
    places: Places
    exceptions: bool


def find(searched: Searched, only: list[str] | None = None) -> Place | None:
    """Return how the place is found, the surest way first; ``only`` names the columns that may say it."""
    if only:
        searched = Searched(
            searched.table,
            {n: c for n, c in searched.columns.items() if n in only},
            searched.places,
            searched.exceptions,
        )
    for way in (_by_code, _by_code_inside, _by_parts, _by_name_and_state, _by_name_inside, _by_name_alone, _by_state):
        found = way(searched)
        if found is not None:
            return found
    return None


def share(column: Column, test: _Test) -> tuple[float, set[str]]:
    """Return the share of the column's values that pass, and which do."""
    values = column.values()
    passed = {text for text in values if test(text)}
    return sum(values[text] for text in passed) / max(sum(values.values()), 1), passed


def _by_code(searched: Searched) -> Place | None:
    places, best = searched.places, []
    for column in searched.columns.values():
        towns, texts = share(column, places.is_code)
        states, others = share(column, lambda text: places.is_state_code(text) or text in {"0", "1"})
        said = says_place_code(column.name)
        if towns > 0 and (towns >= 0.9 or (towns + states >= 0.7 and said) or (towns >= 0.3 and said)):
            rank = towns + (0.4 if said else 0) + (0.2 if "ibge" in column.name.lower() else 0)
            best.append((rank, column.name, towns, texts, others if states else set()))
    if not best:
        return None
    _rank, name, towns, texts, states_there = max(best, key=lambda each: each[0])
    levels = _levels(places, states_there)
    part = Part(
        {"name": "id_municipio" if levels == ["municipio"] else "id_local", "type": "string", "source": name}
        | ({"recode": {"0": "1"}} if "0" in states_there and "pais" in levels else {})
    )
    others_too = [each[1] for each in best if each[1] != name and each[2] >= 0.9]
    guess = ""
    if others_too:
        guess = _("“{name}” of {names}, which all hold codes of municipalities").format(
            name=name, names=", ".join([name, *others_too])
        )
    locality: dict[str, JsonValue] = {"code": part.name} | ({"levels": [*levels]} if levels != ["municipio"] else {})
    return Place([part], locality, [name], texts | (states_there if len(levels) > 1 else set()), towns, guess)


def _levels(places: Places, states: set[str]) -> list[str]:
    levels = ["municipio"]
    if any(places.is_state_code(text) for text in states):
        levels.append("uf")
        if states & {"0", "1"}:
            levels.append("pais")
    return levels


def _by_code_inside(searched: Searched) -> Place | None:
    for column in searched.columns.values():
        for pattern in _INSIDE:
            towns, texts = share(column, partial(_code_in, pattern, searched.places))
            if towns >= 0.7:
                source = f"{slug(column.name)}_texto"
                parts = [
                    Part({"name": source, "type": "string", "source": column.name}),
                    Part(
                        {
                            "name": "id_municipio",
                            "type": "string",
                            "derive": {"extract": {"of": source, "pattern": pattern}},
                        }
                    ),
                ]
                guess = _("the code stands inside the texts of “{name}”").format(name=column.name)
                return Place(parts, {"code": "id_municipio"}, [column.name], texts, towns, guess)
    return None


def _code_in(pattern: str, places: Places, text: str) -> bool:
    match = re.search(pattern, text)
    return match is not None and places.is_code(match[1])


def _by_parts(searched: Searched) -> Place | None:
    """A code in two columns (state, municipality), or in a longer one that begins with the state's."""
    for column in searched.columns.values():
        long, texts = share(
            column, lambda t: re.fullmatch(r"\d{9,13}", t) is not None and searched.places.is_code(t[:2] + t[-5:])
        )
        if long >= 0.9:
            return _from_long(column.name, texts, long)
    states = [c for c in searched.columns.values() if share(c, searched.places.is_state_code)[0] >= 0.95]
    towns = [
        c for c in searched.columns.values() if c.share(re.compile(r"\d{1,5}")) >= 0.95 and says_place_code(c.name)
    ]
    for state in states:
        for town in (each for each in towns if each.name != state.name):
            for width in (5, 4):
                joined = _pairs(searched.table, state.name, town.name)
                good = sum(n for (s, t), n in joined.items() if searched.places.is_code(s + t.zfill(width)))
                if good >= 0.9 * sum(joined.values()):
                    return _from_two(state.name, town.name, width, good / sum(joined.values()))
    return None


def _from_long(name: str, texts: set[str], found: float) -> Place:
    parts = [
        Part({"name": "codigo", "type": "string", "source": name}),
        Part({"name": "codigo_uf", "type": "string", "derive": {"prefix": {"of": "codigo", "length": 2}}}),
        Part({"name": "codigo_fim", "type": "string", "derive": {"extract": {"of": "codigo", "pattern": r"(\d{5})$"}}}),
        Part({"name": "id_municipio", "type": "string", "derive": {"template": "{codigo_uf}{codigo_fim}"}}),
    ]
    guess = _("its first two and last five digits are codes of municipalities")
    return Place(parts, {"code": "id_municipio"}, [name], texts, found, guess)


def _from_two(state: str, town: str, width: int, found: float) -> Place:
    last: dict[str, JsonValue] = {"extract": {"of": "codigo_com_zeros", "pattern": rf"(\d{{{width}}})$"}}
    parts = [
        Part({"name": "codigo_uf", "type": "string", "source": state}),
        Part({"name": "codigo_mun", "type": "string", "source": town}),
        Part({"name": "codigo_com_zeros", "type": "string", "derive": {"template": "0000{codigo_mun}"}}),
        Part({"name": "codigo_fim", "type": "string", "derive": last}),
        Part({"name": "id_municipio", "type": "string", "derive": {"template": "{codigo_uf}{codigo_fim}"}}),
    ]
    guess = _("“{state}” and “{town}” together are codes of municipalities").format(state=state, town=town)
    return Place(parts, {"code": "id_municipio"}, [town, state], set(), found, guess)


def _pairs(table: pa.Table, one: str, other: str) -> dict[tuple[str, str], int]:
    """Return how often each pair of texts stands in two columns."""
    counts = table.select([one, other]).group_by([one, other]).aggregate([([], "count_all")]).to_pylist()
    return {(row[one] or "", row[other] or ""): row["count_all"] for row in counts}


def _by_name_and_state(searched: Searched) -> Place | None:
    places = searched.places
    states = [
        c for c in searched.columns.values() if c.known and share(c, lambda t: places.state(t) is not None)[0] >= 0.85
    ]
    states.sort(key=lambda c: (-share(c, lambda t: t in places.names)[0], not says_state(c.name)))
    best: tuple[float, str, Column, set[str]] | None = None
    for state in states[:3]:
        for name in _name_columns(searched):
            if name == state.name:
                continue
            pairs = _pairs(searched.table, state.name, name)
            good = {pair for pair in pairs if places.is_name(pair[1], places.state(pair[0]) or "")}
            found = sum(pairs[pair] for pair in good) / max(sum(n for pair, n in pairs.items() if all(pair)), 1)
            if found >= 0.5 and (best is None or found > best[0] + 0.01):
                best = (found, name, state, {town for _state, town in good})
    if best is None:
        return None
    found, name, state, texts = best
    parts = [Part({"name": "municipio", "type": "string", "source": name}), _state_part(state, places)]
    return Place(parts, _named(searched), [name, state.name], texts, found)


def _name_columns(searched: Searched) -> Iterator[str]:
    """Yield the columns whose texts could be names of municipalities, those whose header says so first."""
    texts = [c for c in searched.columns.values() if c.texts and c.share(re.compile(r"[\d.,]*")) < 0.2]
    yield from (
        c.name for c in sorted(texts, key=lambda c: not says_place_name(c.name)) if _has_names(c, searched.places)
    )


def _has_names(column: Column, places: Places) -> bool:
    sample = list(column.values())[:300]
    return sum(places.is_name(text) for text in sample) >= 0.4 * len(sample) > 0


def _named(searched: Searched) -> dict[str, JsonValue]:
    locality: dict[str, JsonValue] = {"name": "municipio", "state": "sigla_uf"}
    return locality | ({"exceptions": EXCEPTIONS} if searched.exceptions else {})


def _state_part(column: Column, places: Places, name: str = "sigla_uf") -> Part:
    """Return the field of the state: its letters, into which names and codes are recoded."""
    recode: dict[str, JsonValue] = {}
    for text in column.values():
        letters = places.state(text)
        if letters is not None and letters != text:
            recode[text] = letters
    return Part({"name": name, "type": "string", "source": column.name} | ({"recode": recode} if recode else {}))


def _by_name_inside(searched: Searched) -> Place | None:
    for column in searched.columns.values():
        for name, state in _NAMED:
            found, texts = share(column, partial(_name_in, name, state, searched.places))
            if found >= 0.6:
                source = f"{slug(column.name)}_texto"
                parts = [
                    Part({"name": source, "type": "string", "source": column.name}),
                    Part(
                        {"name": "municipio", "type": "string", "derive": {"extract": {"of": source, "pattern": name}}}
                    ),
                    Part(
                        {"name": "sigla_uf", "type": "string", "derive": {"extract": {"of": source, "pattern": state}}}
                    ),
                ]
                guess = _("name and state stand together in “{name}”").format(name=column.name)
                return Place(parts, _named(searched), [column.name], texts, found, guess)
    return None


def _name_in(name: str, state: str, places: Places, text: str) -> bool:
    town, letters = re.search(name, text), re.search(state, text)
    return town is not None and letters is not None and places.is_name(town[1], letters[1])


def _by_name_alone(searched: Searched) -> Place | None:
    for name in _name_columns(searched):
        column = searched.columns[name]
        texts = list(column.values())
        state = searched.places.state_of(texts)
        if state is None or (len(texts) < 5 and not says_place_name(name)):
            continue
        found, placed = share(column, partial(searched.places.is_name, state=state))
        parts = [
            Part({"name": "municipio", "type": "string", "source": name}),
            Part({"name": "sigla_uf", "type": "string", "source": "uf_do_arquivo"}),
        ]
        guess = _("{state}, because nearly all names are municipalities of that state").format(state=state)
        return Place(parts, _named(searched), [name], placed, found, guess, {"uf_do_arquivo": state})
    return None


def _by_state(searched: Searched) -> Place | None:
    places = searched.places
    for column in searched.columns.values():
        found, texts = share(column, lambda t: places.state(t) is not None)
        if found < 0.85 or not (says_state(column.name) or len(texts) > 10):
            continue
        codes = {letters: code for code, letters in places.state_codes.items()}
        recode: dict[str, JsonValue] = {t: codes[places.state(t) or ""] for t in texts if not places.is_state_code(t)}
        part = Part({"name": "id_uf", "type": "string", "source": column.name} | ({"recode": recode} if recode else {}))
        guess = _("values of states, because no column says the municipality")
        return Place([part], {"code": "id_uf", "levels": ["uf"]}, [column.name], texts, found, guess)
    return None
