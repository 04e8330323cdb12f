"""Screen 8, Alerts: what is wrong, why and since when, who has seen it, and which channels were told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.alerts import shown
from observatudo.alerts.model import Alert, Channel, State
from observatudo.i18n import _
from tui import alert_state, alert_words
from tui.actions import Action, bindings
from tui.alert_count import MODE, READ, newest_run
from tui.clean import Static
from tui.panes import Pane, Panes
from tui.screens.base import Base
from tui.screens.fed import HISTORY, Fed
from tui.sift import sifter
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView

if TYPE_CHECKING:
    from observatudo.journal import Json

ACTIONS = (
    Action("alerts.past", "v", lambda: _("with what has recovered"), "see_past", hint=True),
    Action("alerts.acknowledge", "a", lambda: _("acknowledge"), "acknowledge", hint=True, changes=True),
    Action("alerts.run", "o", lambda: _("its last run"), "see_run"),
)
OF_ONE = (
    Action("alert.acknowledge", "a", lambda: _("acknowledge"), "acknowledge", hint=True, changes=True),
    Action("alert.run", "o", lambda: _("its last run"), "see_run", hint=True),
)
ALERTS: tuple[Column[Alert], ...] = (
    Column(lambda: _("severity"), 10, alert_words.severity, tone=alert_words.tone),
    Column(lambda: _("state"), 13, alert_words.stand, keep=2, tone=lambda _a: "muted"),
    Column(lambda: _("rule"), 16, lambda a: a.rule, keep=4, tone=lambda _a: "muted"),
    Column(lambda: _("about"), 24, shown.about, keep=1, tone=lambda _a: "accent"),
    Column(lambda: _("since"), 10, lambda a: figures.moment(a.since)[:10], keep=3),
    Column(lambda: _("runs"), 5, lambda a: figures.count(a.runs), right=True, keep=5),
    Column(lambda: _("what"), 24, lambda a: a.message, flex=True),
)
CHANNELS: tuple[Column[Channel], ...] = (
    Column(lambda: _("channel"), 16, lambda c: c.name),
    Column(lambda: _("state"), 24, alert_words.channel_state, tone=alert_words.channel_tone),
    Column(lambda: _("waiting"), 8, lambda c: figures.count(c.waiting), right=True),
    Column(lambda: _("from"), 9, lambda c: shown.severity(c.minimum), keep=2),
    Column(lambda: _("last told"), 16, lambda c: figures.moment(c.last_delivered or figures.NONE), keep=1),
    Column(lambda: _("last error"), 12, lambda c: c.last_error, flex=True, keep=3, tone=lambda _c: "bad"),
)
RULES: tuple[Column[tuple[str, str]], ...] = (
    Column(lambda: _("rule"), 22, lambda rule: rule[0]),
    Column(lambda: _("set to"), 30, lambda rule: rule[1], flex=True, tone=lambda _rule: "muted"),
)


class AlertsScreen(Fed):
    """What is open, the gravest first; enter shows all of one."""

    MODE = MODE
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    FILTER = staticmethod(lambda: _("words, rule:staleness, severity:critical, dataset:pib, -word"))
    CSS = """
    AlertsScreen #list { width: 2fr; }
    AlertsScreen #aside { width: 1fr; max-width: 64; border-left: solid $panel; }
    """
    read_from = (*READ, *HISTORY)

    def __init__(self) -> None:
        super().__init__()
        self._state = State("", ())
        self._found: list[Alert] = []
        self._with_past = False

    def asked(self) -> Sequence[str]:
        return ["alerts", "--all"]

    def panes(self) -> Sequence[Pane]:
        self._table: VirtualTable[Alert] = VirtualTable(ALERTS)
        self._channels: VirtualTable[Channel] = VirtualTable(
            CHANNELS, empty=_("configs/alerts.yaml names no channel: nobody is told")
        )
        self._rules: VirtualTable[tuple[str, str]] = VirtualTable(RULES, empty=_("there is no rule"))
        return [
            Pane("alerts", lambda: _("Alerts"), self._list),
            Pane("channels", lambda: _("channels"), lambda: self._channels),
            Pane("rules", lambda: _("rules"), lambda: self._rules),
        ]

    def _list(self) -> Widget:
        aside = Vertical(TextView(id="details"), id="aside", classes="wide-only")
        return Horizontal(Vertical(self._table, id="list"), aside)

    def _stamp_now(self) -> tuple[object, ...]:
        return (*super()._stamp_now(), newest_run(self.context.view))

    def understood(self, content: Json) -> None:
        self._state = alert_state.state(content)

    def heading(self) -> str:
        """Return how many are open, how many of them nobody has seen, and how many messages wait."""
        own, count = self._state, figures.count
        is_open = alert_state.shown(own, with_past=False)
        fit = f"{count(len(self._found))}/" if self.wanted else ""
        parts = [_("Alerts") + f" {fit}{count(len(is_open))}" + (f"  /{self.wanted}" if self.wanted else "")]
        unseen = alert_state.unseen(own)
        if is_open:
            parts.append(_("{count} not acknowledged").format(count=count(len(unseen))))
        past = len(own.alerts) - len(is_open)
        if past:
            parts.append(_("{count} recovered").format(count=count(past)))
        waiting = sum(channel.waiting for channel in own.channels)
        if waiting:
            parts.append(_("{count} message(s) wait to be sent").format(count=count(waiting)))
        return " · ".join(parts)

    def fill(self, pane: str) -> None:
        self.dashboard.count_alerts(self._state)
        if pane == "alerts":
            self._fill_alerts()
        elif pane == "channels":
            self._channels.show(Rows(self._state.channels))
        else:
            self._rules.show(Rows((name, alert_words.settings(rule)) for name, rule in self._state.rules.items()))

    def _fill_alerts(self) -> None:
        fits, before = sifter(self.wanted), self._table.row.id if self._table.row else ""
        wanted = alert_state.shown(self._state, with_past=self._with_past)
        self._found = [alert for alert in wanted if fits(alert_state.item(alert))]
        self._table.empty = _("no alert fits") if wanted else "✓ " + _("nothing is wrong")
        self._table.show(Rows(self._found))
        self._table.go_to(lambda alert: alert.id == before)
        self._show_details()

    def on_virtual_table_highlighted(self, message: VirtualTable.Highlighted) -> None:
        if message.table is self._table:
            self._show_details()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_details)  # there may be room for them now

    def _show_details(self) -> None:
        if self.query("#aside") and self.query_one("#aside").display:
            row = self._table.row
            self.query_one("#details", TextView).show(alert_words.in_full(row) if row else [])

    @property
    def _alert(self) -> Alert | None:
        return self._table.row if self.query_one(Panes).current == "alerts" else None

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        if message.table is self._table and self._table.row is not None:
            self.app.push_screen(AlertScreen(self._table.row))
        elif message.table is self._channels and self._channels.row is not None and self._channels.row.last_error:
            self.notify(self._channels.row.last_error, timeout=15)

    def copied(self) -> str:
        return self._alert.id if self._alert else super().copied()

    def action_see_past(self) -> None:
        self._with_past = not self._with_past
        self._fill_current()

    def action_acknowledge(self) -> None:
        acknowledge(self, self._alert)

    def action_see_run(self) -> None:
        see_run(self, self._alert)


class AlertScreen(Base):
    """All that is known of one alert."""

    MODE = MODE
    ACTIONS: ClassVar[tuple[Action, ...]] = OF_ONE
    BINDINGS: ClassVar[list[BindingType]] = bindings(OF_ONE)

    def __init__(self, alert: Alert) -> None:
        super().__init__()
        self._alert = alert

    def body(self) -> Iterable[Widget]:
        title = Text(f"{self._alert.rule}  {shown.about(self._alert)}", no_wrap=True, overflow="ellipsis")
        yield Static(title, classes="title")
        yield TextView(alert_words.in_full(self._alert))

    def action_acknowledge(self) -> None:
        acknowledge(self, self._alert)

    def action_see_run(self) -> None:
        see_run(self, self._alert)


def acknowledge(screen: Base, alert: Alert | None) -> None:
    """Ask for the note on an alert; say why not where there is nothing to acknowledge."""
    from tui.screens.acknowledge import AcknowledgeScreen

    if alert is None:
        screen.notify(_("go to an alert first"), severity="warning")
    elif alert.status == "recovered":
        screen.notify(_("this one has recovered: there is nothing to acknowledge"), severity="warning")
    else:
        screen.app.push_screen(AcknowledgeScreen(alert))


def see_run(screen: Base, alert: Alert | None) -> None:
    """Show the last run that showed an alert; say so where no run did, or where it is not here."""
    from tui.screens.run import RunScreen

    run_id = alert.last_run or alert.since_run if alert else None
    run = screen.context.view.run(run_id) if run_id else None
    if run is None:
        screen.notify(_("no run that is known here showed it"), severity="warning")
    else:
        screen.app.push_screen(RunScreen(run))
