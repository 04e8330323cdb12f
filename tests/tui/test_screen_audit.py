"""Screen 7, Audit, by keys alone, over tiny real repositories: real Git, real DVC, real commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from textual.pilot import Pilot

from observatudo import history, journal
from observatudo.audit.rollback import apply, ledger
from observatudo.audit.rollback.model import Effect, Request
from observatudo.audit.rollback.plan import effect
from observatudo.audit.timeline import words
from observatudo.audit.timeline.model import Blame
from observatudo.history.view import View
from tests.conftest import ROOT
from tests.integration.test_rollback import _made_once, tiny
from tests.integration.test_rollback_effect import _LETTERS, rows_between, rows_of
from tests.recorded import record
from tests.rollbacks import Tiny, git_diff
from tests.tui.pilot import SIZES, at_work, dashboard, heard, text, until
from tui.app import Dashboard
from tui.screens.audit_ledger import Entry, LedgerSource

__all__ = ["_made_once", "tiny"]  # fixtures
RUN = "20260105T100000Z-7"


async def at(app: Dashboard, pilot: Pilot[None], pane: str) -> None:
    """Go to one pane of the screen by keys."""
    await pilot.press("7")
    await until(app, "ledger")
    for _turn in range(("ledger", "verify", "blame", "rollback").index(pane)):
        await pilot.press("tab")


async def preview_of_the_version_before(app: Dashboard, pilot: Pilot[None]) -> str:
    await at(app, pilot, "rollback")
    await until(app, "2 versions")
    await pilot.press("j", "enter")
    return await until(app, "dvc status", "now → then")


async def confirm(app: Dashboard, pilot: Pilot[None], typed: str, why: str = "") -> None:
    await pilot.press("B")
    await until(app, "short hash")
    await pilot.press(*typed, "tab", *why, "enter")


async def test_a_rollback_does_what_its_preview_said(tiny: Tiny) -> None:
    found, tables, start = effect(tiny.root, Request("HEAD~1")), tiny.tables(), tiny.git("rev-parse", "HEAD")
    async with dashboard(tiny.root, (120, 60)) as (app, pilot):
        shown = await preview_of_the_version_before(app, pilot)
        assert tiny.git("rev-parse", "HEAD") == start
        shows_all_of(found, shown)
        await confirm(app, pilot, found.plan.target[:8], "back")
        await until(app, "rolled back: commit", "done; esc goes back")
        await pilot.press("escape")
        await until(app, "nothing to roll back")
    assert tiny.git("rev-parse", "HEAD~1") == start
    assert tiny.git("status", "--porcelain") == ""
    assert {file.path: _LETTERS[file.change] for file in found.plan.files} == git_diff(tiny.root, start, "HEAD")
    assert rows_of(found) == rows_between(tables, tiny.tables())
    ((made,), damaged) = ledger.recorded(tiny.root)
    assert (made.why, made.old, made.to, damaged) == ("back", start, found.plan.target, [])


def shows_all_of(found: Effect, shown: str) -> None:
    """Hold the text of the preview against the plan: every file, output and table with its rows."""
    plan = found.plan
    assert plan.target in shown and plan.start in shown and found.subject in shown
    for file in plan.files:
        assert f"{ {'added': '+', 'removed': '-', 'changed': '~'}[file.change] } {file.path}" in shown
    for out in plan.outs:
        assert f"{(out.old or '–')[:8]} → {(out.new or '–')[:8]}  {out.path}" in shown
    for name, table in found.tables.items():
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert f"{table.rows_a} → {table.rows_b}" in line
        assert f"+{table.added}  −{table.removed}  ~{table.changed}" in " ".join(line.split()).replace(" ", "  ")
    for stage in plan.moved:
        assert f"{stage.stage}: " in shown


async def test_a_part_goes_back_by_itself(tiny: Tiny) -> None:
    start, data = tiny.git("rev-parse", "HEAD"), tiny.tables()
    async with dashboard(tiny.root, (120, 40)) as (app, pilot):
        await preview_of_the_version_before(app, pilot)
        await pilot.press("c")
        await until(app, "What goes back?", "a/um")
        await pilot.press("j", "enter")
        await until(app, "configuration goes back; data stay")
        await confirm(app, pilot, tiny.git("rev-parse", "HEAD~1")[:8])
        await until(app, "done; esc goes back")
    assert set(git_diff(tiny.root, start, "HEAD")) >= {"params.yaml", "configs/datasets/b/dois.yaml"}
    assert rows_between(data, tiny.tables()) == {}
    assert "no reason was given" in tiny.git("log", "-1", "--format=%s")


async def test_nothing_happens_without_the_hash_nor_after_a_change(tiny: Tiny) -> None:
    target = tiny.git("rev-parse", "HEAD~1")[:8]
    async with dashboard(tiny.root, (80, 24)) as (app, pilot):
        await at(app, pilot, "rollback")
        await until(app, "2 versions")
        await pilot.press("j", "enter")
        await until(app, "configuration and data go back")
        await confirm(app, pilot, "12345678")
        await until(app, f"that is not {target}")
        await pilot.press("escape")
        await until(app, "configuration and data go back")
        tiny.git("commit", "-q", "--allow-empty", "-m", "somebody else")
        head, before = tiny.git("rev-parse", "HEAD"), tiny.state()
        await confirm(app, pilot, target)
        await until(app, "something changed since the preview", "ended with 1")
    assert (tiny.git("rev-parse", "HEAD"), tiny.state()) == (head, before)


async def test_what_is_refused_says_why_and_what_to_type(tiny: Tiny) -> None:
    tiny.past.write("params.yaml", "edited: true\n")
    async with dashboard(tiny.root, (80, 24)) as (app, pilot):
        await at(app, pilot, "rollback")
        await until(app, "2 versions")
        await pilot.press("slash", *"first", "enter")
        await until(app, "1 versions")
        await pilot.press("enter")
        await until(app, "This cannot be done now", "inputs differ from the last commit", "git stash")
        await pilot.press("B")
        assert "short hash" not in text(app)


async def test_a_dashboard_that_only_reads_shows_the_preview_and_no_way_back(tiny: Tiny) -> None:
    async with dashboard(tiny.root, (120, 40), is_read_only=True) as (app, pilot):
        shown = await preview_of_the_version_before(app, pilot)
        assert "roll back" not in shown
        await pilot.press("B")
        await pilot.pause()
        assert "short hash" not in text(app)


def cut_off(root: Path) -> None:
    """Kill a rollback right after it wrote down what it was to do."""
    found = effect(root, Request("HEAD~1"))
    child = os.fork()
    if child == 0:
        apply.carry_out(root, found, "why", apply.Watch(step=lambda name: os._exit(9) if name == "set index" else None))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


async def test_a_rollback_that_was_cut_off_is_said_on_top_and_undone_by_a_key(tiny: Tiny) -> None:
    before = tiny.state()
    cut_off(tiny.root)
    async with dashboard(tiny.root, (80, 24)) as (app, pilot):
        await at(app, pilot, "ledger")
        await until(app, "a rollback was cut off here", "A undoes it")
        await pilot.press("A")
        await until(app, "undone", "done; esc goes back")
        await pilot.press("escape")
        await until(app, "ledger", gone="cut off")
    assert tiny.state() == before


def with_records(tiny: Tiny) -> None:
    """Give the repository a run's record, and one of a rollback that nobody can read."""
    record(tiny.past, RUN, tiny.git("rev-parse", "HEAD"))
    tiny.past.write("audit/rollbacks/2026/01/broken.json", "{}\n")


@pytest.mark.parametrize(("language", "when"), [("en", "2026-01-05"), ("pt_BR", "05/01/2026")])
async def test_the_ledger_has_runs_and_rollbacks_in_one_list(
    tiny: Tiny, language: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply.carry_out(tiny.root, effect(tiny.root, Request("HEAD~1")), "why it was")
    with_records(tiny)
    monkeypatch.setenv("OBSERVATUDO_LANG", language)
    async with dashboard(tiny.root, SIZES[-1]) as (app, pilot):
        await pilot.press("7")
        for size in SIZES:
            await pilot.resize_terminal(*size)
            shown = await until(app, "why it was", RUN, when)
            lines = shown.splitlines()
            assert [len(line) for line in lines] == [size[0]] * size[1]
            first, second = (next(n for n, line in enumerate(lines) if word in line) for word in ("why it was", RUN))
            assert first < second
        await pilot.press("enter")
        await until(app, "why it was", "audit/rollbacks/", tiny.git("rev-parse", "HEAD~2")[:8])
        await pilot.press("escape", "slash", *"success", "enter")
        await until(app, RUN, gone="why it was")


async def test_a_record_that_cannot_be_read_is_told(tiny: Tiny) -> None:
    with_records(tiny)
    async with dashboard(tiny.root) as (app, pilot):
        await pilot.press("7")
        await until(app, "1 damaged", "damaged", RUN)
        await pilot.press("G", "enter")
        await heard(app, "broken.json")


async def test_verify_names_an_object_that_was_tampered_with(tiny: Tiny) -> None:
    victim = next(path for path in sorted((tiny.root / ".dvc/cache").rglob("*")) if path.is_file() and not path.suffix)
    victim.chmod(0o644)
    victim.write_bytes(b"forged")
    async with dashboard(tiny.root, (120, 30)) as (app, pilot):
        await at(app, pilot, "verify")
        await until(app, "V does it")
        await pilot.press("V")
        await until(app, "Verify what?", "this version", "every byte")
        await pilot.press("enter")
        shown = await until(app, "tampered: ", "exit code 1")
        assert victim.name[:6] in shown
        await pilot.press("enter")
        await until(app, f"{victim.parent.name}{victim.name}", "versions: ")
        await pilot.press("y")
        assert "observatudo" in app.clipboard or "dvc" in app.clipboard
        await pilot.press("escape", "shift+tab")
        await until(app, "not anchored (")


async def test_verify_is_stopped_by_escape(tiny: Tiny) -> None:
    async with dashboard(tiny.root) as (app, pilot):
        await at(app, pilot, "verify")
        with at_work():
            await pilot.press("V", "enter")
            await until(app, "esc stops it")
            await pilot.press("escape")
        await until(app, "stopped; nothing was verified", gone="esc stops it")
        left = [child for child in psutil.Process().children(recursive=True) if is_verify(child)]
        assert psutil.wait_procs(left, timeout=60)[1] == []


def is_verify(process: psutil.Process) -> bool:
    """Say whether a process still runs the command; one that has ended has no command line any more."""
    try:
        return "verify" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


async def test_the_form_asks_blame_and_shows_the_time_line(tiny: Tiny) -> None:
    asked = ["a/um/observacao", "--municipio=3550308", "--ano=2015"]
    async with dashboard(tiny.root) as (app, pilot):
        await at(app, pilot, "blame")
        await pilot.press("e", "enter")
        await heard(app, "which table")
        await pilot.press(*"a/um/observacao", "down", *"0000000", "down", "down", *"2015", "enter")
        await until(app, "no version has a row", "→")
        await pilot.press("escape", "up", "up", "ctrl+u", *"3550308", "enter")
        shown = await until(app, "row added", "second")
        await pilot.press("y")
        assert app.clipboard == " ".join(["observatudo", "blame", *asked])
    done = subprocess.run(
        [sys.executable, "-m", "observatudo.cli.app", "blame", *asked, "--json"],
        cwd=tiny.root, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = words.blame(Blame.model_validate(json.loads(done.stdout)))
    said = [text for line in told for text in line.wrapped(77)]
    assert [line.strip() for line in said if line.strip()] == [
        line.strip(" ▁▂▃▄▅▆▇█") for line in shown.splitlines()[2:-1] if line.strip()
    ]


def test_rollbacks_stand_between_runs_by_their_time(tiny: Tiny) -> None:
    head = tiny.git("rev-parse", "HEAD")
    for hour in range(9):
        started = f"2026-01-05T{hour:02d}:00:00+00:00"
        record(tiny.past, f"20260105T{hour:02d}0000Z-1", head, started=started)
    apply.carry_out(tiny.root, effect(tiny.root, Request("HEAD~1")), "why")
    ((made,), _damaged) = ledger.recorded(tiny.root)
    whens = [
        "2026-01-06T00:00:00+00:00",
        "2026-01-05T04:30:00+00:00",
        "2026-01-05T04:20:00+00:00",
        "2026-01-04T00:00:00+00:00",
    ]
    others = [Entry(rollback=made.model_copy(update={"when": when})) for when in whens]
    gone: journal.Json = {"pid": 2**22 + 1, "started": 1.0, "command": ["dvc", "repro"]}
    by_hand = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-77"
    journal.append(
        tiny.root, "start", by_hand, stage="x", kind="hand", dataset=None, process=gone, owner=gone, host="h"
    )
    assert len(history.runs(tiny.root)) == 10  # with the one in the log, which is no record
    source = LedgerSource(View(tiny.root), "", others)
    found = [entry.when for entry in source.rows(source.ids())]
    assert found == sorted(found, reverse=True)
    assert len(found) == 13
    assert [entry.when for entry in source.rows(source.first(5))] == found[:5]
