"""A small Textual app for the server's tests: shows what it was told, counts a key, delivers a file, opens a link."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

from textual.app import App, ComposeResult
from textual.events import Resize
from textual.widgets import Static

TABLE = "município;valor\nSão Paulo;1\n"


class Served(App[None]):
    """``+`` counts, ``d`` delivers ``TABLE``, ``o`` and ``j`` open a link, ``x`` fails, ``h`` hangs, ``q`` ends."""

    count = 0

    def compose(self) -> ComposeResult:
        words = [word for word in sys.argv[1:] if word.startswith("--")]
        read_only = os.environ.get("OBSERVATUDO_READ_ONLY", "unset")
        token = "OBSERVATUDO_TOKEN" in os.environ
        yield Static(f"arguments={'|'.join(words)} READ_ONLY={read_only} token={token}")
        yield Static("┌─┬─┐│ ▁▂▃▄▅▆▇█ ✓ ✗ ◌ ▶", id="box")
        yield Static("count=0", id="count")
        yield Static("", id="size")

    def on_mount(self) -> None:
        """Leave the process's id, and start another one, where a test asks for them."""
        if "SERVED_PIDS" in os.environ:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
            with Path(os.environ["SERVED_PIDS"]).open("a") as file:
                file.write(f"{os.getpid()} {child.pid}\n")
            self._child: subprocess.Popen[bytes] | None = child

    def on_unmount(self) -> None:
        """End what was started, as the dashboard does with its commands."""
        if getattr(self, "_child", None) is not None and self._child is not None:
            self._child.kill()

    def on_resize(self, event: Resize) -> None:
        """Show the size."""
        self.query_one("#size", Static).update(f"size={event.size.width}x{event.size.height}")

    def key_plus(self) -> None:
        """Count."""
        self.count += 1
        self.query_one("#count", Static).update(f"count={self.count}")

    def key_d(self) -> None:
        """Deliver a file whose name has what a header cannot hold."""
        self.deliver_text(io.StringIO(TABLE), save_filename='compara"ção.csv', mime_type="text/csv")

    def key_o(self) -> None:
        """Open a page."""
        self.open_url("https://example.org/page")

    def key_j(self) -> None:
        """Open what is no page."""
        self.open_url("javascript:alert(1)")

    def key_x(self) -> None:
        """Fail."""
        raise RuntimeError("as a test wants it")

    def key_h(self) -> None:
        """Hang, so that asking does not help; the link says that it has begun, and which process does."""
        self.open_url(f"https://example.org/hanging/{os.getpid()}")
        time.sleep(600)

    def key_q(self) -> None:
        """End."""
        self.exit()


if __name__ == "__main__":
    app = Served()
    app.run()
    sys.exit(app.return_code)
