"""Screens as they stand, to the character: records, dates and zone are fixed. ``SNAPSHOTS=new`` writes them anew."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.past import Past, observation, past
from tests.recorded import record
from tests.tui.pilot import dashboard, until, until_true

SNAPSHOTS = Path(__file__).parent / "snapshots"
ERROR = {
    "stage": "ingest@x/y",
    "type": "DataError",
    "message": "rows are missing",
    "where": "a.csv:3",
    "next_step": "look",
}


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Past]:
    """Two commits at fixed times with three runs at fixed times, in São Paulo."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-01-05T09:00:00-03:00")
    made = past(tmp_path / "repo")
    made.observations([observation("3550308", 2019, 1.0)])
    first = made.commit("first")
    stages: dict[str, dict[str, object]] = {
        name: {
            "dataset": name.partition("@")[2] or None, "status": "success", "started": f"2026-01-05T{start}+00:00",
            "ended": f"2026-01-05T{end}+00:00", "wall_s": wall, "cpu_s": wall / 2, "peak_mb": 123.4,
            "warnings": 1, "rows": {},
        }
        for name, start, end, wall in (
            ("ingest@x/y", "10:00:00", "10:00:20", 20.0), ("classify", "10:00:20", "10:00:50", 30.0),
            ("transform", "10:00:50", "10:01:00", 10.0),
        )
    }  # fmt: skip
    counts = {"rows_read": 1234567, "rows_kept": 1234500, "rows_rejected": 67, "match_rate": 0.99}
    datasets = {"x/y": {"status": "success", "snapshot_sha256": "ab" * 32, **counts}}
    record(made, "20260105T100000Z-11", first, stages=stages, datasets=datasets)
    failed = {"started": "2026-01-06T10:00:00+00:00", "ended": "2026-01-06T10:00:02+00:00", "duration_s": 2.0}
    record(
        made, "20260106T100000Z-12", first, status="failed", dirty=True, changed=["params.yaml"], error=ERROR, **failed
    )
    killed = {"started": "2026-01-07T02:00:00+00:00", "ended": "2026-01-07T03:00:00+00:00", "duration_s": 3600.0}
    record(made, "20260107T020000Z-13", first, status="interrupted", **killed)
    made.observations([observation("3550308", 2019, 2.0)])
    made.commit("São Paulo, corrected")
    yield made
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("language", ["en", "pt_BR"])
async def test_screens_stand_as_they_did(repo: Past, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", language)
    async with dashboard(repo.root, (100, 20)) as (app, pilot):
        await until(app, "2.0 s" if language == "en" else "2,0 s", "◌")
        await until_true(app, lambda _shown: not app.news, what="the index")
        held(f"runs.{language}", await until(app, "✗"))
        await pilot.press("v")
        held(f"versions.{language}", await until(app, "São Paulo", "HEAD"))
        await pilot.press("v", "G", "enter", "tab")
        held(f"stages.{language}", await until(app, "███", "classify"))


def held(name: str, shown: str) -> None:
    """Hold a screen against the one that was kept."""
    path = SNAPSHOTS / f"{name}.txt"
    text = "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"
    if os.environ.get("SNAPSHOTS") == "new":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
