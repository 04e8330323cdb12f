"""A comparison on a terminal or in a pipe: the answer first, within the width, in colour where there is any."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator

from observatudo import figures
from observatudo.compare.model import Comparison
from observatudo.compare.show import words
from observatudo.compare.show.blocks import Block, Cell, Grid, Item, Items, Limits, Line, Pair, Report, Tone
from observatudo.compare.show.build import report
from observatudo.i18n import _

LIMITS = Limits(
    tables=20, details=2, columns=8, segments=3, transitions=6, drift=3, samples=3, keys=12, flips=5, length=44
)
_NARROWEST = 40
_LEAST = 8  # a column of texts is never narrower
_SEPARATOR = "  "
_TIED = "\xa0"  # no line is broken there; texts out of data have none, figures.printable spells it out
_GLYPHS: dict[Tone, str] = {"added": "+", "removed": "-", "changed": "~", "bad": "!", "": "·", "quiet": "·"}
_COLOURS: dict[Tone, str] = {"added": "32", "removed": "31", "changed": "33", "bad": "31;1", "quiet": "2"}
_OUTCOMES: dict[str, Tone] = {"same": "added", "changed": "changed", "not_comparable": "bad"}


def text(comparison: Comparison, *, width: int = 80, colour: bool = False) -> str:
    """Return the report, no line wider than ``width`` (at least 40) but for commands, which are there to be copied."""
    painter = _Painter(max(width, _NARROWEST), colour)
    return "\n".join([*painter.report(report(comparison, LIMITS)), *painter.rest(comparison)]) + "\n"


def cells(content: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in content
    )


def fitted(content: str, width: int) -> str:
    """Return text in at most ``width`` columns, the middle of a longer one left out."""
    length = width
    while cells(content) > width:
        content, length = words.shortened(content, length), length - 1
    return content


class _Painter:
    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour

    def report(self, found: Report) -> Iterator[str]:
        yield from (self._bold(line, _OUTCOMES[found.outcome]) for line in self._wrapped(found.verdict))
        name = max(cells(name) for _letter, name, _what in found.sides)
        for letter, side, what in found.sides:
            yield fitted(f"{letter}  {side.ljust(min(name, self.width // 2))}  {what}", self.width)
        for line in found.policy:
            yield from self._line(line)
        for sentence in found.missing:
            yield from self._line(Line(sentence, "bad"))
        for section in found.sections:
            yield ""
            yield self._bold(fitted(section.title, self.width), "")
            for block in section.blocks:
                yield from self._block(block)
        if found.same:
            yield ""
            yield from self._line(Line(found.same, "quiet"))

    def rest(self, comparison: Comparison) -> Iterator[str]:
        yield ""
        yield _("on one page: {command}").format(command=words.command(comparison, "--html", "-o", "diff.html"))
        yield from self._wrapped(_("for programs: --json; for a pull request: --md"))
        yield _("again: {command}").format(command=words.command(comparison))

    def _block(self, block: Block) -> Iterator[str]:
        if isinstance(block, Line):
            yield from self._line(block)
            return
        if block.title:
            yield from self._line(Line(block.title + ":"))
        yield from self._grid(block) if isinstance(block, Grid) else self._items(block)
        if block.more:
            yield from self._line(Line(_("… and {n} more").format(n=figures.count(block.more)), "quiet"))

    def _line(self, line: Line) -> Iterator[str]:
        yield from (self._paint(part, line.tone) for part in self._wrapped(line.text))

    def _wrapped(self, content: str, indent: str = "") -> list[str]:
        found = textwrap.wrap(
            content, self.width, subsequent_indent=indent + "  ", initial_indent=indent, break_on_hyphens=False
        )
        return [fitted(line.replace(_TIED, " "), self.width) for line in found]

    def _grid(self, grid: Grid) -> Iterator[str]:
        widths = self._widths(grid)
        if widths is None:
            yield from self._records(grid)
            return
        heads = tuple(Cell(head, number=_is_number(grid, at), tone="quiet") for at, head in enumerate(grid.heads))
        for row in (heads, *grid.rows):
            parts = (self._cell(cell, width) for cell, width in zip(row, widths, strict=True))
            yield _SEPARATOR.join(parts).rstrip()

    def _records(self, grid: Grid) -> Iterator[str]:
        """Write a table that is too wide for its numbers as one sentence per row; no number is ever cut."""
        for row in grid.rows:
            named = [f"{head}{_TIED}{cell.text}" for head, cell in zip(grid.heads, row, strict=True) if cell.number]
            texts = [cell.text for cell in row if not cell.number and cell.text]
            yield from self._wrapped(f"{' '.join(texts)}: {', '.join(named)}", indent="  ")

    def _widths(self, grid: Grid) -> list[int] | None:
        """Give each column what it needs; where that is too much, texts yield, the widest first; else None."""
        everything = [[Cell(head) for head in grid.heads], *grid.rows]
        widths = [max(cells(row[at].text) for row in everything) for at in range(len(grid.heads))]
        texts = [at for at in range(len(widths)) if not _is_number(grid, at)]
        while sum(widths) + len(_SEPARATOR) * (len(widths) - 1) > self.width:
            widest = max(texts, key=lambda at: widths[at], default=None)
            if widest is None or widths[widest] <= _LEAST:
                return None
            widths[widest] -= 1
        return widths

    def _cell(self, cell: Cell, width: int) -> str:
        content = fitted(cell.text, width)
        space = " " * (width - cells(content))
        painted = self._paint(content, cell.tone)
        return space + painted if cell.number else painted + space

    def _items(self, block: Items) -> Iterator[str]:
        for item in block.items:
            yield from self._item(item)

    def _item(self, item: Item) -> Iterator[str]:
        glyph = _GLYPHS[item.head.tone]
        yield self._paint(fitted(f"{glyph} {item.head.text}", self.width), item.head.tone)
        for pair in item.pairs:
            yield from (
                self._paint(line, "") for line in self._wrapped(f"{pair.name.text}: {change_of(pair)}", indent="    ")
            )

    def _paint(self, content: str, tone: Tone) -> str:
        code = _COLOURS.get(tone)
        return f"\x1b[{code}m{content}\x1b[0m" if self.colour and code and content else content

    def _bold(self, content: str, tone: Tone) -> str:
        return f"\x1b[1m{self._paint(content, tone)}\x1b[0m" if self.colour else content


def _is_number(grid: Grid, column: int) -> bool:
    return any(row[column].number for row in grid.rows)


def change_of(pair: Pair) -> str:
    """Return what became of a value: ``a → b``, ``+ b`` or ``- a``."""
    if pair.a is None or pair.b is None:
        only = pair.b or pair.a
        return f"{'+' if pair.a is None else '-'} {only.text if only else ''}"
    note = f" ({pair.note})" if pair.note else ""
    return f"{pair.a.text} → {pair.b.text}{note}"
