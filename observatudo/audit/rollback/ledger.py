"""The trace a rollback leaves: a commit message with trailers, and a record in ``audit/rollbacks/YYYY/MM/<id>.json``.

Both are in English whatever the user's language, as they are read by programs and by everyone. The record is an
event of the ledger as a run's record is: written once, in the commit it tells of, and never changed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from observatudo.audit.rollback import places
from observatudo.audit.rollback.model import Change, Effect, Scope
from observatudo.runs.model import Time, Who

Commit = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
_WIDTH = 72
_SHOWN = 12


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Counts(_Part):
    """What happened to one table's rows; None where they could not be counted."""

    status: str
    added: int | None
    removed: int | None
    changed: int | None


class OutputChange(_Part):
    """An output's hash (DVC's) before and after; None where there was none."""

    old: str | None
    new: str | None


class Record(_Part):
    """One rollback: who, when and why; from which commit, to which; and what that did.

    ``old`` is the commit that was HEAD, ``to`` the one gone back to, ``asked`` how it was named. ``files`` are Git's.
    """

    schema_version: Literal[1] = 1
    rollback_id: str
    when: Time
    who: Who
    why: str
    asked: str
    scope: Scope
    dataset: str | None
    old: Commit
    to: Commit
    files: dict[str, Change]
    outputs: dict[str, OutputChange]
    tables: dict[str, Counts]
    stale: dict[str, list[str]]

    @property
    def path(self) -> str:
        """Return where the record is kept."""
        return f"{places.ROLLBACKS}/{self.when[:4]}/{self.when[5:7]}/{self.rollback_id}.json"


def record(effect: Effect, who: Who, why: str) -> Record:
    """Return the record of a rollback that happens now."""
    plan, now = effect.plan, datetime.now(UTC)
    return Record(
        rollback_id=f"{now:%Y%m%dT%H%M%SZ}-{os.getpid()}",
        when=now.isoformat(timespec="seconds"),
        who=who,
        why=why,
        asked=plan.request.revision,
        scope=plan.request.scope,
        dataset=plan.request.dataset or None,
        old=plan.start,
        to=plan.target,
        files={file.path: file.change for file in plan.files},
        outputs={out.path: OutputChange(old=out.old, new=out.new) for out in plan.outs},
        tables={
            name: Counts(status=table.status, added=table.added, removed=table.removed, changed=table.changed)
            for name, table in effect.tables.items()
        },
        stale={stage.stage: list(stage.why) for stage in plan.moved},
    )


def to_text(made: Record) -> bytes:
    """Return the record as it is kept."""
    return (json.dumps(made.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()


def message(made: Record, subject: str) -> str:
    """Return the commit's message: why, what of it came back, rows per table, and trailers for programs."""
    what = {"all": "configuration and data", "config": "configuration", "data": "data"}[made.scope]
    first, *rest = made.why.strip().splitlines()
    head = f"Rollback to {made.to[:8]}: {first}"
    body = [
        *([head, ""] if len(head) > _WIDTH else []),
        *rest,
        f"The {what} of {made.dataset or 'everything'} as of {made.to[:8]} ({subject}).",
        *_rows(made),
    ]
    trailers = {
        "Observatudo-Rollback": made.to,
        "Observatudo-Rollback-From": made.old,
        "Observatudo-Rollback-Scope": f"{made.scope} {made.dataset or ''}".strip(),
        "Observatudo-Rollback-Record": made.path,
    }
    short = head if len(head) <= _WIDTH else f"{head[: _WIDTH - 1]}…"
    ends = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    return "\n".join([short, "", *body, "", ends]) + "\n"


def _rows(made: Record) -> list[str]:
    lines = [
        f"{name}: +{counts.added} -{counts.removed} ~{counts.changed}"
        if counts.added is not None
        else f"{name}: {counts.status}"
        for name, counts in made.tables.items()
    ]
    more = [f"and {len(lines) - _SHOWN} more tables"] if len(lines) > _SHOWN else []
    return lines[:_SHOWN] + more


@dataclass(frozen=True)
class Damaged:
    """A rollback's record that cannot be read: its path, relative to the repository, and why."""

    path: str
    reason: str


def recorded(root: Path) -> tuple[list[Record], list[Damaged]]:
    """Return the records of all rollbacks in the work tree, newest first, and those that cannot be read."""
    found, damaged = [], []
    for path in sorted((root / places.ROLLBACKS).glob("*/*/*.json")):
        try:
            found.append(Record.model_validate_json(path.read_bytes()))
        except (OSError, ValueError) as error:  # pydantic's error is a ValueError
            damaged.append(Damaged(path.relative_to(root).as_posix(), str(error).splitlines()[0]))
    return sorted(found, key=lambda record: (record.when, record.rollback_id), reverse=True), damaged
