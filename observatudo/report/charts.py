"""The report's charts as inline SVG, drawn from the cells of the tables beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from observatudo import figures
from observatudo.compare.show.blocks import Cell, Grid
from observatudo.compare.show.charts import rect_at, svg, text_at
from observatudo.i18n import _

_LEFT, _RIGHT, _WIDTH = 90, 20, 640
_HIGH, _TOP = 90, 14
_STEP, _BAR, _NAME = 24, 18, 210
_LETTERS = 26


def draw(grid: Grid) -> str:
    """Return the chart of a table as SVG; nothing for one that has none or holds nothing to draw."""
    draws: dict[str, Callable[[Grid], str]] = {
        "volume": _volume,
        "by_axis": _bars,
        "by_origin": _bars,
        "by_state": _bars,
        "reasons": _reasons,
    }
    return draws[grid.name](grid) if grid.name in draws else ""


def _number(cell: Cell) -> int | None:
    return cell.raw if isinstance(cell.raw, int) else None


def _volume(grid: Grid) -> str:
    """Draw the rows kept from the oldest version to the newest as one line, its scale from 0."""
    points = [(row[1].text, row[2]) for row in grid.rows if _number(row[2]) is not None]
    most = max((_number(cell) or 0 for _label, cell in points), default=0)
    if not most:
        return ""
    width = _WIDTH - _LEFT - _RIGHT
    step = width / max(1, len(points) - 1)
    at = [
        (_LEFT + (step * place if len(points) > 1 else width / 2), _TOP + _HIGH * (1 - (_number(cell) or 0) / most))
        for place, (_label, cell) in enumerate(points)
    ]
    parts = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" class="whisker"/>' for y in (_TOP, _TOP + _HIGH)
    ]
    parts += [
        text_at(_LEFT - 8, _TOP + 4, figures.count(most), "name"),
        text_at(_LEFT - 8, _TOP + _HIGH + 4, "0", "name"),
    ]
    parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}" class="curve"/>')
    parts += [
        rect_at(x - 3, y - 3, 6, 6, "sideb", f"{label}: {cell.text}")
        for (x, y), (label, cell) in zip(at, points, strict=True)
    ]
    parts.append(text_at(_LEFT, _TOP + _HIGH + 18, points[0][0], ""))
    if len(points) > 1:
        parts.append(text_at(_WIDTH - _RIGHT, _TOP + _HIGH + 18, points[-1][0], "name"))
    return svg(_("rows kept of {dataset} over versions").format(dataset=grid.title), _TOP + _HIGH + 24, parts)


def _bars(grid: Grid) -> str:
    return _drawn(grid.title, [(row[0].text, row[1]) for row in grid.rows])


def _reasons(grid: Grid) -> str:
    return _drawn(grid.title, [(f"{row[0].text} {row[1].text}", row[2]) for row in grid.rows[:12]])


def _drawn(title: str, bars: Sequence[tuple[str, Cell]]) -> str:
    most = max((_number(cell) or 0 for _label, cell in bars), default=0)
    if not most:
        return ""
    parts: list[str] = []
    for place, (label, cell) in enumerate(bars):
        y, width = place * _STEP + 2.0, (_WIDTH - _NAME - _LEFT) * (_number(cell) or 0) / most
        short = label if len(label) <= _LETTERS else f"{label[: _LETTERS - 1]}…"
        parts.append(text_at(_NAME - 8, y + _BAR - 5, short, "name"))
        if width:
            parts.append(rect_at(_NAME, y, max(width, 0.5), _BAR, "sideb", f"{label}: {cell.text}"))
        parts.append(text_at(_NAME + width + 6, y + _BAR - 5, cell.text))
    return svg(title, len(bars) * _STEP + 4, parts)
