"""What a table of IBGE's holds, and how a request for much of it is divided: shared by ``sidra`` and ``agregados``.

Periods, variables, categories and places come from the aggregates' metadata
(servicodados.ibge.gov.br/api/docs/agregados?versao=3), so that a request never asks for more values than the service
gives at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar

from pydantic import JsonValue

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Cube
from observatudo.sources import payload
from observatudo.sources.answers import StatusError
from observatudo.sources.contract import Before, Client

T = TypeVar("T")
_TOO_MANY = re.compile(r"excedeu o limite:?\s*([\d.]+)")
_STATE = 3  # the level of states; places within them are asked for state by state
_WITHIN_STATES = range(6, 12)  # municipalities, their micro- and mesoregions, districts and subdistricts


@dataclass(frozen=True)
class Element:
    """One period, variable or category, or one group of places; ``weight`` is how many there are in it."""

    code: str
    weight: int = 1


@dataclass(frozen=True)
class Axis:
    """One dimension of a request; ``whole`` where it asks for all there is, ``within``: the elements are states."""

    name: str
    elements: tuple[Element, ...]
    whole: bool = False
    within: bool = False

    @property
    def size(self) -> int:
        """How many values it multiplies the others by."""
        return sum(element.weight for element in self.elements)

    def codes(self, mark: str) -> str:
        """Return the elements' codes, joined by ``mark``."""
        return mark.join(element.code for element in self.elements)


Part = tuple[Axis, ...]  # periods, variables, each classification, places: in this order they are divided


@dataclass(frozen=True)
class Table:
    """A table as asked for; ``version`` is the day on which IBGE last changed one of its periods, ISO 8601."""

    whole: Part
    version: str | None


def describe(cube: Cube, number: int, site: str, client: Client) -> Table:
    """Ask for what ``cube`` names; raises SnapshotError for a period, variable or category that the table lacks."""
    base = f"{site.rstrip('/')}/{number}"
    periods, version = _periods(cube, base, client)
    about = payload.an_object(client.json(f"{base}/metadados"), f"{base}/metadados")
    variables = _listed(about.get("variaveis"), base)
    wanted = [str(variable) for variable in cube.variables]
    axes = [periods, _axis("v", wanted, variables, _("variable"), base)]
    for code, categories in cube.classifications.items():
        asked = [] if categories == "all" else categories.split(",")
        axes.append(_axis(f"c{code}", asked, _categories(about, code, base), _("category"), base))
    return Table((*axes, _places(cube, base, client)), version)


def version(cube: Cube, number: int, site: str, client: Client) -> str | None:
    """Return the day on which one of the periods asked for last changed, ISO 8601, None where IBGE does not say."""
    return _periods(cube, f"{site.rstrip('/')}/{number}", client)[1]


def news(cube: Cube, number: int, site: str, url: str, client: Client, before: Before) -> bool | None:
    """Compare the address and the day of the last change with what stands."""
    old = before.get(cube.file)
    if old is None or old.url != url:
        return True
    found = version(cube, number, site, client)
    return None if found is None or old.version is None else found != old.version


def collect(table: Table, limit: int, ask: Callable[[Part, int, int], T]) -> list[T]:
    """Return what ``ask(part, number, of)`` returns for every part, in order.

    Where the service refuses with a smaller limit than ``limit``, the division is made anew with that one. Raises
    SnapshotError, also for a table whose smallest part is too large.
    """
    while True:
        parts = list(divide(table.whole, limit))
        try:
            return [ask(part, number, len(parts)) for number, part in enumerate(parts, 1)]
        except StatusError as error:
            named = _TOO_MANY.search(error.said)
            smaller = int(named[1].replace(".", "")) if named else limit
            if not 0 < smaller < limit:
                raise
            limit = smaller


def divide(part: Part, limit: int) -> Iterator[Part]:
    """Yield parts of at most ``limit`` values: along the first axis that can be divided, then the next.

    Raises SnapshotError where even single elements of every axis are more.
    """
    if prod(axis.size for axis in part) <= limit:
        yield part
        return
    at = next((n for n, axis in enumerate(part) if len(axis.elements) > 1), None)
    if at is None:
        raise SnapshotError(
            _("one request cannot be divided below {limit:,} values").format(limit=limit),
            next_step=_("raise “limit” in the declaration, or name fewer places"),
        )
    others = prod(axis.size for n, axis in enumerate(part) if n != at)
    for elements in _grouped(part[at].elements, limit // others):
        axis = replace(part[at], elements=elements, whole=False)
        yield from divide((*part[:at], axis, *part[at + 1 :]), limit)


def _grouped(elements: tuple[Element, ...], room: int) -> Iterator[tuple[Element, ...]]:
    """Yield neighbours that weigh no more than ``room`` together, and alone what weighs more."""
    group: list[Element] = []
    weight = 0
    for element in elements:
        if group and weight + element.weight > room:
            yield tuple(group)
            group, weight = [], 0
        group.append(element)
        weight += element.weight
    yield tuple(group)


def _periods(cube: Cube, base: str, client: Client) -> tuple[Axis, str | None]:
    url = f"{base}/periodos"
    found = payload.objects(client.json(url), url)
    days = {code: _day(payload.text(item.get("modificacao"))) for item in found if (code := payload.text(item["id"]))}
    chosen = _chosen(cube.periods, sorted(days), url)
    changed = [days[code] for code in chosen]
    newest = max((day for day in changed if day), default=None)
    return Axis("p", tuple(map(Element, chosen)), whole=cube.periods == "all"), newest


def _chosen(wanted: str, known: list[str], url: str) -> list[str]:
    if wanted == "all":
        return known
    if wanted.startswith("last "):
        return known[-int(wanted.removeprefix("last ")) :]
    chosen: list[str] = []
    for piece in wanted.split(","):
        first, _dash, last = piece.partition("-")
        within = [code for code in known if first <= code <= (last or first) and len(code) == len(first)]
        if not within:
            raise _unknown(_("period"), piece, known, url)
        chosen += within
    return sorted(set(chosen))


def _day(text: str | None) -> str | None:
    """Return ``31/08/2021``, as the service writes days, as ISO 8601."""
    found = re.fullmatch(r"(\d{2})/(\d{2})/(\d{4})", text or "")
    return f"{found[3]}-{found[2]}-{found[1]}" if found else None


def _listed(value: JsonValue, url: str) -> list[str]:
    return [code for item in payload.objects(value, url) if (code := payload.text(item.get("id"))) is not None]


def _categories(about: payload.Object, code: str, base: str) -> list[str]:
    known = payload.objects(about.get("classificacoes"), base)
    for classification in known:
        if payload.text(classification.get("id")) == code:
            return _listed(classification.get("categorias"), base)
    raise _unknown(_("classification"), code, _listed(about.get("classificacoes"), base), base)


def _axis(name: str, wanted: list[str], known: list[str], what: str, base: str) -> Axis:
    for code in wanted:
        if code not in known:
            raise _unknown(what, code, known, base)
    return Axis(name, tuple(map(Element, wanted or known)), whole=not wanted)


def _places(cube: Cube, base: str, client: Client) -> Axis:
    name = f"n{cube.level}"
    if cube.places != "all":
        return Axis(name, tuple(map(Element, cube.places.split(","))))
    url = f"{base}/localidades/N{cube.level}"
    known = _listed(client.json(url), url)
    if not known:
        raise _unknown(_("level of places"), str(cube.level), [], url)
    if cube.level not in _WITHIN_STATES:
        return Axis(name, tuple(map(Element, known)), whole=True)
    states: dict[str, int] = {}
    for code in known:
        states[code[:2]] = states.get(code[:2], 0) + 1
    elements = tuple(Element(state, count) for state, count in sorted(states.items()))
    return Axis(name, elements, whole=True, within=True)


def _unknown(what: str, code: str, known: list[str], where: str) -> SnapshotError:
    return SnapshotError(
        _("the table has no {what} {code}").format(what=what, code=code),
        where=where,
        next_step=_("it has: {known}").format(known=", ".join(known[:40]) or "–"),
    )
