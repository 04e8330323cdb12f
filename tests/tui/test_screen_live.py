"""Screen 2, Live: runs that really are at work, killed, failed; a log that grows while keys are pressed."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot

from observatudo import figures
from tests.conftest import ROOT
from tests.integration.runs_repository import Repository
from tests.tui.conftest import wait_for
from tests.tui.pilot import SIZES, dashboard, heard, text, until, until_true
from tui.app import Dashboard
from tui.logview import LogView, wrapped
from tui.screens.live_board import bar, error, spark
from tui.screens.live_repro import OUTPUT

_NOBODY = 2**22 + 1  # no process has this id


class Log:
    """A log written by hand, in the form of docs/runs.md, of a run whose processes are gone."""

    def __init__(self, root: Path) -> None:
        self.path = root / f"logs/pipeline_{datetime.now(UTC):%Y%m%d}.jsonl"
        self.path.parent.mkdir(exist_ok=True)
        self.run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{_NOBODY}"

    def write(self, *events: dict[str, object]) -> None:
        """Append events; each gets its time and run."""
        envelope = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "run": self.run}
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps({**envelope, **event}, separators=(",", ":")) + "\n" for event in events))

    def start(self, stage: str) -> dict[str, object]:
        process = {"pid": _NOBODY, "started": 1.0}
        owner = {**process, "command": ["dvc", "repro"]}
        here = {"host": platform.node(), "kind": "repro", "dataset": None}
        return {"event": "start", "stage": stage, "process": process, "owner": owner, **here}


def notes(count: int, stage: str = "ingest@a/um", first: int = 0) -> list[dict[str, object]]:
    """Return warnings with a number each."""
    return [{"event": "warning", "stage": stage, "message": f"line {n} of many"} for n in range(first, first + count)]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A repository in which nothing has run."""
    root = tmp_path / "bare"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


@contextmanager
def killed_at_last(root: Path) -> Iterator[None]:
    """Let nothing at work behind, whatever the test came to."""
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            os.killpg(os.getpgid(int((root / "sleep").read_text())), signal.SIGKILL)


async def gone_to(pilot: Pilot[None]) -> LogView:
    """Go to the screen; return its log."""
    await pilot.press("2")
    await until_true(app_of(pilot), lambda _shown: bool(app_of(pilot).screen.query(LogView)))
    return app_of(pilot).screen.query_one(LogView)


def app_of(pilot: Pilot[None]) -> Dashboard:
    assert isinstance(pilot.app, Dashboard)
    return pilot.app


def asleep(root: Path) -> Repository:
    """Let the stage of a/um stay at work when it runs next."""
    repository = Repository(root)
    (root / "sleep").unlink()  # of the one before
    repository.edit("params.yaml", "um: {factor: 2, mode: fine}", "um: {factor: 5, mode: sleep}")
    return repository


# --- runs


@pytest.mark.parametrize("lang", ["en", "pt_BR"])
@pytest.mark.parametrize("size", SIZES)
async def test_without_a_run_it_says_so_and_how_to_start_one(
    bare: Path, size: tuple[int, int], lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", lang)
    async with dashboard(bare, size) as (app, pilot):
        await gone_to(pilot)
        await until(app, "dvc repro", "%", "●")
        Log(bare).write({"event": "start", "stage": "half"})  # no run can be made of it
        await pilot.pause(0.5)
        assert "dvc repro" in text(app)


async def test_a_run_started_here_is_followed_outlives_the_dashboard_and_is_seen_to_be_killed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = asleep(small)
    for name, value in repository.environment.items():
        monkeypatch.setenv(name, value)
    with killed_at_last(small):
        async with dashboard(small) as (app, pilot):
            await gone_to(pilot)
            await until(app, "R", "type: dvc repro")
            await pilot.press("R")
            await until(app, "goes on when the dashboard is closed")
            starting = asyncio.create_task(until(app, "is starting"))  # shown until DVC has begun a stage
            await pilot.press("enter")
            await starting
            shown = await until(app, "▶ ingest@a/um", "a/um: started")
            assert "0 of at most 4 stages" in shown and "type: dvc repro" not in shown
            await pilot.press("R")
            await heard(app, "DVC takes one at a time")
        wait_for(small / "sleep")
        os.kill(int((small / "sleep").read_text()), 0)  # still there
        async with dashboard(small) as (app, pilot):
            await gone_to(pilot)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await until(app, "▶ ingest@a/um", "cpu", "mem", "● follows", "started")
            before = (await until_true(app, _has_memory_on_the_left)).splitlines()[1]
            await until_true(app, lambda shown: shown.splitlines()[1] != before, what="another time")
            os.killpg(os.getpgid(int((small / "sleep").read_text())), signal.SIGKILL)
            for size in reversed(SIZES):
                await pilot.resize_terminal(*size)
                await until(app, "◌ interrupted", "◌ ingest@a/um", "type: dvc repro", "Stopped or killed", gone="▶")


def _has_memory_on_the_left(shown: str) -> bool:
    return any("MiB" in line[:60] for line in shown.splitlines())


async def test_what_was_started_here_can_be_stopped(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = asleep(small)
    for name, value in repository.environment.items():
        monkeypatch.setenv(name, value)
    async with dashboard(small) as (app, pilot):
        await gone_to(pilot)
        await pilot.press("X")
        await heard(app, "nothing that was started here")
        with killed_at_last(small):
            await pilot.press("R")
            await until(app, "$ dvc repro", "esc goes back")
            await pilot.press("enter")
            await until(app, "▶ ingest@a/um")
            wait_for(small / "sleep")
            await pilot.press("X")
            await until(app, "◌ interrupted", "type: dvc repro", gone="▶")


async def test_a_failed_run_shows_its_error_and_its_traceback(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(small)
    repository.edit("params.yaml", "um: {factor: 2, mode: fine}", "um: {factor: 5, mode: fail}")
    said = ["✗ ingest@a/um", "rows are missing", "@ x.csv:3", "→ observatudo fetch a/um"]
    async with dashboard(small, (60, 16)) as (app, pilot):
        await gone_to(pilot)
        await until(app, "dvc repro")
        running = repository.start("dvc", "repro")
        await until(app, "✗ failed", *said, "type: dvc repro", gone="▶")
        running.communicate()
        for size in SIZES[1:]:
            await pilot.resize_terminal(*size)
            await until(app, *said)
    monkeypatch.setenv("OBSERVATUDO_LANG", "pt_BR")
    async with dashboard(small, (60, 16)) as (app, pilot):
        await gone_to(pilot)
        await until(app, figures.status("failed"), *said)
        await pilot.press("e")
        wanted = ("Traceback", "stages/ingest.py", "DataError")  # in lines broken where the folder's name has them be
        await until_true(app, lambda shown: all(words in "".join(shown.split()) for words in wanted), what=str(wanted))
        await pilot.press("escape")
        await until(app, *said, gone="Traceback")
        await pilot.press("shift+tab", "enter")
        await until(app, "Traceback")


async def test_enter_opens_the_run(small: Path) -> None:
    async with dashboard(small) as (app, pilot):
        await until(app, "started")
        await gone_to(pilot)
        await until(app, "type: dvc repro")
        assert "stages" in text(app) or "stage" in text(app)
        await pilot.press("enter")
        await until(app, "in short", "metrics")
        await pilot.press("escape")
        await until(app, "● follows")


async def test_a_start_that_comes_to_no_run_is_told_in_dvcs_words(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (small / "dvc.yaml").write_text("stages: [broken\n")
    for name, value in Repository(small).environment.items():
        monkeypatch.setenv(name, value)
    async with dashboard(small, (120, 30)) as (app, pilot):
        await gone_to(pilot)
        await pilot.press("R")
        await until(app, "$ dvc repro")
        await pilot.press("enter")
        await until(app, "dvc repro ended with 255", OUTPUT)
        assert (small / OUTPUT).read_text()


async def test_a_read_only_dashboard_starts_nothing(bare: Path) -> None:
    async with dashboard(bare, (120, 30), is_read_only=True) as (app, pilot):
        await gone_to(pilot)
        shown = await until(app, "type: dvc repro")
        assert "start dvc repro" not in shown and "or R" not in shown
        await pilot.press("R")
        await pilot.pause()
        assert "goes on when" not in text(app)


# --- the log


async def test_ten_thousand_lines_come_while_keys_are_pressed(bare: Path) -> None:
    log = Log(bare)
    log.write(log.start("ingest@a/um"), *notes(200))
    async with dashboard(bare) as (app, pilot):
        view = await gone_to(pilot)
        await until(app, "line 199 of many")

        def top() -> int:
            return view._numbers[view._index_at(int(view.scroll_offset.y))]

        await pilot.press("k")
        log.write(*notes(10_000, first=200))
        for _press in range(20):
            before = top()
            key = "k" if before > view._gone else "j"
            await pilot.press(key)  # fails where it is not heard in PATIENCE_S
            first = view._gone  # what was before it is too old to be there still
            assert before < first + (key == "k") or (top() < before if key == "k" else top() > before)
        await until_true(
            app, lambda _shown: view.total == 5_000 and view._events[-1].text.endswith("line 10199 of many")
        )
        assert "‖" in text(app)
        await pilot.press("f")
        await until(app, "line 10199 of many", "● follows")
        await pilot.press("g")
        await until(app, "line 5200 of many", "4,")


def _top_line(app: Dashboard) -> str:
    shown = text(app).splitlines()
    return shown[next(n for n, line in enumerate(shown) if "follows" in line) + 1]


async def test_what_is_looked_at_stays_in_its_place_and_following_ends_by_a_move_upwards(bare: Path) -> None:
    log = Log(bare)
    log.write(log.start("ingest@a/um"), *notes(300))
    async with dashboard(bare) as (app, pilot):
        await gone_to(pilot)
        await until(app, "line 299 of many", "● follows")
        for key, back in (("k", "f"), ("pageup", "G"), ("g", "end"), ("up", "f")):
            await pilot.press(key)
            await until(app, "‖ f follows")
            top, count = _top_line(app), app.screen.query_one(LogView).total
            log.write(*notes(3, first=count))
            await until(app, "below", f"{count + 3} lines")
            assert _top_line(app) == top
            await pilot.press(back)
            await until(app, "● follows", f"line {count + 2} of many")
        await pilot.press("j")
        assert "● follows" in text(app)


async def test_levels_words_and_matches(bare: Path) -> None:
    log = Log(bare)
    log.write(log.start("ingest@a/um"), log.start("ingest@b/dois"))
    log.write({"event": "output", "stage": "ingest@a/um", "path": "data/população", "rows": 3}, *notes(60))
    log.write({"event": "error", "stage": "ingest@b/dois", "type": "DataError", "message": "cut off", "where": "x:1"})
    async with dashboard(bare) as (app, pilot):
        view = await gone_to(pilot)
        await until(app, "cut off", "64 lines")
        await pilot.press("L")
        await until(app, "warnings and errors", "61 of 64 lines")
        await pilot.press("L")
        await until(app, "1 of 64 lines")
        await pilot.press("L")
        await until(app, "64 lines", gone=" of 64")
        await pilot.press("slash", *"populacao", "enter")
        await until(app, "wrote data/população", "1 of 64 lines")
        await pilot.press("slash", *(["backspace"] * 9), *"line 5 -52", "enter")
        await until(app, "14 of 64 lines", "line 51 of many", gone="line 52 of many")
        await pilot.press("escape")
        await until(app, "64 lines", gone=" of 64")
        await pilot.press("N")
        first = view._match
        await pilot.press("N")
        assert first is not None and view._match is not None and view._match < first
        await pilot.press("n")
        assert view._match == first and not view.is_following
        await pilot.press("escape", "n")
        await heard(app, "no match")


async def test_a_log_that_is_renamed_goes_on_and_nothing_is_missing_after_another_screen(bare: Path) -> None:
    log = Log(bare)
    log.write(log.start("ingest@a/um"), *notes(5))
    async with dashboard(bare) as (app, pilot):
        view = await gone_to(pilot)
        await until(app, "line 4 of many")
        log.path.rename(log.path.with_suffix(".jsonl.1"))
        log.write(*notes(5, first=5))
        await until(app, "line 9 of many", "11 lines")
        await pilot.press("1")
        log.write(*notes(5, first=10))
        log.path.rename(log.path.with_suffix(".jsonl.2"))
        log.write(*notes(5, first=15))
        await pilot.press("2")
        await until(app, "line 19 of many", "21 lines")
        assert [event.text.split()[3] for event in view._events[1:]] == [str(n) for n in range(20)]


async def test_a_log_that_cannot_be_read_is_told(bare: Path) -> None:
    log = Log(bare)
    log.path.mkdir()
    async with dashboard(bare, (120, 30)) as (app, pilot):
        await gone_to(pilot)
        await until_true(app, lambda shown: "! " in shown and "Is a directory" in " ".join(shown.split()))


async def test_five_stages_fit_a_small_terminal_and_the_rest_is_counted(bare: Path) -> None:
    log = Log(bare)
    for n in range(9):
        stage = f"ingest@source/a_very_long_name_of_a_dataset_{n}"
        rows = {"rows_read": 1_234_567, "rows_kept": 1_234_560, "rows_rejected": 7}
        end = {"event": "end", "stage": stage, "status": "success", "wall_s": 3.25, "cpu_s": 1.0, "peak_mb": 80.0}
        log.write(log.start(stage), {**end, "rows": rows, "outputs": {}})
    log.write(log.start("classify"), {"event": "progress", "stage": "classify", "done": 27, "total": 50})
    async with dashboard(bare, (60, 16)) as (app, pilot):
        await gone_to(pilot)
        shown = await until(app, "◌ classify", "+", "1,234,560/7", "3.2 s")
        assert all(len(line) <= 60 for line in shown.splitlines())
        await pilot.resize_terminal(120, 30)
        await until(app, "dataset_0", "dataset_8", gone=" done")


# --- the parts


def test_an_error_that_nobody_explained_is_told_with_its_kind() -> None:
    told = {"stage": "join", "type": "ZeroDivisionError", "message": "by\nzero", "where": "", "next_step": ""}
    assert [line.plain for line in error(told)] == ["✗ join: ZeroDivisionError: by zero"]
    assert [line.plain for line in error({**told, "type": "Killed", "message": ""})] == ["✗ join: Killed"]


def test_the_processes_are_asked_only_once_the_screen_is_seen(bare: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from tests.tui.pilot import dashboard, until

async def visit():
    async with dashboard(Path(sys.argv[1])) as (app, pilot):
        print("psutil" in sys.modules)
        await pilot.press("2")
        await until(app, "cpu")
        print("psutil" in sys.modules)

asyncio.run(visit())
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(bare)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_bars_and_sparklines_are_as_long_as_asked() -> None:
    assert bar(0, 7, 4) == "░░░░"
    assert bar(1, 2, 4) == "██░░"
    assert bar(5, 16, 4) == "█▎░░"
    assert bar(9, 7, 4) == "████"
    assert spark([0, 50, 100, 250, -3], 4) == "▅██▁"
    assert spark([], 4) == ""


@pytest.mark.parametrize(
    ("line", "width", "pieces"),
    [
        ("short", 10, ["short"]),
        ("", 10, [""]),
        ("one two three", 8, ["one two", "three"]),
        ("a/path/without/any/space b", 10, ["a/path/wit", "hout/any/s", "pace b"]),
        ("word a/path/without/any", 10, ["word", "a/path/wit", "hout/any"]),
        ("日本語日本語", 5, ["日本", "語日", "本語"]),
    ],
)
def test_lines_are_broken_at_spaces_and_none_is_too_wide(line: str, width: int, pieces: list[str]) -> None:
    assert wrapped(line, width) == pieces
