"""The way through a JSON to its records: the longest list of things that look alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.encoding import open_text
from observatudo.onboard.look import Look
from observatudo.onboard.words import YEAR

_PERIOD = re.compile(rf"{YEAR}(\d{{2}}|-\d{{2}}|-\d{{2}}-\d{{2}})?")
_DEEPEST = 8


@dataclass(frozen=True)
class _Way:
    """A way to records: its steps, how many it leads to, and how many values there are in all."""

    steps: tuple[str, ...]
    count: int
    values: int


def find(found: Look) -> tuple[str, bool, dict[str, str]]:
    """Return ``records``, whether the first record holds the columns' names, and what was guessed.

    Raises DataError for what is no JSON or holds no table.
    """
    text = open_text(found.path, found.resource()).whole()
    try:
        content: object = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(_("this is not valid JSON: {error}").format(error=error), where=str(found.path)) from None
    ways = [way for way in _ways(content, ()) if way.count > 0]
    if not ways:
        raise DataError(
            _("the JSON holds no list of records, nor lists that could be columns"),
            where=str(found.path),
            next_step=_("give a file that is a table: CSV, XLSX, or a JSON with a list of objects"),
        )
    best = max(ways, key=lambda way: (":" in way.steps[-1], way.values, way.count, -len(way.steps)))
    records = ".".join(best.steps)
    guesses = {}
    if len(best.steps) > 1:
        guesses["records"] = _("this way leads to the most values")
    return records, _names_first(content, best), guesses


def _ways(node: object, steps: tuple[str, ...]) -> Iterator[_Way]:
    """Yield every way from here; of a list or a mapping of like things, the way all of them share."""
    if len(steps) > _DEEPEST:
        return
    if isinstance(node, list):
        items = [item for item in node if isinstance(item, dict | list)]
        if items and len(items) == len(node):
            yield from _shared(items, (*steps, "[]"))
    elif isinstance(node, dict):
        yield from _mapping(node, steps)


def _mapping(node: Mapping[str, object], steps: tuple[str, ...]) -> Iterator[_Way]:
    lists = [value for value in node.values() if isinstance(value, list)]
    if len(lists) > 1 and len({len(value) for value in lists}) == 1 and not _any_nested(lists):
        yield _Way((*steps, "columns()"), len(lists[0]), sum(len(value) for value in lists))
    inner = [value for value in node.values() if isinstance(value, dict | list)]
    if len(node) > 0 and len(inner) == len(node) and _alike(node):
        name = "periodo" if all(_PERIOD.fullmatch(key) for key in node) else "chave"
        yield from _shared(inner, (*steps, f"{{{name}}}"))
    for key, value in node.items():
        if isinstance(value, dict) and _is_series(value):
            yield _Way((*steps, key, "{ano:valor}"), len(value), 2 * len(value))
            continue
        if isinstance(value, dict | list) and re.fullmatch(r"[^.\[\]{}*:]+", key):
            yield from _ways(value, (*steps, key))
    scalars = sum(1 for value in node.values() if not isinstance(value, list))
    if scalars and steps and (steps[-1] == "[]" or steps[-1].startswith("{")):  # a mapping in a record is part of it
        yield _Way(steps, 1, scalars)


def _is_series(node: Mapping[str, object]) -> bool:
    """Say whether the mapping holds a value for each of some periods."""
    single = not any(isinstance(each, dict | list) for each in node.values())
    return bool(node) and single and all(_PERIOD.fullmatch(key) for key in node)


def _any_nested(lists: list[list[object]]) -> bool:
    return any(isinstance(item, dict | list) for value in lists for item in value)


def _alike(node: Mapping[str, object]) -> bool:
    """Say whether the keys are data (places, years) rather than names: what stands under them is of one kind."""
    kinds = {frozenset(value) if isinstance(value, dict) else type(value) for value in node.values()}
    if all(_PERIOD.fullmatch(key) or re.fullmatch(r"[\d_]+|[A-Z]{2}", key) for key in node):
        return True
    return len(node) > 2 and len(kinds) == 1


def _shared(items: Sequence[object], steps: tuple[str, ...]) -> Iterator[_Way]:
    """Yield the ways that lead on from every item, with their counts added up."""
    if all(isinstance(item, list) for item in items) and not any(
        isinstance(cell, dict | list) for item in items if isinstance(item, list) for cell in item
    ):
        return
    total: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for item in items:
        for way in {way.steps: way for way in _ways(item, steps)}.values():
            n, count, values = total.get(way.steps, (0, 0, 0))
            total[way.steps] = (n + 1, count + way.count, values + way.values)
    for taken, (n, count, values) in total.items():
        if n == len(items):
            yield _Way(taken, count, values)


def _names_first(content: object, way: _Way) -> bool:
    """Say whether the first record names the columns, as SIDRA's does: words where all others have codes."""
    if way.steps != ("[]",) or not isinstance(content, list) or len(content) < 2:
        return False
    first, second = content[0], content[1]
    if not isinstance(first, dict) or not isinstance(second, dict) or first.keys() != second.keys():
        return False
    texts = [value for value in first.values() if isinstance(value, str)]
    coded = sum(1 for value in second.values() if re.fullmatch(r"[\d.,-]+", str(value)))
    named = sum(1 for value in texts if re.fullmatch(r"[\d.,-]+", value))
    return len(texts) == len(first) and coded >= 2 and named == 0
