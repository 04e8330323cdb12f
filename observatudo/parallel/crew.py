"""The commands of stages at work side by side: started, their output told apart, waited for, stopped.

Each stage has a process group of its own: Ctrl-C on a terminal then reaches this process alone, which
stops the stages once and in order. Threads only pass output on and wait; they touch nothing else.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

_LEFTOVER_OUTPUT_S = 1.0  # a process that a stage left behind may hold its output open
_GRACE_S = 30.0  # so long a stage that was told to stop may take
_LOOK_S = 0.05
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Command:
    """One command of a stage: ``words`` for the system, ``shown`` as dvc.yaml has it."""

    words: Sequence[str]
    shown: str
    folder: Path
    environment: dict[str, str]


@dataclass(frozen=True)
class Ended:
    """A stage's commands are over: all did well (code 0), or the last one shown did not."""

    stage: str
    code: int
    shown: str
    seconds: float


class Crew:
    """The stages at work. Use it in a ``with`` statement: none survives it, and it heeds SIGINT, SIGTERM, SIGHUP."""

    def __init__(self) -> None:
        self.at_work: set[str] = set()
        self.stopped: int | None = None  # the signal that said so
        self._events: queue.SimpleQueue[Ended | signal.Signals] = queue.SimpleQueue()
        self._groups: dict[str, int] = {}
        self._guard = threading.Lock()  # of _groups and _closed
        self._closed = False

    @contextmanager
    def heeding_signals(self) -> Iterator[Crew]:
        """Turn signals into events for as long as the block lasts; at its end kill what is still at work."""
        before = {number: signal.signal(number, self._heed) for number in _STOPPING}
        try:
            yield self
        finally:
            self._send(signal.SIGKILL)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        self.stopped = self.stopped or number
        self._events.put(signal.Signals(number))

    def start(self, stage: str, commands: Sequence[Command], *, alone: bool) -> None:
        """Run the commands one after the other, until one fails; ``alone``, they have the terminal to themselves."""
        self.at_work.add(stage)
        work = threading.Thread(target=self._work, args=(stage, commands, alone), daemon=True)
        work.start()

    def wait(self) -> Ended | None:
        """Wait for the next stage to end, or for a signal (None). A stage that does not stop when told is killed."""
        told = self._events.get() if self.stopped is None else self._patiently()
        if isinstance(told, Ended):
            self.at_work.discard(told.stage)
            return told
        self._send(signal.SIGKILL if self._closed else signal.SIGTERM)
        return None

    def _patiently(self) -> Ended | signal.Signals:
        try:
            return self._events.get(timeout=_GRACE_S)
        except queue.Empty:
            return signal.SIGTERM

    def _send(self, number: signal.Signals) -> None:
        with self._guard:
            self._closed = True
            for group in self._groups.values():
                _signal_group(group, number)

    def _work(self, stage: str, commands: Sequence[Command], alone: bool) -> None:
        began = time.monotonic()
        code, shown = 0, ""
        for command in commands:
            shown = command.shown
            try:
                code = self._run(stage, command, alone)
            except OSError as error:  # no shell, no folder, no memory
                sys.stderr.write(f"{stage}: {error}\n")
                code = 127
            if code:
                break
        self._events.put(Ended(stage, code, shown, time.monotonic() - began))

    def _run(self, stage: str, command: Command, alone: bool) -> int:
        output = None if alone else subprocess.PIPE
        with self._guard:
            if self._closed:
                return 128 + signal.SIGTERM
            process = subprocess.Popen(
                command.words,
                cwd=command.folder,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )
            self._groups[stage] = process.pid
        pumps = [] if alone else [_pump(stage, process.stdout, 1), _pump(stage, process.stderr, 2)]
        code = process.wait()
        for pump in pumps:
            pump.join(_LEFTOVER_OUTPUT_S)
        self._bury(process.pid)
        with self._guard:
            del self._groups[stage]
        return code if code >= 0 else 128 - code

    def _bury(self, group: int) -> None:
        """Once told to stop, wait for the rest of the group too: a shell may end before what it started."""
        until = time.monotonic() + _GRACE_S
        while self._closed and time.monotonic() < until and _signal_group(group, 0):
            time.sleep(_LOOK_S)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; say whether anybody was there to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS refuses when only zombies are left
        return False
    return True


def _pump(stage: str, stream: IO[bytes] | None, descriptor: int) -> threading.Thread:
    """Pass a stage's lines on as they come, each marked with the stage's name."""
    mark = f"{stage} | ".encode()
    told = sys.stdout.buffer if descriptor == 1 else sys.stderr.buffer

    def pass_on() -> None:
        assert stream is not None
        is_heard = True
        for line in stream:  # to its end even when nobody listens any more: a full pipe would stop the stage
            if is_heard:
                is_heard = _write(told, mark + line.removesuffix(b"\n") + b"\n")

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    return thread


def _write(told: IO[bytes], line: bytes) -> bool:
    try:
        told.write(line)
        told.flush()
    except (OSError, ValueError):
        return False
    return True
