"""Numbers over versions: a table with a small curve in each row, and below it the plot of the row one is on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical

from observatudo import figures
from tui.blocks import HEIGHTS, across
from tui.plot import Plot, Point
from tui.table import Column, Rows, VirtualTable

_CURVE = HEIGHTS[1:]  # also the lowest value is seen
BAR = 12  # cells
CURVE = 8


@dataclass(frozen=True)
class Series:
    """One row: a number now, how it is shown, and its values over versions, oldest first.

    ``second`` is what stands beside the number; ``bar`` is its part of the longest bar, 0 to 1, None without one.
    """

    name: str
    shown: str
    second: str = ""
    bar: float | None = None
    points: tuple[Point, ...] = ()
    key: str = ""
    tone: str = ""


def bar(part: float | None, width: int = BAR) -> str:
    """Return a bar of at most ``width`` cells; more than nothing is seen."""
    if not part or part <= 0:
        return ""
    return across(max(1, round(min(1.0, part) * width * 8)))


def curve(points: Sequence[Point], width: int = CURVE) -> str:
    """Return the last values as blocks between the lowest and the highest of them; a gap where there is none."""
    values = [value for _label, value in points][-width:]
    known = [value for value in values if value is not None]
    if not known:
        return figures.NONE
    low, high = min(known), max(known)
    span = high - low

    def cell(value: float | None) -> str:
        if value is None:
            return " "
        return _CURVE[round((value - low) / span * (len(_CURVE) - 1))] if span else _CURVE[3]

    return "".join(map(cell, values))


class Trends(Vertical):
    """The table and the plot; on a low terminal the table alone."""

    DEFAULT_CSS = """
    Trends { height: 1fr; }
    Trends > VirtualTable { height: 3fr; }
    Trends > Plot { height: 2fr; min-height: 4; max-height: 14; }
    """

    def __init__(
        self,
        columns: Sequence[Column[Series]],
        show: Callable[[float | None], str] = figures.decimal,
        *,
        empty: str = "",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.table: VirtualTable[Series] = VirtualTable(columns, empty=empty)
        self._plot = Plot(show)
        self._plot.add_class("tall-only")

    def compose(self) -> ComposeResult:
        yield self.table
        yield self._plot

    def fill(self, series: Sequence[Series]) -> None:
        """Show other rows."""
        self.table.show(Rows(series))

    def on_virtual_table_highlighted(self, _message: VirtualTable.Highlighted) -> None:
        row = self.table.row
        self._plot.plot(row.points if row else ())
