"""Which rows of a grid of texts are the header, and what stands above it."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from dataclasses import dataclass

from observatudo.onboard.words import YEAR, is_missing

Row = Sequence[str]
_NUMBER = re.compile(r"[+-]?(R\$ ?)?\d[\d.,  ]*%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_MOST_ROWS = 40


@dataclass(frozen=True)
class Header:
    """The rows of the header (positions in the grid, from 0), its names, and how well it looks like one."""

    rows: tuple[int, ...]
    names: list[str]
    score: float


def find(grid: Sequence[Row]) -> Header | None:
    """Return the most likely header of a grid; None where there is no table of two columns or more."""
    widths = [_filled(row) for row in grid]
    wide = [width for width in widths if width > 1]
    if not wide:
        return None
    usual = collections.Counter(wide).most_common(1)[0][0]
    best: Header | None = None
    for position in range(min(len(grid) - 1, _MOST_ROWS)):
        score = _score(grid, position, widths, max(usual, 2))
        if score > 0 and (best is None or score > best.score):
            best = Header((position,), list(grid[position]), score)
    return _with_rows_above(grid, best) if best is not None else None


def _filled(row: Row) -> int:
    return sum(1 for cell in row if cell.strip())


def _score(grid: Sequence[Row], position: int, widths: Sequence[int], usual: int) -> float:
    """Return how much the row looks like a header: names, all different, above cells that are something else."""
    row = grid[position]
    names = [cell.strip() for cell in row if cell.strip()]
    if len(names) < 2 or len(names) < 0.6 * usual or any(is_value(name) for name in names):
        return 0
    below = next((n for n in range(position + 1, len(grid)) if widths[n] > 1), None)
    if below is None:
        return 0
    rows = [each for each in grid[below : below + 30] if _filled(each) > 1]
    contrast = sum(_differs(row, rows, column) for column in range(len(row)) if row[column].strip())
    distinct = len({name.casefold() for name in names}) / len(names)
    # of equals the first: what looks like a header further down is a row of texts
    return min(len(names) / usual, 1.0) * distinct + contrast / len(names) - 0.01 * position


def is_value(text: str) -> bool:
    """Say whether a text is a value rather than a name: a number that is no year, or a mark of a missing value."""
    return _NUMBER.fullmatch(text) is not None and not _is_period(text)


def _is_period(text: str) -> bool:
    return (
        re.fullmatch(
            rf"{YEAR}(\.0)?|{YEAR}[-/.]?\d{{2}}([-/]\d{{2}}.*)?|\d{{1,2}}[-/]{YEAR}|{YEAR}/(?:{YEAR}|\d\d)", text
        )
        is not None
    )


def _differs(row: Row, rows: Sequence[Row], column: int) -> float:
    """Return 1 where what stands below is of another kind than the name, near 0 where it is texts of its kind."""
    cells = [each[column].strip() for each in rows if column < len(each) and each[column].strip()]
    if not cells:
        return 0.2
    numbers = sum(1 for cell in cells if _NUMBER.fullmatch(cell) or is_missing(cell)) / len(cells)
    if _is_period(row[column].strip()):
        return numbers if not all(_is_period(cell) for cell in cells) else 0.0
    return numbers


def _with_rows_above(grid: Sequence[Row], found: Header) -> Header:
    """Return the header with the rows above it that tell apart names which are equal or blank in its last row."""
    last, rows = found.rows[-1], list(found.rows)
    names = [cell.strip() for cell in grid[last]]
    while rows[0] > 0 and _needs_more(names):
        above = [cell.strip() for cell in grid[rows[0] - 1]]
        filled = [cell for cell in above if cell]
        if len(filled) < 2 or len(set(filled)) < 2 or any(is_value(cell) for cell in filled):
            break
        rows.insert(0, rows[0] - 1)
        above += [""] * (len(names) - len(above))
        names = [f"{a} {b}".strip() if a != b else b for a, b in zip(above, names, strict=False)]
    return Header(tuple(rows), names, found.score)


def _needs_more(names: Sequence[str]) -> bool:
    filled = [name.casefold() for name in names if name]
    return len(set(filled)) < len(filled) or len(filled) < len(names)
