"""The end of the dashboard when somebody else wants it: told to end, or its terminal closed."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING

from tui import jobs

if TYPE_CHECKING:
    from textual.app import App

_PATIENCE_S = 8.0  # more than a command at work is given to end
_TERMINAL = (0, 1, 2)


def heed_signals(app: App[None]) -> None:
    """Have SIGTERM and SIGHUP end the app as ``q`` does: the terminal is as it was, commands are ended.

    With no terminal any more, Textual's writing thread dies and its loop may wait for that one for ever: so the handler
    is Python's, not the loop's, nothing is written to the terminal, and the process ends in any case.
    """
    loop = asyncio.get_running_loop()
    nothing = os.open(os.devnull, os.O_RDWR)

    def end(number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            for descriptor in _TERMINAL:
                os.dup2(nothing, descriptor)
        timer = threading.Timer(_PATIENCE_S, _end, [128 + number])
        timer.daemon = True
        timer.start()
        loop.call_soon_threadsafe(partial(app.exit, return_code=128 + number))

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def _end(code: int) -> None:
    jobs.end_all()
    os._exit(code)
