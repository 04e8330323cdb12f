"""A command at work, on top of the screen that started it: its words, what it says, how it ended."""

from __future__ import annotations

import codecs
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import Failed, Job
from tui.screens.base import Base
from tui.textview import TextView

ACTIONS = (Action("output.stop", "ctrl+c,S", lambda: _("stop it"), "stop", hint=True),)
_MOST = 1_000_000  # characters that are kept


class OutputScreen(Base):
    """Runs a command line and shows what it prints; ``then`` is called with the exit code when it has ended."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, arguments: Sequence[str], then: Callable[[int], None] = lambda _code: None) -> None:
        super().__init__()
        self._arguments, self._then = arguments, then
        self._job: Job | None = None
        self._said = ""

    def body(self) -> Iterable[Widget]:
        words = self._arguments[2:] if list(self._arguments[1:2]) == ["-m"] else self._arguments
        shown = shlex.join(words).replace("observatudo.cli.app", "observatudo", 1)
        yield Static(Text(f"$ {shown}", no_wrap=True), classes="title")
        yield TextView()
        yield Static("", id="ended", classes="title")

    def on_mount(self) -> None:
        self._run()

    @work(exclusive=True)
    async def _run(self) -> None:
        self._job = Job(self._arguments, self.context.root)
        try:
            await self._job.start()
        except Failed as failed:
            self._job = None
            self._end(str(failed))
            return
        self._end(_("at work …"))
        decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("out", "err")}
        async for name, piece in self._job.pieces():
            self._said = (self._said + decoders[name].decode(piece))[-_MOST:]
            self._show()
        code = -1 if self._job.code is None else self._job.code
        self._end(_("done; esc goes back") if code == 0 else _("ended with {code}; esc goes back").format(code=code))
        self._then(code)

    def _show(self) -> None:
        view = self.query_one(TextView)
        lines = self._said.replace("\r\n", "\n").split("\n")
        view.show([Text.from_ansi(line.rpartition("\r")[2]) for line in lines], keep=True)
        view.action_edge(1)

    def _end(self, text: str) -> None:
        self.query_one("#ended", Static).update(text)

    def action_stop(self) -> None:
        if self._job is not None:
            self._job.kill()

    def action_back(self) -> None:
        if self._job is not None and self._job.code is None:
            self.notify(_("it is still at work; S stops it"), severity="warning")
            return
        super().action_back()
