"""The filter of lists in memory: words ANDed, ``field:word`` for one field, ``-word`` for what must not be there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from observatudo.history.store import fold


@dataclass(frozen=True)
class Item:
    """What can be asked of a row: all its text, its fields, and the number that ``below:`` speaks of."""

    text: str
    fields: Mapping[str, str]
    number: float | None = None


def words_in(wanted: str) -> Callable[[str], bool]:
    """Return what says whether a text has every word, whatever their case and accents; a ``-`` is part of a word."""
    words = fold(wanted).split()

    def fits(text: str) -> bool:
        told = fold(text)
        return all(word in told for word in words)

    return fits


def sifter(wanted: str) -> Callable[[Item], bool]:
    """Return what says whether an item fits; case, accents and, in fields, blanks make no difference."""
    parts = [_part(word) for word in fold(wanted).split()]
    return lambda item: all(fits(item) for fits in parts)


def _part(word: str) -> Callable[[Item], bool]:
    """Return what one word asks for; an unknown field makes it a plain word, one with nothing behind it fits all."""
    if word.startswith("-") and len(word) > 1:
        fits = _part(word[1:])
        return lambda item: not fits(item)
    field, colon, value = word.partition(":")
    limit = _number(value) if colon and field == "below" else None
    if limit is not None:
        return lambda item: item.number is not None and item.number < limit
    return lambda item: _has(item, word, field, value if colon else None)


def _has(item: Item, word: str, field: str, value: str | None) -> bool:
    if value is None or (field not in item.fields and field != "below"):
        return word in fold(item.text)
    return value in "".join(fold(item.fields.get(field, "")).split()) if value else True


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
