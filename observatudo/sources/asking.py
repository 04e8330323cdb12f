"""One request after the other to a host: slow enough to be polite, through mirrors, and never from https to http."""

from __future__ import annotations

import email.utils
import importlib.metadata
import math
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.sources.address import Mirrors, clean, without_users
from observatudo.sources.answers import Again, StatusError
from observatudo.sources.limits import Limits

CONTACT = "OBSERVATUDO_CONTACT"
_REDIRECTS = 10
_CONNECT_S = 20.0
_SAID = 300  # characters of an error's answer that are shown
_PASSING = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505}
_PLAIN = (200, 206, 304, 416)


def user_agent() -> str:
    """Return how we name ourselves; ``OBSERVATUDO_CONTACT`` (a page or address) tells publishers whom to write to."""
    version = importlib.metadata.version("observatudo")
    contact = os.environ.get(CONTACT, "").strip()
    about = f"+{contact}" if contact and contact.isascii() and contact.isprintable() else "open municipal data, Brazil"
    return f"observatudo/{version} ({about})"


def session(limits: Limits) -> httpx.Client:
    """Return the client that all requests go through; proxies and certificates are those of the environment."""
    timeout = httpx.Timeout(limits.silence_s, connect=min(_CONNECT_S, limits.silence_s))
    headers = {"User-Agent": user_agent(), "Accept-Encoding": "gzip"}
    return httpx.Client(timeout=timeout, headers=headers, follow_redirects=False)


class Asker:
    """Sends requests; no two at once to one host, and ``pause_s`` between them."""

    def __init__(self, session: httpx.Client, limits: Limits) -> None:
        self._session = session
        self._limits = limits
        self._mirrors = Mirrors.of_environment()
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._ended: dict[str, float] = {}

    @contextmanager
    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Iterator[httpx.Response]:
        """Give the answer (200, 206, 304 or 416), its body still to be read, after redirects.

        Raises Again for what may pass, StatusError for another status, and SnapshotError.
        """
        try:
            asked = self._mirrors.asked(url)
            request = self._session.build_request(method, asked, headers=dict(headers or {}), content=content)
            with self._followed(request) as response:
                _require_success(response, clean(url))
                yield response
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):  # the last: of a host that cannot be one
            raise SnapshotError(_("this is no address that can be asked"), where=clean(url)) from None
        except httpx.TransportError as error:
            raise _failed(error, url) from None
        except httpx.DecodingError as error:
            raise Again(without_users(str(error))) from None

    @contextmanager
    def _followed(self, request: httpx.Request) -> Iterator[httpx.Response]:
        begun = str(request.url)
        for _turn in range(_REDIRECTS + 1):
            with self._one(request) as response:
                following = response.next_request
                if following is None:
                    yield response
                    return
            request = self._mirrored(request, following)
        raise SnapshotError(_("the address leads from one to another without end"), where=clean(begun))

    @contextmanager
    def _one(self, request: httpx.Request) -> Iterator[httpx.Response]:
        host = request.url.netloc.decode("ascii", "replace").rpartition("@")[2]
        with self._turns[host]:
            time.sleep(max(0.0, self._ended.get(host, -math.inf) + self._limits.pause_s - time.monotonic()))
            try:
                response = self._session.send(request, stream=True)
                try:
                    yield response
                finally:
                    response.close()
            finally:
                self._ended[host] = time.monotonic()

    def _mirrored(self, before: httpx.Request, following: httpx.Request) -> httpx.Request:
        """Return the request that a redirect asks for, at the mirror of its official address if it has one."""
        came, goes = (self._mirrors.official(str(request.url)) for request in (before, following))
        if came.startswith("https:") and goes.startswith("http:"):
            raise SnapshotError(
                _("the address leads from https to plain http, where anyone on the way could change the data"),
                where=f"{clean(came)} → {clean(goes)}",
                next_step=_("declare the address that the publisher offers over https"),
            )
        following.url = httpx.URL(self._mirrors.asked(goes))
        following.headers["Host"] = following.url.netloc.decode("ascii")
        return following


def _require_success(response: httpx.Response, shown: str) -> None:
    status = response.status_code
    if status in _PLAIN:
        return
    if status in _PASSING:
        raise Again(_("the server answers {status}").format(status=_status(response)), _retry_after(response))
    said = _said(response)
    raise StatusError(
        _("the server answers {status}").format(status=_status(response)) + (f": {said}" if said else ""),
        status=status,
        said=said,
        where=shown,
        next_step=_help(status),
    )


def _help(status: int) -> str:
    match status:
        case 401 | 403:
            return _("the service refuses this kind of client, or wants to know who asks: look at the publisher's page")
        case 404 | 410:
            return _("the file is not at this address any more: look at the publisher's page, and mend the declaration")
    return ""


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _said(response: httpx.Response) -> str:
    """Return the beginning of an error's answer where it is text for people."""
    from observatudo.sources.sniff import looks_like_page

    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > 4 * _SAID:
            break
    if looks_like_page(body) or b"\0" in body:
        return ""
    try:
        text = body.decode(response.charset_encoding or "utf-8", "replace")
    except LookupError:  # an encoding that the server made up
        text = body.decode("utf-8", "replace")
    return without_users(" ".join(text.split())[:_SAID])


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a ``Retry-After``, which is a number or a date (RFC 9110, 10.2.3)."""
    given = str(response.headers.get("retry-after", "")).strip()
    if given.isdecimal() and given.isascii():
        return float(given[:9])
    try:
        when = email.utils.parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _failed(error: httpx.TransportError, url: str) -> Exception:
    text = without_users(" ".join(str(error).split()))
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return SnapshotError(
            _("the server's certificate cannot be trusted: {error}").format(error=text),
            where=clean(url),
            next_step=_("if the publisher's certificate is meant, name its authority in SSL_CERT_FILE"),
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return Again(_("no connection: {error}").format(error=text or type(error).__name__))
    if isinstance(error, httpx.TimeoutException):
        return Again(_("the server said nothing for too long"))
    if isinstance(error, httpx.ProxyError):
        return Again(_("the proxy refuses: {error}").format(error=text))
    return Again(_("the connection broke: {error}").format(error=text or type(error).__name__))
