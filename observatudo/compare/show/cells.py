"""The kinds of cells: what a number looks like, how it is coloured, and where in the JSON it stands."""

from __future__ import annotations

from pydantic import JsonValue

from observatudo import figures
from observatudo.compare.show import words
from observatudo.compare.show.blocks import Cell, Tone

_TONES: dict[str, Tone] = {
    "added": "added",
    "removed": "removed",
    "changed": "changed",
    "retyped": "changed",
    "renamed": "changed",
    "same": "quiet",
    "not_comparable": "bad",
    "missing": "bad",
}


def plain(text: str) -> Cell:
    """A word of ours."""
    return Cell(text)


def code(text: str, at: str = "", raw: JsonValue = None, tone: Tone = "") -> Cell:
    """A name or text out of data or a configuration."""
    return Cell(figures.printable(text), at, raw if raw is not None else text, tone, code=True)


def change(kind: str, at: str, note: str = "") -> Cell:
    """A status or kind of change, in the user's language."""
    text = words.status(kind)
    return Cell(f"{text} ({note})" if note else text, at, kind, _TONES.get(kind, ""))


def count(number: int | None, at: str, tone: Tone = "") -> Cell:
    """A count; without colour where it is none."""
    return Cell(figures.count(number), at, number, tone if number else "", number=True)


def share(percent: float | None, at: str = "", raw: JsonValue = None) -> Cell:
    """A share of 100; ``raw`` where the JSON has it in another unit."""
    return Cell(figures.percent(percent), at, percent if raw is None else raw, number=True)


def decimal(number: float | None, at: str) -> Cell:
    """A number that is no count."""
    return Cell(figures.decimal(number), at, number, number=True)


def delta(number: float | None, at: str) -> Cell:
    """A difference, with its sign."""
    return Cell(figures.signed(number), at, number, number=True)


def relative(fraction: float | None, at: str) -> Cell:
    """A relative difference, with its sign, as a share of 100."""
    return Cell(figures.signed_percent(fraction), at, fraction, number=True)


def value(content: JsonValue, at: str, length: int, tone: Tone = "") -> Cell:
    """A value of a configuration or row."""
    return Cell(words.value(content, length), at, content, tone, code=True)
