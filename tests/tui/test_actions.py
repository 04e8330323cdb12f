"""The registry of actions: what it promises holds for every screen, whoever adds one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from textual.widget import Widget

from tests.conftest import ROOT
from tests.tui.pilot import dashboard, heard, noted, text, until
from tui import app as tui_app
from tui.actions import Action, method_name
from tui.app import Dashboard, every_action
from tui.context import Settings, read_settings
from tui.screens.base import Base
from tui.table import VirtualTable
from tui.textview import TextView

FORBIDDEN = ("mlflow", "dvc", "dbt", "pandas", "duckdb", "pyarrow", "git", "numpy")


def owners() -> Iterator[type[Widget] | type[Dashboard]]:
    """Yield every class that lists actions."""
    yield from (Dashboard, VirtualTable, TextView)
    for path in sorted((ROOT / "tui/screens").glob("*.py")):
        for item in vars(import_module(f"tui.screens.{path.stem}")).values():
            if isinstance(item, type) and issubclass(item, Base) and item.__module__ == f"tui.screens.{path.stem}":
                yield item


OWNERS = list(owners())


def test_every_screen_file_has_a_screen() -> None:
    assert len([owner for owner in OWNERS if issubclass(owner, Base)]) > len(tui_app.SCREENS)


def test_ids_are_unique_and_say_where() -> None:
    owner_of: dict[str, Action] = {}
    for owner in OWNERS:
        for action in owner.ACTIONS:  # type: ignore[union-attr]
            assert len(action.id.split(".")) == 2
            assert owner_of.setdefault(action.id, action) == action, action.id
    assert owner_of.keys() <= {action.id for action in every_action()}, "a keymap may name it"


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_every_action_has_its_method_and_a_key_without_ctrl_or_alt(owner: type[Widget] | type[Dashboard]) -> None:
    actions: tuple[Action, ...] = owner.ACTIONS  # type: ignore[union-attr]
    for action in actions:
        target = Dashboard if action.method.startswith("app.") else owner
        assert hasattr(target, f"action_{method_name(action)}"), action.id
        keys = [key.strip() for key in action.keys.split(",")]
        assert any("ctrl+" not in key and "alt+" not in key for key in keys), action.id
        assert action.name(), action.id


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_no_two_actions_of_one_place_share_a_key(owner: type[Widget] | type[Dashboard]) -> None:
    own: tuple[Action, ...] = owner.ACTIONS  # type: ignore[union-attr]
    places = [*own, *(owner.COMMON if issubclass(owner, Base) else ())]
    keys = [key.strip() for action in places for key in action.keys.split(",")]
    assert sorted(keys) == sorted(set(keys))


async def test_help_lists_every_action_of_the_screen(small: Path) -> None:
    async with dashboard(small, (120, 60)) as (app, pilot):
        await pilot.press("question_mark")
        shown = await until(app, "Keys of this screen", "Everywhere")
        for action in [*app.screen_stack[0].ACTIONS, *Dashboard.ACTIONS]:  # type: ignore[attr-defined]
            assert action.id in shown
        await pilot.press("escape")
        await until(app, "Runs")


async def test_the_palette_runs_an_action(small: Path) -> None:
    async with dashboard(small) as (app, pilot):
        await until(app, "started")
        await pilot.press("colon")
        await pilot.press(*"versions")
        await until(app, "runs or versions")
        await pilot.press("enter")
        await until(app, "Versions", "subject")


async def test_a_keymap_gives_an_action_other_keys(small: Path, tmp_path: Path) -> None:
    file = tmp_path / "tui.toml"
    file.write_text('theme = "light"\n[keys]\n"history.versions" = "b"\n"no.such" = "x"\n')
    settings = read_settings(file)
    async with dashboard(small, settings=settings) as (app, pilot):
        await until(app, "Runs")
        await heard(app, "there is no action no.such")
        assert app.theme == "textual-light"
        await pilot.press("v")
        assert "Versions" not in text(app)
        await pilot.press("b")
        await until(app, "Versions")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("theme = ", "tui.toml"),
        ("theme = 3", "a name is wanted"),
        ("keys = 3", "history.compare"),
        ("[keys]\n'app.quit' = 'T'", "the same key"),
        ("theme = 'mauve'", "no theme mauve"),
    ],
)
async def test_bad_settings_are_told_and_nothing_stops(small: Path, tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "tui.toml"
    file.write_text(content)
    async with dashboard(small, settings=read_settings(file)) as (app, _pilot):
        shown = await until(app, "History")
        assert told in shown.replace("\n", "") or told in noted(app)


def test_no_settings_are_fine(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml") == Settings()


def test_the_dashboard_imports_nothing_heavy(small: Path) -> None:
    """Every screen is visited in a process of its own, which then says what it has imported."""
    code = """
import asyncio, sys
from pathlib import Path
from tests.tui.pilot import dashboard
from tui.app import SCREENS

async def visit():
    async with dashboard(Path(sys.argv[1]), (120, 30)) as (app, pilot):
        for mode in SCREENS:
            await app.action_go(mode)
            await pilot.pause(0.3)

asyncio.run(visit())
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(small)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert "textual" in done.stdout.split()
    assert not set(FORBIDDEN) & set(done.stdout.split())
