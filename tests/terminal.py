"""A command in a real terminal of its own, for the tests of what it asks a person."""

from __future__ import annotations

import codecs
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

WITHIN_S: Final = 120
AGAIN_S: Final = 5  # of silence; a command that ends, and is told to once more, ends in another way


class Terminal:
    """One command and what it wrote; nothing here waits longer than WITHIN_S for the next of its words."""

    def __init__(self, root: Path, command: Sequence[str], environment: Mapping[str, str], columns: int = 80) -> None:
        kept = {name: value for name, value in environment.items() if name != "COLUMNS"}
        self.seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = ""
        self._is_over = False
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in the background has it ignored
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.chdir(root)
            os.execve(command[0], list(command), kept)

    def wait(self, text: str) -> str:
        """Read until a text comes; return what came since the last wait."""
        end = time.monotonic() + WITHIN_S
        had = ""
        while text not in had:
            assert time.monotonic() < end, f"{text!r} never came; since then:\n{had}"
            had += self._read()
        self.seen += had
        return had

    def type(self, line: str, then: str) -> str:
        """Type a line and return what comes until ``then``."""
        self.key(f"{line}\n")
        return self.wait(then)

    def key(self, key: str) -> None:
        """Press a key, also one that the terminal itself acts upon (``\\x03``: Ctrl-C, ``\\x04``: Ctrl-D)."""
        os.write(self._fd, key.encode())

    def key_until_it_ends(self, key: str) -> int:
        """Press a key, and again whenever nothing comes of it, until the command ends; return its exit code.

        Once is not enough: Python does not hear a signal that comes between its question and its reading of the
        answer, and waits on. On a busy machine that was one Ctrl-C in three.
        """
        end = time.monotonic() + WITHIN_S
        with suppress(EOFError):
            while True:
                assert time.monotonic() < end, f"{key!r} does not end it:\n{self.seen}"
                self.key(key)
                while select.select([self._fd], [], [], AGAIN_S)[0]:
                    self.seen += self._read()
        return self._ended()

    def end(self) -> int:
        """Read to the end and return the exit code."""
        with suppress(EOFError):
            while True:
                self.seen += self._read()
        return self._ended()

    def _ended(self) -> int:
        _pid, status = os.waitpid(self.pid, 0)
        self._is_over = True
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """Kill the command if it has not ended: its number may be another process's by then."""
        if not self._is_over:
            os.kill(self.pid, signal.SIGKILL)
            self._ended()

    def _read(self) -> str:
        if not select.select([self._fd], [], [], WITHIN_S)[0]:
            raise AssertionError(f"nothing came any more after:\n{self.seen}")
        try:
            content = os.read(self._fd, 65536)
        except OSError as error:  # Linux's way to say that the other end is gone
            if error.errno != errno.EIO:
                raise
            content = b""
        if not content:
            raise EOFError(self.seen)
        text = self._kept + self._decoder.decode(content)  # of which a letter, or the end of a line, may be half here
        self._kept = "\r" if text.endswith("\r") else ""
        return text.removesuffix("\r").replace("\r\n", "\n")


@contextmanager
def in_a_terminal(
    root: Path, command: Sequence[str], environment: Mapping[str, str], columns: int = 80
) -> Iterator[Terminal]:
    """Run a command in a terminal; none outlives the block."""
    made = Terminal(root, command, environment, columns)
    try:
        yield made
    finally:
        made.kill()
