"""The log followed as stages write it: whole lines, in order, each once; through midnight and rotation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from observatudo import journal
from observatudo.live import events, tail
from observatudo.live.events import Event
from observatudo.live.tail import Tail
from observatudo.runs import log

MOST = 500  # events of one call: so many take a fraction of the 0.1 s that a screen may stand still
_FIRST = 500  # lines from before it was begun to follow
_DAYS = 8  # a run is looked for in the logs of so many days
_FOLLOWED = 2  # the newest logs: a process may name its file before midnight and write after
_OPEN_FILES = 32
_QUIET = 2  # reads that find nothing before a file that nobody writes to any more is closed
_NAME = re.compile(r"pipeline_\d{8}\.jsonl", re.ASCII)


class Follower:
    """Reads ``logs/pipeline_YYYYMMDD.jsonl`` below ``home`` as they grow. Not for several threads at once.

    ``more``: the last ``read`` stopped at its limit, there may be more already. ``unreadable``: lines that were no
    events. ``problem``: why a log could not be read by the last call, or empty.
    """

    def __init__(self, home: Path, most: int = MOST) -> None:
        self._folder = home / journal.LOGS
        self._most = most
        self._tails: list[Tail] = []
        self._oldest = ""  # a log named before it is none of ours
        self._is_begun = False
        self.more = False
        self.unreadable = 0
        self.problem = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        while self._tails:
            self._tails.pop().close()

    def read(self) -> list[Event]:
        """Return the events since the last call, at most ``most``, in the order they were appended.

        The first call begins with the newest run and those still open, or 500 lines before the end if that is more.
        A log that was renamed is read to its end before the one in its place. Lines that a log lost before they
        were read (it was emptied, or came and went between two calls) are lost here too. Never raises; see ``problem``.
        """
        self.problem = ""
        listed = self._open_new()
        if not self._is_begun and listed:
            self._begin()
        self._is_begun |= bool(listed) or not self.problem
        found = self._read()
        self._let_go(listed)
        return found

    def _open_new(self) -> set[tuple[int, int]]:
        """Open the logs that are not open yet; return what all those there are known by."""
        known = {each.key for each in self._tails}
        listed = set()
        for path in self._paths():
            try:
                key = tail.key(path.stat())
                if key not in known:
                    key = self._open(path, known)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._tell(path, error)
                continue
            listed.add(key)
        self._tails.sort(key=lambda each: each.day)  # stable: one that was renamed stays before its successor
        return listed

    def _paths(self) -> list[Path]:
        """Return the logs that count, oldest first."""
        try:
            names = sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            self._tell(self._folder, error)
            return []
        names = [name for name in names if name >= self._oldest]
        return [self._folder / name for name in (names if self._is_begun else names[-_DAYS:])]

    def _open(self, path: Path, known: set[tuple[int, int]]) -> tuple[int, int]:
        opened = Tail(path)
        if opened.key in known:  # another file has come to the name since it was looked at
            opened.close()
        else:
            self._tails.append(opened)
        return opened.key

    def _tell(self, path: Path, error: OSError) -> None:
        self.problem = f"{path}: {error.strerror or error}"

    def _begin(self) -> None:
        """Put every log where its reading begins, and close those before the first."""
        try:
            first, offset = self._beginning()
        except OSError as error:
            self._tell(self._folder, error)
            return
        for each in self._tails[:first]:
            each.close()
        del self._tails[:first]
        self._tails[0].seek(offset)
        self._oldest = self._tails[0].day

    def _beginning(self) -> tuple[int, int]:
        """Return which log the reading begins in, and where (bytes)."""
        wanted, starts = _FIRST, [each.size for each in self._tails]
        for index in range(len(self._tails) - 1, -1, -1):
            starts[index], found = self._tails[index].last(wanted)
            wanted -= found
            if wanted <= 0:
                break
        begin = next(
            (i, start) for i, start in enumerate(starts) if start < self._tails[i].size or i == len(starts) - 1
        )
        return min([begin, *self._first_lines(self._whole_runs(starts))])

    def _whole_runs(self, starts: list[int]) -> set[str]:
        """Return the newest run and those without an end among the lines behind ``starts``."""
        seen: dict[str, bool] = {}  # run → closed
        for each, start in zip(self._tails, starts, strict=True):
            each.seek(start)
            for line in each.read(_FIRST):
                if (event := log.parse(line)) is not None:
                    seen[str(event["run"])] = event.get("event") == "closed" or seen.get(str(event["run"]), False)
            each.seek(0)
        open_runs = {run for run, is_closed in seen.items() if not is_closed}
        return open_runs | {max(seen)} if seen else set()

    def _first_lines(self, runs: set[str]) -> Iterator[tuple[int, int]]:
        for run in runs:
            mark = f'"run":"{run}"'.encode()
            for index, each in enumerate(self._tails):
                if each.day >= f"pipeline_{log.began(run):%Y%m%d}" and (offset := each.find(mark)) is not None:
                    yield index, offset
                    break

    def _read(self) -> list[Event]:
        found: list[Event] = []
        self.more = False
        room = self._most
        for each in self._tails:
            try:
                lines = each.read(room)
            except OSError as error:
                self._tell(self._folder / each.day, error)
                continue
            found += self._events(lines)
            room -= len(lines)
            if each.more:
                self.more = True
                break
        return found

    def _events(self, lines: list[bytes]) -> Iterator[Event]:
        for line in lines:
            event = events.parse(line)
            if event is not None:
                yield event
            elif line.strip():
                self.unreadable += 1

    def _let_go(self, listed: set[tuple[int, int]]) -> None:
        """Close what was read to its end and is renamed, deleted or of an older day; a half line is waited for."""
        days = sorted({each.day for each in self._tails if each.key in listed})[-_FOLLOWED:]
        if days:
            self._oldest = max(self._oldest, days[0])
        for each in list(self._tails):
            is_over = each.key not in listed or each.day < self._oldest
            is_done = not each.has_half_line or len(self._tails) > _OPEN_FILES
            if is_over and is_done and each.idle >= _QUIET:
                self.unreadable += each.has_half_line
                self._tails.remove(each)
                each.close()
