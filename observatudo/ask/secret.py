"""The key of an endpoint: read from the environment, and taken out of every text that is stored or shown."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import urllib.parse
from collections.abc import Iterator

from observatudo import paths
from observatudo.classify.providers import Provider
from observatudo.errors import ConfigError
from observatudo.i18n import _

HIDDEN = "•••"
_SHORTEST = 6  # what local servers are given in place of a key ("none", "x") is no secret, and stands in many words


def key(name: str, provider: Provider) -> str:
    """Return the key for a declared model, from the variable it names; empty where it needs none.

    Raises ConfigError where the variable is not set, or holds what no HTTP header can.
    """
    if not provider.api_key_env:
        return ""
    found = os.environ.get(provider.api_key_env, "").strip()
    if not found:
        raise ConfigError(
            _("the key of the model “{name}” is not in the environment").format(name=name),
            where=f"{paths.PROVIDERS}: {name}.api_key_env: {provider.api_key_env}",
            next_step=f"export {provider.api_key_env}=…",
        )
    if not (found.isascii() and found.isprintable()):
        raise ConfigError(
            _("the key of the model “{name}” holds a character that no key has").format(name=name),
            where=provider.api_key_env,
            next_step=f"export {provider.api_key_env}=…",
        )
    return found


class Redactor:
    """Takes one key out of texts, in every spelling that an endpoint, a proxy or a library may give it back in."""

    def __init__(self, secret: str) -> None:
        self._secret = secret if len(secret) >= _SHORTEST else ""
        spellings = sorted(set(_spellings(self._secret)), key=len, reverse=True) if self._secret else []
        self._pattern = re.compile("|".join(map(re.escape, spellings)), re.IGNORECASE) if spellings else None

    def __call__(self, text: str) -> str:
        """Return the text without the key, and without what UTF-8 cannot hold."""
        text = text.encode(errors="replace").decode()
        if self._pattern is None:
            return text
        return self._without_cut_off(self._pattern.sub(HIDDEN, text))

    def _without_cut_off(self, text: str) -> str:
        """Take off a beginning of the key at the end of a text that was cut off there."""
        for length in range(len(self._secret) - 1, _SHORTEST, -1):
            if text.endswith(self._secret[:length]):
                return text[:-length] + HIDDEN
        return text


def _spellings(secret: str) -> Iterator[str]:
    yield from (secret, secret[::-1], html.escape(secret), json.dumps(secret)[1:-1], secret.encode().hex())
    yield from (urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret), urllib.parse.quote_plus(secret))
    for shift in range(3):  # where the key begins in what was encoded; the letters that share a byte are left off
        encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
        inner = encoded[-(-8 * shift // 6) : len(encoded) - (1 if (shift + len(secret)) % 3 else 0)]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
