"""A real terminal (tmux) with a command in it: keys go in, what stands on the screen comes out."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.tui import PATIENCE_S

_STEP_S = 0.05


class Terminal:
    """One tmux server of its own with one window."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def _tmux(self, *arguments: str) -> str:
        words = ["tmux", "-u", "-L", self._socket, "-f", os.devnull, *arguments]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout

    def start(self, command: Sequence[str], folder: Path, size: tuple[int, int], env: dict[str, str]) -> None:
        """Start a command; ``size`` is columns and lines."""
        settings = [f"{name}={value}" for name, value in env.items()]
        line = shlex.join(["env", *settings, *command]) + "; echo ended with $?; exec cat"
        width, height = map(str, size)
        window = ["-x", width, "-y", height, "-c", str(folder), "sh", "-c", line]
        self._tmux("start-server", ";", "set-option", "-g", "status", "off", ";", "new-session", "-d", *window)

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names (``Enter``, ``Space``, ``Escape``, ``C-p``); other words are typed."""
        for key in keys:
            self._tmux("send-keys", key)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def text(self) -> str:
        """Return what stands on the screen."""
        return self._tmux("capture-pane", "-p")

    def wait(self, *wanted: str, within: float = PATIENCE_S, gone: str = "") -> str:
        """Return the screen once it shows all of ``wanted`` and not ``gone``; fails with what it shows instead."""
        return self.wait_until(
            lambda text: all(word in text for word in wanted) and not (gone and gone in text), within, str(wanted)
        )

    def wait_until(self, fits: Callable[[str], bool], within: float = PATIENCE_S, what: str = "") -> str:
        """Return the screen once it fits."""
        end = time.monotonic() + within
        text = self.text()
        while not fits(text):
            assert time.monotonic() < end, f"{what} never came; on the screen:\n{text}"
            time.sleep(_STEP_S)
            text = self.text()
        return text

    def close(self) -> None:
        """End the server and what runs in it."""
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False, timeout=PATIENCE_S
        )


@contextmanager
def terminal(command: Sequence[str], folder: Path, size: tuple[int, int] = (80, 24), **env: str) -> Iterator[Terminal]:
    """Yield a terminal in which the command runs in a folder; everything is ended afterwards."""
    made = Terminal(f"observatudo-{uuid.uuid4().hex[:12]}")
    defaults = {"TERM": "xterm-256color", "OBSERVATUDO_LANG": "en", "LC_ALL": "C.UTF-8", "TZ": "America/Sao_Paulo"}
    try:
        made.start(command, folder, size, defaults | env)
        yield made
    finally:
        made.close()
