"""What can go wrong with a call, told apart by what is to be done about it."""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import re
import time
from collections.abc import Collection, Mapping

from observatudo import paths
from observatudo.i18n import _

_FORM = re.compile(r"response_format|json_schema|json_object|json schema|structured output|grammar|guided", re.I)
_SEED = re.compile(r"\bseed\b", re.I)
_QUOTA = re.compile(r"insufficient_quota|insufficient credit|billing_hard_limit|exceeded your current quota", re.I)
_FLAGGED = re.compile(r"moderation|flagged|content.?policy|content.?filter", re.I)
_MAY_REFUSE_A_FORM = frozenset({400, 404, 422, 500, 501})
_PASSING = frozenset({408, 409, 425, 429})
_OF_ONE_QUESTION = frozenset({400, 413, 422})
_OF_THE_QUESTION = frozenset({"messages", "response_format", "seed"})  # keys of a request that we fill in
_SHOWN = 300  # characters of what an endpoint says
RAW = 4000  # characters of a body that are kept


class CallError(Exception):
    """A call that brought no answer. ``raw`` is what came instead; ``is_uncounted``: it may have been paid for."""

    def __init__(self, text: str, raw: str = "", *, is_uncounted: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.raw = raw
        self.is_uncounted = is_uncounted


class FormRefusedError(CallError):
    """The endpoint does not do this level of form."""


class SeedRefusedError(CallError):
    """The endpoint knows no seed."""


class RefusedError(CallError):
    """No question will be answered: wrong key, no such model, no money left, no such endpoint."""


class QuestionRefusedError(CallError):
    """This question will not be answered, another may be."""


class PassingError(CallError):
    """It may go well the next time; ``wait`` is for how many seconds the endpoint asks, if it does."""

    def __init__(self, text: str, raw: str = "", *, wait: float | None = None, is_uncounted: bool = False) -> None:
        super().__init__(text, raw, is_uncounted=is_uncounted)
        self.wait = wait


def of_status(code: int, headers: Mapping[str, str], body: str, asked: Collection[str] = ()) -> CallError:
    """Return the error of a status that is no success.

    ``headers`` are looked up by their names in small letters; ``asked`` are the keys of the request, of which
    ``response_format`` and ``seed`` may be what is refused.
    """
    param, said, everything = _said(body)
    text = f"HTTP {code}" + (f": {said}" if said else "")
    raw = body[:RAW]
    if 300 <= code < 400:
        where = headers.get("location", "–")
        return RefusedError(_("{code}: the address leads elsewhere, to {where}").format(code=text, where=where), raw)
    may_be_form = "response_format" in asked and code in _MAY_REFUSE_A_FORM and param != "seed"
    if may_be_form and _FORM.search(f"{param} {everything}"):
        return FormRefusedError(text, raw)
    if "seed" in asked and code in _OF_ONE_QUESTION and _SEED.search(f"{param} {everything}"):
        return SeedRefusedError(text, raw)
    if code in _OF_ONE_QUESTION and param in asked and param not in _OF_THE_QUESTION:
        text = _("{code}; correct its parameters in {file}").format(code=text, file=paths.PROVIDERS)
        return RefusedError(text, raw)
    if code in _OF_ONE_QUESTION or (code == 403 and _FLAGGED.search(everything)):
        return QuestionRefusedError(text, raw)
    if code in _PASSING or (code >= 500 and code != 501):
        if code == 429 and _QUOTA.search(everything):
            return RefusedError(text, raw)
        return PassingError(text, raw, wait=wait_asked(headers))
    return RefusedError(text, raw)


def of_error_in_success(error: object, body: str, asked: Collection[str] = ()) -> CallError:
    """Return the error that stands in a body whose status is 200, as some relays send it."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:
        return of_status(code, {}, body, asked)
    said = _said(body)[1]
    return PassingError(_("status 200 with an error in it: {said}").format(said=said), body[:RAW])


def wait_asked(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` (RFC 9110: seconds or a date) or ``retry-after-ms`` ask for, or None."""
    with contextlib.suppress(KeyError, ValueError):
        return _seconds(float(headers["retry-after-ms"]) / 1000)
    asked = headers.get("retry-after", "").strip()
    with contextlib.suppress(ValueError):
        return _seconds(float(asked))
    try:
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _seconds(number: float) -> float | None:
    return number if math.isfinite(number) and number >= 0 else None


def _said(body: str) -> tuple[str, str, str]:
    """Return the parameter an error is about, what it says on one line, and all of it."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    error = content.get("error", content) if isinstance(content, dict) else content
    if isinstance(error, dict):
        message = next((error[name] for name in ("message", "detail", "error") if error.get(name)), "")
        shown = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
        everything = json.dumps(error, ensure_ascii=False)
        return str(error.get("param") or ""), _line(shown), everything
    if isinstance(error, str):
        return "", _line(error), error
    is_page = body.lstrip()[:1] == "<"
    return "", _("an HTML page") if is_page else _line(body), body


def _line(text: str) -> str:
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
