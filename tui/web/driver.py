"""The driver of a dashboard that is served: Textual's own for the web, which also notices that its server is gone."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from textual import messages
from textual.drivers.web_driver import WebDriver

_PATIENCE_S = 8.0  # more than a command at work is given to end


class Driver(WebDriver):
    """Ends the app when the pipe from the server is closed: Textual's driver would let it run on for ever."""

    def write(self, data: str) -> None:
        """Write to the server; when it is gone there is nobody to write to."""
        with suppress(BrokenPipeError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Write to the server; when it is gone there is nobody to write to."""
        with suppress(BrokenPipeError):
            super().write_meta(data)

    def run_input_thread(self) -> None:
        """Read until the app ends or the pipe does; then have the app end, and end the process if it does not."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            timer = threading.Timer(_PATIENCE_S, _end)
            timer.daemon = True
            timer.start()
            self._app.post_message(messages.ExitApp())


def _end() -> None:
    """End this process at once, and first all that it started."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)
