"""An alert that somebody has seen: the note they leave, and the command that records it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from observatudo import figures
from observatudo.alerts.model import Alert
from observatudo.i18n import _
from tui import alert_words
from tui.actions import Action, bindings
from tui.alert_count import MODE
from tui.clean import Static
from tui.jobs import command
from tui.screens.base import Base
from tui.screens.decide import typed
from tui.screens.output import OutputScreen
from tui.textview import TextView

ACTIONS = (Action("acknowledge.note", "enter", lambda: _("to the note"), "to_note"),)


class AcknowledgeScreen(Base):
    """Shows the alert, takes a note, shows the command and runs it on enter."""

    MODE = MODE
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    AUTO_FOCUS: ClassVar[str | None] = "#note"
    CSS = """
    AcknowledgeScreen .note { height: 1; }
    AcknowledgeScreen .note Static { width: auto; padding: 0 1; }
    AcknowledgeScreen .note Input { width: 1fr; border: none; height: 1; padding: 0; }
    AcknowledgeScreen #command { height: auto; max-height: 3; padding: 0 1; color: $text-accent; }
    """

    def __init__(self, alert: Alert) -> None:
        super().__init__()
        self._alert = alert

    def body(self) -> Iterable[Widget]:
        question = _("What do the others need to know? enter acknowledges, esc goes back · {what}")
        told = question.format(what=figures.printable(self._alert.message))
        yield Static(Text(told, no_wrap=True, overflow="ellipsis"), classes="title")
        yield TextView(alert_words.in_full(self._alert))
        yield Horizontal(Static(_("note:")), Input(id="note", compact=True), classes="note")
        yield Static("", id="command")

    def load(self) -> None:
        self._show_command()

    def changed(self) -> None:
        """What is asked does not depend on the index."""

    def _words(self) -> list[str]:
        note = " ".join(self.query_one("#note", Input).value.split())
        return ["alerts", "ack", *([f"--note={note}"] if note else []), "--", self._alert.id]

    def _show_command(self) -> None:
        self.query_one("#command", Static).update(Text(typed(self._words())))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "note":
            self._show_command()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id != "note":
            return
        event.stop()
        if self.is_active and not self.context.is_read_only:  # a second enter comes too late
            self.app.switch_screen(OutputScreen(command(*self._words())))

    def copied(self) -> str:
        return typed(self._words()).removeprefix("$ ")

    def action_to_note(self) -> None:
        self.query_one("#note", Input).focus()
