"""The Compare screen: from two names to one cell and its blame, by keys alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.conftest import ROOT
from tests.past import DATASET, Past, Row, label, observation, past
from tests.tui.observed import AFTER, BEFORE
from tests.tui.pilot import SIZES, at_work, dashboard, text, until, until_true
from tui.app import Dashboard
from tui.context import Context
from tui.screens.compare import CompareScreen
from tui.table import VirtualTable

TABLE = f"{DATASET}/observacao"
PLACES = ("3304557", "3550308")
ROWS: list[Row] = [observation(place, year, 10.0 * year) for place in PLACES for year in range(2010, 2020)]
NEWS = "Correction of 2019"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    """Two commits: São Paulo's values of ten years and one label are others, a row went, and a key of the config."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = past(tmp_path / "repo")
    made.write("configs/tabelas/uf.csv", "id_uf,sigla_uf\n33,RJ\n35,SP\n")
    made.observations(ROWS)
    made.labels([label("pib", "economia"), label("idh", "saude")])
    made.commit("first")
    made.observations([{**row, "valor": 1.5} if row["id_municipio"] == "3550308" else row for row in ROWS[1:]])
    made.labels([label("pib", "economia"), label("idh", "educacao")])
    made.write(f"configs/datasets/{DATASET}.yaml", "title: Outro\nkind: observacao\nfields:\n- name: valor\n")
    made.commit(NEWS)
    return made


async def _compared(app: Dashboard, a: str = "HEAD~1", b: str = "HEAD", *, shows: str = "a  HEAD~1") -> str:
    app.compare(a, b)
    await until(app, shows, gone="esc stops it")
    is_told = "→ git log" in text(app)  # nothing is listed then
    return await until_true(app, lambda shown: is_told or _is_listed(app, shown), what="the keys at the list")


def _is_listed(app: Dashboard, shown: str) -> bool:
    """Say whether the list that is seen has the keys: a pane is drawn before it gets them."""
    return isinstance(app.focused, VirtualTable) and app.focused.is_attached and "› " in shown


async def _seen(app: Dashboard, pilot: Pilot[None], keys: str, *wanted: str, gone: str = "") -> str:
    await pilot.press(*keys.split())
    return await until(app, *wanted, gone=gone)


async def test_keys_alone_lead_from_two_names_to_one_cell_and_its_blame(repo: Past) -> None:
    async with dashboard(repo.root) as (app, pilot):
        await until(app, "History")
        await _seen(app, pilot, "4", "Compare which two?", "the version before it")
        await _seen(app, pilot, "enter", "› HEAD ")  # now the other one is asked for
        await _seen(app, pilot, "enter", "12 rows in rotulo, x/y/observacao")
        await _seen(app, pilot, "enter", "11 rows differ", "compared by id_indicador, id_municipio")
        await _seen(app, pilot, "enter", "10 of 19 values changed (52.63%)", "mean |Δ|", "distribution of the numbers")
        await _seen(app, pilot, "j", "› state     SP")
        await _seen(app, pilot, "enter", "state SP · valor", "10 rows", "2019-12-31", "20190 → 1.5", gone="reading")
        await _seen(app, pilot, "G", "› ~ changed pib · 3550308 · 2019-12-31")
        await _seen(app, pilot, "enter", "data_referencia  2019-12-31", "› valor", "-20,188.5")
        shown = await _seen(app, pilot, "enter", "20190 → 1.5", "because in its inputs this changed")
        assert NEWS in shown and "Maria Teste" in shown and f"configs/datasets/{DATASET}.yaml" in shown
        await pilot.press("y")
        assert app.clipboard.startswith("observatudo blame x/y/observacao ")
        assert app.clipboard.endswith(" --key id_municipio=3550308 --key data_referencia=2019-12-31")
        await _seen(app, pilot, "escape escape escape escape escape", "a  HEAD~1", "b  HEAD", NEWS)


async def test_of_many_rows_some_are_shown_and_the_command_for_all(repo: Past) -> None:
    many = [observation(f"35{n:05}", 2010, 1.0 * n) for n in range(300)]
    repo.observations(many)
    repo.commit("many")
    repo.observations([{**row, "valor": -1.0} for row in many])
    repo.commit("all of them others")
    async with dashboard(repo.root) as (app, pilot):
        await _compared(app)
        await _seen(app, pilot, "enter", "300 rows differ")
        await _seen(app, pilot, "m", "200 rows of 300; for more:", "--samples 300")
        await _seen(app, pilot, "G", "› ~ changed pib · 3500199 · 2010-12-31", "199 → -1")


@pytest.mark.parametrize(("language", "words"), [("en", "changed: 12 rows"), ("pt_BR", "alterado: 12 linhas")])
async def test_every_part_is_there_at_every_size(
    repo: Past, monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", language)
    expected = [("title", "Teste", "Outro"), (), (), (), (TABLE[:8], "pib"), ("saude", "educacao"), ()]
    async with dashboard(repo.root, SIZES[0]) as (app, pilot):
        await _compared(app, shows=words)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await until(app, words, "HEAD~1 → HEAD", "x/y/observacao", "10")
            for pane in expected:
                await pilot.press("tab")
                await until(app, *pane)
            await pilot.press("tab")


async def test_a_broken_rule_is_said_first(repo: Past) -> None:
    repo.write("configs/diff.yaml", "rules:\n- rule: removed>0\n  reason: rows are for ever\n")
    async with dashboard(repo.root) as (app, _pilot):
        shown = await _compared(app, shows="rows are for ever")
        lines = [line.strip() for line in shown.splitlines()]
        assert lines[3].startswith("! policy broken (1):") and "rows are for ever" in lines[4]


async def test_what_cannot_be_compared_says_why_and_what_to_type(repo: Past) -> None:
    repo.observations([*ROWS, ROWS[0]])
    repo.commit("a key twice")
    async with dashboard(repo.root) as (app, pilot):
        await _compared(app, shows="not comparable: x/y/observacao")
        await _seen(app, pilot, "enter", "keys that x/y/observacao has more than once", "pib · 3304557 · 2010-12-31")
        await pilot.press("escape")
        await _compared(app, "nowhere", "HEAD", shows="is no revision, experiment, run or path")
        assert "→ git log" in text(app)


async def test_swapping_back_and_forth_runs_nothing_twice(repo: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashboard(repo.root) as (app, pilot):
        await until_true(app, lambda _shown: bool(app.context.view.first_versions(1)), what="the index")
        await _compared(app)
        await _seen(app, pilot, "tab", "› ", "Teste")
        await _seen(app, pilot, "x", "HEAD → HEAD~1", "Teste", gone="esc stops it")
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        await _seen(app, pilot, "x", "HEAD~1 → HEAD", "Teste")
        await _seen(app, pilot, "x", "HEAD → HEAD~1", "Teste")


async def test_esc_stops_it_and_r_begins_again(repo: Past) -> None:
    async with dashboard(repo.root) as (app, pilot):
        with at_work():
            app.compare("HEAD~1", "HEAD")
            await until(app, "esc stops it")
            await _seen(app, pilot, "escape", "stopped", "e asks for two names")
        await _seen(app, pilot, "r", "12 rows")


async def test_names_are_found_while_they_are_typed(repo: Past) -> None:
    repo.git("tag", "published", "HEAD~1")
    async with dashboard(repo.root) as (app, pilot):
        await until_true(app, lambda _shown: bool(app.context.view.first_versions(1)), what="the index")
        await _seen(app, pilot, "4", "Compare which two?", "workspace")
        await _seen(app, pilot, "e p u b", "› published", gone="workspace")
        await _seen(app, pilot, "down enter", "older   published", "workspace")
        await _seen(app, pilot, "e w o r k s p a c e enter", "published → workspace", "b  workspace")


async def test_a_label_leads_to_its_blame_and_a_filter_narrows(repo: Past) -> None:
    async with dashboard(repo.root) as (app, pilot):
        await _compared(app)
        await _seen(app, pilot, "slash r o t enter", "› rotulo", gone="x/y/indicador")
        await _seen(app, pilot, "p p", "with another axis", "idh")
        await _seen(app, pilot, "enter", "$ observatudo blame rotulo", "saude → educacao")


async def test_a_comparison_asked_for_from_elsewhere_closes_what_lies_open(repo: Past) -> None:
    async with dashboard(repo.root) as (app, pilot):
        await _compared(app)
        await _seen(app, pilot, "enter", "11 rows differ")
        await pilot.press("1")
        await _compared(app, "HEAD", "HEAD", shows="same: nothing differs")


async def test_a_report_is_written_where_it_is_asked_for(repo: Past) -> None:
    name = f"comparison-{repo.git('rev-parse', 'HEAD~1')[:8]}-{repo.git('rev-parse', 'HEAD')[:8]}.md"
    async with dashboard(repo.root) as (app, pilot):
        await _compared(app)
        await _seen(app, pilot, "w", "Markdown", "HTML")
        await _seen(app, pilot, "enter", name)
        await _seen(app, pilot, "enter", "HEAD~1 → HEAD")
        assert "12 rows in" in (repo.root / name).read_text(encoding="utf-8")
        await _seen(app, pilot, "w", "Markdown")
        await _seen(app, pilot, "enter enter", "exists; enter once more writes over it")


async def test_who_may_only_read_gets_a_report_as_a_download_alone(repo: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    home = repo.root.parent / "home"
    (home / "Downloads").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    async with dashboard(repo.root, is_read_only=True) as (app, pilot):
        assert "write to a file" not in await _compared(app)
        await pilot.press("w")
        await pilot.pause()
        assert isinstance(app.screen, CompareScreen)  # and none to write with
        app.context = Context(app.context.root, app.context.view, app.context.settings, True, is_served=True)
        await _seen(app, pilot, "w", "HTML")
        await pilot.press("j", "enter")
        await until_true(app, lambda _shown: _is_whole(home / "Downloads"), what="the download")
    (page,) = (home / "Downloads").iterdir()
    assert page.suffix == ".html" and "12 rows in" in page.read_text(encoding="utf-8")
    assert not list(repo.root.glob("comparison*"))


def _is_whole(folder: Path) -> bool:
    """Say whether all of a page is there: a thread writes it."""
    return any(file.read_text(encoding="utf-8").rstrip().endswith("</html>") for file in folder.iterdir())


async def test_real_data_lead_by_keys_to_the_corrected_number(observed: Path) -> None:
    async with dashboard(observed) as (app, pilot):
        view = app.context.view
        await until_true(app, lambda _shown: bool(view.first_versions(1, "corrected")), what="the index")
        (corrected,) = view.versions(view.first_versions(2, "corrected"))
        await _compared(app, corrected.parents[0], corrected.commit, shows="sidra/populacao/observacao")
        await _seen(app, pilot, "slash p o p u l a c a o slash o b s enter", "› sidra/populacao/observacao")
        await _seen(app, pilot, "enter", "1 row differs", "› valor")
        await _seen(app, pilot, "enter", "1 of 60 values changed")
        await _seen(app, pilot, "j enter", "state SP · valor", f"{BEFORE} → {AFTER}")
        await _seen(app, pilot, "enter", "id_municipio     3550308", "+1")
        shown = await _seen(app, pilot, "enter", f"{BEFORE} → {AFTER}", "because in its inputs this changed")
        assert "as corrected" in shown and "snapshot" in shown


def test_the_dashboard_stays_light(tmp_path: Path) -> None:
    names = ("", "_columns", "_export", "_found", "_names", "_panes", "_parts", "_rows", "_table")
    code = "import importlib, sys\n"
    code += "".join(f"importlib.import_module('tui.screens.compare{name}')\n" for name in names)
    heavy = ("duckdb", "pyarrow", "pandas", "numpy", "git", "dvc", "mlflow", "dbt")
    code += f"print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
