"""The server: pages, sockets and their dashboards, from the first address printed to the last process ended."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from tui.web import messages, page
from tui.web.dashboard import Dashboard
from tui.web.downloads import Cut, Downloads
from tui.web.gate import WEBSOCKET, Gate
from tui.web.settings import PORT, Settings, address, names

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HEADERS = {
    "Server": "observatudo",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ROOM_S = 1.0


class Server:
    """One server and the dashboards of its clients, at most ``settings.max_clients`` at once."""

    def __init__(self, settings: Settings, gate: Gate) -> None:
        self.settings = settings
        self.gate = gate
        self.downloads = Downloads()
        self._sockets: set[web.WebSocketResponse] = set()
        self._taken = 0
        self._is_ending = False

    def application(self) -> web.Application:
        """Return what answers requests."""
        application = web.Application(middlewares=[self.gate.middleware])
        application.add_routes(
            [
                web.get("/", self.index, allow_head=False),
                web.get("/state", self.state, allow_head=False),
                web.get("/static/{name}", self.static, allow_head=False),
                web.get("/download/{key}", self.download, allow_head=False),
                web.get(WEBSOCKET, self.websocket, allow_head=False),
            ]
        )
        application.on_response_prepare.append(self._protect)
        application.on_shutdown.append(self.close)
        return application

    async def _protect(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        known = request.host if request.host.lower() in self.gate.names else ""
        response.headers.setdefault("Content-Security-Policy", page.policy(known))

    @property
    def has_room(self) -> bool:
        """Whether one more client can have a dashboard."""
        return self._taken < self.settings.max_clients and not self._is_ending

    async def index(self, request: web.Request) -> web.Response:
        """Answer with the terminal's page; who brings the token gets the cookie and goes on without it."""
        if self.gate.brings(request):
            return self.gate.admit(request, page.notice(200, _("The dashboard is starting…"), onward=True))
        if request.query_string:
            raise web.HTTPSeeOther("/")
        with suppress(TimeoutError):  # a tab that is loaded anew has just left its place
            async with asyncio.timeout(_ROOM_S):
                while not self.has_room:
                    await asyncio.sleep(0.05)
        if not self.has_room:
            return self._full()
        return page.dashboard(actions=self.settings.actions)

    def _full(self) -> web.Response:
        text = _("All {count} places are taken: close another tab, or start the server with --max-clients {more}.")
        return page.notice(503, text.format(count=self.settings.max_clients, more=self.settings.max_clients + 1))

    async def state(self, _request: web.Request) -> web.Response:
        """Answer ``{"has_room": bool}``; the page asks when its socket is closed."""
        return web.json_response({"has_room": self.has_room})

    async def static(self, request: web.Request) -> web.Response:
        """Answer with one of the files that are served, and no other."""
        found = page.static().get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        response = web.Response(text=found[0], content_type=found[1], charset="utf-8")
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file that a dashboard delivers; always to be saved, never shown as a page of this server."""
        download = self.downloads.take(request.match_info["key"])
        if download is None:
            raise web.HTTPNotFound
        response = web.StreamResponse()
        response.content_type = download.mime_type or "application/octet-stream"
        response.charset = download.encoding or None
        response.headers["Content-Disposition"] = page.attachment(download.file_name)
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        await response.prepare(request)
        try:
            async for piece in self.downloads.whole(download):
                await response.write(piece)
        except Cut:
            if request.transport is not None:
                request.transport.abort()
        return response

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Give a client its dashboard for as long as its socket is open."""
        if not self.has_room:
            return self._full()
        client = web.WebSocketResponse(
            heartbeat=self.settings.heartbeat, timeout=2.0, max_msg_size=messages.LARGEST, compress=False
        )
        if not client.can_prepare(request):
            raise web.HTTPBadRequest
        self._taken += 1
        try:
            await client.prepare(request)
            self._sockets.add(client)
            await self._serve(client, *messages.size(request.query.get("width", ""), request.query.get("height", "")))
        finally:
            self._sockets.discard(client)
            self._taken -= 1
        return client

    async def _serve(self, client: web.WebSocketResponse, width: int, height: int) -> None:
        dashboard = Dashboard(self.settings, client, self.downloads)
        try:
            await dashboard.start(width, height)
            async for message in client:
                said = messages.understood(message.data) if message.type is WSMsgType.TEXT else None
                if said is None:
                    await client.close(code=WSCloseCode.POLICY_VIOLATION)
                    break
                await _pass_on(said, dashboard, client)
        except ConnectionError:
            pass
        finally:
            await asyncio.shield(dashboard.stop())

    async def close(self, _application: web.Application | None = None) -> None:
        """Close every socket; each sees to its dashboard's end."""
        self._is_ending = True
        closing = [client.close(code=WSCloseCode.GOING_AWAY) for client in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(12):
                while self._taken:
                    await asyncio.sleep(0.05)


class _OneLine(logging.Handler):
    """Says an error nobody foresaw in one line; OBSERVATUDO_DEBUG=1 shows tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print what was raised, and nothing of the request."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            text = _("this should not have happened: {kind}: {error}")
            print(text.format(kind=type(error).__name__, error=error), file=sys.stderr)


async def _pass_on(said: messages.Said, dashboard: Dashboard, client: web.WebSocketResponse) -> None:
    match said.kind:
        case "stdin":
            await dashboard.send_bytes(said.text.encode("utf-8", "replace"))
        case "resize":
            await dashboard.set_terminal_size(said.width, said.height)
        case "ping":
            await client.send_json(["pong", said.text])
        case "focus":
            await dashboard.focus()
        case "blur":
            await dashboard.blur()


def listener(settings: Settings) -> socket.socket:
    """Return a bound socket: on the port asked for, else the usual one, else a free one.

    Raises ObservatudoError when the port asked for is taken or the host is none of this machine's.
    """
    try:
        return _bound(settings.host, PORT if settings.port is None else settings.port)
    except OSError as error:
        if settings.port is None and isinstance(error, OSError) and not isinstance(error, socket.gaierror):
            with suppress(OSError):
                return _bound(settings.host, 0)
        raise ObservatudoError(
            _("cannot listen: {reason}").format(reason=error.strerror or error),
            where=f"{settings.host}:{PORT if settings.port is None else settings.port}",
            next_step="observatudo serve --port 0",
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _name, place = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(64)
    except OSError:
        bound.close()
        raise
    return bound


def _announce(settings: Settings, port: int) -> None:
    """Print the address to open; a token that was given is not repeated."""
    if settings.port is None and port != PORT:
        print(_("port {usual} is taken; this is {port}").format(usual=PORT, port=port))
    if not settings.is_local:
        print(_("others can reach this, unencrypted: put a proxy with HTTPS in front of it"), file=sys.stderr)
    print(_("With actions: who opens this can change the repository.") if settings.actions else _("Read-only."))
    token = _("<your token>") if settings.token_is_given else settings.token
    print(f"{address(settings.host, port)}?token={token}")
    print(_("Ctrl-C ends it."), flush=True)


async def serve(settings: Settings) -> int:
    """Serve until a signal comes, then end every dashboard. Returns the exit code: 130 after Ctrl-C, else 0."""
    for name in () if os.environ.get("OBSERVATUDO_DEBUG") else ("aiohttp", "textual-serve", "asyncio"):
        logging.getLogger(name).addHandler(_OneLine(logging.ERROR))
        logging.getLogger(name).propagate = False
    got: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, got.put_nowait, number)
    bound = listener(settings)
    port = bound.getsockname()[1]
    server = Server(settings, Gate(names(settings.host, port, settings.allowed), port, settings.token))
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0, handle_signals=False)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    _announce(settings, port)
    number = await got.get()
    await runner.cleanup()
    return 130 if number is signal.SIGINT else 0
