"""What the proxy can have happen to a request, and Google's own words for it.

Error bodies have the shape of https://cloud.google.com/bigquery/docs/error-messages and
https://cloud.google.com/storage/docs/json_api/v1/status-codes: ``error.code``, ``.message``, ``.errors[].reason``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answered:
    """The client hears this status and body; ``is_done``: the emulator carried the request out all the same."""

    status: int
    body: bytes
    is_done: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Dropped:
    """The connection closes; nothing was done."""


@dataclass(frozen=True)
class Lost:
    """The request is carried out, then the connection closes: the client never hears of it."""


@dataclass(frozen=True)
class Delayed:
    """The request is carried out after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Truncated:
    """The request is carried out; of the answer's body only the first bytes come, then the connection closes."""

    kept: int = 0


@dataclass(frozen=True)
class Rewritten:
    """The request is carried out; the client hears another body."""

    change: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Calling:
    """Something is done first (the emulator is killed, say), then the request is forwarded."""

    action: Callable[[], object]


Fault = Answered | Dropped | Lost | Delayed | Truncated | Rewritten | Calling


def failing(status: int, reason: str, message: str, *, is_done: bool = False, domain: str = "global") -> Answered:
    """Return an answer with a body of the shape that Google gives to errors."""
    one = {"message": message, "domain": domain, "reason": reason}
    body = {"error": {"code": status, "message": message, "errors": [one]}}
    return Answered(status, json.dumps(body).encode(), is_done)


def unauthorized() -> Answered:
    """401: no credentials, or none that hold."""
    return failing(401, "authError", "Request had invalid authentication credentials. Expected OAuth 2 access token.")


def access_denied(permission: str = "bigquery.jobs.create") -> Answered:
    """403: a role is missing."""
    return failing(403, "accessDenied", f"Access Denied: User does not have {permission} permission in project.")


def quota_exceeded() -> Answered:
    """403: a daily quota is used up; asking again does not help."""
    return failing(403, "quotaExceeded", "Quota exceeded: Your table exceeded quota for imports.", domain="usageLimits")


def rate_limited(status: int = 429) -> Answered:
    """429, or 403 as BigQuery also gives it: too many requests at once; asking later helps."""
    return failing(status, "rateLimitExceeded", "Exceeded rate limits: too many requests.", domain="usageLimits")


def backend_error(status: int = 503, *, is_done: bool = False) -> Answered:
    """500, 502 or 503: asking again helps; ``is_done``: although the request was carried out."""
    return failing(status, "backendError", "Error encountered during execution. Retrying may help.", is_done=is_done)


def not_found(what: str, location: str = "") -> Answered:
    """404: no such thing, or none in that location."""
    where = f" was not found in location {location}" if location else ""
    return failing(404, "notFound", f"Not found: {what}{where}")


def conflict(what: str) -> Answered:
    """409: it exists already."""
    return failing(409, "duplicate", f"Already Exists: {what}")


def clock_skew() -> Answered:
    """What ``/token`` says to a machine whose clock is wrong."""
    said = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    body = {"error": "invalid_grant", "error_description": said + "Check your iat and exp values in the JWT claim."}
    return Answered(400, json.dumps(body).encode())


def bytes_processed(count: int) -> Rewritten:
    """Have a query's answer say how many bytes it reads: the emulator says 0 always."""

    def change(body: bytes) -> bytes:
        content = json.loads(body)
        statistics = content.get("statistics")
        if isinstance(statistics, dict):
            statistics["totalBytesProcessed"] = str(count)
            statistics.setdefault("query", {})["totalBytesProcessed"] = str(count)
        else:
            content["totalBytesProcessed"] = str(count)
        return json.dumps(content).encode()

    return Rewritten(change)


def job_failed(reason: str, message: str) -> Rewritten:
    """Have a job's answer say that the job ended with an error."""

    def change(body: bytes) -> bytes:
        content = json.loads(body)
        error = {"reason": reason, "message": message}
        content["status"] = {"state": "DONE", "errorResult": error, "errors": [error]}
        return json.dumps(content).encode()

    return Rewritten(change)
