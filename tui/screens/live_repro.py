"""``dvc repro`` started from the Live screen: asked for first, then a process that needs the dashboard no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import last_line
from tui.screens.base import Base
from tui.textview import TextView

OUTPUT = ".observatudo/repro.out"  # what dvc itself prints: nobody reads a pipe when the dashboard is closed
_TAIL = 4_000
ACTIONS = (Action("repro.start", "enter", lambda: _("start it"), "begin", hint=True, changes=True),)


class Repro:
    """One ``dvc repro`` in the repository ``root``, in a process group of its own."""

    def __init__(self, root: Path) -> None:
        """Start it. Raises OSError where that, or writing what it prints, cannot be done."""
        self._output = root / OUTPUT
        self._output.parent.mkdir(exist_ok=True)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dvc", "repro"],
                cwd=root,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def code(self) -> int | None:
        """Return its exit code, or None while it is at work."""
        return self._process.poll()

    def is_run(self, run_id: str) -> bool:
        """Say whether a run is this one: a run's id ends in its process's."""
        return run_id.rpartition("-")[2] == str(self.pid)

    def stop(self) -> None:
        """Interrupt it and its stages, as Ctrl-C in a terminal does."""
        if self.code() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGINT)

    def last_words(self) -> str:
        """Return the last line that it printed."""
        with suppress(OSError):
            return last_line(self._output.read_bytes()[-_TAIL:].decode(errors="replace"))
        return ""


class ReproScreen(Base):
    """Asks whether to start it, and says what that means."""

    MODE = "live"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, start: Callable[[], None]) -> None:
        super().__init__()
        self._start = start

    def body(self) -> Iterable[Widget]:
        yield Static(_("Start dvc repro here?"), classes="title")
        yield TextView(
            [
                Text("$ dvc repro", "bold"),
                Text(figures.printable(str(self.context.root)), "dim"),
                Text(),
                Text(_("It runs every stage whose inputs have changed, and writes data, dvc.lock and a record.")),
                Text(_("It goes on when the dashboard is closed; X on the Live screen stops it, as Ctrl-C would.")),
                Text(_("The log shows what it does; {file} has what DVC prints.").format(file=OUTPUT)),
                Text(),
                Text(_("enter starts it · esc goes back"), "bold"),
            ]
        )

    def action_begin(self) -> None:
        if self.leave():
            self._start()
