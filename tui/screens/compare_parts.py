"""What the parts of a comparison are shown with: its answer in words, a text above a table, a text alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.text import Text
from textual.containers import Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.compare.model import Side
from observatudo.compare.show import words
from observatudo.i18n import _
from tui.clean import Static
from tui.screens.base import Base
from tui.screens.compare_columns import tone
from tui.sift import words_in
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.tones import toned

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Resize

    from observatudo.compare.show.blocks import Grid
    from tui.screens.compare_found import Found

Row = TypeVar("Row")
_MEASURED = 1_000  # rows
_WIDEST = 40  # cells of a column


def verdict_lines(found: Found) -> list[Text]:
    """Return the answer: broken rules first, then what differs, the sides, and what could not be compared."""
    report, breaches = found.report, found.comparison.verdict.breaches
    outcome = {"same": "added", "changed": "changed", "not_comparable": "bad"}[report.outcome]
    policy = [toned(("" if line.tone == "added" else "! ") + line.text, tone(line.tone)) for line in report.policy]
    answer = toned(report.verdict, tone(outcome))
    answer.stylize("bold")
    sides = [
        Text.assemble((f"{letter}  ", "bold"), _name_of(side), (side_in_short(side), "dim"))
        for letter, side in (("a", found.comparison.a), ("b", found.comparison.b))
    ]
    missing = [toned(f"! {line}", "warn") for line in report.missing]
    same = [Text(report.same, "dim")] if report.same else []
    return [*policy, answer, *sides, *missing, *same] if breaches else [answer, *sides, *policy, *missing, *same]


def _name_of(side: Side) -> str:
    """Return how a side was named, unless that is its commit, which follows."""
    return "" if side.name == side.commit else f"{figures.printable(side.name)}  "


def side_in_short(side: Side) -> str:
    """Return what a side is, its date as the reader writes dates."""
    return words.side(side.model_copy(update={"date": figures.moment(side.date)}) if side.date else side)


def grid_lines(grid: Grid, most: int = 50) -> list[Text]:
    """Return a small table of the report as lines of text."""
    rows = [[cell.text for cell in row] for row in grid.rows[:most]]
    widths = [max(map(len, column)) for column in zip(grid.heads, *rows, strict=True)]
    right = [any(row[at].number for row in grid.rows) for at in range(len(widths))]

    def line(cells: Sequence[str], style: str) -> Text:
        placed = zip(cells, widths, right, strict=True)
        return Text("  ".join(f"{c:>{w}}" if is_right else f"{c:<{w}}" for c, w, is_right in placed).rstrip(), style)

    title = [Text(grid.title, "bold")] if grid.title else []
    return [*title, line(grid.heads, "dim"), *(line(row, "") for row in rows)]


class Listed(VirtualTable[Row]):
    """A table of rows that are in memory, which a filter narrows."""

    def __init__(self, columns: Sequence[Column[Row]], rows: Iterable[Row], empty: str) -> None:
        super().__init__(columns, empty=empty)
        self._whole, self._nothing, self._declared = list(rows), empty, columns

    def on_mount(self) -> None:
        self.call_after_refresh(self.fill, self._whole)

    def fill(self, rows: Iterable[Row]) -> None:
        """Show other rows."""
        self._whole = list(rows)
        self.show(Rows(self._whole), columns=[_fitted(column, self._whole) for column in self._declared])

    def narrow(self, wanted: str) -> None:
        """Show only rows that have all these words in one of their columns."""
        fits = words_in(wanted)
        self.empty = _("no row has “{words}”").format(words=wanted) if wanted else self._nothing
        fitting = [row for row in self._whole if fits("\n".join(column.text(row) for column in self.columns))]
        self.show(Rows(fitting), anew=bool(wanted))


def _fitted(column: Column[Row], rows: Sequence[Row]) -> Column[Row]:
    """Return the column as wide as what stands in it: no number is ever cut, no space is lost."""
    needed = max(
        [cell_len(column.head()), *(cell_len(figures.printable(column.text(row))) for row in rows[:_MEASURED])]
    )
    return replace(column, width=min(needed, column.width if column.flex else _WIDEST))


def narrow(screen: Base, wanted: str) -> None:
    """Narrow the tables that are seen; without words, all of them are whole again."""
    for table in screen.query(Listed):
        if not wanted or all(widget.display for widget in table.ancestors_with_self if isinstance(widget, Widget)):
            table.narrow(wanted)


class Headed(Vertical, Generic[Row]):
    """A text above a table; it takes half of the height at most, and the rest of it is a key away."""

    DEFAULT_CSS = """
    Headed { height: 1fr; }
    Headed > TextView { dock: top; height: 1; }
    """

    def __init__(self, lines: Sequence[Text], table: Listed[Row]) -> None:
        super().__init__()
        self.lines = list(lines)
        self.table = table
        self._text = TextView(self.lines)
        self._text.can_focus = False

    def compose(self) -> ComposeResult:
        yield self.table  # the first: it is what gets the focus
        yield self._text

    def say(self, lines: Sequence[Text]) -> None:
        """Show another text."""
        self.lines = list(lines)
        self._text.show(self.lines)
        self._measure()

    def on_resize(self, _event: Resize) -> None:
        self._measure()

    def _measure(self) -> None:
        width = max(10, self.size.width - 3)
        needed = sum(max(1, len(line.wrap(self.app.console, width))) for line in self.lines)
        self._text.styles.height = min(needed, max(1, self.size.height // 2))
        self._text.display = bool(self.lines)


class PartScreen(Base):
    """A screen below the comparison, whose tables a filter narrows and whose text can be read in full."""

    MODE: ClassVar[str] = "compare"

    def filtered(self, wanted: str, is_kept: bool) -> None:
        del is_kept
        narrow(self, wanted)

    def on_panes_switched(self) -> None:
        if self.wanted:
            self.wanted = ""
            narrow(self, "")

    @property
    def row(self) -> object:
        """Return the row under the cursor."""
        return self.focused.row if isinstance(self.focused, VirtualTable) else None

    def action_read_text(self) -> None:
        lines = next((headed.lines for headed in self.query(Headed) if headed.display), [])
        if lines:
            self.app.push_screen(TextScreen(_("The text in full"), lines))


class TextScreen(Base):
    """A text to read, and what ``y`` copies of it."""

    MODE: ClassVar[str] = "compare"

    def __init__(self, title: str, lines: Sequence[Text], copies: str = "") -> None:
        super().__init__()
        self._title, self._lines, self._copies = title, lines, copies

    def body(self) -> Iterable[Widget]:
        yield Static(Text(figures.printable(self._title), no_wrap=True), classes="title")
        yield TextView(self._lines)

    def copied(self) -> str:
        return self._copies or super().copied()
