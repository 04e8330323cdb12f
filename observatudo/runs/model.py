"""The run record: what ``audit/runs/YYYY/MM/<run_id>.json`` holds, and its JSON Schema."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

SCHEMA_VERSION = 1


def _aware(text: str) -> str:
    """Pass an ISO 8601 time with its offset; raises ValueError for any other text."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    return text


Blob = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Time = Annotated[str, AfterValidator(_aware)]
Status = Literal["success", "failed", "interrupted"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Who(_Part):
    """Who ran it: Git's name and address where they are set, and the login."""

    name: str | None
    email: str | None
    login: str | None


class Where(_Part):
    """On what it ran; ``lock_sha256`` is the hash of requirements.lock."""

    host: str
    system: str
    python: str
    lock_sha256: Sha256 | None


class Dataset(_Part):
    """What one dataset's ingest counted; status ``unchanged`` when its stage had no need to run."""

    status: Literal["success", "failed", "interrupted", "unchanged"]
    rows_read: int | None
    rows_kept: int | None
    rows_rejected: int | None
    match_rate: float | None
    snapshot_sha256: Sha256 | None


class Output(_Part):
    """One output as DVC's lock names it.

    ``sha256`` of a folder is that of its listing: one line ``<sha256>  <path in the folder>\\n`` per
    file, in order of path. ``rows`` is what the Parquet files' own footers say (what the stage said when
    there is none), in a folder of all tables together; ``tables`` has the rows of each.
    """

    stage: str
    md5: str
    sha256: Sha256
    size: int
    files: int
    rows: int | None
    tables: dict[str, int]


class StageRun(_Part):
    """One stage that ran: when (UTC), seconds of wall and processor time, MiB at its peak, rows."""

    dataset: str | None
    status: Status
    started: str
    ended: str | None
    wall_s: float | None
    cpu_s: float | None
    peak_mb: float | None
    warnings: int
    rows: dict[str, int]


class Failure(_Part):
    """The error that ended a run; its traceback is in the log."""

    stage: str
    type: str
    message: str
    where: str
    next_step: str


class Record(_Part):
    """One run: enough to compare it with another, even when it was never committed.

    ``branch`` is the one that was checked out when the run began; records from before this field have none.

    ``dirty`` says that an input differs from ``commit``; ``changed`` names those inputs. Hashes in
    ``configs``, ``code`` (by stage) and ``evidence`` are Git blob hashes.
    """

    schema_version: Literal[1] = 1
    run_id: str
    status: Status
    started: Time
    ended: Time
    duration_s: float
    command: str
    experiment: str | None
    commit: Blob | None
    branch: str | None = None
    dirty: bool
    changed: list[str]
    who: Who
    where: Where
    writers: dict[str, str]
    versions: dict[str, list[str]]
    configs: dict[str, Blob]
    evidence: dict[str, Blob]
    code: dict[str, dict[str, Blob]]
    datasets: dict[str, Dataset]
    stages: dict[str, StageRun]
    outputs: dict[str, Output]
    dbt: dict[str, JsonValue]
    error: Failure | None


def to_text(record: Record) -> str:
    """Return the record as it is kept: fields in the model's order, everything else in order of key."""
    return json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def schema_text() -> str:
    """Return the JSON Schema of the record, as ``configs/schema/run.json`` keeps it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Record.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
