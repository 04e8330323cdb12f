"""An HTTP proxy before an emulator that goes wrong on demand, remembers what was sent, and can ask for credentials.

It forwards whole requests (gzip, chunked and resumable uploads) and answers with whole answers. ``inject`` says what
happens to the nth request that matches. REST only: the Storage Read API is gRPC and does not pass here.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import urlsplit

from tests.cloud.faults import Answered, Calling, Delayed, Dropped, Fault, Lost, Rewritten, Truncated, unauthorized
from tests.cloud.tokens import Tokens

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding", "te", "upgrade"}
_MANY = 10**9


@dataclass
class Seen:
    """One request as it came: ``status`` is what the client was answered, 0 when it never heard."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    fault: Fault | None = None


@dataclass
class Rule:
    """A fault for requests ``first`` to ``last``, counted from 1, among those that match; ``hits`` counts them."""

    path: re.Pattern[str]
    method: re.Pattern[str]
    fault: Fault
    first: int
    last: int
    body: bytes = b""
    hits: int = 0

    def takes(self, seen: Seen) -> bool:
        """Count a request if it matches, and say whether it is one of those that go wrong."""
        if not (self.method.fullmatch(seen.method) and self.path.search(seen.path) and self.body in seen.body):
            return False
        self.hits += 1
        return self.first <= self.hits <= self.last


@dataclass
class Answer:
    """What the emulator answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Proxy:
    """The proxy's knobs, which may be turned while it serves; ``url`` takes the place of the emulator's."""

    target: str
    url: str = ""
    tokens: Tokens | None = None
    is_bearer_required: bool = False
    requests: list[Seen] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def inject(
        self, fault: Fault, path: str = "", method: str = ".*", nth: int = 1, times: int = 1, body: bytes = b""
    ) -> Rule:
        """Have requests whose path and query match, and that hold ``body``, go wrong.

        Begins with the ``nth`` of them and lasts for ``times`` (0: for ever).
        """
        last = nth + times - 1 if times else _MANY
        rule = Rule(re.compile(path), re.compile(method), fault, nth, last, body)
        with self._lock:
            self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self.rules.clear()

    def sent(self, path: str = "", method: str = ".*") -> list[Seen]:
        """Return the requests whose path and query match, in the order in which they came."""
        with self._lock:
            return [one for one in self.requests if re.search(path, one.path) and re.fullmatch(method, one.method)]

    def uploaded(self) -> int:
        """Return how many bytes of bodies came to addresses for uploads."""
        return sum(len(one.body) for one in self.sent("^/(resumable/)?upload/"))

    def holds(self, secret: str) -> bool:
        """Say whether a secret was in a request's address or body; its headers may hold one."""
        return any(secret in one.path or secret.encode() in one.body for one in self.sent())

    def take(self, seen: Seen) -> None:
        """Remember a request, and choose the fault that befalls it."""
        with self._lock:
            self.requests.append(seen)
            chosen = [rule for rule in self.rules if rule.takes(seen)]
        if chosen:
            seen.fault = chosen[0].fault
        elif self.is_bearer_required and seen.path != "/token" and not self._is_known(seen):
            seen.fault = unauthorized()

    def _is_known(self, seen: Seen) -> bool:
        given = seen.headers.get("authorization", "").removeprefix("Bearer ")
        return self.tokens is not None and given in self.tokens.minted

    def forward(self, seen: Seen) -> Answer:
        """Have the emulator do it. Its own address in the answer becomes the proxy's. Raises OSError if it is gone."""
        host = urlsplit(self.target)
        connection = http.client.HTTPConnection(cast(str, host.hostname), host.port, timeout=120)
        headers = {name: value for name, value in seen.headers.items() if name not in _HOP}
        with contextlib.closing(connection):
            connection.request(seen.method, seen.path, seen.body or None, {**headers, "Accept-Encoding": "identity"})
            answer = connection.getresponse()
            body = answer.read()
        is_json = answer.headers.get_content_type() == "application/json" and "alt=media" not in seen.path
        if is_json:
            body = body.replace(self.target.encode(), self.url.encode())
        kept = [
            (name, value.replace(self.target, self.url))
            for name, value in answer.getheaders()
            if name.lower() not in _HOP
        ]
        return Answer(answer.status, kept, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, self._body())
        self.proxy.take(seen)
        if self.proxy.tokens is not None and seen.fault is None and seen.path == "/token":
            status, body = self.proxy.tokens.mint(seen.body, self.proxy.url)
            self._answer(seen, Answer(status, [("Content-Type", "application/json")], body))
            return
        try:
            self._meet(seen)
        except (OSError, http.client.HTTPException):  # the emulator was killed, or the client is gone
            self._drop()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _meet(self, seen: Seen) -> None:
        match seen.fault:
            case None:
                self._answer(seen, self.proxy.forward(seen))
            case Dropped():
                self._drop()
            case Lost():
                self.proxy.forward(seen)
                self._drop()
            case Delayed(seconds):
                time.sleep(seconds)
                self._answer(seen, self.proxy.forward(seen))
            case Calling(action):
                action()
                self._answer(seen, self.proxy.forward(seen))
            case Truncated(kept):
                self._answer(seen, self.proxy.forward(seen), kept)
            case Rewritten(change):
                answer = self.proxy.forward(seen)
                self._answer(seen, Answer(answer.status, answer.headers, change(answer.body)))
            case Answered(status, body, is_done, headers):
                if is_done:
                    self.proxy.forward(seen)
                self._answer(seen, Answer(status, [("Content-Type", "application/json"), *headers], body))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return body

    def _answer(self, seen: Seen, answer: Answer, kept: int | None = None) -> None:
        seen.status = answer.status
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if seen.method != "HEAD":
            self.wfile.write(answer.body[:kept])
        if kept is not None:
            self.wfile.flush()
            self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away, which they do whenever something is injected."""


@contextlib.contextmanager
def proxied(target: str, tokens: Tokens | None = None) -> Iterator[Proxy]:
    """Serve before ``target`` (an URL without a path) on a free loopback port.

    With ``tokens`` it also answers ``/token``; set ``is_bearer_required`` to have every other request show one.
    """
    proxy = Proxy(target.rstrip("/"), tokens=tokens)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
