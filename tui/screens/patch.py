"""How one commit changed one file."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.widget import Widget

from observatudo import figures
from observatudo.history import changes
from observatudo.i18n import _
from tui.clean import Static
from tui.screens.base import Base
from tui.textview import TextView

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class PatchScreen(Base):
    """A patch, as Git shows it."""

    def __init__(self, commit: str, path: str) -> None:
        super().__init__()
        self._commit, self._path = commit, path

    def body(self) -> Iterable[Widget]:
        yield Static(Text(f"{self._commit[: figures.SHORT]}  {self._path}", no_wrap=True), classes="title")
        yield TextView([Text(_("reading …"), "dim")])

    def load(self) -> None:
        self._read()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self) -> None:
        text = changes.patch(self.context.root, self._commit, self._path)
        lines = [Text(line, _STYLES.get(line[:1], "")) for line in text.splitlines()]
        empty = [Text(_("this commit did not change the file"), "dim")]
        self.app.call_from_thread(self.query_one(TextView).show, lines or empty)
