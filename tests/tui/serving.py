"""A server of ``python -m tui.web`` in a process of its own, and what a client does to it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import aiohttp
import psutil

from tests.conftest import ROOT
from tests.tui import PATIENCE_S

TOKEN = "a-token-that-a-test-knows-0123456789"
ADDRESS = re.compile(r"http://([^/:]+|\[[^]]+\]):(\d+)/\?token=(\S+)")


P = ParamSpec("P")


def awaited(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run a test that is a coroutine in an event loop of its own."""

    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        asyncio.run(test(*arguments, **named))

    return run


@dataclass
class Served:
    """A server at work: what it printed so far, its port, and the token that opens it."""

    process: subprocess.Popen[str]
    printed: str
    port: int
    token: str
    pids: Path
    errors: str = field(default="", init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def origin(self) -> dict[str, str]:
        return {"Origin": f"http://127.0.0.1:{self.port}"}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and return its exit code; what it printed since stands in ``printed`` and ``errors``."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self.printed, self.errors = self.printed + out, self.errors + err
        return self.process.returncode

    def started(self) -> list[int]:
        """Return the ids of the dashboards started, each followed by the process that it started."""
        return [int(word) for word in self.pids.read_text().split()] if self.pids.exists() else []


@contextmanager
def served(
    folder: Path, *options: str, module: str = "tests.tui.served_app", root: Path = ROOT, **environment: str
) -> Iterator[Served]:
    """Start a server on a free port, in the repository ``root``, of the test's own app or another; end it after."""
    pids = folder / f"pids-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.web", "--app", module, *([] if "--port" in options else ["--port", "0"]), *options],
        cwd=root,
        env={**os.environ, "SERVED_PIDS": str(pids)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    while not (found := ADDRESS.search(printed)):
        line = process.stdout.readline()
        assert line, f"{printed}{process.communicate()[1]}"
        printed += line
    token = environment.get("OBSERVATUDO_TOKEN", found[3])
    server = Served(process, printed, int(found[2]), token, pids)
    try:
        yield server
    finally:
        if process.poll() is None:
            server.stop()
        for pid in server.started():
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


async def status(server: Served, path: str = "/", method: str = "GET", **headers: str) -> int:
    """Return the status of one request, with the headers given and no others."""
    async with aiohttp.ClientSession() as client:
        url = server.url.rstrip("/") + path
        async with client.request(method, url, headers=headers, allow_redirects=False) as answer:
            return answer.status


class Terminal:
    """A client's end of the socket, as the page's script has it."""

    def __init__(self, client: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.client = client
        self.socket = socket
        self.written = b""
        self.told: list[Any] = []

    async def say(self, *words: object) -> None:
        await self.socket.send_str(json.dumps(list(words)))

    async def wait_for(self, words: str) -> None:
        """Read until the terminal has been written these words."""
        await self._until(lambda: words.encode() in self.written)

    async def message(self, kind: str) -> Any:
        """Read until the page is told something of a kind; return what."""
        await self._until(lambda: any(told[0] == kind for told in self.told))
        return next(told[1] for told in self.told if told[0] == kind)

    async def closed(self) -> int | None:
        """Read until the socket is closed; return its code."""
        await self._until(lambda: self.socket.closed)
        return self.socket.close_code

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            message = await self.socket.receive(timeout=PATIENCE_S)
            if message.type is aiohttp.WSMsgType.BINARY:
                self.written += message.data
            elif message.type is aiohttp.WSMsgType.TEXT:
                self.told.append(json.loads(message.data))
            elif message.type is not aiohttp.WSMsgType.PING:
                assert is_so(), f"the socket was closed: {message}, {self.written!r}"


@asynccontextmanager
async def terminal(server: Served, query: str = "width=100&height=30", **options: Any) -> AsyncIterator[Terminal]:
    """Open a socket as the page does, with the token, and wait until the app has begun."""
    async with aiohttp.ClientSession(headers=server.bearer | server.origin) as client:
        url = f"ws://127.0.0.1:{server.port}/ws?{query}"
        async with client.ws_connect(url, max_msg_size=0, **options) as socket:
            yield Terminal(client, socket)


def gone(pids: list[int], seconds: float = 60) -> bool:
    """Say whether processes have all ended within a time; a zombie has."""
    deadline = time.monotonic() + seconds
    while any(map(_runs, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
