"""The server: where it listens, its token, and its end."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from observatudo import readonly
from observatudo.api.app import create
from observatudo.api.gate import Gate
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

TOKEN = "OBSERVATUDO_API_TOKEN"  # noqa: S105  the variable's name
_SHORTEST = 16
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_AT_ONCE = 32


def token(host: str) -> tuple[str, bool]:
    """Return the token, and whether it was made just now.

    Raises ObservatudoError for one that is too short, and where others can reach the server and none is set.
    """
    given = os.environ.get(TOKEN, "")
    if given and (len(given) < _SHORTEST or not given.isascii() or not given.isprintable() or " " in given):
        raise ObservatudoError(
            _("the token needs {count} characters or more, plain ones without blanks").format(count=_SHORTEST),
            where=TOKEN,
            next_step=f"export {TOKEN}=$(openssl rand -hex 32)",
        )
    if not given and not is_loopback(host):
        raise ObservatudoError(
            _("who listens at {host} for others needs a token of their own").format(host=host),
            where=TOKEN,
            next_step=f"export {TOKEN}=$(openssl rand -hex 32)",
        )
    return (given, False) if given else (secrets.token_urlsafe(32), True)


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches that address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def names(host: str, allowed: Iterable[str]) -> frozenset[str]:
    """Return the host names that requests may use: this machine's own, where it listens, and those allowed."""
    own = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return frozenset(name.lower() for name in (*_LOOPBACK, own, *allowed))


def run(root: Path, host: str, port: int, key: str, allowed: Iterable[str] = ()) -> None:
    """Serve until SIGINT or SIGTERM. Raises SystemExit where it cannot listen."""
    import uvicorn

    os.environ[readonly.VARIABLE] = "1"
    os.chdir(root)  # what reads relative paths, reads those of the repository
    uvicorn.run(
        Gate(create(root), names(host, allowed), key),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=3,
    )
