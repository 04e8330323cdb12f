"""Who changed a cell, in which version, from what to what, and why: ``observatudo blame`` as a time line."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.events import Resize
from textual.widget import Widget

from observatudo.i18n import _
from observatudo.journal import Json
from tui.clean import Static
from tui.jobs import Failed, result
from tui.screens.base import Base
from tui.textview import TextView

if TYPE_CHECKING:
    from observatudo.audit.timeline.words import Line


class BlameScreen(Base):
    """The time line of a cell. ``arguments`` are those of ``observatudo blame``: the table, then options.

    ``column`` is stressed where it changed. ``y`` copies the command.
    """

    def __init__(self, arguments: list[str], column: str = "") -> None:
        super().__init__()
        self._arguments, self._column = arguments, column
        self._found: list[Line] = []

    @property
    def command_line(self) -> str:
        """Return what to type in a terminal for the same."""
        return shlex.join(["observatudo", "blame", *self._arguments])

    def body(self) -> Iterable[Widget]:
        yield Static(Text(f"$ {self.command_line}", no_wrap=True), classes="title")
        yield TextView()

    def load(self) -> None:
        if not self._found:
            self._ask()

    def action_reload(self) -> None:
        self._ask()

    @work(exclusive=True, group="blame")
    async def _ask(self) -> None:
        self._found = []
        self._say(_("reading the versions …"))
        try:
            content = await result(
                self.context.root, ["blame", "--json", *self._arguments], tell=lambda line: self._say(line)
            )
        except Failed as failed:
            self._fail(str(failed))
            return
        found = await asyncio.to_thread(_lines, content)
        if self.is_attached:
            self._found = found
            self._draw()

    def _say(self, text: str) -> None:
        if self.is_attached:
            self.query_one(TextView).show([Text(text, "dim")])

    def _fail(self, said: str) -> None:
        if self.is_attached:
            self.query_one(TextView).show([Text(line) for line in said.splitlines()])

    def _draw(self, *, keep: bool = False) -> None:
        view = self.query_one(TextView)
        width = max(20, view.scrollable_content_region.width)
        view.show([text for line in self._found for text in styled(line, width, self._column)], keep=keep)

    def on_resize(self, _event: Resize) -> None:
        if self._found:
            self.call_after_refresh(self._draw, keep=True)

    def copied(self) -> str:
        return self.command_line


def _lines(content: Json) -> list[Line]:
    """Return a time line's lines; in a thread, since the first call imports what the model needs."""
    from observatudo.audit.timeline import words
    from observatudo.audit.timeline.model import Blame

    return list(words.blame(Blame.model_validate(content)))


def styled(line: Line, width: int, column: str = "") -> Sequence[Text]:
    """Return a line of words as lines of text of at most ``width`` cells."""
    is_asked = bool(column) and line.cell == column
    style = " ".join(filter(None, ["bold" if line.bold or is_asked else "", "cyan" if is_asked else line.colour or ""]))
    return [Text(text, style) for text in line.wrapped(width)]
