"""A server over real HTTP whose answers go wrong on demand: each path (or path?query) has a behaviour.

    with Faulty({"/a.csv": InTurn(Status(503), File(b"a;b"))}) as server:
        fetch(server.url + "/a.csv")

``File`` answers as a well-kept server does: validators, ranges, gzip, HEAD. The others spoil that. ``unknown`` answers
what has no route. ``calls`` holds every request, in its order.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """One request. ``query`` keeps the last of repeated keys; ``path`` is without the query, ``target`` with it."""

    method: str
    target: str
    headers: Headers  # names in small letters
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """What goes over the wire: ``cut`` bytes of the body and then the connection breaks; ``hang``: silence there."""

    status: int = 200
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    hang: bool = False
    length: int | None = None  # a Content-Length that is not the body's


Behaviour = Callable[[Call], Answer]


@dataclass(frozen=True)
class File:
    """A file as a well-kept server gives it. Without ``etag`` it is made of the bytes; empty: none is sent."""

    body: bytes
    type: str = "text/csv"
    etag: str | None = None
    modified: str = ""
    ranges: bool = True
    gzip: bool = False

    def __call__(self, call: Call) -> Answer:
        etag = f'"{hashlib.sha256(self.body).hexdigest()[:16]}"' if self.etag is None else self.etag
        own = {"ETag": etag, "Last-Modified": self.modified, "Content-Type": self.type}
        headers = {name: value for name, value in own.items() if value}
        asked = call.headers
        if (etag and asked.get("if-none-match") == etag) or (
            "if-none-match" not in asked and self.modified and asked.get("if-modified-since") == self.modified
        ):
            return Answer(304, headers)
        body = self.body
        if self.gzip and "gzip" in asked.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        span = asked.get("range", "")
        if self.ranges and span and asked.get("if-range", etag) in {etag, self.modified}:
            begin = int(span.removeprefix("bytes=").partition("-")[0])
            if begin >= len(body):
                return Answer(416, {**headers, "Content-Range": f"bytes */{len(body)}"})
            headers["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
            return Answer(206, headers, body[begin:])
        return Answer(200, headers, body)


@dataclass(frozen=True)
class Status:
    """A bare status."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=dict)

    def __call__(self, _call: Call) -> Answer:
        return Answer(self.status, {"Content-Type": "text/plain", **self.headers}, self.body)


@dataclass(frozen=True)
class Cut:
    """Another's answer, of whose body only ``at`` bytes come before the connection breaks, or ``hang``s."""

    of: Behaviour
    at: int
    hang: bool = False

    def __call__(self, call: Call) -> Answer:
        whole = self.of(call)
        return Answer(whole.status, whole.headers, whole.body, cut=min(self.at, len(whole.body)), hang=self.hang)


@dataclass(frozen=True)
class Page:
    """A page of HTML, with the status of success."""

    text: str = "<!DOCTYPE html><html><body>Sistema em manutenção</body></html>"
    type: str = "text/html; charset=utf-8"

    def __call__(self, _call: Call) -> Answer:
        return Answer(200, {"Content-Type": self.type}, self.text.encode())


@dataclass(frozen=True)
class Redirect:
    """Leads to ``to``."""

    to: str
    status: int = 302

    def __call__(self, _call: Call) -> Answer:
        return Answer(self.status, {"Location": self.to})


@dataclass
class InTurn:
    """One behaviour after the other; the last one stays. ``only`` names the method that counts, empty: all do."""

    turns: Sequence[Behaviour]
    only: str = ""
    _next: int = 0

    def __init__(self, *turns: Behaviour, only: str = "") -> None:
        self.turns, self.only, self._next = turns, only, 0

    def __call__(self, call: Call) -> Answer:
        turn = self.turns[min(self._next, len(self.turns) - 1)]
        if not self.only or call.method == self.only:
            self._next += 1
        return turn(call)


class Faulty:
    """The server. ``routes``: a path, or a path with its query, to what happens there; may change while it serves."""

    def __init__(
        self, routes: Mapping[str, Behaviour] | None = None, unknown: Behaviour = Status(404), port: int = 0
    ) -> None:
        self.routes = dict(routes or {})
        self.unknown = unknown
        self.calls: list[Call] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.faulty = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        return self.routes.get(call.target, self.routes.get(call.path, self.unknown))(call)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    faulty: Faulty

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0") or "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.faulty.answer(Call(self.command, self.path, headers, body))
        self.send_response(answer.status)
        length = len(answer.body) if answer.length is None else answer.length
        own = {name.lower() for name in answer.headers}
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "transfer-encoding" not in own and answer.status != 304:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD" or answer.status == 304:
            return
        self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
        self.wfile.flush()
        if answer.hang:
            self.server.faulty.closing.wait(60)
        if answer.cut is not None or answer.hang or (answer.length is not None and length != len(answer.body)):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(2)

    do_GET = do_HEAD = do_POST = _serve
