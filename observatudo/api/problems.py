"""Every refusal and failure in one shape: a problem of RFC 9457, ``application/problem+json``."""

from __future__ import annotations

import json
from http import HTTPStatus

from pydantic import BaseModel
from starlette.responses import Response

from observatudo.errors import ObservatudoError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong: ``title`` is that of the status, ``detail`` a sentence, ``where`` and ``next_step`` as the
    command line says them (may be empty).
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    where: str = ""
    next_step: str = ""


class Refused(ObservatudoError):
    """A request that is answered with a problem of a status of its own; ``headers`` go along."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, *, next_step: str = ""
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.headers = headers or {}


def response(
    status: int, detail: str, *, where: str = "", next_step: str = "", headers: dict[str, str] | None = None
) -> Response:
    """Return a problem as a response; a text that is no text is escaped."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, where=where, next_step=next_step)
    content = json.dumps(problem.model_dump(), ensure_ascii=True)
    return Response(content, status, headers, MEDIA_TYPE)


def explained(status: int, error: ObservatudoError, root: str, headers: dict[str, str] | None = None) -> Response:
    """Return what the command line would print, without the machine's own paths."""
    message, where, following = (
        text.replace(f"{root}/", "").replace(root, ".") for text in (error.message, error.where, error.next_step)
    )
    return response(status, message, where=where, next_step=following, headers=headers)
