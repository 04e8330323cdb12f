"""One client's dashboard: the process behind one socket, from its start to its certain end."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from observatudo.i18n import _
from tui.web.settings import Settings

if TYPE_CHECKING:
    import psutil

READ_ONLY = "OBSERVATUDO_READ_ONLY"
_READY = b"__GANGLION__\n"
_KEPT_BYTES = 65_536
_PATIENCE_S = ((None, 2.5), (signal.SIGTERM, 4.0), (signal.SIGKILL, 5.0))


def words(settings: Settings) -> list[str]:
    """Return the command that runs the dashboard, for a process of its own."""
    interpreter = [sys.executable, *(["-P"] if sys.flags.safe_path else [])]
    return [*interpreter, "-m", settings.module, "--serving", *([] if settings.actions else ["--read-only"])]


class Dashboard(AppService):
    """The process of one client. Ends by itself, with its socket, or when it is told to, and never later."""

    def __init__(self, settings: Settings, socket: web.WebSocketResponse, downloads: DownloadManager) -> None:
        async def close() -> None:
            await socket.close()

        self._words = words(settings)
        self._settings = settings
        super().__init__(
            shlex.join(self._words),
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=close,
            download_manager=downloads,
        )
        self._is_ending = False
        self._ends_by_itself = False

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = {
            **os.environ,
            "TEXTUAL_DRIVER": "tui.web.driver:Driver",
            "TEXTUAL_FPS": "60",
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TERM_PROGRAM": "textual",
            "TERM_PROGRAM_VERSION": version("textual-serve"),
            "COLUMNS": str(width),
            "ROWS": str(height),
        }
        return environment if self._settings.actions else environment | {READ_ONLY: "1"}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the process without a shell, and where the terminal's Ctrl-C does not reach it: the server ends it."""
        self._process = await asyncio.create_subprocess_exec(
            *self._words,
            cwd=self._settings.root,
            env=self._build_environment(width, height),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        return self._process

    async def run(self) -> None:
        """Pass on what the process writes until it ends, then close the socket; say it when it failed."""
        assert self._process is not None
        process = self._process
        errors = asyncio.create_task(_tail(process.stderr))
        relay = asyncio.create_task(self._relay(process.stdout))
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({relay, ended}, return_when=asyncio.FIRST_COMPLETED)
        self._ends_by_itself |= not self._is_ending
        await asyncio.wait({relay}, timeout=1)  # not longer: something else may still hold the pipe
        with suppress(ConnectionError, RuntimeError):
            await self.remote_close()
        await ended  # stop(), which follows the closed socket, sees to that
        relay.cancel()
        with suppress(TimeoutError):
            said = await asyncio.wait_for(errors, 1)
            if process.returncode and self._ends_by_itself:
                _tell(process.returncode, said.decode("utf-8", "replace"))

    async def _relay(self, stdout: asyncio.StreamReader | None) -> None:
        """Handle packets: a letter, four bytes of length, the content; a letter is what Textual's driver writes."""
        assert stdout is not None
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while await stdout.readline() not in (_READY, b""):
                pass
            while True:
                kind = await stdout.readexactly(1)
                payload = await stdout.readexactly(int.from_bytes(await stdout.readexactly(4), "big"))
                await self._handle(kind, payload)

    async def _handle(self, kind: bytes, payload: bytes) -> None:
        """Handle one packet; on a closed socket it is lost, but read, as the process must be able to write and end."""
        with suppress(ConnectionError, RuntimeError):
            if kind == b"D":
                await self.on_data(payload)
            elif kind == b"M":
                await self.on_meta(payload)
            elif kind == b"P":
                await self.on_packed(payload)

    async def on_meta(self, data: bytes) -> None:
        """Handle what is not for the screen; of links, only those that lead to a page are opened."""
        content = json.loads(data)
        if content["type"] == "exit":
            self._ends_by_itself = not self._is_ending
        if content["type"] == "open_url" and not content["url"].startswith(("https://", "http://")):
            return
        await super().on_meta(data)

    async def stop(self) -> None:
        """End the process: asked, then told, then with all that it started. Returns when it has ended."""
        if self._task is None or self._is_ending:
            return
        self._is_ending = True
        assert self._process is not None
        process = self._process
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.send_meta({"type": "quit"}), 1)
        self.stdin.close()
        for number, seconds in _PATIENCE_S:
            if number is not None:
                _signal(process, number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
                break
        await self._task


def _signal(process: Process, number: signal.Signals) -> None:
    """Signal a process, with SIGKILL also what it started: that could not be stopped by it any more."""
    import psutil

    started: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True) if number is signal.SIGKILL else []
    with suppress(ProcessLookupError):
        process.send_signal(number)
    for child in started:
        with suppress(psutil.NoSuchProcess):
            child.kill()


async def _tail(stderr: asyncio.StreamReader | None) -> bytes:
    assert stderr is not None
    kept = bytearray()
    while piece := await stderr.read(4096):
        kept += piece
        del kept[:-_KEPT_BYTES]
    return bytes(kept)


def _tell(code: int, said: str) -> None:
    """Tell the server's terminal that a dashboard failed; all it said is there for who asks for it."""
    if os.environ.get("OBSERVATUDO_DEBUG"):
        print(said, file=sys.stderr)
    lines = [line.strip(" │╭╮╰╯─") for line in said.splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    print(_("a dashboard failed with {code}: {last}").format(code=code, last=last), file=sys.stderr)
    if not os.environ.get("OBSERVATUDO_DEBUG"):
        print("  → " + _("OBSERVATUDO_DEBUG=1 before the command shows where"), file=sys.stderr)
