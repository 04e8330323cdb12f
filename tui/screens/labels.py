"""Screen 5, Labels: who put which indicator on which axis, how far they agree, what needs a look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from observatudo import figures, paths
from observatudo.i18n import _
from tui import label_concerns, label_figures, label_shares, label_words, labelled
from tui.actions import Action, bindings
from tui.label_concerns import Concern
from tui.labelled import Indicator
from tui.panes import Pane, Panes
from tui.screens.fed import HISTORY, Fed
from tui.sift import sifter
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.trends import BAR, CURVE, Series, Trends, bar, curve

if TYPE_CHECKING:
    from observatudo.journal import Json

ACTIONS = (
    Action("labels.sort", "s", lambda: _("sort"), "sort", hint=True),
    Action("labels.queue", "v", lambda: _("to review"), "see_queue", hint=True),
    Action("labels.decide", "e", lambda: _("decide its axis"), "decide_axis", hint=True, changes=True),
    Action("labels.take_back", "x", lambda: _("take a decision back"), "take_back_decision", changes=True),
    Action("labels.blame", "b", lambda: _("blame"), "blame_label"),
)
_TONES = {"humano": "accent", "fonte": "ok"}

_AXIS: Column[Indicator] = Column(
    lambda: _("axis"), 14, label_words.shown_axis, sort="axis", tone=lambda i: "accent" if i.waits else ""
)
_REST: tuple[Column[Indicator], ...] = (
    Column(lambda: _("conf."), 6, lambda i: label_words.confidence(i.confidence), right=True, sort="confidence"),
    Column(lambda: _("name"), 20, label_words.shown_name, flex=True, sort="name"),
    Column(lambda: _("dataset"), 30, lambda i: i.dataset, keep=2, tone=lambda _i: "muted"),
    Column(lambda: "id", 34, lambda i: i.id, keep=3, tone=lambda _i: "muted"),
)
INDICATORS: tuple[Column[Indicator], ...] = (
    _AXIS,
    Column(lambda: _("by"), 6, lambda i: i.origin, sort="origin", tone=lambda i: _TONES.get(i.origin, "")),
    *_REST,
)
WITH_MODELS: tuple[Column[Indicator], ...] = (
    _AXIS,
    Column("".__str__, 2, label_words.sign, tone=lambda i: label_words.tone_of(i.state)),
    Column(lambda: _("state"), 13, lambda i: i.state, keep=1, tone=lambda i: label_words.tone_of(i.state)),
    Column(lambda: _("by"), 8, lambda i: i.origin, sort="origin", tone=lambda i: _TONES.get(i.origin, "")),
    *_REST,
)
SHARES: tuple[Column[Series], ...] = (
    Column(lambda: _("axis, origin"), 18, lambda s: s.name, flex=True, tone=lambda s: s.tone),
    Column(lambda: _("number"), 6, lambda s: s.shown, right=True),
    Column(lambda: _("share"), 7, lambda s: s.second, right=True),
    Column(lambda: "", BAR, lambda s: bar(s.bar), keep=2, tone=lambda _s: "accent"),
    Column(lambda: _("versions"), CURVE, lambda s: curve(s.points), keep=1, tone=lambda _s: "muted"),
)
CONCERNS: tuple[Column[Concern], ...] = (
    Column(lambda: _("what"), 17, lambda c: f"{c.glyph} {c.what}", tone=lambda c: c.tone),
    Column(lambda: "id", 34, lambda c: c.id, keep=1),
    Column(lambda: "", 26, lambda c: c.text, flex=True),
)
_ORDERS = tuple(labelled.ORDERS)


class LabelsScreen(Fed):
    """The labels in panes; enter on an indicator shows its answers over versions."""

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    FILTER = staticmethod(
        lambda: _("words, axis:saude, origin:regra, state:oscilante, waits:model, dataset:pib, below:0.6, -word")
    )
    CSS = """
    LabelsScreen #list { width: 2fr; }
    LabelsScreen #aside { width: 1fr; max-width: 60; border-left: solid $panel; }
    """
    read_from = (
        *(paths.LABELS, paths.OVERRIDES, paths.TAXONOMY, paths.PARAMS, paths.METRICS / "classify.json"),
        *(paths.EVIDENCE, paths.ANSWERS, paths.PROVIDERS, paths.PROMPTS),
        *HISTORY,
    )

    def __init__(self) -> None:
        super().__init__()
        self._state = labelled.state({})
        self._past: label_shares.Past = ()
        self._worries: list[Concern] = []
        self._order = _ORDERS[0]
        self._found: list[Indicator] = []

    def asked(self) -> Sequence[str]:
        return ["labels"]

    def panes(self) -> Sequence[Pane]:
        self._table: VirtualTable[Indicator] = VirtualTable(INDICATORS, empty=_("no indicator fits"))
        self._trends = Trends(SHARES, figures.percent)
        self._agreement = TextView()
        self._figures = Trends(label_figures.COLUMNS, empty=_("nothing is measured yet; type: dvc repro classify"))
        self._concerns: VirtualTable[Concern] = VirtualTable(CONCERNS, empty=_("nothing needs a look"))
        return [
            Pane("indicators", lambda: _("indicators"), self._list),
            Pane("axes", lambda: _("by axis"), lambda: self._trends),
            Pane("agreement", lambda: _("agreement"), lambda: self._agreement),
            Pane("classifiers", lambda: _("classifiers"), lambda: self._figures),
            Pane("problems", lambda: _("to look at"), lambda: self._concerns),
        ]

    def _list(self) -> Widget:
        aside = Vertical(TextView(id="details"), id="aside", classes="wide-only")
        return Horizontal(Vertical(self._table, id="list"), aside)

    # --- what there is

    def understood(self, content: Json) -> None:
        self._state = labelled.state(content)
        self._worries = label_concerns.concerns(self._state)

    def past(self) -> None:
        self._past = label_shares.past(self.context.view)

    def heading(self) -> str:
        """Return the totals, what matters most first: the rest may be cut off."""
        own, count = self._state, figures.count
        parts = [_("Labels") + f" {count(own.total)}"]
        if self.wanted:
            fit = f"{count(len(self._found))}/" if self.query_one(Panes).current == "indicators" else ""
            parts[0] = _("Labels") + f" {fit}{count(own.total)}  /{self.wanted}"
        if own.waiting:
            parts.append(_("{count} wait(s) for dvc repro").format(count=count(own.waiting)))
        if own.waiting_for_models:
            parts.append(_("{count} wait(s) for a model").format(count=count(own.waiting_for_models)))
        if own.queue:
            parts.append(_("{count} to review").format(count=count(own.queue)))
        parts.append(_("{count} without axis").format(count=count(own.undefined)))
        limit = figures.local(f"{own.below:g}")
        parts.append(_("{count} below {limit}").format(count=count(own.low), limit=limit))
        parts += [f"{name} {count(number)}" for name, number in own.by_origin.items() if number]
        return " · ".join(parts)

    def fill(self, pane: str) -> None:
        if pane == "indicators":
            self._table.sorted_by = (self._order, False)
            self._found = labelled.chosen(self._state, self.wanted, self._order)
            self._table.show(Rows(self._found), columns=WITH_MODELS if self._state.models else INDICATORS)
        elif pane == "axes":
            self._trends.fill(label_shares.shares(self._state, self._past))
        elif pane == "agreement":
            self._agreement.show(label_shares.agreement(self._state, self._past) + self._versions(), keep=True)
        elif pane == "classifiers":
            self._figures.fill(label_figures.rows(self._state, self._past))
        else:
            fits = sifter(self.wanted)
            self._concerns.show(Rows(concern for concern in self._worries if fits(concern.item)))

    def _versions(self) -> list[Text]:
        own = self._state
        told = _("{count} table(s) of labels in the history").format(count=figures.count(own.versions))
        lines = [Text(), Text(own.history_problem or told, "dim")]
        if own.skipped:
            text = _("{count} of them are not here: dvc fetch --all-commits {path}")
            lines.append(Text(text.format(count=figures.count(own.skipped), path=paths.LABELS), "dim"))
        return lines

    @property
    def _indicator(self) -> Indicator | None:
        """Return the indicator one is on, in the list or among what needs a look."""
        pane = self.query_one(Panes).current
        if pane == "indicators":
            return self._table.row
        return self._state.find(self._concerns.row.id) if pane == "problems" and self._concerns.row else None

    def on_virtual_table_highlighted(self, message: VirtualTable.Highlighted) -> None:
        if message.table is self._table:
            self._show_details()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_details)  # there may be room for them now

    def _show_details(self) -> None:
        if self.query("#aside") and self.query_one("#aside").display:
            row = self._table.row
            self.query_one("#details", TextView).show(label_words.in_short(row) if row else [])

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        if message.table in (self._trends.table, self._figures.table):
            row = message.table.row if isinstance(message.table, VirtualTable) else None
            self._only(row.key if isinstance(row, Series) else "")
        elif self._indicator is not None:
            from tui.screens.indicator import IndicatorScreen

            self.app.push_screen(IndicatorScreen(self._indicator, self._state.axes))
        elif self._concerns.row is not None and self._concerns.row.key:
            self._only(self._concerns.row.key)
        elif self._concerns.row is not None:
            self.notify(self._concerns.row.text, timeout=15)

    def _only(self, wanted: str) -> None:
        """Show the indicators that a filter lets through: of one axis, origin or state, or that wait for a model."""
        if wanted:
            self.wanted = wanted
            self.run_worker(self.action_see("indicators"))

    def copied(self) -> str:
        row = self._indicator
        return row.id if row else super().copied()

    # --- what keys do

    def action_sort(self) -> None:
        self._order = _ORDERS[(_ORDERS.index(self._order) + 1) % len(_ORDERS)]
        self._fill_current()

    def action_see_queue(self) -> None:
        from tui.screens.queue import QueueScreen

        self.app.push_screen(QueueScreen(self._state))

    def action_decide_axis(self) -> None:
        from tui.screens.decide import DecideScreen

        if self._indicator is None:
            self.notify(_("go to an indicator first"), severity="warning")
        else:
            self.app.push_screen(DecideScreen(self._indicator, self._state.axes))

    def action_take_back_decision(self) -> None:
        from tui.screens.decide import TakeBackScreen

        row = self._indicator
        if row is None or row.override is None:
            self.notify(_("nobody has decided on this one"), severity="warning")
        else:
            self.app.push_screen(TakeBackScreen(row))

    def action_blame_label(self) -> None:
        from tui.screens.blame import BlameScreen

        if self._indicator is not None:
            self.app.push_screen(BlameScreen(["rotulo", "--indicador", self._indicator.id], "eixo"))
