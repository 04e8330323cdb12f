"""Going back to a version: its preview, the question, and the command that does it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from observatudo import figures
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import Failed, command, result
from tui.screens import audit_preview
from tui.screens.audit_preview import Preview
from tui.screens.base import Base
from tui.screens.choice import ChoiceScreen
from tui.screens.output import OutputScreen
from tui.textview import TextView
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.history.model import VersionRow

MODE = "audit"
ACTIONS = (
    Action("preview.rollback", "B", lambda: _("roll back"), "roll_back", hint=True, changes=True),
    Action("preview.scope", "c", lambda: _("all or a part"), "scope", hint=True),
)
_NO_REASON = "no reason was given"  # in the record, which is in English


class PreviewScreen(Base):
    """What a rollback to one version would do. ``datasets`` can be gone back to by themselves."""

    MODE = MODE
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, version: VersionRow, datasets: Sequence[str]) -> None:
        super().__init__()
        self._version, self._datasets = version, datasets
        self._scope: tuple[str, ...] = ()
        self._preview: Preview | None = None

    @property
    def _words(self) -> list[str]:
        return ["rollback", self._version.commit, *self._scope]

    def body(self) -> Iterable[Widget]:
        yield Static("", id="about", classes="title")
        yield TextView()

    def on_mount(self) -> None:
        self._look()

    def changed(self) -> None:
        """Leave the preview as it is: what has changed since refuses the rollback, and ``r`` looks again."""

    def action_reload(self) -> None:
        self._look()

    @work(exclusive=True, group="rollback")
    async def _look(self) -> None:
        self._preview = None
        version = self._version
        about = f"{version.commit[: figures.SHORT]}  {figures.moment(version.date)}  {version.subject}"
        self.query_one("#about", Static).update(Text(figures.printable(about), no_wrap=True))
        self._say([Text(_("working out what it would change; esc stops …"), "dim")])
        try:
            content = await result(self.context.root, [*self._words, "--json"], tell=self._tell)
        except Failed as failed:
            refused = [
                toned(line, "bad" if number == 0 else "") for number, line in enumerate(str(failed).splitlines())
            ]
            self._say([Text(_("This cannot be done now:"), "bold"), Text(), *refused])
            return
        if isinstance(content, dict):
            preview = Preview(content)
            found = await asyncio.to_thread(audit_preview.lines, preview)
            self._preview = preview
            self._say(found)

    def _tell(self, line: str) -> None:
        self._say([Text(_("working out what it would change; esc stops …"), "dim"), Text(line, "dim")])

    def _say(self, found: Sequence[Text]) -> None:
        if self.is_attached:
            self.query_one(TextView).show(found)

    def copied(self) -> str:
        return shlex.join(["observatudo", *self._words])

    def action_scope(self) -> None:
        """Ask how much goes back."""
        answers = [
            (_("everything"), _("configuration and data"), ()),
            (_("configuration"), _("data stay"), ("--config-only",)),
            (_("data"), _("configuration stays"), ("--data-only",)),
            *((key, _("only this dataset"), ("--dataset", key)) for key in self._datasets),
        ]
        self.app.push_screen(ChoiceScreen(_("What goes back?"), answers, self._narrow))

    def _narrow(self, scope: tuple[str, ...]) -> None:
        self._scope = scope
        self._look()

    def action_roll_back(self) -> None:
        preview = self._preview
        if preview is None or not preview.does_something:
            self.notify(_("there is nothing to do here yet"), severity="warning")
            return
        self.app.push_screen(ConfirmScreen(preview.target, self.copied(), lambda why: self._do(preview, why)))

    def _do(self, preview: Preview, why: str) -> None:
        words = [*self._words, "--yes", f"--message={why or _NO_REASON}", f"--if-preview={preview.seen}"]
        self.app.push_screen(OutputScreen(command(*words), lambda _code: self._look_again()))

    def _look_again(self) -> None:
        if self.is_attached:
            self._look()


class ConfirmScreen(Base):
    """Asks for the first characters of the version, so that nobody goes back by a slip; and why."""

    MODE = MODE
    CSS = """
    ConfirmScreen Horizontal { height: 1; padding: 0 1; }
    ConfirmScreen Horizontal Static { width: 14; }
    ConfirmScreen Horizontal Input { width: 1fr; }
    ConfirmScreen #told { height: auto; padding: 1 1; }
    """
    AUTO_FOCUS = "#hash"

    def __init__(self, target: str, shown: str, then: Callable[[str], None]) -> None:
        super().__init__()
        self._target, self._shown, self._then = target, shown, then

    def body(self) -> Iterable[Widget]:
        yield Static(Text(self._shown, no_wrap=True), classes="title")
        told = _("Type {hash} to go back to it, and why; enter does it, esc does not.")
        yield Static(Text(told.format(hash=self._target[: figures.SHORT])), id="told")
        yield Horizontal(Static(_("short hash")), Input(id="hash", compact=True, max_length=figures.SHORT))
        yield Horizontal(
            Static(_("why")),
            Input(id="why", compact=True, placeholder=_("for the commit and the record; may be empty")),
        )
        yield Static("", id="wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        typed = self.query_one("#hash", Input).value.strip().lower()
        if typed != self._target[: figures.SHORT]:
            told = _("that is not {hash}; nothing was done").format(hash=self._target[: figures.SHORT])
            self.query_one("#wrong", Static).update(toned(f" {told}", "bad"))
            self.query_one("#hash", Input).focus()
            return
        why = self.query_one("#why", Input).value.strip()
        if self.leave():
            self._then(why)
