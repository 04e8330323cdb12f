"""What the server is told: where it listens, under which names, with which token, for how many."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

PORT = 8765
TOKEN = "OBSERVATUDO_TOKEN"  # noqa: S105  # the name of the variable, not a token
SHORTEST_TOKEN = 16
_TOKEN = re.compile(r"[!-~]+")
_NAME = re.compile(r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """How to serve. ``port`` None: the usual one, or a free one; 0: any free one. ``heartbeat`` in seconds."""

    root: Path
    token: str
    token_is_given: bool = False
    host: str = "127.0.0.1"
    port: int | None = None
    allowed: tuple[str, ...] = ()
    max_clients: int = 4
    actions: bool = False
    module: str = "tui"
    heartbeat: float = 15.0

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in _LOOPBACK


def names(host: str, port: int, allowed: tuple[str, ...]) -> frozenset[str]:
    """Return what a Host header may be: ``name:port``, and ``name`` alone where the port goes without saying."""
    shown = f"[{host}]" if ":" in host else host
    own = ["localhost", "127.0.0.1"] if host in (*_EVERYWHERE, *_LOOPBACK) else []
    own += ["[::1]"] if host in ("::", "::1") else []
    own += [] if host in _EVERYWHERE else [shown]
    usual = [*own] if port in (80, 443) else []
    given = [form for name in allowed for form in ((name,) if _has_port(name) else (name, f"{name}:{port}"))]
    return frozenset(name.lower() for name in [*(f"{name}:{port}" for name in own), *usual, *given])


def address(host: str, port: int) -> str:
    """Return the address to open on this machine, without token."""
    shown = "127.0.0.1" if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


def checked_name(name: str) -> str:
    """Return a name given with ``--allow-host``. Raises ObservatudoError when it is no host name."""
    if not _NAME.fullmatch(name):
        raise ObservatudoError(
            _("this is no host name: {name}").format(name=name),
            next_step="observatudo serve --allow-host data.example.org",
        )
    return name


def token(file: Path | None) -> tuple[str, bool]:
    """Return the token and whether it was given: by a file, by OBSERVATUDO_TOKEN, else drawn at random.

    The variable is taken out of the environment, so that no process started from here inherits it. Raises
    ObservatudoError when the file cannot be read, or the token is short or has a blank or other than ASCII in it.
    """
    given = os.environ.pop(TOKEN, "")
    if file is not None:
        return _checked(_first_line(file), str(file)), True
    if given:
        return _checked(given, TOKEN), True
    return secrets.token_urlsafe(32), False


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("it is not UTF-8 text")
        raise ObservatudoError(
            _("the token's file cannot be read: {reason}").format(reason=reason),
            where=str(file),
            next_step=_make(str(file)),
        ) from None


def _checked(text: str, where: str) -> str:
    if len(text) < SHORTEST_TOKEN or not _TOKEN.fullmatch(text):
        raise ObservatudoError(
            _("the token needs at least {count} characters, ASCII and without blanks").format(count=SHORTEST_TOKEN),
            where=where,
            next_step=_make(where) if where != TOKEN else f"export {TOKEN}=$(openssl rand -hex 32)",
        )
    return text


def _make(file: str) -> str:
    return f"python -c 'import secrets; print(secrets.token_urlsafe(32))' > {file}"


def _has_port(name: str) -> bool:
    return ":" in name.rpartition("]")[2]
