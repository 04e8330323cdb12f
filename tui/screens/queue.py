"""The labels that wait for a person, those first where a wrong axis would cost most; a decision goes on to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.containers import Vertical

from observatudo import figures, paths
from observatudo.i18n import _
from tui import label_queue
from tui.actions import Action, bindings
from tui.label_queue import Queued
from tui.panes import Pane
from tui.screens.fed import HISTORY, Fed
from tui.sift import sifter
from tui.table import Rows, VirtualTable
from tui.textview import TextView

if TYPE_CHECKING:
    from observatudo.journal import Json
    from tui.labelled import Indicator, State

ACTIONS = (
    Action("queue.decide", "e", lambda: _("decide its axis"), "decide_axis", hint=True, changes=True),
    Action("queue.blame", "b", lambda: _("blame"), "blame_label"),
)


class QueueScreen(Fed):
    """The queue; enter on a label shows its indicator. ``state`` is what is known of the indicators beside."""

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    FILTER = staticmethod(lambda: _("words, axis:saude, origin:regra, dataset:pib, below:0.6, -word"))
    CSS = """
    QueueScreen #why { height: 4; border-top: solid $panel; }
    QueueScreen.-tall #why { height: 7; }
    QueueScreen #panes--names { display: none; }
    """
    read_from = (
        *(paths.LABELS, paths.OVERRIDES, paths.TAXONOMY, paths.PARAMS, paths.EVIDENCE, paths.ANSWERS),
        *HISTORY,
    )

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._queue: list[Queued] = []
        self._found: list[Queued] = []

    def asked(self) -> Sequence[str]:
        return ["review"]

    def panes(self) -> Sequence[Pane]:
        self._table: VirtualTable[Queued] = VirtualTable(label_queue.COLUMNS)
        return [Pane("queue", lambda: _("to review"), lambda: Vertical(self._table, TextView(id="why")))]

    def understood(self, content: Json) -> None:
        self._queue = label_queue.queue(content)

    def heading(self) -> str:
        """Return how many wait, and how many rows are expected to stand under a wrong axis."""
        count, fit = figures.count, f"{figures.count(len(self._found))}/" if self.wanted else ""
        told = _("To review") + f" {fit}{count(len(self._queue))}" + (f"  /{self.wanted}" if self.wanted else "")
        stake = figures.decimal(round(sum(own.value for own in self._found), 1))
        return f"{told} · " + _("{count} row(s) may stand under a wrong axis").format(count=stake)

    def fill(self, pane: str) -> None:
        del pane
        fits = sifter(self.wanted)
        self._found = [own for own in self._queue if fits(own.item)]
        self._table.empty = _("nothing that waits fits") if self._queue else _("no label waits for a person")
        self._table.show(Rows(self._found))

    def on_virtual_table_highlighted(self, _message: VirtualTable.Highlighted) -> None:
        row = self._table.row
        for why in self.query("#why").results(TextView):
            why.show(label_queue.in_short(row) if row else [])

    @property
    def _indicator(self) -> Indicator | None:
        row = self._table.row
        return (self._state.find(row.id) or row.indicator) if row else None

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        from tui.screens.indicator import IndicatorScreen

        if self._indicator is not None:
            self.app.push_screen(IndicatorScreen(self._indicator, self._state.axes))

    def copied(self) -> str:
        return self._table.row.id if self._table.row else super().copied()

    def _decided(self, name: str) -> None:
        """Take what was decided off the queue: reading it anew takes a while, and the next one is wanted now."""
        self._queue = [own for own in self._queue if own.id != name]
        self._fill_current()

    def action_decide_axis(self) -> None:
        from tui.screens.decide import DecideScreen

        own = self._indicator
        if own is not None:
            self.app.push_screen(DecideScreen(own, self._state.axes, lambda: self._decided(own.id)))

    def action_blame_label(self) -> None:
        from tui.screens.blame import BlameScreen

        if self._indicator is not None:
            self.app.push_screen(BlameScreen(["rotulo", "--indicador", self._indicator.id], "eixo"))
