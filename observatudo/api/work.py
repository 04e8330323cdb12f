"""Heavy requests: few at once, a comparison in a process of its own that is stopped when its time is over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from observatudo.api.problems import Refused
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

_RETRY = {"Retry-After": "5"}
_WAIT_S = 2.0
_COMPARED = (0, 1)  # the exit codes of a diff that has a result: same, or a rule of the policy broken
_LINES = 3  # of what a command says, at most


@dataclass
class Workshop:
    """``seconds`` is what a comparison may take; one is made at a time, and two other heavy answers."""

    root: Path
    seconds: float
    _comparing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), init=False)
    _reading: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(2), init=False)

    async def diff(self, a: str, b: str, tables: list[str], samples: int) -> bytes:
        """Return what ``observatudo diff --json`` prints. Raises Refused (503) when busy or out of time, and
        ObservatudoError when the versions cannot be compared.
        """
        if self._comparing.locked():
            raise Refused(503, _("Another comparison is being made; try again."), _RETRY)
        async with self._comparing:
            options = [f"--table={name}" for name in tables]
            words = ["diff", "--json", f"--samples={samples}", *options, "--", a, b]
            return await self._run(words)

    async def _run(self, words: list[str]) -> bytes:
        interpreter = [sys.executable, *(["-P"] if sys.flags.safe_path else [])]
        process = await asyncio.create_subprocess_exec(
            *interpreter, "-m", "observatudo.cli.entry", *words,
            cwd=self.root, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, told = await asyncio.wait_for(process.communicate(), self.seconds)
        except TimeoutError:
            message = _("The comparison took longer than {seconds:g} s; ask for one table.")
            raise Refused(503, message.format(seconds=self.seconds), _RETRY) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode in _COMPARED or out.startswith(b"{"):
            return out
        raise _explained(told.decode(errors="replace"))

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Hold one of the few places for what takes a while. Raises Refused (503) when none gets free in time."""
        if not self._reading.acquire(timeout=_WAIT_S):
            raise Refused(503, _("The server is busy; try again."), _RETRY)
        try:
            yield
        finally:
            self._reading.release()


def _explained(told: str) -> ObservatudoError:
    """Return the error that a command printed; its lines are those of ``ObservatudoError.__str__``."""
    marked, said = {"@": "", "→": ""}, []
    for mark, _blank, rest in (line.strip().partition(" ") for line in told.strip().splitlines()):
        if mark in marked:
            marked[mark] = rest
        else:
            said.append(f"{mark} {rest}".strip())
    message = " ".join(said[:_LINES]) or _("not comparable")
    return ObservatudoError(message, where=marked["@"], next_step=marked["→"])
