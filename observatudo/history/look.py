"""Whether something the index is made of may have changed: a few hundred file times, and nothing read."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from observatudo import gitread, journal, paths
from observatudo.history import records, store

Stamp: TypeAlias = "tuple[object, ...]"
_NEWEST_LOGS = 3  # an older one is looked at when another comes or goes
_RACY_NS = 2_000_000_000


def of(path: Path) -> Stamp:
    """Return what changes when a file is replaced or written: inode, time, size; empty when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def below(place: Path) -> Stamp:
    """Return the same of every file under a folder."""
    found: list[object] = []
    waiting = [str(place)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        about = entry.stat(follow_symlinks=False)
                        found.append((entry.path, about.st_mtime_ns, about.st_size))
        except (FileNotFoundError, NotADirectoryError):  # gone meanwhile
            continue
    return tuple(sorted(found, key=str))


@dataclass
class Looker:
    """Looks at one repository; each look gives a stamp to hold against the last one, None when it may still move."""

    home: Path
    _git: tuple[Path, Path] | None = None
    _asked_git: float = -1e9
    _logs: tuple[Stamp, list[str]] = field(default_factory=lambda: ((), []))

    def log(self) -> Stamp:
        """Look at the newest logs, and at today's even if the folder was listed just before it came."""
        folder = self.home / journal.LOGS
        own = of(folder)
        if own != self._logs[0]:
            names = sorted(path.name for path in folder.glob("pipeline_*.jsonl")) if own else []
            self._logs = (own, names)
        today = journal.log_file(self.home, datetime.now(UTC)).name
        newest = dict.fromkeys([*self._logs[1][-_NEWEST_LOGS:], today])
        return (own, *(of(folder / name) for name in newest))

    def records(self) -> Stamp | None:
        """Look at the months' folders."""
        times = records.month_times(self.home)
        if times and time.time_ns() - max(times.values()) < _RACY_NS:
            return None
        return tuple(times.items())

    def versions(self) -> Stamp:
        """Look at HEAD and at everything that names a commit."""
        own, common = self._folders() or (self.home, self.home)
        files = tuple(of(path) for path in (own / "HEAD", common / "packed-refs", common / "shallow"))
        return (str(own), *files, *below(common / "refs"))

    def metrics(self) -> Stamp:
        """Look at the metrics of the work tree."""
        return below(self.home / paths.METRICS)

    def index(self) -> Stamp:
        """Look at whether the index is still the same file."""
        return of(self.home / store.FILE)[:1]

    def _folders(self) -> tuple[Path, Path] | None:
        """Return Git's folder and the one it shares with other work trees; without Git, ask again now and then."""
        if self._git is not None and (self._git[0] / "HEAD").exists():
            return self._git
        if time.monotonic() - self._asked_git < 5:
            return None
        self._asked_git = time.monotonic()
        try:
            done = gitread.ask(self.home, "rev-parse", "--git-dir", "--git-common-dir")
        except OSError:
            return None
        lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
        self._git = None if done.returncode else (self.home / lines[0], self.home / lines[1])
        return self._git
