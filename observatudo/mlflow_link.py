"""Where a run is in MLflow's screens: its database is read without importing MLflow, which takes seconds."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from observatudo.i18n import _
from observatudo.runs.tracking import DATABASE, RUN_TAG

_DEFAULT = "http://127.0.0.1:5000"
_WAIT_S = 0.3
_RUN = """
SELECT runs.experiment_id, runs.run_uuid FROM tags JOIN runs USING (run_uuid)
WHERE tags."key" = ? AND tags.value = ? AND runs.lifecycle_stage = 'active'
    AND NOT EXISTS (SELECT 1 FROM tags AS up WHERE up.run_uuid = runs.run_uuid AND up."key" = 'mlflow.parentRunId')
"""


@dataclass(frozen=True)
class Link:
    """A run's address in MLflow's screens, or, where ``url`` is empty, why there is none and what to type."""

    url: str = ""
    why: str = ""


def link(home: Path, run_id: str) -> Link:
    """Return where the run is, on the server of ``MLFLOW_TRACKING_URI`` or on that of ``make mlflow``."""
    server = os.environ.get("MLFLOW_TRACKING_URI", "")
    base = server.rstrip("/") if server.startswith(("http://", "https://")) else _DEFAULT
    if not (home / DATABASE).is_file():
        return Link(why=_("MLflow has no database here yet: the first dvc repro makes it"))
    found = _find(home / DATABASE, run_id)
    if found is None:
        return Link(why=_("MLflow does not have this run: it keeps runs that did something and were recorded"))
    if not _answers(base):
        return Link(why=_("MLflow's screens are not running at {url}; type: make mlflow").format(url=base))
    experiment, run = found
    return Link(f"{base}/#/experiments/{experiment}/runs/{run}")


def _find(database: Path, run_id: str) -> tuple[str, str] | None:
    try:
        with closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
        ) as connection:
            row = connection.execute(_RUN, [RUN_TAG, run_id]).fetchone()
    except sqlite3.DatabaseError:  # locked, damaged or of another MLflow
        return None
    return (str(row[0]), str(row[1])) if row else None


def _answers(base: str) -> bool:
    """Say whether something listens there."""
    parts = urlsplit(base)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=_WAIT_S):
            return True
    except (OSError, ValueError):
        return False
