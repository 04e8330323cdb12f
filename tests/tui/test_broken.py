"""What is broken is told on the screen it is missing from; the dashboard goes on."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from observatudo.history.store import FILE
from tests.tui.pilot import dashboard, until, until_true


async def test_an_index_of_garbage_is_made_anew(small: Path) -> None:
    (small / FILE).parent.mkdir(exist_ok=True)
    (small / FILE).write_bytes(b"no database" * 1000)
    async with dashboard(small) as (app, _pilot):
        await until(app, "✗ failed", "◌ interrupted")


async def test_an_index_that_another_holds_is_read_all_the_same(small: Path) -> None:
    async with dashboard(small) as (app, pilot):
        await until(app, "✗ failed")
        await pilot.press("v")
        await until(app, "two is four")
    with closing(sqlite3.connect(small / FILE, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        async with dashboard(small) as (app, pilot):
            await until(app, "✗ failed")
            await pilot.press("j", "v")
            await until(app, "two is four")


async def test_a_line_cut_in_half_and_a_record_cut_in_half(small: Path) -> None:
    log = next((small / "logs").glob("*.jsonl"))
    with log.open("a") as lines:
        lines.write('{"time":"2026-11-23T09:0')
    record = sorted((small / "audit/runs").glob("*/*/*.json"))[0]
    record.write_bytes(record.read_bytes()[:100])
    async with dashboard(small) as (app, pilot):
        await until(app, "1 damaged", "✗ failed")
        await pilot.press("2")
        await until(app, "nothing runs")
        await pilot.press("7")
        await until(app, "records")


@pytest.mark.parametrize("file", ["params.yaml", "dvc.lock"])
async def test_what_only_one_screen_needs_is_told_there(small: Path, file: str) -> None:
    (small / file).write_text("stages: [")
    async with dashboard(small) as (app, pilot):
        await until(app, "✗ failed")
        await pilot.press("3")
        await until_true(app, lambda shown: "the command failed" in shown and file in "".join(shown.split()))
        await pilot.press("1")
        await until(app, "✗ failed")


async def test_without_any_history(small: Path) -> None:
    for folder in ("audit", "logs", ".observatudo"):
        shutil.rmtree(small / folder, ignore_errors=True)
    async with dashboard(small) as (app, pilot):
        await until(app, "no run yet; type: dvc repro")
        await pilot.press("2")
        await until(app, "dvc repro")
        await pilot.press("6")
        await until(app, "dbt has left no artifacts")
