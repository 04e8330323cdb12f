"""The BigQuery emulator behind a shim; run by ``tests.cloud.emulators`` in the emulator's own environment.

The shim closes two gaps of local-bigquery 0.3.2, so that neither dbt nor our own code has to know of it:

1. A job of ``create table … as select`` names its ``destinationTable``, as the real service does; dbt looks it up.
2. ``set (x) = (select as struct …)``, which dbt's insert_overwrite writes for a single variable, is understood.

It ends when its standard input does, so that it does not outlive a test run that was killed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast

Scope = MutableMapping[str, object]
Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Json = dict[str, object]

_JOBS = re.compile(r"^/bigquery/v2/projects/[^/]+/(jobs|queries)")
_SET_ONE = re.compile(r"\bset\s*\(\s*(\w+)\s*\)\s*=\s*\(\s*select\s+as\s+struct\b", re.IGNORECASE)


def _part(value: object, name: str) -> Json:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def request(body: bytes) -> bytes:
    """Return the body of a request for a job, its SQL written so that the emulator understands it."""
    try:
        content = json.loads(body)
    except ValueError:
        return body
    holder = content if isinstance(content.get("query"), str) else _part(_part(content, "configuration"), "query")
    sql = holder.get("query")
    if not isinstance(sql, str):
        return body
    holder["query"] = _SET_ONE.sub(r"set \1 = (select", sql)
    return json.dumps(content).encode()


def answer(body: bytes) -> bytes:
    """Return the body of an answer about a job, with the table that a ``create table … as select`` has made."""
    if b"ddlTargetTable" not in body:
        return body
    content = json.loads(body)
    query = _part(_part(content, "configuration"), "query")
    done = _part(_part(content, "statistics"), "query")
    if done.get("statementType") == "CREATE_TABLE_AS_SELECT" and query and not query.get("destinationTable"):
        query["destinationTable"] = done["ddlTargetTable"]
    return json.dumps(content).encode()


class Shim:
    """An ASGI application that rewrites requests for jobs, and the answers to them."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _JOBS.match(str(scope["path"])):
            await self.app(scope, receive, send)
            return
        if scope["method"] == "POST":
            scope, receive = await _rewritten(scope, receive)
        await self.app(scope, receive, _Whole(send))


async def _rewritten(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += cast(bytes, message.get("body", b""))
        is_more = bool(message.get("more_body", False))
    headers = dict(cast(list[tuple[bytes, bytes]], scope["headers"]))
    if headers.pop(b"content-encoding", b"") == b"gzip":
        body = gzip.decompress(body)
    body = request(body)
    headers.pop(b"transfer-encoding", None)
    headers[b"content-length"] = str(len(body)).encode()
    left: list[Message] = [{"type": "http.request", "body": body}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return {**scope, "headers": list(headers.items())}, replay


class _Whole:
    """Keeps the start and the parts of an answer until it is whole, then sends it rewritten."""

    def __init__(self, send: Send) -> None:
        self.send, self.body = send, b""
        self.start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += cast(bytes, message.get("body", b""))
        if message.get("more_body"):
            return
        body = answer(self.body)
        headers = cast(list[tuple[bytes, bytes]], self.start["headers"])
        kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        self.start["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        await self.send(self.start)
        await self.send({"type": "http.response.body", "body": body})


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve BigQuery over REST and its Storage Read API over gRPC, on loopback, until SIGTERM."""
    parser = argparse.ArgumentParser()
    for name in ("port", "grpc-port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("data-dir", "project"):
        parser.add_argument(f"--{name}", required=True)
    told = parser.parse_args()
    os.environ |= {"DATA_DIR": told.data_dir, "DEFAULT_PROJECT_ID": told.project}  # read when it is imported
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # By name: the environment that checks types does not have them.
    app = importlib.import_module("local_bigquery.app").app
    reader, _port = importlib.import_module("local_bigquery.grpc.server").start("127.0.0.1", told.grpc_port)
    uvicorn = importlib.import_module("uvicorn")
    uvicorn.run(Shim(app), host="127.0.0.1", port=told.port, log_level="info", timeout_graceful_shutdown=1)
    reader.stop(None)


if __name__ == "__main__":
    main()
