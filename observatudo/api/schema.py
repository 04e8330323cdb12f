"""The OpenAPI description: problems in their own media type, and the text at its head."""

from __future__ import annotations

from typing import TypedDict

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from observatudo.api.problems import MEDIA_TYPE, Problem

DESCRIPTION = (
    "Runs, datasets, versions, comparisons, labels and alerts of an Observatudo repository, read-only. "
    "Everything but /health and this description needs the token: `Authorization: Bearer TOKEN`. "
    "Every refusal is a problem of RFC 9457."
)


class _Response(TypedDict):
    model: type[Problem]
    description: str


def _of(*statuses: tuple[int, str]) -> dict[int | str, dict[str, object]]:
    return {status: dict(_Response(model=Problem, description=text)) for status, text in statuses}


OPEN_PROBLEMS = _of((403, "Another host name"), (405, "Not a method that reads"), (422, "A wrong parameter"))
PROBLEMS = OPEN_PROBLEMS | _of(
    (401, "No token, or a wrong one"),
    (404, "No such thing"),
    (409, "The repository cannot answer that: data is missing, or a file is wrong"),
    (503, "Busy, or out of time"),
)


def describe(app: FastAPI) -> None:
    """Have the application describe its problems as ``application/problem+json``."""

    def made() -> dict[str, object]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            for operations in found["paths"].values():
                for operation in operations.values():
                    _as_problems(operation["responses"])
            app.openapi_schema = found
        return app.openapi_schema

    setattr(app, "openapi", made)  # noqa: B010  a method, as FastAPI documents it


def _as_problems(responses: dict[str, dict[str, object]]) -> None:
    for status, response in responses.items():
        if not status.startswith("2"):
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
