"""One log file read as it grows: whole lines, each once, through a descriptor that a rename does not take away."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK = 1 << 18  # bytes asked for at once
_LONGEST_LINE = 1 << 24  # bytes; what has no end by then is no event
_MARK = 64  # bytes before the place reached, by which a file written anew is known


class Tail:
    """An open log file and how far it has been given out, in bytes from its beginning.

    ``more``: the last ``read`` stopped at its limit. Opening raises OSError. As long as it is open no other file gets
    its device and inode.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.day = path.name
        self.key = key(os.fstat(self._file.fileno()))
        self.more = False
        self.idle = 0  # reads in a row that found nothing
        self._offset = 0
        self._mark = b""

    def close(self) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    @property
    def has_half_line(self) -> bool:
        """Say whether bytes are held back because their line has no end yet."""
        return self.size > self._offset

    def seek(self, offset: int) -> None:
        """Go on from there: a line's beginning, in bytes."""
        self._offset = offset
        self._mark = self._bytes(max(0, offset - _MARK), offset)

    def read(self, most: int) -> list[bytes]:
        """Return the next whole lines, ``most`` of them or fewer, without their ends. Raises OSError.

        A file that has been cut off, or written anew under the same inode, is read from its beginning.
        """
        if self._bytes(max(0, self._offset - _MARK), self._offset) != self._mark:
            self._offset, self._mark = 0, b""
        found: list[bytes] = []
        self.more = False
        while not self.more and (lines := self._next_lines()):
            self.more = len(found) + len(lines) > most
            taken = lines[: most - len(found)]
            self.seek(self._offset + sum(map(len, taken)) + len(taken))
            found += taken
        self.idle = 0 if found or self.more else self.idle + 1
        return found

    def _next_lines(self) -> list[bytes]:
        """Return whole lines from the place reached, at least one if there is one."""
        length = _BLOCK
        while True:
            block = self._bytes(self._offset, self._offset + length)
            lines = block.split(b"\n")[:-1]
            if lines or len(block) < length:
                return lines
            if length >= _LONGEST_LINE:
                self.seek(self._offset + length)  # its rest is given out as a line, and is no event
            else:
                length *= 4

    def _bytes(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start) or b""

    def last(self, lines: int) -> tuple[int, int]:
        """Return where the last ``lines`` whole lines begin (in bytes), and how many there are, if fewer."""
        end, count = self.size, 0
        while end > 0:
            start = max(0, end - _BLOCK)
            block = self._bytes(start, end)
            here = block.count(b"\n")
            if count + here > lines:
                return start + _behind(block, count + here - lines), lines
            count, end = count + here, start
        return 0, count

    def find(self, text: bytes) -> int | None:
        """Return where the first line with ``text`` begins."""
        self._file.seek(0)
        offset = 0
        with open(os.dup(self._file.fileno()), "rb") as lines:  # noqa: PTH123 a descriptor, no path
            for line in lines:
                if text in line:
                    return offset
                offset += len(line)
        return None


def key(status: os.stat_result) -> tuple[int, int]:
    """Return what a file is known by while it is open anywhere, whatever its name."""
    return status.st_dev, status.st_ino


def _behind(block: bytes, number: int) -> int:
    """Return the place behind so many line ends."""
    at = 0
    for _end in range(number):
        at = block.index(b"\n", at) + 1
    return at
