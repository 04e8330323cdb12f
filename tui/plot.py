"""A plot in block characters: one bar per point, from zero, so that a height is an amount."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from tui.blocks import HEIGHTS

Point = tuple[str, float | None]


def lines(
    points: Sequence[Point], width: int, height: int, show: Callable[[float | None], str] = figures.decimal
) -> list[Text]:
    """Return a plot of (label, value), oldest first, in so many columns and lines.

    The highest value stands at its left; the last line has the first and the last label. Points that do not fit are
    left out at the old end, and their number is told; a point without a value is a gap.
    """
    known = [value for _label, value in points if value is not None]
    if not known or height < 2:
        return [Text(_("nothing to plot yet"), "dim")]
    top = max(max(known), 0.0) or 1.0
    axis = max(len(show(top)), len(show(0)))
    room = max(1, width - axis - 2)
    step = max(1, min(3, room // len(points)))
    seen = points[-(room // step) :]
    bars = height - 1
    drawn = []
    for line in range(bars):
        head = show(top) if line == 0 else show(0) if line == bars - 1 else ""
        cells = (_cell(value, top, bars - 1 - line, bars) * max(1, step - (step > 1)) for _label, value in seen)
        gap = " " if step > 1 else ""
        drawn.append(Text.assemble((f"{head:>{axis}} ", "dim"), ("│", "dim"), (gap.join(cells), "cyan")))
    return [*drawn, _labels(seen, len(points) - len(seen), axis + 2, width)]


def _cell(value: float | None, top: float, level: int, levels: int) -> str:
    """Return what a bar shows on a level: nothing, a part of a block, or all of it; more than zero is seen."""
    if value is None:
        return " "
    eighths = round(value / top * levels * 8)
    if value > 0:
        eighths = max(eighths, 1)
    return HEIGHTS[max(0, min(8, eighths - level * 8))]


def _labels(seen: Sequence[Point], left_out: int, start: int, width: int) -> Text:
    first, last = seen[0][0], seen[-1][0]
    before = _("… {count} before  ").format(count=figures.count(left_out)) if left_out else ""
    space = max(2, width - start - len(before) - len(first) - len(last))
    return Text(" " * start + before + first + (" " * space + last if len(seen) > 1 else ""), "dim")


class Plot(Widget):
    """A plot that fills its place."""

    DEFAULT_CSS = "Plot { height: 1fr; min-height: 4; padding: 0 1; }"

    def __init__(self, show: Callable[[float | None], str] = figures.decimal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._points: Sequence[Point] = ()
        self._show = show

    def plot(self, points: Sequence[Point]) -> None:
        """Show other points."""
        self._points = points
        self.refresh()

    def render(self) -> Text:
        """Return the plot for the place there is."""
        size = self.content_size
        return Text("\n").join(lines(self._points, size.width, size.height, self._show))
