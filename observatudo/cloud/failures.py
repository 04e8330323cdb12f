"""What Google's services answer when they refuse, in words that say what to do; never with a header or a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_DOCTOR = "observatudo doctor"
_REASON_LENGTH = 300


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn what Google's clients raise in here into an ObservatudoError; ``where`` names the place asked."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except exceptions.GoogleAPICallError as error:
        raise _refused(error, where) from None
    except exceptions.RetryError as error:
        cause = error.cause
        answer = getattr(cause, "response", None)  # where objects are sent, the error is of another family
        if isinstance(answer, requests.Response) and not isinstance(cause, exceptions.GoogleAPICallError):
            cause = exceptions.from_http_response(answer)
        if isinstance(cause, exceptions.GoogleAPICallError):  # it answered, each time with an error
            raise _refused(cause, where) from None
        raise _unreachable(type(error.cause or error).__name__, where) from None
    except GoogleAuthError:  # its message may hold the answer of the token's endpoint
        raise ObservatudoError(
            _("Google Cloud did not accept the credentials"),
            where=where,
            next_step="gcloud auth application-default login",
        ) from None
    except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
        raise _unreachable(type(error).__name__, where) from None


def reason(error: GoogleAPICallError) -> str:
    """Return what the service said, in one line without the address that was asked."""
    said = "; ".join(str(item.get("message", "")) for item in error.errors if isinstance(item, dict))
    said = said or _of_answer(error) or str(error.message).rpartition("prettyPrint=false: ")[2]
    return _first_line(said)


def _of_answer(error: GoogleAPICallError) -> str:
    """Return the message in the answer's body: where objects are sent and fetched, the client does not look for it."""
    try:
        return str(error.response.json()["error"]["message"])
    except (AttributeError, LookupError, TypeError, ValueError):  # no answer, or not of Google's shape
        return ""


def _first_line(text: str) -> str:
    return " ".join(text.split("\n\n", 1)[0].split())[:_REASON_LENGTH]


def _refused(error: GoogleAPICallError, where: str) -> ObservatudoError:
    from google.api_core import exceptions

    said = reason(error)
    kinds = {str(item.get("reason", "")) for item in error.errors if isinstance(item, dict)}
    if kinds & {"quotaExceeded", "billingNotEnabled", "billingTierLimitExceeded"}:
        text, step = _("Google Cloud's quota or billing does not allow it: {said}"), _("see docs/gcp.md, “Quotas”")
    elif isinstance(error, exceptions.Unauthorized):
        text, step = _("Google Cloud did not accept the credentials: {said}"), "gcloud auth application-default login"
    elif isinstance(error, exceptions.Forbidden):
        text, step = _("the account may not do this: {said}"), _DOCTOR
    elif isinstance(error, exceptions.NotFound):
        text, step = _("there is no such thing in Google Cloud: {said}"), _DOCTOR
    elif isinstance(error, exceptions.TooManyRequests | exceptions.ServerError):
        text, step = _("Google Cloud cannot answer at the moment: {said}"), _("wait a little, then type: dvc repro")
    else:
        text, step = _("Google Cloud refused: {said}"), _DOCTOR
    return ObservatudoError(text.format(said=said), where=where, next_step=step)


def _unreachable(why: str, where: str) -> ObservatudoError:
    return ObservatudoError(
        _("Google Cloud cannot be reached: {why}").format(why=why),
        where=where,
        next_step=_("check the network, then type: dvc repro"),
    )
