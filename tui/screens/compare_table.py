"""From a table of the scoreboard down: its columns, and where in it the differences are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widget import Widget

from observatudo import figures
from observatudo.compare.show import tables, words
from observatudo.compare.show.blocks import Grid, Line
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.panes import Pane, Panes
from tui.screens import compare_columns as c
from tui.screens.compare_found import Found
from tui.screens.compare_parts import Headed, Listed, TextScreen, grid_lines
from tui.screens.compare_rows import BLAME, FULL, Below, RowScreen, RowsScreen, title_of
from tui.table import VirtualTable
from tui.textview import TextView
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.compare.model import Segment, Table

_MORE = Action("compare_row.more", "m", lambda: _("more rows"), "more_rows", hint=True)


class TableScreen(Below):
    """One table: how much of it differs, by column, by segment, from category to category, and rows as examples."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (_MORE, BLAME, FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def body(self) -> Iterable[Widget]:
        table = self._of
        columns = sorted((c.Named(*entry) for entry in table.columns.items()), key=lambda n: -n.of.changed)
        rows = [c.Example(self._table_name, sample) for sample in table.samples]
        yield Static(Text(title_of(self._table_name, table), no_wrap=True), classes="title")
        yield Panes(
            [
                Pane("columns", lambda: _("columns"), lambda: Headed(self._facts(), _columns(columns))),
                Pane("where", lambda: _("where"), lambda: _parts(table)),
                Pane("categories", lambda: _("categories"), lambda: _transitions(table)),
                Pane("numbers", lambda: _("distribution"), lambda: _drift(self._found, self._table_name)),
                Pane("rows", lambda: _("examples"), lambda: Listed(c.examples(), rows, _("no row differs"))),
            ]
        )

    def _facts(self) -> list[Text]:
        """Return the sentences of the report on this table."""
        sections = [s for s in self._found.report.sections if s.key == "table" and s.table == self._table_name]
        return [Text(block.text, "dim") for s in sections for block in s.blocks if isinstance(block, Line)]

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        match self.row:
            case c.Named(name, of) if of.changed:
                self.app.push_screen(ColumnScreen(self._found, self._table_name, name))
            case c.Named(name):
                self.notify(_("{column} is the same in all rows").format(column=name))
            case c.Part(kind, of):
                self.app.push_screen(RowsScreen(self._found, self._table_name, {kind: of.name}, _differing(of)))
            case c.Example(table, sample):
                self.app.push_screen(RowScreen(self._found, table, sample))

    def action_more_rows(self) -> None:
        self.app.push_screen(RowsScreen(self._found, self._table_name, {}, tables.differences(self._of)))


class ColumnScreen(Below):
    """One column: its figures, and where in the table the rows that differ are."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (_MORE, FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, found: Found, name: str, column: str) -> None:
        super().__init__(found, name)
        self._column = column

    def body(self) -> Iterable[Widget]:
        yield Static(Text(f"{title_of(self._table_name, self._of)} · {self._column}", no_wrap=True), classes="title")
        yield Headed(self._figures(), _parts(self._of))

    def _figures(self) -> list[Text]:
        of = self._of.columns[self._column]
        matched = (self._of.changed or 0) + (self._of.same or 0)
        told = _("{n} of {all} values changed ({share}); rows that differ are by:").format(
            n=figures.count(of.changed), all=figures.count(matched), share=figures.percent(of.percent)
        )
        pairs = {
            _("max |Δ|"): figures.decimal(of.max_abs_delta) if of.max_abs_delta is not None else "",
            _("mean |Δ|"): figures.decimal(of.mean_abs_delta) if of.mean_abs_delta is not None else "",
            _("to null"): figures.count(of.to_null) if of.to_null else "",
            _("from null"): figures.count(of.from_null) if of.from_null else "",
            _("tolerated"): figures.count(of.within_tolerance) if of.within_tolerance else "",
        }
        shown = "   ".join(f"{name} {value}" for name, value in pairs.items() if value)
        grids = _grids(self._found, self._table_name, ("transitions", "drift"), self._column)
        return [Text(told, "bold"), *([Text(shown)] if shown else []), *(x for grid in grids for x in grid_lines(grid))]

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        if isinstance(self.row, c.Part):
            of = {self.row.kind: self.row.of.name, "column": self._column}
            self.app.push_screen(RowsScreen(self._found, self._table_name, of, _differing(self.row.of)))

    def action_more_rows(self) -> None:
        changed = self._of.columns[self._column].changed
        self.app.push_screen(RowsScreen(self._found, self._table_name, {"column": self._column}, changed))


class TroubleScreen(TextScreen):
    """A table that has no rows to go down to: why it is not comparable or missing, or that it came, went or stayed."""

    def __init__(self, found: Found, name: str) -> None:
        table = found.table(name)
        told = [toned(c.changed(table.status), c.tone(table.status))]
        told += [Text(table.why)] if table.why else []
        told += [Text(f"→ {table.next_step}", "cyan")] if table.next_step else []
        rows = _("{a} rows before, {b} after").format(a=figures.count(table.rows_a), b=figures.count(table.rows_b))
        told += [Text(rows, "dim")] if table.rows_a is not None or table.rows_b is not None else []
        told += [Text(_("compared by {key}").format(key=", ".join(table.key)), "dim")] if table.key else []
        if table.duplicates:
            told += [Text(), Text(_("keys that {table} has more than once").format(table=name), "bold")]
            told += [Text(f"  {words.key(key, 200)}") for key in table.duplicates]
        super().__init__(name, told, table.next_step)


# --- pieces


def _columns(columns: list[c.Named]) -> Listed[c.Named]:
    return Listed(c.COLUMNS, columns, _("no column besides the key is on both sides"))


def _parts(table: Table) -> Listed[c.Part]:
    rows = [c.Part(kind, segment) for kind, segments in table.segments.items() for segment in segments]
    return Listed(c.PARTS, rows, _("nothing tells where in the table the rows are; m lists them"))


def _transitions(table: Table) -> Widget:
    return Listed(c.TRANSITIONS, table.transitions, _("no column of categories differs"))


def _drift(found: Found, name: str) -> Widget:
    lines = [line for grid in _grids(found, name, ("drift",)) for line in grid_lines(grid)]
    return TextView(lines or [Text(_("no column of numbers differs"), "dim")])


def _grids(found: Found, name: str, wanted: tuple[str, ...], column: str = "") -> list[Grid]:
    """Return the report's tables about one table, or about one column of it."""
    sections = [s for s in found.report.sections if s.key == "table" and s.table == name]
    grids = [block for s in sections for block in s.blocks if isinstance(block, Grid) and block.name in wanted]
    if not column:
        return grids
    own = [(grid, tuple(row for row in grid.rows if row[0].raw == column)) for grid in grids]
    return [Grid(grid.name, grid.title, grid.heads, rows) for grid, rows in own if rows]


def _differing(segment: Segment) -> int:
    return segment.added + segment.removed + segment.changed
