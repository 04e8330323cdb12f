"""What the API answers with, as its OpenAPI description shows it. Times are ISO 8601."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from observatudo.datasets import DatasetState
from observatudo.history.model import DatasetRun, Run

RUN = "20261123T002248Z-17748"


class Health(BaseModel):
    """The server answers; nothing is said about the repository."""

    status: Literal["ok"] = "ok"


class RunPage(BaseModel):
    """Runs, newest first; ``total`` counts all that fit."""

    total: int
    items: list[Run]


class RunDetail(BaseModel):
    """One run, and what it did to each dataset."""

    run: Run
    datasets: list[DatasetRun]


class DatasetPage(BaseModel):
    """Every declared dataset with its freshness, in the order of params.yaml."""

    total: int
    items: list[DatasetState]


class VersionOut(BaseModel):
    """One commit of the branch that is checked out."""

    commit: Annotated[str, Field(examples=["ad3184d6e9b0c1f2a3b4c5d6e7f8091a2b3c4d5e"])]
    parents: list[str]
    author: str
    date: str
    subject: str


class VersionPage(BaseModel):
    """Commits, newest first."""

    total: int
    items: list[VersionOut]


class LabelOut(BaseModel):
    """One indicator and its axis, as ``observatudo labels --json`` prints it; more keys may come."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    dataset: str
    axis: str
    origin: str
    confidence: float


class LabelPage(BaseModel):
    """The labels that fit what was asked."""

    total: int
    items: list[LabelOut]


class ExplanationOut(BaseModel):
    """All that led to one label, as ``observatudo explain ID --json`` prints it."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    dataset: str
    axis: str
    origin: str
    votes: list[dict[str, JsonValue]]


class AlertsOut(BaseModel):
    """What is wrong, open alerts first, as ``observatudo alerts --json`` prints it."""

    model_config = ConfigDict(extra="allow")

    now: str
    alerts: list[dict[str, JsonValue]]
    channels: list[dict[str, JsonValue]]
