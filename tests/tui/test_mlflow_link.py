"""Where a run is in MLflow's screens, out of the database that real runs left."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from observatudo import history
from observatudo.mlflow_link import link
from observatudo.runs.tracking import DATABASE
from tests.tui.pilot import dashboard, until, until_true


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> str:
    """Something that listens, as MLflow's server does."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setattr(socket, "_kept_open", listening, raising=False)
    return url


def succeeded(root: Path) -> str:
    return next(run.run_id for run in history.runs(root) if run.status == "success")


def test_a_run_is_found_under_the_id_mlflow_gave_its_parent(small: Path, server: str) -> None:
    run_id = succeeded(small)
    with closing(sqlite3.connect(small / DATABASE)) as database:
        (parent,) = database.execute(
            "SELECT run_uuid FROM tags WHERE key = 'observatudo.run_id' AND value = ? AND run_uuid NOT IN"
            " (SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId')", [run_id],
        ).fetchone()  # fmt: skip
    found = link(small, run_id)
    assert found.url.startswith(f"{server}/#/experiments/") and found.url.endswith(f"/runs/{parent}")


def test_what_there_is_not_is_said(small: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = succeeded(small)
    assert "does not have this run" in link(small, "20200101T000000Z-1").why
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "make mlflow" in link(small, run_id).why
    (small / DATABASE).write_bytes(b"no database")
    assert "does not have this run" in link(small, run_id).why
    (small / DATABASE).unlink()
    assert "no database" in link(small, run_id).why


async def test_without_mlflow_the_key_says_so(small: Path) -> None:
    (small / DATABASE).unlink()
    async with dashboard(small) as (app, pilot):
        await until(app, "success")
        await pilot.press("o")
        await until_true(app, lambda _shown: any("no database" in note.message for note in app._notifications))
