"""The error of the run that is watched: a few lines on the Live screen, and all of it with its traceback."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from tui.clean import Static
from tui.screens import live_board as board
from tui.screens.base import Base
from tui.screens.live_watch import RunNow
from tui.textview import TextView


class ErrorView(TextView):
    """As high as what it says, up to a limit; what is beyond can be scrolled to."""

    DEFAULT_CSS = "ErrorView { height: 3; border-left: thick $error; } ErrorView:focus { background: $boost; }"
    most = 6

    def _wrap(self) -> None:
        super()._wrap()
        self.styles.height = max(1, min(self.most, len(self._wrapped)))


class ErrorScreen(Base):
    """An error and its traceback, as the log has them."""

    MODE = "live"

    def __init__(self, run: RunNow) -> None:
        super().__init__()
        self._run = run

    def body(self) -> Iterable[Widget]:
        lines = board.error(self._run.error) if self._run.error else [Text(_("no error"), "dim")]
        trace = self._run.traceback.splitlines()
        told = [Text(figures.printable(line.expandtabs(4)), "dim") for line in trace]
        yield Static(Text(self._run.run_id, no_wrap=True), classes="title")
        yield TextView([*lines, Text(), *(told or [Text(_("the log has no traceback of it"), "dim")])])
