"""Addresses: without their secrets where they are stored or shown, and with the mirror that is asked in their place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from observatudo.errors import ConfigError
from observatudo.i18n import _

MIRRORS = "OBSERVATUDO_MIRRORS"
HIDDEN = "***"
_SECRET = re.compile(
    r"(?i)(^|[_\-.])(token|key|apikey|secret|password|passwd|senha|chave|auth|signature|sig|credential)$"
)
_USERINFO = re.compile(r"(?i)(https?://)[^\s/@]+@")
_ENDS = ("", "/", "?", "#")


def is_secret(name: str) -> bool:
    """Say whether a key of a query or form is one that holds a secret, by its name."""
    return _SECRET.search(name) is not None


def clean(url: str) -> str:
    """Return an address without the user's part, and with the values of query keys such as ``token`` hidden."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = parts.query
    if any(is_secret(name) for name, _value in parse_qsl(query, keep_blank_values=True)):
        pairs = parse_qsl(query, keep_blank_values=True)
        hidden = [(name, HIDDEN if is_secret(name) else value) for name, value in pairs]
        query = urlencode(hidden, safe="*", quote_via=quote)
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def without_users(text: str) -> str:
    """Return a text, such as a library's error, with the user's part of every address in it taken out."""
    return _USERINFO.sub(r"\1", text)


def joined(url: str, query: Mapping[str, str] | None) -> str:
    """Return the address with ``query`` added to what it asks already, spelled as the services spell it."""
    if not query:
        return url
    parts = urlsplit(url)
    added = urlencode(query, quote_via=quote, safe=",:|$()'*/")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(filter(None, (parts.query, added))), ""))


class Mirrors:
    """Pairs of beginnings of addresses: the official one, and the one that is asked instead."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._pairs = {official.rstrip("/"): mirror.rstrip("/") for official, mirror in pairs.items()}

    @classmethod
    def of_environment(cls) -> Mirrors:
        """Return those of ``OBSERVATUDO_MIRRORS``, ``official=mirror`` pairs between blanks. Raises ConfigError."""
        pairs = {}
        for word in os.environ.get(MIRRORS, "").split():
            official, _sign, mirror = word.partition("=")
            if not all(re.match(r"https?://[^\s/]", side) for side in (official, mirror)):
                raise ConfigError(
                    _("“{word}” is no pair of addresses").format(word=without_users(word)),
                    where=MIRRORS,
                    next_step=_("write it as https://official.example=http://127.0.0.1:8000"),
                )
            pairs[official] = mirror
        return cls(pairs)

    def asked(self, official: str) -> str:
        """Return the address that is asked for an official one."""
        return _swapped(official, self._pairs)

    def official(self, asked: str) -> str:
        """Return the official address for one that was asked."""
        return _swapped(asked, {mirror: official for official, mirror in self._pairs.items()})


def _swapped(url: str, pairs: Mapping[str, str]) -> str:
    for begins in sorted(pairs, key=len, reverse=True):
        rest = url.removeprefix(begins)
        if url.startswith(begins) and rest[:1] in _ENDS:
            return pairs[begins] + rest
    return url


def shown(given: str) -> str:
    """Return a path as messages show it; of what is an address by its beginning, without its secrets."""
    if not re.match(r"[A-Za-z][A-Za-z+.-]+:/", given):
        return given
    return clean(re.sub(r":/+", "://", given, count=1))
