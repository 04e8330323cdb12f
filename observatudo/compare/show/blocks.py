"""What a comparison is shown by, whatever the form: sections of sentences, tables and lists of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Tone = Literal["", "added", "removed", "changed", "bad", "quiet"]


@dataclass(frozen=True)
class Limits:
    """How much of each part a form shows; what is left out is counted and said.

    ``length`` is of one value in characters; ``details`` is how many tables are shown column by column.
    """

    tables: int
    details: int
    columns: int
    segments: int
    transitions: int
    drift: int
    samples: int
    keys: int
    flips: int
    length: int
    same: bool = False

    def fewer(self, share: float) -> Limits:
        """Return limits that show ``share`` as much, at least one of everything."""

        def less(most: int, least: int = 1) -> int:
            return max(least, int(most * share))

        return Limits(
            tables=less(self.tables),
            details=less(self.details),
            columns=less(self.columns),
            segments=less(self.segments),
            transitions=less(self.transitions),
            drift=less(self.drift),
            samples=less(self.samples),
            keys=less(self.keys),
            flips=less(self.flips),
            length=less(self.length, 20),
            same=self.same,
        )


@dataclass(frozen=True)
class Cell:
    """One text. ``at`` is the JSON pointer to the number or value it shows, ``raw`` that value.

    ``code`` marks text out of data or configurations, which no form may read as markup.
    """

    text: str
    at: str = ""
    raw: JsonValue = None
    tone: Tone = ""
    number: bool = False
    code: bool = False


@dataclass(frozen=True)
class Line:
    """One sentence."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Grid:
    """A table; ``more`` rows of it are left out."""

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0


@dataclass(frozen=True)
class Pair:
    """One name with the value it had and the value it has; None where there was none."""

    name: Cell
    a: Cell | None
    b: Cell | None
    note: str = ""


@dataclass(frozen=True)
class Item:
    """One thing that changed (a file, a row, an indicator) and how."""

    head: Cell
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class Items:
    """A list of things that changed; ``more`` of them are left out."""

    name: str
    title: str
    items: tuple[Item, ...]
    more: int = 0


Block = Line | Grid | Items


@dataclass(frozen=True)
class Section:
    """One part of the report under its own heading. ``chart`` names the picture that HTML draws for it."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    summary: str = ""
    table: str = ""


@dataclass(frozen=True)
class Report:
    """All there is to show, in the order of reading."""

    verdict: str
    outcome: str
    sides: tuple[tuple[str, str, str], ...]
    policy: tuple[Line, ...]
    sections: tuple[Section, ...]
    same: str
    missing: tuple[str, ...]


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a place in the published JSON."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def cut(rows: Sequence[tuple[Cell, ...]], most: int) -> tuple[tuple[tuple[Cell, ...], ...], int]:
    """Return at most ``most`` rows and the number of those left out."""
    return tuple(rows[:most]), max(0, len(rows) - most)
