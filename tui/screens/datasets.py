"""Screen 3, Datasets: what each holds now, how good and how fresh it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from observatudo.journal import Json
from tui import volumes
from tui.actions import Action, bindings
from tui.panes import Pane
from tui.plot import Plot
from tui.screens.fed import HISTORY, Fed
from tui.sift import words_in
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.volumes import State

ACTIONS = (Action("datasets.sort", "s", lambda: _("sort"), "sort", hint=True),)


COLUMNS: tuple[Column[State], ...] = (
    Column(lambda: _("dataset"), 22, lambda d: d.dataset, flex=True, sort="dataset"),
    Column(lambda: _("snapshot"), 11, lambda d: figures.moment(d.fetched_at or figures.NONE)[:10], keep=4),
    Column(
        lambda: _("fresh"), 9, lambda d: figures.freshness(d.age_days, d.limit_days, d.late), keep=1, sort="age",
        tone=lambda d: "warn" if d.late else "muted" if d.late is None else "ok",
    ),
    Column(lambda: _("days"), 9, volumes.age, right=True, keep=4, tone=lambda d: "warn" if d.late else "muted"),
    Column(lambda: _("kept"), 12, lambda d: figures.count(d.rows_kept), right=True, sort="kept"),
    Column(lambda: _("rejected"), 10, lambda d: figures.percent(d.rejected_share), right=True, sort="rejected",
           tone=lambda d: "warn" if d.rejected_share else ""),
    Column(lambda: _("empty"), 9, lambda d: figures.percent(d.null_share), right=True, keep=3, sort="empty"),
    Column(lambda: _("matched"), 9, lambda d: figures.percent(d.matched), right=True, keep=2, sort="matched"),
    Column(lambda: _("version"), 9, lambda d: (d.version or figures.NONE)[: figures.SHORT], keep=5),
)  # fmt: skip
_ORDERS = ("", *(column.sort for column in COLUMNS if column.sort))


class DatasetsScreen(Fed):
    """The declared datasets; enter shows one over versions."""

    MODE = "datasets"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    CSS = """
    DatasetsScreen #list { width: 2fr; }
    DatasetsScreen #aside { width: 1fr; max-width: 64; border-left: solid $panel; }
    DatasetsScreen Plot { height: 8; }
    DatasetsScreen #panes--names { display: none; }
    """
    read_from = (*HISTORY, Path("params.yaml"), Path("logs"), Path("configs/datasets"), Path("data/metrics/ingest"))

    def __init__(self) -> None:
        super().__init__()
        self._states: list[State] = []
        self._found: list[State] = []
        self._order = ""

    def asked(self) -> Sequence[str]:
        return ["datasets"]

    def heading(self) -> str:
        late = sum(bool(state.late) for state in self._found)
        told = _("Datasets {count}").format(count=len(self._found))
        return told + ("  " + _("{count} late").format(count=late) if late else "")

    def panes(self) -> Sequence[Pane]:
        return [Pane("datasets", lambda: _("Datasets"), self._list)]

    def _list(self) -> Widget:
        self._table: VirtualTable[State] = VirtualTable(COLUMNS)
        beside = Vertical(Plot(figures.decimal), TextView(id="details"), id="aside", classes="wide-only")
        return Horizontal(Vertical(self._table, id="list"), beside)

    def understood(self, content: Json) -> None:
        items = content if isinstance(content, list) else []
        self._states = [volumes.state(item) for item in items if isinstance(item, dict)]

    def fill(self, pane: str) -> None:
        del pane
        fits = words_in(self.wanted)
        self._found = [state for state in self._states if fits(f"{state.dataset} {state.title}")]
        if self._order:
            self._found.sort(key=lambda state: volumes.order(state, self._order))
        self._table.empty = _("no dataset fits") if self._states else _("params.yaml declares no dataset")
        self._table.sorted_by = (self._order, self._order not in ("dataset", "matched"))
        self._table.show(Rows(self._found))

    def on_virtual_table_highlighted(self, _message: VirtualTable.Highlighted) -> None:
        self._show_details()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_details)  # there may be room for them now

    def _show_details(self) -> None:
        state = self._table.row if self._states else None
        if state is None or not self.query_one("#aside").display:
            return
        points = volumes.points(self.context.view, state.dataset)
        self.query_one(Plot).plot([(point.label, point.kept) for point in points])
        self.query_one("#details", TextView).show(volumes.in_short(state))

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        from tui.screens.dataset import DatasetScreen

        if self._table.row is not None:
            self.app.push_screen(DatasetScreen(self._table.row))

    def copied(self) -> str:
        return self._table.row.dataset if self._table.row else ""

    def action_sort(self) -> None:
        self._order = _ORDERS[(_ORDERS.index(self._order) + 1) % len(_ORDERS)]
        self.fill("datasets")
