"""Who may come in: the Host header, the Origin and the token of every request, before anything else looks at it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from aiohttp import web

from observatudo.i18n import _
from tui.web import page

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WEBSOCKET = "/ws"
_BEARER = "bearer "


@dataclass
class Gate:
    """The names that are served, and the token. The cookie holds a value made from the token, never the token."""

    names: frozenset[str]
    port: int
    token: str = field(repr=False)

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies do not know ports, so two servers on one machine need two names."""
        return f"observatudo_{self.port}"

    @property
    def _proof(self) -> str:
        return hmac.new(self.token.encode(), b"observatudo serve", sha256).hexdigest()

    def knows(self, request: web.Request) -> bool:
        """Say whether the request has the cookie, or the token as ``Authorization: Bearer``, as a proxy adds it."""
        held = request.headers.get("Authorization", "")
        bearer = held[len(_BEARER) :] if held[: len(_BEARER)].lower() == _BEARER else ""
        return _same(request.cookies.get(self.cookie, ""), self._proof) or _same(bearer, self.token)

    def brings(self, request: web.Request) -> bool:
        """Say whether this is the first visit: the token stands in the address."""
        return request.path == "/" and _same(request.query.get("token", ""), self.token)

    def admit(self, request: web.Request, response: web.Response) -> web.Response:
        """Give the cookie to who brought the token."""
        secure = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        response.set_cookie(self.cookie, self._proof, path="/", httponly=True, samesite="Strict", secure=secure)
        return response

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return why a request is not let in, or None when it is: 403 for Host and Origin, 401 for the token."""
        if request.headers.getall("Host", []) != [request.host] or request.host.lower() not in self.names:
            return page.notice(403, _("This server does not go by that name. Started with --allow-host NAME it does."))
        if (request.method != "GET" or request.path == WEBSOCKET) and not self._is_own(request):
            return page.notice(403, _("This request comes from another site's page."))
        if not (self.knows(request) or self.brings(request)):
            refused = page.notice(401, _("Open the address that observatudo serve printed, with its token."))
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        return None

    def _is_own(self, request: web.Request) -> bool:
        origins = request.headers.getall("Origin", [])
        try:
            parts = urlsplit(origins[0] if len(origins) == 1 else "")
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() in self.names

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request in or refuse it; what the handlers say of unknown paths and methods is a page as well."""
        refused = self.refusal(request)
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            return page.notice(error.status, error.reason)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
