"""Charts as inline SVG, drawn from the same cells as the tables beside them.

Colours come from the page's style by class, so that they follow light and dark; every number in a chart is a text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from urllib.parse import quote

from observatudo import figures
from observatudo.compare.show import words
from observatudo.compare.show.blocks import Cell, Grid
from observatudo.i18n import _

_WIDTH = 640
_NAME = 210  # width of the names on the left
_NUMBER = 90  # room for numbers on the right
_BAR = 18
_STEP = 24
_MOST = 12  # bars, boxes and categories in one chart
_LETTERS = 30  # of a name
_KINDS = ("added", "removed", "changed")
_QUANTILES = ("p0", "p25", "p50", "p75", "p100")
_SHADES = 5


def attributes(cell: Cell) -> str:
    """Return the attributes by which a program finds a cell's number: its place in the JSON, and its exact value.

    The place is a JSON pointer in its URI form (RFC 6901, section 6); infinity and NaN are texts, as in the JSON.
    """
    raw = cell.raw
    if not cell.at or isinstance(raw, str | list | dict):
        return ""
    finite = str(raw) if isinstance(raw, float) and not math.isfinite(raw) else raw
    place = quote(cell.at, safe="/~", errors="surrogatepass")
    return f' data-at="#{place}" data-value="{escape(json.dumps(finite))}"'


def draw(grid: Grid) -> str:
    """Return the chart of a table as SVG; nothing for one that has none or holds nothing to draw."""
    draws = {
        "columns": _columns,
        "segments": _segments,
        "matrix": _matrix,
        "transitions": _transitions,
        "drift": _drift,
    }
    return draws[grid.name](grid) if grid.name in draws else ""


def svg(title: str, height: float, parts: Sequence[str]) -> str:
    """Return a picture of the width of all of them, with its title for those who do not see it."""
    name = escape(title)
    return (
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {_WIDTH} {height:g}" class="chart" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{name}</title>{"".join(parts)}</svg>'
    )


def text_at(x: float, y: float, content: str, kind: str = "", more: str = "") -> str:
    """Return a text; ``more`` are further attributes, escaped already."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{more}>{escape(content)}</text>'


def rect_at(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    """Return a rectangle, with a title where there is one."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}">{inside}</rect>'


def _name(y: float, text: str) -> str:
    return text_at(_NAME - 8, y + _BAR - 5, words.shortened(text, _LETTERS), "name")


def _whole(cell: Cell) -> int:
    return cell.raw if isinstance(cell.raw, int) else 0


def _bars(title: str, bars: Sequence[tuple[str, Sequence[tuple[str, Cell]]]]) -> str:
    """Draw named bars, each of parts one after the other; the sum's text stands at the end."""
    longest = max((sum(_whole(cell) for _kind, cell in parts) for _label, parts in bars), default=0)
    if not longest:
        return ""
    shown: list[str] = []
    for place, (label, parts) in enumerate(bars):
        y, x = place * _STEP + 2.0, float(_NAME)
        shown.append(_name(y, label))
        for kind, cell in parts:
            width = (_WIDTH - _NAME - _NUMBER) * _whole(cell) / longest
            if _whole(cell):
                shown.append(rect_at(x, y, max(width, 0.5), _BAR, kind, f"{label}: {words.status(kind)} {cell.text}"))
            x += width
        total = figures.count(sum(_whole(cell) for _kind, cell in parts))
        only = attributes(parts[0][1]) if len(parts) == 1 else ""
        shown.append(text_at(x + 6, y + _BAR - 5, total, "", only))
    return svg(title, len(bars) * _STEP + 4, shown)


def _columns(grid: Grid) -> str:
    rows = [row for row in grid.rows if _whole(row[1])][:_MOST]
    return _bars(_("values changed per column"), [(row[0].text, [("changed", row[1])]) for row in rows])


def _segments(grid: Grid) -> str:
    """Draw one chart per kind of segment that has more than one."""
    kinds: dict[str, list[tuple[Cell, ...]]] = {}
    for row in grid.rows:
        kinds.setdefault(row[0].text, []).append(row)
    charts = [
        _bars(
            _("rows added, removed and changed by {what}").format(what=kind),
            [(row[1].text, list(zip(_KINDS, row[2:5], strict=True))) for row in rows[:_MOST]],
        )
        for kind, rows in kinds.items()
        if len(rows) > 1
    ]
    return "".join(charts)


def _matrix(grid: Grid) -> str:
    return _heat(_("indicators from axis (left) to axis (above)"), [(row[0], row[1], row[2]) for row in grid.rows])


def _transitions(grid: Grid) -> str:
    columns: dict[str, list[tuple[Cell, Cell, Cell]]] = {}
    for column, a, b, number in grid.rows:
        columns.setdefault(column.text, []).append((a, b, number))
    title = _("{column}: rows from category (left) to category (above)")
    return "".join(_heat(title.format(column=column), cells) for column, cells in columns.items())


def _heat(title: str, cells: Sequence[tuple[Cell, Cell, Cell]]) -> str:
    """Draw a matrix; the darker a field, the more rows, in five shades of their square root."""
    lines = list(dict.fromkeys(a.text for a, _b, _number in cells))
    heads = list(dict.fromkeys(b.text for _a, b, _number in cells))
    if not lines or len(lines) > _MOST or len(heads) > _MOST:
        return ""
    most = max(max(_whole(number) for _a, _b, number in cells), 1)
    size = (_WIDTH - _NAME) / len(heads)
    letters = max(3, int(size / 7))
    parts = [
        text_at(_NAME + size * (at + 0.5), 14, words.shortened(head, letters), "head") for at, head in enumerate(heads)
    ]
    parts += [_name(20.0 + at * _STEP, line) for at, line in enumerate(lines)]
    for a, b, number in cells:
        x, y = _NAME + size * heads.index(b.text), 20.0 + _STEP * lines.index(a.text)
        shade = math.ceil(_SHADES * math.sqrt(_whole(number) / most))
        parts.append(rect_at(x, y, size - 2, _STEP - 2, f"heat{shade}", f"{a.text} → {b.text}: {number.text}"))
        parts.append(text_at(x + size / 2, y + _BAR - 3, number.text, f"head on{shade}", attributes(number)))
    return svg(title, 24 + _STEP * len(lines), parts)


def _drift(grid: Grid) -> str:
    """Draw two boxes per column, before above after: a line from least to most, a box from 25 to 75 %, the median."""
    pairs = [grid.rows[at : at + 2] for at in range(0, len(grid.rows) - 1, 2)]
    drawn = [(a[0].text, box_a, box_b) for a, b in pairs if (box_a := _box(a)) and (box_b := _box(b))][:_MOST]
    parts: list[str] = []
    for place, (label, *boxes) in enumerate(drawn):
        y = place * 2.2 * _STEP + 2
        scale = _scale([quantile for box in boxes for quantile in box])
        parts.append(_name(y + _STEP / 2, label))
        for line, (side, box) in enumerate(zip("ab", boxes, strict=True)):
            parts += _drawn_box(side, [scale(quantile) for quantile in box], y + line * _STEP)
    title = _("distributions before (a, above) and after (b, below): least, quarter, median, three quarters, most")
    return svg(title, len(drawn) * 2.2 * _STEP + 4, parts) if drawn else ""


def _box(row: tuple[Cell, ...]) -> list[float]:
    """Return the five quantiles, nothing when one is not there or not finite."""
    found = {cell.at.rpartition("/")[2]: cell.raw for cell in row}
    values = [value for name in _QUANTILES if isinstance(value := found.get(name), int | float)]
    return [float(value) for value in values] if len(values) == 5 and all(map(math.isfinite, values)) else []


def _scale(values: Sequence[float]) -> Callable[[float], float]:
    least, room = min(values), _WIDTH - _NAME - _NUMBER / 2
    span = max(values) / 2 - least / 2  # halves: the span of the largest numbers is not a number
    return lambda value: _NAME + (room * (value / 2 - least / 2) / span if span > 0 else room / 2)


def _drawn_box(side: str, box: Sequence[float], y: float) -> Iterator[str]:
    least, quarter, median, three, most = box
    middle = y + _BAR / 2
    yield f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" class="whisker"/>'
    yield rect_at(quarter, y + 2, max(three - quarter, 1), _BAR - 4, f"side{side}")
    yield f'<line x1="{median:.1f}" x2="{median:.1f}" y1="{y + 1:.1f}" y2="{y + _BAR - 1:.1f}" class="median"/>'
    yield text_at(_WIDTH - 12, y + _BAR - 5, side, "")
