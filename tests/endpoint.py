"""An OpenAI-compatible endpoint over real HTTP that goes wrong on demand; ``python -m tests.endpoint`` serves one.

It answers ``POST /v1/chat/completions``, ``GET /v1/models`` and, where ``ollama`` is set, ``GET /api/tags``. The same
question gets the same answer: nothing is drawn, and the hour decides nothing. ``Fault`` lists what can go wrong.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import email.utils
import json
import math
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import quote

from observatudo.classify.providers import LEVELS, Level
from tests.endpoint_answers import (
    MODEL,
    OF_AN_ANSWER,
    PROSE,
    Body,
    Call,
    Fault,
    axes,
    by_words,
    completion,
    error_body,
    form,
    insufficient_quota,
    refusal,
    spoilt,
    status,
)

__all__ = ["MODEL", "Body", "Call", "Endpoint", "Fault", "axes", "by_words", "insufficient_quota", "status"]

_IS_JSON = {"Content-Type": "application/json"}
_IS_HTML = {"Content-Type": "text/html; charset=utf-8"}

Label = Callable[[str, int, Body], str]
Faults = list[Fault | None] | Callable[[Call], Fault | None]


class Endpoint:
    """The endpoint and its knobs, which may be turned while it serves.

    ``label`` says the axis for a name, told how often it answered about that name before (faults do not count).
    ``faults`` are taken in order, one per POST, second attempts too (None: nothing goes wrong), or are a function.
    ``level`` is the highest form it supports; without ``obeys`` it takes every form up to that and answers prose.
    ``hold`` set lets answers go; cleared, they wait. ``refuses`` names keys of a request that it refuses with 400.
    ``models`` None: no such list here. ``ollama`` maps a model to its digest. ``key``: what it wants as a bearer.
    """

    def __init__(self, port: int = 0) -> None:
        self.calls: list[Call] = []
        self.label: Label = by_words
        self.level: Level = "json_schema_strict"
        self.obeys = True
        self.faults: Faults = []
        self.hold = threading.Event()
        self.hold.set()
        self.confidence: float | None = 0.9
        self.models: Sequence[str] | None = (MODEL,)
        self.ollama: Mapping[str, str] | None = None
        self.refuses: frozenset[str] = frozenset()
        self.key = ""
        self.closing = threading.Event()
        self._given: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.endpoint = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Return the base address, as ``base_url`` wants it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def questions(self) -> list[Call]:
        """Return the calls that put a question to the model, in order."""
        with self._changed:
            return [call for call in self.calls if call.path.endswith("/chat/completions")]

    def wait_for(self, count: int, timeout: float = 120) -> list[Call]:
        """Return the questions once there are so many; raises TimeoutError where that takes too long."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.questions) >= count, timeout):
                raise TimeoutError(f"{len(self.questions)} of {count} questions came in {timeout} s")
        return self.questions

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def took(self, path: str, headers: dict[str, str], body: dict[str, object]) -> Call:
        """Note a request and return it, with the fault that is its turn."""
        with self._changed:
            call = Call(len(self.calls), path, headers, body, time.monotonic())
            if path.endswith("/chat/completions"):
                call.fault = self._next_fault(call)
            self.calls.append(call)
            self._changed.notify_all()
        return call

    def _next_fault(self, call: Call) -> Fault | None:
        if callable(self.faults):
            return self.faults(call)
        return self.faults.pop(0) if self.faults else None

    def axis(self, call: Call, *, counts: bool = True) -> str:
        """Return the model's answer to a question; one that is to be spoilt does not count."""
        with self._changed:
            before = self._given[call.nome]
            self._given[call.nome] += counts
        return self.label(call.nome, before, call.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a call that hangs would keep it open
    request_queue_size = 128
    endpoint: Endpoint

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing where a client went away; that is what many tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        own = self.server.endpoint
        call = own.took(self.path, dict(self.headers), {})
        if self.path == "/v1/models" and own.models is not None:
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "teste"} for name in own.models]
            return self._json(call, 200, {"object": "list", "data": listed})
        if self.path == "/api/tags" and own.ollama is not None:
            found = [{"name": name, "model": name, "digest": digest} for name, digest in own.ollama.items()]
            return self._json(call, 200, {"models": found})
        return self._html(call, 404 if self.path != "/login" else 200)

    def do_POST(self) -> None:
        own = self.server.endpoint
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        call = own.took(self.path, dict(self.headers), body if isinstance(body, dict) else {})
        if self.path != "/v1/chat/completions":
            return self._html(call, 404 if self.path != "/login" else 200)
        own.hold.wait()
        refused = refusal(call, own.models, own.level, own.refuses)
        if own.key and self.headers.get("Authorization") != f"Bearer {own.key}":
            refused = 401, error_body("Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        if call.fault is not None and (refused is None or call.fault.kind not in OF_AN_ANSWER):
            return self._go_wrong(call, call.fault)
        if refused is not None:
            return self._json(call, *refused)
        return self._answer(call, own.axis(call) if own.obeys else None)

    def _answer(self, call: Call, axis: str | None, **changed: object) -> None:
        """Send a whole answer: the axis in the form asked for, or prose without one."""
        text = PROSE if axis is None else form(axis, call.level, self.server.endpoint.confidence)
        self._json(call, 200, completion(call, text) | changed)

    def _go_wrong(self, call: Call, fault: Fault) -> None:
        if fault.kind in OF_AN_ANSWER:
            own = self.server.endpoint
            axis = own.axis(call, counts=fault.kind == "no_usage")
            return self._json(call, 200, spoilt(fault, call, axis, own.confidence))
        if fault.kind in ("hang", "disconnect"):
            if fault.kind == "hang":
                self._wait_for_the_other_end()
            return self._hang_up()
        if fault.kind == "html200":
            return self._html(call, 200)
        if fault.kind == "redirect":
            return self._send(call, 307, b"", {"Location": fault.text or "/login"})
        if fault.kind == "echo_key":
            return self._echo(call, fault.code or 401)
        if fault.kind == "status":
            return self._status(call, fault)
        return self._badly_sent(call, fault)

    def _badly_sent(self, call: Call, fault: Fault) -> None:
        """Send a good answer badly: cut off, in drips, or not as JSON."""
        own = self.server.endpoint
        axis = own.axis(call, counts=fault.kind == "drip")
        whole = json.dumps(completion(call, form(axis, call.level, own.confidence))).encode()
        half = whole[: len(whole) // 2]
        if fault.kind == "truncated":
            self._send(call, 200, half, {"Content-Length": str(len(whole))})
            call.answered = False
            return self._hang_up()
        if fault.kind == "drip":
            return self._drip(call, whole, fault.pause)
        return self._send(call, 200, half if fault.kind == "cut_json" else b"data: what is JSON?", _IS_JSON)

    def _drip(self, call: Call, whole: bytes, pause: float) -> None:
        self._send(call, 200, b"", {**_IS_JSON, "Content-Length": str(len(whole))})
        call.answered = False
        for at in range(len(whole)):
            if self.server.endpoint.closing.wait(pause):
                return self._hang_up()
            self.wfile.write(whole[at : at + 1])
        call.answered = True
        return None

    def _status(self, call: Call, fault: Fault) -> None:
        headers = dict(fault.headers)
        call.done = time.monotonic()  # from when on the other end is to wait
        if fault.retry_after is not None:
            until = math.ceil(time.time() + fault.retry_after)
            date = email.utils.formatdate(until, usegmt=True)
            headers["Retry-After"] = date if fault.as_date else f"{fault.retry_after:g}"
        if isinstance(fault.body, bytes):
            return self._send(call, fault.code, fault.body, headers)
        body = error_body(f"fault {fault.code}") if fault.body is None else fault.body
        return self._json(call, fault.code, body, headers)

    def _echo(self, call: Call, code: int) -> None:
        """Quote what came as Authorization wherever an endpoint could: body, header, answer; plain and encoded."""
        sent = self.headers.get("Authorization", "")
        key = sent.removeprefix("Bearer ")
        forms = [sent, quote(key, safe=""), base64.b64encode(key.encode()).decode()]
        headers = {"X-Echo": " ".join(forms), "X-Request-Id": key}
        text = "Authorization: " + ", ".join(forms)
        if code == 200:
            return self._json(call, 200, completion(call, text) | {"system_fingerprint": f"fp {key}"}, headers)
        return self._json(call, code, error_body(text, key, key), headers)

    def _html(self, call: Call, code: int) -> None:
        self._send(call, code, b"<!DOCTYPE html><title>Entrar</title><p>Entre na rede.</p>", _IS_HTML)

    def _json(self, call: Call, code: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        self._send(call, code, json.dumps(body, ensure_ascii=False).encode(), {**_IS_JSON, **(headers or {})})

    def _send(self, call: Call, code: int, body: bytes, headers: Mapping[str, str]) -> None:
        call.code = code
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        call.done = call.done or time.monotonic()  # before the other end can know and ask again
        self.wfile.write(body)
        call.answered = True

    def _wait_for_the_other_end(self) -> None:
        """Return when the client hangs up, or the endpoint closes."""
        self.connection.settimeout(0.1)
        while not self.server.endpoint.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the client was faster
            self.connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.endpoint")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--level", choices=LEVELS, default=LEVELS[0], help="the highest form it supports")
    parser.add_argument("--model", action="append", help=f"a model it has; {MODEL} without any")
    parser.add_argument("--key", default="", help="what it wants as a bearer token")
    parser.add_argument("--disobeys", action="store_true", help="answers prose, whatever is asked for")
    given = parser.parse_args()
    with Endpoint(given.port) as server:
        server.level, server.obeys, server.key = given.level, not given.disobeys, given.key
        server.models = given.model or (MODEL,)
        print(server.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
