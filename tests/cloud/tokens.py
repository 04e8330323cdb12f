"""Service-account files with keys made on the spot, and the endpoint that exchanges what they sign for tokens.

The exchange is https://developers.google.com/identity/protocols/oauth2/service-account; signature, audience and time
are checked, so that a wrong key or a wrong clock is refused as it is by Google.
"""

from __future__ import annotations

import functools
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

_GOOGLE = "https://oauth2.googleapis.com/token"  # what google-auth signs for, wherever it then sends it
EMAIL = "carga@observatudo-teste.iam.gserviceaccount.com"


@functools.cache
def _pair() -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@dataclass
class Tokens:
    """Mints tokens, valid for ``seconds``, for what the key has signed; ``minted`` are secrets, as is the key."""

    seconds: int = 3600
    minted: list[str] = field(default_factory=list)

    @property
    def private_key(self) -> str:
        """Return the private key as PEM."""
        return _pair()[0]

    def file(self, path: Path, url: str) -> Path:
        """Write a service-account file whose tokens come from ``url`` (a proxy's), and return its path."""
        content = {
            "type": "service_account",
            "project_id": "observatudo-teste",
            "private_key_id": "0123456789abcdef",
            "private_key": self.private_key,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": f"{url}/token",
        }
        path.write_text(json.dumps(content), encoding="utf-8")
        path.chmod(0o600)
        return path

    def mint(self, body: bytes, url: str) -> tuple[int, bytes]:
        """Answer a request for a token: status and body."""
        from google.auth import jwt
        from google.auth.exceptions import GoogleAuthError

        assertion = parse_qs(body.decode()).get("assertion", [""])[0]
        try:
            jwt.decode(assertion, certs=_pair()[1], audience=[f"{url}/token", _GOOGLE], clock_skew_in_seconds=60)
        except (GoogleAuthError, ValueError) as error:
            return 400, json.dumps({"error": "invalid_grant", "error_description": f"Invalid JWT: {error}"}).encode()
        token = f"ya29.{secrets.token_urlsafe(40)}"
        self.minted.append(token)
        return 200, json.dumps({"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"}).encode()
