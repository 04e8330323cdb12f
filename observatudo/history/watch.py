"""Keeps the index up to date: ``python -m observatudo.history.watch [HOME] [--read-only]``.

Started by the dashboard, which only reads the index. Says what happens in JSON, one object a line, on stdout::

    {"event": "progress", "what": "records" | "log" | "versions", "done": n, "total": m}
    {"event": "changed", "what": ["records" | "log" | "versions" | "metrics", …]}
    {"event": "idle"}                       once, when the first pass is done
    {"event": "problem", "message": "…"}    once until there is another or none; "" when it is over

Unless it is told to read only, it closes runs that were cut off, as every reader of the history does. It ends when
stdin is closed, when it is told to (SIGTERM, SIGINT), and when the process that started it is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from observatudo import history, paths
from observatudo.errors import ObservatudoError
from observatudo.history import logs, look, records, store, versions, view
from observatudo.i18n import _

_EVERY_S = 0.5
_AFTER_PROBLEM_S = 2.0
_PROGRESS_EVERY_S = 0.2
_CHANGED_EVERY_S = 1.0
_CLOSE_EVERY_S = 5.0
_WHOLE_EVERY_S = 60.0  # what no look would show
_FIRST_MONTHS = 2  # are there before the versions are read, the others after
_NICE = 5

Work = Callable[[sqlite3.Connection, Path, store.Tell], bool | None]


class Stopped(Exception):
    """Somebody said that this is enough."""


class Watcher:
    """One watched repository."""

    def __init__(self, home: Path, *, is_read_only: bool) -> None:
        self.home = home
        self._is_read_only = is_read_only
        self._looker = look.Looker(home)
        self._seen: dict[str, look.Stamp | None] = {}
        self._view = view.View(home)
        self._generation, self._has_said = 0, False
        self._problem = ""
        self._parent = os.getppid()
        self._told: dict[str, float] = {}
        self._closing: threading.Thread | None = None
        self._closed, self._whole = time.monotonic() - _CLOSE_EVERY_S, time.monotonic()
        self._lock = threading.Lock()
        self._is_stopped = False
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)

    def run(self) -> None:
        """Watch until told to stop."""
        signal.set_wakeup_fd(self._waker)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        with suppress(Stopped):
            is_first = True
            while True:
                is_well = self._once()
                if is_first and is_well:
                    self._say({"event": "idle"})
                    is_first = False
                self._pause(_EVERY_S if is_well else _AFTER_PROBLEM_S)

    def _stop(self, _number: int, _frame: object) -> None:
        self._is_stopped = True

    def _pause(self, seconds: float) -> None:
        """Wait; raises Stopped when there is nobody left to work for."""
        ready, _out, _odd = select.select([0, self._wake], [], [], seconds)
        is_closed = 0 in ready and not os.read(0, 1 << 12)
        if self._is_stopped or is_closed or os.getppid() != self._parent:
            raise Stopped

    def _once(self) -> bool:
        """Bring the index up to date where a look says so; say whether that went well."""
        try:
            self._bring()
            if not self._is_read_only:
                self._close()
        except (OSError, sqlite3.Error, ValueError, ObservatudoError) as error:
            self._seen = {}
            is_damage = isinstance(error, sqlite3.DatabaseError | ValueError) and store.is_damage(error)
            if is_damage and store.delete(self.home):
                return True  # it is made anew at once
            self._tell_problem(_why(error))
            return False
        self._tell_problem("")
        return True

    def _bring(self) -> None:
        if time.monotonic() - self._whole > _WHOLE_EVERY_S:
            self._whole = time.monotonic()
            self._seen = {name: stamp for name, stamp in self._seen.items() if name in ("index", "metrics")}
        if self._looker.index() != self._seen.get("index", ()):
            self._seen = {"metrics": self._seen.get("metrics")}
        now = {"log": self._looker.log(), "records": self._looker.records(), "versions": self._looker.versions()}
        due = [what for what, stamp in now.items() if stamp is None or stamp != self._seen.get(what)]
        if due:
            with store.opened(self.home) as connection:
                self._passes(connection, due, now)
            self._seen["index"] = self._looker.index()
        generation = self._view.generation()
        if generation != self._generation and not self._has_said:  # another process took in what came
            self._changed("records", True)
            self._changed("log", True)
        self._generation, self._has_said = generation, False
        metrics = self._looker.metrics()
        if self._seen.get("metrics") not in (None, metrics):
            self._say({"event": "changed", "what": ["metrics"]})
        self._seen["metrics"] = metrics

    def _passes(self, connection: sqlite3.Connection, due: list[str], now: dict[str, look.Stamp | None]) -> None:
        works: dict[str, Work] = {"log": logs.take_in, "versions": versions.take_in, "records": records.take_in}
        if "records" in due:
            self._changed("records", records.take_in(connection, self.home, self._alive, _FIRST_MONTHS))
        for what in works:
            if what in due:
                has_changed = works[what](connection, self.home, self._progress)
                self._changed(what, has_changed)
                # None: another process is at it; look again until it is done
                self._seen[what] = None if has_changed is None else now[what]

    def _changed(self, what: str, has_changed: bool | None) -> None:
        if has_changed:
            self._has_said = True
            self._say({"event": "changed", "what": [what]})

    def _alive(self, what: str, _done: int, _total: int) -> None:
        self._pause(0)
        if self._is_time("changed", _CHANGED_EVERY_S):
            self._changed(what, True)

    def _progress(self, what: str, done: int, total: int) -> None:
        self._pause(0)
        if done >= total or self._is_time("progress", _PROGRESS_EVERY_S):
            self._say({"event": "progress", "what": what, "done": done, "total": total})
        if done < total and self._is_time("changed", _CHANGED_EVERY_S):
            self._changed(what, True)

    def _is_time(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now - self._told.get(what, -every) < every:
            return False
        self._told[what] = now
        return True

    def _close(self) -> None:
        """Have a thread close what was cut off: MLflow, which is told of it, takes its time."""
        now = time.monotonic()
        if now - self._closed < _CLOSE_EVERY_S or (self._closing and self._closing.is_alive()):
            return
        self._closed = now
        with store.opened(self.home) as connection:
            is_open = connection.execute("SELECT 1 FROM run WHERE source = 'log' AND status = 'running'").fetchone()
        if is_open:
            self._closing = threading.Thread(target=self._close_interrupted, daemon=True)
            self._closing.start()

    def _close_interrupted(self) -> None:
        try:
            history.close_interrupted(self.home)
        except (OSError, sqlite3.Error, ValueError, ObservatudoError) as error:
            self._say({"event": "problem", "message": _why(error)})

    def _tell_problem(self, message: str) -> None:
        if message != self._problem:
            self._problem = message
            self._say({"event": "problem", "message": message})

    def _say(self, event: dict[str, object]) -> None:
        """Print one line; raises Stopped when nobody listens."""
        line = json.dumps(event).encode() + b"\n"
        with self._lock:
            try:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing is left to be flushed at the end
                raise Stopped from None


def _why(error: Exception) -> str:
    if isinstance(error, ObservatudoError):
        return str(error)
    return _("the index of the history cannot be brought up to date: {reason}").format(reason=error)


def main() -> None:
    """Watch the repository named on the command line, or the one here."""
    words = [word for word in sys.argv[1:] if word != "--read-only"]
    try:
        home = paths.repository(Path(words[0])) if words else paths.home()
    except ObservatudoError as error:
        print(json.dumps({"event": "problem", "message": str(error)}), flush=True)
        raise SystemExit(1) from None
    os.nice(_NICE)
    Watcher(home, is_read_only="--read-only" in sys.argv).run()


if __name__ == "__main__":
    main()
