"""A screen fed by one command's JSON: it is run when what it reads has changed, and never twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker, get_current_worker

from observatudo import figures
from observatudo.i18n import _
from observatudo.journal import Json
from tui.clean import Static
from tui.jobs import Failed, result
from tui.panes import Pane, Panes
from tui.parts import FilterLine
from tui.screens.base import Base
from tui.textview import TextView
from tui.tones import toned

HISTORY = (Path(".git/logs/HEAD"), Path("dvc.lock"))  # another commit, or another version of the outputs
_Stamp = tuple[object, ...]


class Fed(Base):
    """A screen gives ``asked()``, ``read_from`` (what the command reads), ``panes()``, ``understood()``, ``fill()``.

    What is filtered says ``FILTER``, the hint of the line that ``/`` opens.
    """

    FILTER: ClassVar[Callable[[], str]] = staticmethod(lambda: _("words"))
    read_from: ClassVar[tuple[Path, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._stamp: _Stamp | None = None
        self._reading: Worker[None] | None = None
        self._is_fed = False

    # --- for a screen to override

    def asked(self) -> Sequence[str]:
        """Return the words of the command, without ``--json``."""
        raise NotImplementedError

    def heading(self) -> str:
        """Return what stands on the title line once there is something."""
        raise NotImplementedError

    def panes(self) -> Sequence[Pane]:
        """Return the views of it."""
        raise NotImplementedError

    def understood(self, content: Json) -> None:
        """Make of the JSON what is shown, in a thread; it is not shown before ``fill``."""
        raise NotImplementedError

    def fill(self, pane: str) -> None:
        """Show what there is now in one pane."""
        raise NotImplementedError

    def past(self) -> None:
        """Read from the index what is shown beside, in a thread."""

    # --- the frame

    def body(self) -> Iterable[Widget]:
        yield Static("", id="about", classes="title")
        yield TextView(id="said")
        panes = Panes(self.panes())
        panes.display = False
        yield panes

    def load(self) -> None:
        """Read where something is new, else show the past anew."""
        stamp = self._stamp_now()
        if stamp != self._stamp and self._reading is None:
            self._stamp = stamp
            self._reading = self._read()
        elif self._is_fed:
            self._read_past()

    def _stamp_now(self) -> _Stamp:
        """Return what is another when a file that the command reads is."""
        found: list[object] = []
        for path in self.read_from:
            try:
                state = (self.context.root / path).stat()
            except OSError:
                found.append(None)
            else:
                found.append((state.st_ino, state.st_size, state.st_mtime_ns))
        return tuple(found)

    @work(exclusive=True, group="read")
    async def _read(self) -> None:
        words = list(self.asked())
        if self._is_fed:
            self._entitle(f"{self.heading()}  · " + _("reading …"))
        else:
            self._entitle(_("reading …"))
            self._say([Text("$ observatudo " + " ".join(words), "dim"), Text(_("esc stops it"), "dim")])
        try:
            content = await result(self.context.root, [words[0], "--json", *words[1:]], tell=self._progress)
            await asyncio.to_thread(self.understood, content)
            await asyncio.to_thread(self.past)
        except Failed as failed:
            self._fail(str(failed))
        else:
            self._show_all()
        finally:
            if self._reading is get_current_worker():
                self._reading = None
        if self.is_attached and self._stamp_now() != self._stamp:  # it changed meanwhile
            self.load()

    @work(thread=True, exclusive=True, group="past", exit_on_error=False)
    def _read_past(self) -> None:
        self.past()
        self.app.call_from_thread(self._fill_current)

    def _progress(self, line: str) -> None:
        if self.is_attached and not self._is_fed and line:
            self._say([Text(line, "dim"), Text(_("esc stops it"), "dim")])

    def _show_all(self) -> None:
        if not self.is_attached:
            return
        panes, said = self.query_one(Panes), self.query_one("#said", TextView)
        is_first = not panes.display
        self._is_fed = True
        said.display, panes.display = False, True
        self._fill_current()
        if is_first and self.is_current and not isinstance(self.focused, Input):
            self._focus_first()

    def _fill_current(self) -> None:
        if self.is_attached and self._is_fed:
            self.fill(self.query_one(Panes).current)
            self._entitle(self.heading())

    def _fail(self, message: str) -> None:
        self._is_fed = False
        self._entitle(_("nothing to show: the command failed"))
        told = [
            toned(figures.printable(line), "accent" if "→" in line else "bad" if at == 0 else "")
            for at, line in enumerate(message.splitlines())
        ]
        self._say([*told, Text(), Text(_("r reads again"), "dim")])

    def _entitle(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#about", Static).update(Text(text, no_wrap=True, overflow="ellipsis"))

    def _say(self, lines: Sequence[Text]) -> None:
        if self.is_attached:
            said = self.query_one("#said", TextView)
            said.display, self.query_one(Panes).display = True, False
            said.show(lines)

    def on_screen_resume(self) -> None:
        if self._stamp is not None:
            self.load()

    def on_panes_switched(self, _message: Panes.Switched) -> None:
        self._fill_current()

    def filtered(self, wanted: str, is_kept: bool) -> None:
        self._fill_current()
        super().filtered(wanted, is_kept)

    def action_filter(self) -> None:
        self.query_one(FilterLine).query_one(Input).placeholder = type(self).FILTER()
        super().action_filter()

    def action_reload(self) -> None:
        self._stop_reading()
        self._stamp = self._stamp_now()
        self._reading = self._read()

    def _stop_reading(self) -> bool:
        worker, self._reading = self._reading, None
        if worker is None:
            return False
        worker.cancel()
        return True

    def action_back(self) -> None:
        """Go back, or take the filter off; where there is neither, stop the command that is at work."""
        is_on_top = len(self.app.screen_stack) > 1
        if is_on_top or (self.wanted and self._is_fed) or not self._stop_reading():
            super().action_back()
        elif self._is_fed:
            self._entitle(self.heading())
        else:
            self._fail(_("stopped"))
