"""The dashboard over 100,000 runs, in a real pseudo-terminal; ``RUNS`` says how many. Informational.

Side by side in one run: the first row against an empty Textual app; a key's way to the first byte of the answer, at
rest, while a log streams, and while the index is made from nothing; how long the event loop stood still; memory.
Targets: the first row within 0.15 s of the empty app; p95 30 ms for the cursor and 50 ms for a page, in all three
states; no stall over 100 ms; 80 MB.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from observatudo.history.store import FILE
from observatudo.history.view import View
from observatudo.journal import log_file
from tests.bench import many_runs
from tests.conftest import ROOT

RUNS = int(os.environ.get("RUNS", "100000"))
STARTS, KEYS = 7, 60
SIZE = (40, 120)
QUIET_S, LONGEST_S = 0.06, 120.0
MIB = 1 << 20
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("here it is")
Empty().run()
"""
WATCHED = """
import asyncio, json, sys, time
from pathlib import Path
from observatudo.history.view import View
from tui.app import Dashboard
from tui.context import Context, Settings

class Watched(Dashboard):
    async def on_mount(self):
        await super().on_mount()
        self.run_worker(self.beat())

    async def beat(self):
        worst = []
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            worst = sorted([*worst, time.perf_counter() - before - 0.005])[-5:]
            draft = Path(sys.argv[2] + ".new")
            draft.write_text(json.dumps(worst))
            draft.replace(sys.argv[2])

root = Path(sys.argv[1])
Watched(Context(root, View(root), Settings())).run()
"""


class Screen:
    """A command in a pseudo-terminal."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.began = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "OBSERVATUDO_LANG": "en"}
            os.execve(command[0], list(command), environment | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"})
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))

    def read(self, within: float) -> bytes:
        """Return what comes within so many seconds; nothing when nothing does."""
        ready, _out, _bad = select.select([self._file], [], [], within)
        return os.read(self._file, 1 << 16) if ready else b""

    def until(self, wanted: bytes) -> float:
        """Return the seconds from the start until the terminal was sent this text."""
        seen, end = b"", time.perf_counter() + LONGEST_S
        while wanted not in seen:
            if time.perf_counter() > end:
                raise TimeoutError(f"{wanted!r} never came")
            seen = seen[-4096:] + self.read(1.0)
        return time.perf_counter() - self.began

    def quiet(self, within: float = QUIET_S) -> None:
        """Wait until nothing is written for a moment."""
        while self.read(within):
            pass

    def key(self, key: bytes) -> float:
        """Return the seconds from a key to the first byte of its answer."""
        self.quiet()
        began = time.perf_counter()
        os.write(self._file, key)
        if not self.read(LONGEST_S):
            raise TimeoutError(f"no answer to {key!r}")
        return time.perf_counter() - began

    def close(self) -> None:
        os.write(self._file, b"q")
        end = time.perf_counter() + 10
        try:
            while time.perf_counter() < end and self.read(1.0):
                pass
        except OSError:  # the other end is closed
            pass
        os.close(self._file)
        os.waitpid(self.pid, 0)


def ms(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    return f"{statistics.median(ordered) * 1000:7.1f} {ordered[int(len(ordered) * 0.95)] * 1000:7.1f}"


def first_row(home: Path) -> None:
    """Print how long the first row takes, cold, beside an empty app."""
    newest = View(home)
    run = newest.runs(newest.first_runs(1))[0]
    row = f"{run.duration_s:.1f} s".encode() if run.duration_s < 60 else b" min "
    commands = {
        "an empty Textual app": ([sys.executable, "-c", EMPTY], b"here it is"),
        "observatudo tui, first row": ([str(ROOT / ".venv/bin/observatudo"), "tui"], row),
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _trial in range(STARTS):
        for name, (command, wanted) in commands.items():
            screen = Screen(command, home)
            found[name].append(screen.until(wanted))
            screen.quiet(0.5)
            screen.close()
    for name, seconds in found.items():
        print(f"  {name:<46} {statistics.median(seconds):7.2f} s")


def keys(screen: Screen, name: str) -> None:
    """Print the latency of cursor and page keys, p50 and p95 in ms."""
    for what, key in (("cursor", b"j"), ("page", b"J")):
        print(f"  {name + ', ' + what:<46} {ms([screen.key(key) for _key in range(KEYS)])} ms", flush=True)


@contextmanager
def streaming(home: Path) -> Iterator[None]:
    """Append a line to the log of a run every 2 ms."""
    ended = threading.Event()

    def write() -> None:
        now = datetime.now(UTC)
        run = f"{now:%Y%m%dT%H%M%SZ}-1"
        path = log_file(home, now)
        path.parent.mkdir(exist_ok=True)
        own = {"pid": os.getpid(), "started": psutil.Process().create_time()}
        start: dict[str, object] = {
            "kind": "repro",
            "process": own,
            "owner": {**own, "command": ["dvc", "repro"]},
            "stage": "load",
        }
        with path.open("a") as lines:
            count = 0
            while not ended.wait(0.002):
                count += 1
                progress: dict[str, object] = {"event": "progress", "done": count, "total": 9**9}
                event = {"event": "start", **start} if count == 1 else progress
                head = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "run": run, "stage": "load"}
                lines.write(json.dumps(head | event, separators=(",", ":")) + "\n")
                lines.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        many_runs.put_repository(home, RUNS, min(RUNS, 1000))
        watch = [sys.executable, "-P", "-m", "observatudo.history.watch", str(home)]
        print(f"Dashboard over {RUNS:,} runs, {SIZE[1]}x{SIZE[0]}")
        stalls = home / "stalls.json"
        command = [sys.executable, "-c", WATCHED, str(home), str(stalls)]
        screen = Screen(command, home)
        screen.until(b"min ")
        keys(screen, "while the index is made")
        told = [f"{worst * 1000:.0f}" for worst in json.loads(stalls.read_text())]
        print(f"  {'event loop stood still at most (ms)':<46} {' '.join(told)}")
        screen.close()
        index(watch, home)
        first_row(home)
        screen = Screen(command, home)
        screen.until(b"min ")
        screen.quiet(1.0)
        keys(screen, "at rest")
        print(f"  {'memory (MiB, resident)':<46} {psutil.Process(screen.pid).memory_info().rss / MIB:7.0f}")
        with streaming(home):
            keys(screen, "while a log streams")
        told = [f"{worst * 1000:.0f}" for worst in json.loads(stalls.read_text())]
        print(f"  {'event loop stood still at most (ms)':<46} {' '.join(told)}")
        screen.close()


def index(watch: Sequence[str], home: Path) -> None:
    """Let the index come up to date."""
    assert (home / FILE).exists()
    with subprocess.Popen(watch, cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as child:  # fmt: skip
        assert child.stdout is not None and child.stdin is not None
        for line in child.stdout:
            if '"idle"' in line:
                break
        child.stdin.close()


if __name__ == "__main__":
    main()
