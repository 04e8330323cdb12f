"""Who may come in: the Host header and the token of every request; and the methods HEAD and OPTIONS."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observatudo.api import problems
from observatudo.i18n import _

OPEN = frozenset({"/health", "/openapi.json"})  # what is told to anybody
METHODS = "GET, HEAD, OPTIONS"
_BEARER = "bearer "
_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


@dataclass(frozen=True)
class Gate:
    """The application behind it; the host names it goes by (without port, small letters); and the token."""

    app: ASGIApp
    names: frozenset[str]
    token: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before anything else looks at it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_ALWAYS]}
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        refused = self._refusal(scope) or self._method(scope)
        if refused is not None:
            await refused(scope, receive, reply)
            return
        await self.app({**scope, "method": "GET"} if is_head else scope, receive, reply)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self.names:
            return problems.response(403, _("This server does not go by that name."))
        if scope["path"] not in OPEN and not self._knows(headers.getlist("authorization")):
            challenge = {"WWW-Authenticate": "Bearer"}
            return problems.response(401, _("Send the token: Authorization: Bearer …"), headers=challenge)
        return None

    def _knows(self, given: list[str]) -> bool:
        held = given[0] if len(given) == 1 else ""
        token = held[len(_BEARER) :] if held[: len(_BEARER)].lower() == _BEARER else ""
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self.token.encode())

    @staticmethod
    def _method(scope: Scope) -> Response | None:
        if scope["method"] == "OPTIONS":
            return Response(None, 204, {"Allow": METHODS})
        if scope["method"] not in ("GET", "HEAD"):
            return problems.response(405, _("This API is read-only."), headers={"Allow": METHODS})
        return None


def _name(host: str) -> str:
    """Return a Host header without its port: ``[::1]:8000`` is ``[::1]``."""
    text = host.strip().lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]
