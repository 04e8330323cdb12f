"""One dataset over versions: volume, quality, where it comes from, and the history of its declaration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.history import changes
from observatudo.history.changes import Change
from observatudo.i18n import _
from tui import volumes
from tui.actions import Action, bindings
from tui.clean import Static
from tui.panes import Pane, Panes
from tui.plot import Plot
from tui.screens.base import Base
from tui.screens.patch import PatchScreen
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.volumes import Point, State

ACTIONS = (
    Action("dataset.mark", "space", lambda: _("mark"), "mark_row", hint=True),
    Action("dataset.compare", "c", lambda: _("compare"), "compare", hint=True),
)
POINTS: tuple[Column[Point], ...] = (
    Column(lambda: _("version"), 9, lambda p: p.commit[: figures.SHORT] or _("(here)"), tone=lambda _p: "accent"),
    Column(lambda: _("date"), 10, lambda p: p.label),
    Column(lambda: _("kept"), 12, lambda p: figures.count(p.kept), right=True),
    Column(lambda: _("rejected"), 10, lambda p: figures.count(p.rejected), right=True, keep=1),
    Column("%".__str__, 8, lambda p: figures.percent(p.rejected_share), right=True, keep=4),
    Column(lambda: _("empty"), 8, lambda p: figures.percent(p.null_share), right=True, keep=3),
    Column(lambda: _("matched"), 8, lambda p: figures.percent(p.matched), right=True, keep=2),
    Column(lambda: _("warnings"), 8, lambda p: str(p.warnings or ""), right=True, keep=5, tone=lambda _p: "warn"),
    Column(lambda: _("subject"), 10, lambda p: p.subject, keep=6, flex=True),
)  # fmt: skip
CHANGES: tuple[Column[Change], ...] = (
    Column(lambda: _("commit"), 9, lambda c: c.commit[: figures.SHORT], tone=lambda _c: "accent"),
    Column(lambda: _("date"), 16, lambda c: figures.moment(c.date)),
    Column(lambda: _("author"), 16, lambda c: c.author, keep=1),
    Column(lambda: _("subject"), 20, lambda c: c.subject, flex=True),
)


class DatasetScreen(Base):
    """One dataset; two of its versions marked are compared."""

    MODE = "datasets"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    @property
    def _config(self) -> str:
        return f"configs/datasets/{self._state.dataset}.yaml"

    def body(self) -> Iterable[Widget]:
        yield Static(Text(f"{self._state.dataset}  {self._state.title}", no_wrap=True), classes="title")
        self._points: VirtualTable[Point] = VirtualTable(
            POINTS, marks=2, empty=_("no version has its metrics yet"), key=lambda point: point.commit
        )
        self._changes: VirtualTable[Change] = VirtualTable(CHANGES, empty=_("Git knows no change of this file"))
        yield Panes(
            [
                Pane("volume", lambda: _("volume"), lambda: Vertical(Plot(figures.decimal), self._points)),
                Pane("now", lambda: _("now"), lambda: TextView(volumes.in_short(self._state))),
                Pane("config", lambda: _("history of the config"), lambda: self._changes),
            ]
        )

    def load(self) -> None:
        points = volumes.points(self.context.view, self._state.dataset)
        self._points.show(Rows(reversed(points)))
        self.query_one(Plot).plot([(point.label, point.kept) for point in points])
        if self.query_one(Panes).current == "config":
            self._read_changes()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read_changes(self) -> None:
        found = changes.of_file(self.context.root, self._config)
        self.app.call_from_thread(self._take_changes, found)

    def _take_changes(self, found: list[Change]) -> None:
        self._changes.show(Rows(found))

    def on_panes_switched(self, message: Panes.Switched) -> None:
        if message.pane == "config":
            self._read_changes()

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        commit = self._changes.row.commit if message.table is self._changes and self._changes.row else ""
        if message.table is self._points and self._points.row:
            commit = self._points.row.commit
        if commit:
            self.app.push_screen(PatchScreen(commit, self._config))

    def copied(self) -> str:
        if self.focused is self._points and self._points.row:
            return self._points.row.commit
        if self.focused is self._changes and self._changes.row:
            return self._changes.row.commit
        return super().copied()

    def action_mark_row(self) -> None:
        if isinstance(self.focused, VirtualTable):
            self.focused.action_mark()

    def action_compare(self) -> None:
        """Compare the two marked versions, or the one under the cursor with the one before it."""
        names = [point.commit or "workspace" for point in self._points.marked]
        at = self._points.cursor
        if len(names) < 2:
            rows = [self._points.row_at(at), self._points.row_at(at + 1)]
            names = [point.commit or "workspace" for point in rows if point is not None]
        if len(names) < 2:
            self.notify(_("there is no version before this one"), severity="warning")
            return
        newest_first = [p.commit or "workspace" for p in map(self._points.row_at, range(len(self._points))) if p]
        newer, older = sorted(names, key=lambda name: newest_first.index(name) if name in newest_first else -1)
        self._points.unmark()
        self.dashboard.compare(older, newer)
