"""What the dashboard must bear: records and texts as nobody would write them, signals, and hasty hands."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from textual.events import Key

from observatudo import figures
from tests.conftest import ROOT
from tests.tui import PATIENCE_S
from tests.tui.pilot import dashboard, until, until_true
from tests.tui.terminal import Terminal, terminal
from tui import parts
from tui.app import Dashboard
from tui.context import Settings
from tui.screens.choice import ChoiceScreen
from tui.screens.history import HistoryScreen
from tui.screens.output import OutputScreen
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView

HOSTILE = "red \x1b[31m \x1b]0;title\x07 [b]bold[/] \\[x] [/] \u202e \x9b31m e\u0301 宽字 🇧🇷"
COMMAND = [sys.executable, "-m", "tui"]


def _started(screen: Terminal) -> int:
    """Return the process of the dashboard in a terminal, once it shows something and heeds signals.

    It does that after its first picture, and right before it starts the process that watches the history.
    """
    screen.wait("Runs 5")
    shell = screen._tmux("list-panes", "-F", "#{pane_pid}").strip()
    (own,) = psutil.Process(int(shell)).children()
    screen.wait_until(lambda _text: bool(own.children()), what="the watcher of the history")
    return own.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(small: Path, number: signal.Signals) -> None:
    with terminal(COMMAND, small, PYTHONPATH=str(ROOT)) as screen:
        os.kill(_started(screen), number)
        screen.wait(f"ended with {128 + number}", gone="History")


@pytest.mark.parametrize(
    ("zone", "when"),
    [("America/Sao_Paulo", "0001-01-01T00:00:00+00:00"), ("Asia/Tokyo", "9999-12-31T23:59:59+00:00")],
)
def test_a_time_outside_of_the_calendar_is_shown_as_it_is(
    zone: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert figures.moment(when) == when
    time.tzset()


def test_a_dashboard_ends_with_its_terminal(small: Path) -> None:
    with terminal(COMMAND, small, PYTHONPATH=str(ROOT)) as screen:
        process = psutil.Process(_started(screen))
        children = process.children()
        screen.keys("2", "7", "1")
        screen.close()
        _gone, alive = psutil.wait_procs([process, *children], timeout=120)
        assert not alive


def _only_seen(shown: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in shown)


async def test_what_is_in_names_and_messages_never_steers_the_terminal(small: Path) -> None:
    (small / "note").write_text(f"{HOSTILE}\n", encoding="utf-8")
    for words in (["add", "note"], ["commit", "-q", "--cleanup=verbatim", "-m", HOSTILE]):
        subprocess.run(["git", *words], cwd=small, check=True)
    async with dashboard(small, (120, 30)) as (app, pilot):
        await pilot.press("v")
        assert _only_seen(await until(app, "Versions 5", "red"))
        await pilot.press("enter")
        shown = await until(app, "␛[31m", "[b]bold[/]", "\\[x] [/]")
        assert _only_seen(shown)
        app._disable_notifications = False  # as they are in tests
        app.notify("\x1b[31m[b]toast[/] \\[x]")
        await pilot.pause()
        assert [(each.message, each.markup) for each in app._notifications] == [("␛[31m[b]toast[/] \\[x]", False)]


def _all_at_once(app: Dashboard, *keys: str) -> None:
    """Press keys without waiting for what one does before the next."""
    assert app._driver is not None
    for key in keys:
        app._driver.send_message(Key(key, key if len(key) == 1 else None))


async def test_keys_of_the_palette_that_come_too_fast_end_nothing(small: Path) -> None:
    async with dashboard(small) as (app, pilot):
        await until(app, "Runs 5")
        _all_at_once(app, "colon", "pageup", "pagedown")
        await pilot.press("d", "b", "t")
        await until(app, "dbt  (6)")
        _all_at_once(app, "enter", "enter", "enter")
        await until(app, "lineage", gone="dbt  (6)")
        assert app.return_code is None


async def test_a_second_enter_does_nothing_twice(small: Path) -> None:
    chosen: list[int] = []
    async with dashboard(small) as (app, pilot):
        await app.push_screen(ChoiceScreen("Which?", [("a", "", 1), ("b", "", 2)], chosen.append))
        await until(app, "Which?")
        _all_at_once(app, "enter", "enter")
        await until(app, "Runs 5", gone="Which?")
        await pilot.pause()
    assert chosen == [1]


async def test_a_command_that_cannot_be_started_is_told(small: Path) -> None:
    async with dashboard(small, (120, 30)) as (app, pilot):
        await until(app, "Runs 5")
        app.compare("a\0b", "HEAD")
        await until(app, "could not be started")
        await app.push_screen(OutputScreen(["/nowhere/at/all"]))
        await until(app, "could not be started", "No such file")
        await pilot.press("escape")
        await until(app, "Compare", gone="No such file")


async def test_a_mark_stays_on_its_run_when_the_rest_of_it_is_another(small: Path) -> None:
    async with dashboard(small) as (app, pilot):
        await pilot.press("v")
        await until(app, "Versions 4", "HEAD")
        await pilot.press("space")
        await until(app, "1 marked")
        subprocess.run(["git", "tag", "marked"], cwd=small, check=True)
        await until(app, "HEAD, main,…", "●", "1 marked")
        await pilot.press("k", "space")
        await until(app, "Versions 4", gone="1 marked")


async def test_the_cursor_stays_far_down_while_ids_are_read_anew(small: Path) -> None:
    class Counted(Rows[int]):
        """Rows of which the first page comes at once, and all ids when they are let go."""

        def __init__(self) -> None:
            super().__init__(range(1000))
            self.gate = threading.Event()

        def ids(self) -> Sequence[int]:
            self.gate.wait(PATIENCE_S)
            return super().ids()

    async with dashboard(small) as (app, pilot):
        table: VirtualTable[int] = VirtualTable((Column(lambda: "number", 9, str),))
        await app.screen.mount(table, before=0)
        first, second = Counted(), Counted()
        first.gate.set()
        table.show(first)
        table.focus()
        while not table.is_whole:
            await pilot.pause()
        await pilot.press("end")
        await until_true(app, lambda _shown: table.row == 999, what="the last row")
        table.show(second)
        await pilot.press("k")
        await until_true(app, lambda _shown: table.row == 998, what="the row above it")
        second.gate.set()
        while not table.is_whole:
            await pilot.pause()
        assert table.row == 998


async def test_without_git_the_versions_say_so(small: Path) -> None:
    shutil.rmtree(small / ".git")
    async with dashboard(small, (120, 30)) as (app, pilot):
        await until(app, "Runs 5")
        await pilot.press("v")
        await until(app, "Versions 0", "no Git repository", gone="git commit")


async def test_a_keymap_cannot_take_the_way_out_nor_break_the_palette(small: Path) -> None:
    keys = {"app.quit": ",", "app.help": "ctrl+", "history.sort": "1", "screen.refresh": "left_square_bracket,[/x]"}
    async with dashboard(small, (120, 40), settings=Settings(keys=dict(keys))) as (app, pilot):
        problems = list(app._take_keys(dict(keys)))
        assert [problem.split()[0].rstrip(":") for problem in problems] == ["app.quit", "app.help", "app.history"]
        await until(app, "Runs 5")
        await pilot.press("colon", *"refresh")
        await until(app, "refresh  ([ [/x])")
        await pilot.press("escape", "escape", "q")
        async with asyncio.timeout(PATIENCE_S):
            while app.is_running:
                await asyncio.sleep(0.02)


async def test_a_word_typed_fast_is_looked_for_once(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_TYPING_S", 3.0)  # what is fast must be so on a busy machine
    async with dashboard(small) as (app, pilot):
        await until(app, "Runs 5")
        screen = app.screen
        assert isinstance(screen, HistoryScreen)
        asked: list[str] = []
        screen.filtered = lambda wanted, is_kept: asked.append(wanted)  # type: ignore[method-assign]
        await pilot.press("slash")
        _all_at_once(app, *"nothing")
        while not asked:
            await pilot.pause()
        assert asked == ["nothing"]
        await pilot.press("enter")
        await until_true(app, lambda _shown: len(asked) > 1, what="the word that is kept")
        assert asked == ["nothing", "nothing"]


async def test_a_terminal_that_becomes_wide_shows_the_run_beside_the_list(small: Path) -> None:
    async with dashboard(small) as (app, pilot):
        await until(app, "Runs 5")
        await pilot.resize_terminal(120, 30)
        await until_true(app, lambda _shown: bool(app.screen.query_one("#details", TextView).text), what="the run")
