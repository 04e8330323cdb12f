"""A person's decision on an indicator's axis: which one and why, and the command that records it; or taking it back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input

from observatudo import figures
from observatudo.i18n import _
from tui import label_words
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import command
from tui.labelled import Axis, Indicator
from tui.screens.base import Base
from tui.screens.output import OutputScreen
from tui.sift import words_in
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.tones import toned

DECIDE = (
    Action("decide.reason", "down,enter", lambda: _("to the reason"), "to_reason"),
    Action("decide.list", "up", lambda: _("to the axes"), "to_axes"),
)
TAKE_BACK = (Action("take_back.run", "enter", lambda: _("take it back"), "run_taking_back", hint=True, changes=True),)


def words(indicator: Indicator, *more: str) -> list[str]:
    """Return the words of ``observatudo label`` on an indicator."""
    apart = ["--"] if indicator.id.startswith("-") else []
    return ["label", *more, *apart, indicator.id]


def typed(arguments: Sequence[str]) -> str:
    """Return a command as people type it."""
    return "$ " + shlex.join(["observatudo", *arguments])


class DecideScreen(Base):
    """Lists the axes with what belongs to each, wants a reason, shows the command and runs it.

    ``then`` is called once the decision is recorded.
    """

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = DECIDE
    BINDINGS: ClassVar[list[BindingType]] = bindings(DECIDE)
    CSS = """
    DecideScreen #definition { height: 3; dock: bottom; background: $panel; }
    DecideScreen.-tall #definition { height: 5; }
    DecideScreen .reason { height: 1; }
    DecideScreen .reason Static { width: auto; padding: 0 1; }
    DecideScreen .reason Input { width: 1fr; border: none; height: 1; padding: 0; }
    DecideScreen #command { height: auto; max-height: 3; padding: 0 1; color: $text-accent; }
    """

    def __init__(self, indicator: Indicator, axes: Sequence[Axis], then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._indicator, self._axes, self._then = indicator, list(axes), then

    def body(self) -> Iterable[Widget]:
        question = _("Which axis, and why? enter goes on · {name}").format(name=figures.printable(self._indicator.name))
        yield Static(Text(question, no_wrap=True, overflow="ellipsis"), classes="title")
        columns: tuple[Column[Axis], ...] = (
            Column(lambda: _("axis"), 18, lambda a: a.key),
            Column(lambda: _("who says so"), 16, self._says, tone=lambda _a: "accent"),
            Column(lambda: _("what belongs to it"), 20, lambda a: a.definition, flex=True, tone=lambda _a: "muted"),
        )
        self._table: VirtualTable[Axis] = VirtualTable(columns, empty=_("no axis fits"))
        yield Vertical(self._table, TextView(id="definition"))
        yield Horizontal(Static(_("reason:")), Input(id="reason", compact=True), classes="reason")
        yield Static("", id="command")

    def _says(self, axis: Axis) -> str:
        own = self._indicator
        said = [(own.override, "humano"), (own.source_axis, "fonte")]
        said += [(vote.axis, vote.classifier) for vote in own.votes] or [(own.axis, own.origin), (own.rule, "regra")]
        return ", ".join(dict.fromkeys(who for what, who in said if what == axis.key))

    def load(self) -> None:
        fits = words_in(self.wanted)
        found = [axis for axis in self._axes if fits(f"{axis.key} {axis.definition}")]
        self._table.show(Rows(found))
        if not self.wanted:
            self._table.go_to(lambda axis: axis.key == (self._indicator.override or self._indicator.axis))
        self._show_command()

    def changed(self) -> None:
        """What is asked does not depend on the index."""

    def filtered(self, wanted: str, is_kept: bool) -> None:
        self.load()

    @property
    def _reason(self) -> str:
        return " ".join(self.query_one("#reason", Input).value.split())

    def _words(self) -> list[str]:
        axis = self._table.row
        start = words(self._indicator)
        return [*start, axis.key if axis else "…", "-m", self._reason or "…"]

    def _show_command(self) -> None:
        self.query_one("#command", Static).update(Text(typed(self._words())))

    def on_virtual_table_highlighted(self, _message: VirtualTable.Highlighted) -> None:
        axis = self._table.row
        lines = [Text(axis.definition)] if axis else []
        if self._indicator.origin == "fonte":
            told = _("its source puts it on {axis}, which comes first: a decision changes nothing")
            lines.insert(0, toned("! " + told.format(axis=self._indicator.source_axis), "warn"))
        self.query_one("#definition", TextView).show(lines)
        self._show_command()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "reason":
            self._show_command()

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        self.action_to_reason()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id != "reason":
            return
        event.stop()
        if not self._reason:
            self.notify(_("a decision needs its reason"), severity="warning")
        elif self._table.row is None:
            self.notify(_("choose an axis first"), severity="warning")
        elif self.is_active and not self.context.is_read_only:  # a second enter comes too late
            self.app.switch_screen(OutputScreen(command(*self._words()), self._recorded))

    def _recorded(self, code: int) -> None:
        if code == 0:
            self._then()

    def copied(self) -> str:
        return typed(self._words()).removeprefix("$ ")

    def action_to_reason(self) -> None:
        self.query_one("#reason", Input).focus()

    def action_to_axes(self) -> None:
        self._table.focus()


class TakeBackScreen(Base):
    """Shows what was decided, and the command that takes it back; enter runs it."""

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = TAKE_BACK
    BINDINGS: ClassVar[list[BindingType]] = bindings(TAKE_BACK)

    def __init__(self, indicator: Indicator) -> None:
        super().__init__()
        self._indicator = indicator
        self._words = words(indicator, "--remove")

    def body(self) -> Iterable[Widget]:
        yield Static(Text(_("Take the decision back? enter does, esc goes back")), classes="title")
        told = _("a person put it on {axis}").format(axis=self._indicator.override)
        lines = [toned(told, "warn"), toned(typed(self._words), "accent"), Text()]
        yield TextView([*lines, *label_words.in_short(self._indicator)])

    def copied(self) -> str:
        return typed(self._words).removeprefix("$ ")

    def action_run_taking_back(self) -> None:
        if self.is_active:  # a second enter comes too late
            self.app.switch_screen(OutputScreen(command(*self._words)))
