"""``observatudo`` commands as child processes: the dashboard imports nothing of what they need, and can stop them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from observatudo.i18n import _
from observatudo.journal import Json

_CHUNK = 65_536
_GRACE_S = 5.0
_AT_WORK: set[int] = set()  # process groups of the commands


class Failed(Exception):
    """A command ended without a result: its exit code and what it said."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


def command(*arguments: str) -> list[str]:
    """Return the words that run ``observatudo`` with this very interpreter."""
    return [sys.executable, "-m", "observatudo.cli.app", *arguments]


@dataclass
class Job:
    """One command at work. ``arguments`` are a whole command line, never a shell's."""

    arguments: Sequence[str]
    root: Path
    code: int | None = None
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it, in a process group of its own. Raises Failed where that cannot be: the folder is gone, say."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.arguments,
                cwd=str(self.root),
                env={**os.environ, "COLUMNS": "100", "PYTHONUNBUFFERED": "1", "OBSERVATUDO_PROGRESS": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a damaged record's name with a null in it
            raise Failed(-1, _("the command could not be started: {error}").format(error=error)) from error
        _AT_WORK.add(self._process.pid)

    async def pieces(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield (``"out"`` or ``"err"``, bytes) as they come, until both ends are closed; then ``code`` is set."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(maxsize=64)

        async def pump(name: str, stream: asyncio.StreamReader) -> None:
            while piece := await stream.read(_CHUNK):
                await queue.put((name, piece))
            await queue.put((name, b""))

        pumps = [asyncio.create_task(pump("out", process.stdout)), asyncio.create_task(pump("err", process.stderr))]
        try:
            still_open = len(pumps)
            while still_open:
                name, piece = await queue.get()
                if piece:
                    yield name, piece
                else:
                    still_open -= 1
            self.code = await process.wait()
        finally:
            for task in pumps:
                task.cancel()
            await self.stop()
            _AT_WORK.discard(process.pid)

    async def stop(self) -> None:
        """End it and all it started, if it is still there: SIGTERM, and SIGKILL when that is not heard."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        _signal(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            _signal(process.pid, signal.SIGKILL)
            await process.wait()

    def kill(self) -> None:
        """End it at once, from where nothing can be awaited."""
        if self._process is not None and self._process.returncode is None:
            _signal(self._process.pid, signal.SIGTERM)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_all() -> None:
    """Tell every command at work to end, from where nothing can be awaited."""
    for group in tuple(_AT_WORK):
        _signal(group, signal.SIGTERM)


def last_line(text: str) -> str:
    """Return the last thing on a terminal line: what stands behind the last carriage return or line feed."""
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    return lines[-1].strip() if lines else ""


async def printed(
    root: Path,
    arguments: Sequence[str],
    *,
    fine: Sequence[int] = (0,),
    tell: Callable[[str], None] = lambda _line: None,
) -> tuple[bytes, Failed]:
    """Return what ``observatudo ARGUMENTS`` prints, and what to raise where that is of no use.

    ``tell`` gets what it says of its progress meanwhile. Raises Failed when it ends with another code than the
    ``fine`` ones. Cancelled, it is stopped.
    """
    job = Job(command(*arguments), root)
    await job.start()
    out, said = bytearray(), bytearray()
    async for name, piece in job.pieces():
        if name == "out":
            out += piece
        else:
            said += piece
            tell(last_line(said[-2000:].decode(errors="replace")))
    code = -1 if job.code is None else job.code
    lines = said.decode(errors="replace").replace("\r\n", "\n").split("\n")
    message = "\n".join(line.rpartition("\r")[2] for line in lines).strip()  # without the progress before it
    if code not in fine:
        raise Failed(code, message or _("the command ended with {code}").format(code=code))
    return bytes(out), Failed(code, message or _("the command printed no result"))


async def result(
    root: Path,
    arguments: Sequence[str],
    *,
    fine: Sequence[int] = (0,),
    tell: Callable[[str], None] = lambda _line: None,
) -> Json:
    """Return the JSON that ``observatudo ARGUMENTS`` prints, as ``printed`` does; no JSON raises Failed too."""
    out, nothing = await printed(root, arguments, fine=fine, tell=tell)
    try:
        content: Json = await asyncio.to_thread(json.loads, out)
    except ValueError:
        raise nothing from None
    return content
