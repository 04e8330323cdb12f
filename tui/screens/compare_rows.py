"""Rows that differ, and one of them: its cells, each a key away from its blame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from observatudo import figures
from observatudo.compare.show import tables, words
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import Failed
from tui.screens import compare_columns as c
from tui.screens.base import Base
from tui.screens.blame import BlameScreen
from tui.screens.compare_found import (
    EXAMPLES,
    MOST_EXAMPLES,
    Found,
    blame_arguments,
    examples,
    examples_command,
    of_key,
    said,
    typed,
    why_no_blame,
)
from tui.screens.compare_parts import Headed, Listed, PartScreen
from tui.table import VirtualTable
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.compare.model import Sample, Table

BLAME = Action("compare_row.blame", "b", lambda: _("blame"), "blame_row", hint=True)
FULL = Action("compare_row.full", "v", lambda: _("the text in full"), "read_text")


class Below(PartScreen):
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
        screen.app.push_screen(BlameScreen(blame_arguments(found, table, sample.key), column))


class RowsScreen(Below):
    """Rows that belong to a segment or in which a column changed; those not in the report are fetched."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (BLAME, FULL)
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, found: Found, name: str, of: Mapping[str, str], expected: int) -> None:
        """``expected`` is how many rows differ there at most."""
        super().__init__(found, name)
        self._asked, self._expected = dict(of), expected
        self._is_loaded = False

    def body(self) -> Iterable[Widget]:
        where = ", ".join(f"{words.status(kind)} {name}" for kind, name in self._asked.items() if kind != "column")
        parts = [title_of(self._table_name, self._of), where, self._asked.get("column", "")]
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
        if EXAMPLES <= shown < self._expected:
            told = _("{n} rows of {all}; for more:").format(n=figures.count(shown), all=figures.count(self._expected))
            most = min(self._expected, MOST_EXAMPLES)
            more = typed(*examples_command(self._found, self._table_name, self._asked, most))
            self._head.say([Text(told), Text(f"  {more}", "dim")])
        else:
            self._head.say([Text(_("{n} rows").format(n=figures.count(shown)) if shown != 1 else _("1 row"))])
        self._rows.empty = _("no row differs here")
        self._rows.refresh()

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        row = self.row
        if isinstance(row, c.Example):
            self.app.push_screen(RowScreen(self._found, row.table, row.sample, self._asked.get("column", "")))


class RowScreen(Below):
    """One row: its key, and each column that differs; enter shows the history of that cell."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (BLAME, FULL)
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
        yield Static(Text(title_of(self._table_name, self._of), no_wrap=True), classes="title")
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


def title_of(name: str, table: Table) -> str:
    """Return what a screen about a table is headed with."""
    number = tables.differences(table)
    told = _("1 row differs") if number == 1 else _("{n} rows differ").format(n=figures.count(number))
    return f"{figures.printable(name)} · {told}"


def _belongs(sample: Sample, of: Mapping[str, str], table: Table, expected: int) -> bool:
    """Say whether an example surely belongs to a segment and has a column that changed."""
    checks: dict[str, Callable[[str], bool]] = {
        "column": lambda name: name in sample.a or name in sample.b,
        "indicator": lambda name: sample.key.get("id_indicador") == name,
    }
    is_all = expected == tables.differences(table)
    return all(checks[kind](name) if kind in checks else is_all for kind, name in of.items())
