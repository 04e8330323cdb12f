"""Screen 8, Alerts: what it shows of a state at every size, and what its keys do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from observatudo.alerts import shown as figured
from observatudo.alerts.model import Acknowledgement, Alert, Bounds, Channel, Delivery, State
from tests.tui.pilot import SIZES, at_work, dashboard, heard, text, until, until_true
from tui import alert_state, alert_words
from tui.app import Dashboard
from tui.screens.alerts import AlertsScreen

SHRANK = Alert(
    id="a1b2c3",
    rule="coverage",
    severity="critical",
    status="open",
    dataset="ibge/pib",
    subject="pib_total",
    message="fewer municipalities have a value",
    why="5,570 had one in the three versions before, now 4,012 do",
    bounds=Bounds(4012.0, 5500.0, None, "rows"),
    since="2026-11-20T10:00:00+00:00",
    since_run="20261120T100000Z-1",
    last="2026-11-22T10:00:00+00:00",
    last_run="20261122T100000Z-3",
    runs=3,
    deliveries=(Delivery("equipe", "open", "2026-11-20T10:01:00+00:00", "timed out"),),
)
STALE = replace(
    SHRANK,
    id="d4e5f6",
    rule="staleness",
    severity="warning",
    dataset="siconfi/despesa",
    subject=None,
    message="[b]the data[/b] did not move\x1b[31m",
    bounds=Bounds(400.0, None, 366.0, "days"),
    since_run=None,
    last_run=None,
    acknowledged=Acknowledgement("Maria", "2026-11-21T10:00:00+00:00", "asked them"),
    deliveries=(),
)
OVER = replace(SHRANK, id="0a0b0c", rule="run", status="recovered", message="a run failed", recovered=SHRANK.last)
STATE = State(
    now="2026-11-22T11:00:00+00:00",
    alerts=(SHRANK, STALE, OVER),
    channels=(
        Channel("equipe", "warning", True, 2, None, "timed out"),
        Channel("plantao", "critical", False, 0),
    ),
    rules={"staleness": {"severity": "warning", "factor": 1.0}},
)


def printed(state: State) -> object:
    """Return a state as it comes out of the command."""
    return json.loads(json.dumps(state.as_dict()))


def test_what_the_command_prints_is_read_back_whole() -> None:
    assert alert_state.state(printed(STATE)) == STATE  # type: ignore[arg-type]  # a JSON value
    assert alert_state.unseen(STATE) == [SHRANK]


@pytest.mark.parametrize("content", [None, [], {}, {"alerts": [None, {}], "channels": 3, "rules": []}], ids=str)
def test_what_is_no_state_hides_nothing_and_breaks_nothing(content: object) -> None:
    found = alert_state.state(content)  # type: ignore[arg-type]  # a JSON value
    assert all(alert.status == "open" and alert.severity == "warning" for alert in found.alerts)
    for alert in found.alerts:
        assert alert_words.in_full(alert)


@pytest.mark.parametrize(
    ("bounds", "found", "allowed"),
    [
        (Bounds(0.125, None, 0.05, "share"), "12.50%", "at most 5.00%"),
        (Bounds(4012.0, 5500.0, None, "rows"), "4,012", "at least 5,500"),
        (Bounds(400.0, None, 366.0, "days"), "400 days", "at most 366 days"),
        (Bounds(1024.0, 2048.0, None, "bytes"), "1.0 KiB", "at least 2.0 KiB"),
        (Bounds(9.0, 0.5, 2.0), "9", "0.5 to 2"),
        (Bounds(9.0, None, 2.0, "MW"), "9", "at most 2"),
        (Bounds(None, None, None), "–", "–"),
    ],
    ids=str,
)
def test_figures_stand_in_their_unit(bounds: Bounds, found: str, allowed: str) -> None:
    assert (figured.found(bounds), figured.allowed(bounds)) == (found, allowed)


@asynccontextmanager
async def shown(
    root: Path, state: State, size: tuple[int, int], *, is_read_only: bool = False
) -> AsyncIterator[tuple[Dashboard, Pilot[None], AlertsScreen]]:
    """Yield the screen once it was given what the command would print; the command itself was stopped."""
    async with dashboard(root, size, is_read_only=is_read_only) as (app, pilot):
        await until(app, "success", "failed", "interrupted", "noop")  # all runs are known: none has it read anew
        await until_true(app, lambda _shown: app.news in ("", "read-only"), what="the index")
        with at_work():
            await pilot.press("8")
            await until(app, "esc stops it")
            await pilot.press("escape")
            await until(app, "stopped", "r reads again")
        screen = app.screen
        assert isinstance(screen, AlertsScreen)
        screen.understood(printed(state))  # type: ignore[arg-type]  # a JSON value
        screen._show_all()
        await pilot.pause()
        yield app, pilot, screen


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_what_is_wrong_at_every_size(small: Path, size: tuple[int, int]) -> None:
    async with shown(small, STATE, size) as (app, pilot, _screen):
        told = await until(app, "8 Alerts !1", "✗ critical", "fewer", "1 not acknowledged", gone="a run failed")
        assert "2 message(s) wait" in told or size[0] < 80
        assert max(map(len, told.splitlines())) <= size[0]
        assert ("at least 5,500" in told) == (size[0] >= 110), "the details need room"
        await pilot.press("v")
        assert "[b]the data[/b]" in await until(app, "a run failed"), "no markup is read"
        await pilot.press("enter")
        await until(app, "coverage  ibge/pib · pib_total", "at least 5,500")
        await pilot.press("G")
        await until(app, "timed out", "a1b2c3")
        await pilot.press("o")
        await heard(app, "no run that is known here")
        await pilot.press("escape", "tab")
        await until(app, "equipe", "✗ failed", "its secret is not set", "2")
        await pilot.press("tab")
        await until(app, "staleness", "severity: warning")
        await pilot.press("1")
        await until(app, "8 Alerts !1" if size[0] >= 80 else "8 !1")


async def test_the_filter_and_that_nothing_is_wrong(small: Path) -> None:
    async with shown(small, STATE, (100, 24)) as (app, pilot, screen):
        await pilot.press("slash", *"severity", "colon", *"warn", "enter")
        await until(app, "Alerts 1/2", "did not move", gone="fewer")
        screen.understood(printed(State("", ())))  # type: ignore[arg-type]  # a JSON value
        await pilot.press("escape")
        await until(app, "✓ nothing is wrong", gone="!1")
        await pilot.press("enter", "a")
        await heard(app, "go to an alert first")
        await pilot.press("tab")
        await until(app, "names no channel")


async def test_the_note_is_part_of_the_command_and_no_shell_reads_it(small: Path) -> None:
    async with shown(small, STATE, (100, 24)) as (app, pilot, _screen):
        await pilot.press("a")
        await until(app, "What do the others need to know?", "observatudo alerts ack -- a1b2c3")
        await pilot.press("dollar_sign", "left_parenthesis", "i", "d", "right_parenthesis")
        await until(app, "observatudo alerts ack '--note=$(id)' -- a1b2c3")
        await pilot.press("escape")
        await until(app, "fewer")


async def test_read_only_there_is_nothing_to_acknowledge(small: Path) -> None:
    async with shown(small, STATE, (100, 24), is_read_only=True) as (app, pilot, screen):
        assert "acknowledge" not in text(app).splitlines()[-1]
        await pilot.press("a")
        await pilot.pause()
        assert app.screen is screen


async def test_an_alert_of_the_command_is_acknowledged_with_a_note(small: Path) -> None:
    rules = "rules: [{rule: disk, severity: critical, below_gb: 1000000000}, {rule: run_failed}]\n"
    (small / "configs").mkdir(exist_ok=True)
    (small / "configs/alerts.yaml").write_text(rules)
    async with dashboard(small, (100, 24)) as (app, pilot):
        await until(app, "8 Alerts !1", "success")  # counted by itself
        await pilot.press("8")
        await until(app, "✗ critical", "disk", "Alerts 1", "1 not acknowledged")
        await pilot.press("v")
        await until(app, "a run failed", "✓ recovered")
        await pilot.press("g", "a")
        await until(app, "What do the others need to know?")
        await pilot.press(*"wait", "enter")
        await until(app, "acknowledged:", "done; esc goes back")
        await pilot.press("escape")
        await until(app, "0 not acknowledged", "▪ seen", gone="!1")
        await pilot.press("g", "enter")
        await until(app, "seen by", "note: wait")


async def test_rules_that_are_wrong_are_told_with_the_way_out(small: Path) -> None:
    (small / "configs").mkdir(exist_ok=True)
    (small / "configs/alerts.yaml").write_text("rules: [{rule: nonsense}]\n")
    async with dashboard(small, (100, 24)) as (app, pilot):
        await pilot.press("8")
        await until(app, "the command failed", "configs/alerts.yaml")
        assert "Traceback" not in text(app)
