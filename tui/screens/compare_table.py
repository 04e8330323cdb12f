"""From a table of the scoreboard down: its columns, where the differences are, the rows, and one row's cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from observatudo import figures
from observatudo.compare.show import tables, words
from observatudo.compare.show.blocks import Grid, Line
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.jobs import Failed
from tui.panes import Pane, Panes
from tui.screens import compare_columns as c
from tui.screens.base import Base
from tui.screens.blame import BlameScreen
from tui.screens.compare_found import (
    EXAMPLES,
    Found,
    blame_arguments,
    examples,
    examples_command,
    of_key,
    said,
    typed,
    why_no_blame,
)
from tui.screens.compare_parts import Headed, Listed, PartScreen, TextScreen, grid_lines
from tui.table import VirtualTable
from tui.tones import toned

if TYPE_CHECKING:
    from collections.abc import Callable

    from observatudo.compare.model import Sample, Table

_BLAME = Action("compare_row.blame", "b", lambda: _("blame"), "blame_row", hint=True)
_FULL = Action("compare_row.full", "v", lambda: _("the text in full"), "read_text")
_MORE = Action("compare_row.more", "m", lambda: _("more rows"), "more_rows", hint=True)


class _Below(PartScreen):
    """What the screens below a table share: rows that lead to their cells and to their blame."""

    def __init__(self, found: Found, name: str) -> None:
        super().__init__()
        self._found, self._table_name = found, name

    @property
    def _of(self) -> Table:
        return self._found.table(self._table_name)

    def action_blame_row(self) -> None:
        row = self.row
        if isinstance(row, c.Example):
            show_blame(self, self._found, row.table, row.sample)
        else:
            self.notify(_("blame is of one row: go on to the rows with enter"), severity="warning")

    def copied(self) -> str:
        row = self.row
        if isinstance(row, c.Example):
            return typed("blame", *blame_arguments(self._found, row.table, row.sample.key))
        return words.command(self._found.comparison, "--table", self._table_name)


def show_blame(screen: Base, found: Found, table: str, sample: Sample, column: str = "") -> None:
    """Show who changed a row, with one column stressed."""
    why = why_no_blame(found)
    if why:
        screen.notify(why, severity="warning")
    else:
        screen.app.push_screen(BlameScreen("compare", blame_arguments(found, table, sample.key), column))


class TableScreen(_Below):
    """One table: how much of it differs, by column, by segment, from category to category, and rows as examples."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (_MORE, _BLAME, _FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def body(self) -> Iterable[Widget]:
        table = self._of
        columns = sorted((c.Named(*entry) for entry in table.columns.items()), key=lambda n: -n.of.changed)
        rows = [c.Example(self._table_name, sample) for sample in table.samples]
        yield Static(Text(_title(self._table_name, table), no_wrap=True), classes="title")
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
                self.notify(_("{column} is the same in all rows").format(column=name).replace("[", "\\["))
            case c.Part(kind, of):
                self.app.push_screen(RowsScreen(self._found, self._table_name, {kind: of.name}, _differing(of)))
            case c.Example(table, sample):
                self.app.push_screen(RowScreen(self._found, table, sample))

    def action_more_rows(self) -> None:
        self.app.push_screen(RowsScreen(self._found, self._table_name, {}, tables.differences(self._of)))


class ColumnScreen(_Below):
    """One column: its figures, and where in the table the rows that differ are."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (_MORE, _FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, found: Found, name: str, column: str) -> None:
        super().__init__(found, name)
        self._column = column

    def body(self) -> Iterable[Widget]:
        yield Static(Text(f"{_title(self._table_name, self._of)} · {self._column}", no_wrap=True), classes="title")
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


class RowsScreen(_Below):
    """Rows that belong to a segment or in which a column changed; those not in the report are fetched."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (_BLAME, _FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, found: Found, name: str, of: Mapping[str, str], expected: int) -> None:
        """``expected`` is how many rows differ there at most."""
        super().__init__(found, name)
        self._asked, self._expected = dict(of), expected
        self._is_loaded = False

    def body(self) -> Iterable[Widget]:
        where = ", ".join(f"{words.status(kind)} {name}" for kind, name in self._asked.items() if kind != "column")
        parts = [_title(self._table_name, self._of), where, self._asked.get("column", "")]
        yield Static(Text(" · ".join(filter(None, parts)), no_wrap=True), classes="title")
        self._rows: Listed[c.Example] = Listed(c.examples(self._asked.get("column", "")), self._known(), "")
        self._head = Headed([Text()], self._rows)
        yield self._head

    def _known(self) -> list[c.Example]:
        """Return the report's own examples that surely belong here; of states only the rows' places tell."""
        samples = self._found.examples.get(of_key(self._table_name, self._asked))
        if samples is None:
            samples = [s for s in self._of.samples if _belongs(s, self._asked, self._of, self._expected)]
        return [c.Example(self._table_name, sample) for sample in samples]

    def load(self) -> None:
        if not self._is_loaded:
            self._is_loaded = True
            if len(self._known()) >= min(self._expected, EXAMPLES):
                self._tell(len(self._known()))
            else:
                self._fetch()

    def action_reload(self) -> None:
        self._fetch()

    @work(exclusive=True, group="rows")
    async def _fetch(self) -> None:
        counted = figures.count(self._expected)
        reading = _("at most {n} rows differ here; reading them …").format(n=counted)

        def tell(line: str) -> None:
            if self.is_attached:
                self._head.say([Text(reading), Text(line or _("esc stops it"), "dim")])

        tell("")
        try:
            samples = await examples(self.context.root, self._found, self._table_name, self._asked, tell)
        except Failed as failed:
            if self.is_attached:
                lines = said(failed, examples_command(self._found, self._table_name, self._asked))
                self._head.say([toned(figures.printable(line), "bad") for line in lines])
            return
        if self.is_attached:
            self._rows.fill(c.Example(self._table_name, sample) for sample in samples)
            self._tell(len(samples))

    def _tell(self, shown: int) -> None:
        if shown >= EXAMPLES:
            told = _("{n} rows of {all}; for more:").format(n=figures.count(shown), all=figures.count(self._expected))
            more = typed(*examples_command(self._found, self._table_name, self._asked, "--json"))
            self._head.say([Text(told), Text(f"  {more}", "dim")])
        else:
            self._head.say([Text(_("{n} rows").format(n=figures.count(shown)) if shown != 1 else _("1 row"))])
        self._rows.empty = _("no row differs here")
        self._rows.refresh()

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        row = self.row
        if isinstance(row, c.Example):
            self.app.push_screen(RowScreen(self._found, row.table, row.sample, self._asked.get("column", "")))


class RowScreen(_Below):
    """One row: its key, and each column that differs; enter shows the history of that cell."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (_BLAME, _FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, found: Found, name: str, sample: Sample, column: str = "") -> None:
        super().__init__(found, name)
        self._sample, self._column = sample, column

    def body(self) -> Iterable[Widget]:
        sample = self._sample
        names = dict.fromkeys((*sample.a, *sample.b))
        self._cells: Listed[c.Value] = Listed(
            c.VALUES,
            [c.Value(name, sample.a.get(name), sample.b.get(name)) for name in names],
            _("the row as a whole: {change}; b shows who did it, and its values").format(
                change=words.status(sample.change)
            ),
        )
        yield Static(Text(_title(self._table_name, self._of), no_wrap=True), classes="title")
        width = max((len(name) for name in sample.key), default=0)
        key = [Text.assemble((f"{n:<{width}}  ", "dim"), words.key({n: v}, 200)) for n, v in sample.key.items()]
        yield Headed([toned(c.changed(sample.change), c.tone(sample.change)), *key], self._cells)

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self._cells.go_to, lambda cell: cell.column == self._column)

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        self.action_blame_row()

    def action_blame_row(self) -> None:
        cell = self._cells.row
        show_blame(self, self._found, self._table_name, self._sample, cell.column if cell else "")

    def copied(self) -> str:
        return typed("blame", *blame_arguments(self._found, self._table_name, self._sample.key))


class TroubleScreen(TextScreen):
    """A table that has no rows to go down to: why it is not comparable or missing, or that it came, went or stayed."""

    def __init__(self, found: Found, name: str) -> None:
        table = found.table(name)
        told = [toned(c.changed(table.status), c.tone(table.status))]
        told += [Text(table.why)] if table.why else []
        told += [Text(f"→ {table.next_step}", "cyan")] if table.next_step else []
        rows = _("{a} rows before, {b} after").format(a=figures.count(table.rows_a), b=figures.count(table.rows_b))
        told += [Text(rows, "dim"), *([Text(_("compared by {key}").format(key=", ".join(table.key)), "dim")])]
        if table.duplicates:
            told += [Text(), Text(_("keys that {table} has more than once").format(table=name), "bold")]
            told += [Text(f"  {words.key(key, 200)}") for key in table.duplicates]
        super().__init__(name, told, table.next_step)


# --- pieces


def _title(name: str, table: Table) -> str:
    number = tables.differences(table)
    told = _("1 row differs") if number == 1 else _("{n} rows differ").format(n=figures.count(number))
    return f"{figures.printable(name)} · {told}"


def _columns(columns: list[c.Named]) -> Listed[c.Named]:
    return Listed(c.COLUMNS, columns, _("no column besides the key is on both sides"))


def _parts(table: Table) -> Listed[c.Part]:
    rows = [c.Part(kind, segment) for kind, segments in table.segments.items() for segment in segments]
    return Listed(c.PARTS, rows, _("nothing tells where in the table the rows are; m lists them"))


def _transitions(table: Table) -> Widget:
    return Listed(c.TRANSITIONS, table.transitions, _("no column of categories differs"))


def _drift(found: Found, name: str) -> Widget:
    from tui.textview import TextView

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


def _differing(segment: object) -> int:
    from observatudo.compare.model import Segment

    assert isinstance(segment, Segment)
    return segment.added + segment.removed + segment.changed


def _belongs(sample: Sample, of: Mapping[str, str], table: Table, expected: int) -> bool:
    """Say whether an example surely belongs to a segment and has a column that changed."""
    checks: dict[str, Callable[[str], bool]] = {
        "column": lambda name: name in sample.a or name in sample.b,
        "indicator": lambda name: sample.key.get("id_indicador") == name,
    }
    is_all = expected == tables.differences(table)
    return all(checks[kind](name) if kind in checks else is_all for kind, name in of.items())
