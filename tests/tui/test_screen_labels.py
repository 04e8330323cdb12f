"""Screen 5, Labels, over a repository whose labels the product made, with versions and decisions of people."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from observatudo import paths
from tests.labelled import HEADER, LEITO, RENDA
from tests.tui import PATIENCE_S
from tests.tui.asked import labelled_once
from tests.tui.pilot import at_work, dashboard, heard, text, until, until_true
from tui.app import Dashboard
from tui.screens.base import Base
from tui.sift import Item, sifter
from tui.table import VirtualTable
from tui.trends import bar, curve


@pytest.fixture(scope="module")
def _labelled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelled_once(tmp_path_factory)


@pytest.fixture
def labelled(_labelled_once: Path, tmp_path: Path) -> Path:
    """A repository of one's own with five labels in three versions, one of which came back to its axis."""
    return Path(shutil.copytree(_labelled_once, tmp_path / "labelled", symlinks=True))


async def _typed(pilot: Pilot[None], words: str) -> None:
    for char in words:
        await pilot.press({" ": "space", ":": "colon", ".": "full_stop", "-": "minus"}.get(char, char))


async def _go_to(app: Dashboard, pilot: Pilot[None], name: str) -> None:
    """Show the labels, and put the cursor on the one of this name."""
    await pilot.press("5")
    await until(app, "Labels 5", name)
    for _step in range(5):
        if any(line.startswith("›") and name in line for line in text(app).splitlines()):
            return
        await pilot.press("j")
    raise AssertionError(text(app))


@pytest.mark.parametrize(
    ("size", "lang", "told"),
    [
        ((60, 16), "en", ("below 0.6", "conf.", "0.9")),
        ((80, 24), "pt_BR", ("indicadores", "0,6", "0,9", "Óbitos registrados em cartório")),
        ((120, 30), "en", ("by axis", "agreement", "to look at", "the rules say: ")),
    ],
    ids=str,
)
async def test_the_panes_at_every_size(
    labelled: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], lang: str, told: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", lang)
    share = {"en": "60.00%", "pt_BR": "60,00%"}[lang]
    async with dashboard(labelled, size) as (app, pilot):
        await pilot.press("5")
        await until(app, "Leitos hospitalares", "Renda média", *told)
        await pilot.press("tab")
        shown = await until(app, "Economia", share, "██", "▁█▁", "█▁█")  # in the second version a bed was money
        assert (f"0{share[2]}00% │" in shown) == (size[1] >= 22), "the plot needs room"
        await pilot.press("tab")
        await until(app, {"en": "100.00%", "pt_BR": "100,00%"}[lang], "█████")
        await pilot.press("tab")
        await until(app, {"en": "0.971", "pt_BR": "0,971"}[lang], "█▁█", "α", gone="NOVO")  # how even labels are
        await pilot.press("tab")
        await until(app, "Tema 7", "↔")
        await pilot.press("tab")
        await until(app, "Renda média")


async def test_an_indicators_answers_lead_to_their_version_and_to_its_blame(labelled: Path) -> None:
    async with dashboard(labelled) as (app, pilot):
        await until_true(app, lambda _shown: len(app.context.view.first_versions(3)) == 3, what="the index")
        await _go_to(app, pilot, "Leitos hosp")
        await pilot.press("enter")
        await until(app, "2 change(s), 1 back", "Leitos do SUS")
        await pilot.press("tab")
        await until(app, "no model was ever asked about it")
        await pilot.press("tab")
        shown = await until(app, "labels over versions", "humano", "Maria Teste")
        answers = [line.strip("› ").split()[2:4] for line in shown.splitlines()[4:7]]
        assert answers == [["Saude", "regra"], ["Economia", "humano"], ["Saude", "regra"]]
        await pilot.press("j", "enter")
        await until(app, "beds are money", "parents")
        await pilot.press("escape")
        await until(app, "labels over versions")
        await pilot.press("b")
        await until(app, f"observatudo blame rotulo --indicador {LEITO}", "eixo", "Economia → Saude")


async def test_an_axis_and_a_problem_lead_to_their_indicators(labelled: Path) -> None:
    async with dashboard(labelled) as (app, pilot):
        await pilot.press("5")
        await until(app, "Renda média")
        await pilot.press("tab")
        await until(app, "axis, origin", "Saude")
        await pilot.press("enter")
        await until(app, "Labels 2/5  /axis:Saude", "Leitos hosp", gone="Renda")
        await pilot.press("r", "escape")  # what reads anew does not stand in the way
        await until(app, "Renda média", gone="/axis")
        await pilot.press("p")
        await until(app, "oscillates")
        await pilot.press("G", "enter")
        await until(app, "labels over versions", "Leitos hosp")


async def test_the_filter_and_the_order(labelled: Path) -> None:
    async with dashboard(labelled) as (app, pilot):
        await pilot.press("5")
        await until(app, "Renda média", "name▴")
        await pilot.press("slash")
        await until(app, "words, axis:saude")
        await _typed(pilot, "axis:econ -leitos")
        shown = await until(app, "Labels 2/5", "Renda", gone="Leitos")
        assert "Empregos" in shown
        await pilot.press("enter", "s", "s")
        await until(app, "axis▴", "Labels 2/5")
        await pilot.press("escape")
        await until(app, "Labels 5", "Leitos")
        await pilot.resize_terminal(120, 30)
        await until(app, "the rules say: ")


async def test_a_decision_is_recorded_waits_and_is_taken_back(labelled: Path) -> None:
    decided = labelled / paths.OVERRIDES
    async with dashboard(labelled) as (app, pilot):
        await _go_to(app, pilot, "Renda média")
        await pilot.press("x")
        await pilot.pause()
        assert "Take the decision back?" not in text(app)
        await pilot.press("e")
        await until(app, "Which axis, and why?", "Economia, produto, renda", "label brmunipanel_renda Economia -m '…'")
        await pilot.press("k", "enter")
        await until(app, f"observatudo label {RENDA} Saude -m '…'")
        await pilot.press("enter")
        await pilot.pause()
        assert decided.read_text() == HEADER
        await heard(app, "needs its reason")
        await _typed(pilot, "renda é saúde")
        await until(app, "Saude -m 'renda é saúde'")
        assert decided.read_text() == HEADER
        await pilot.press("enter")
        await until(app, "done; esc goes back", "dvc repro")
        assert decided.read_text().startswith(f"{HEADER}{RENDA},Saude,")
        assert decided.read_text().endswith(",renda é saúde\n")
        await pilot.press("escape")
        await until(app, "→Saude", "waits for dvc repro", "1 wait(s)")
        await pilot.press("enter")
        await until(app, "labels over versions", "→Saude", "decided by: regra")
        await pilot.press("x")
        await until(app, "Take the decision back?", f"label --remove {RENDA}", "a person put it on Saude")
        assert decided.read_text() != HEADER
        await pilot.press("enter")
        await until(app, "done; esc goes back")
        assert decided.read_text() == HEADER
        await pilot.press("escape")
        await until(app, "labels over versions", gone="→Saude")
        await pilot.press("escape")
        await until(app, "Labels 5", gone="waits for dvc repro")


async def test_reading_only_nobody_decides(labelled: Path) -> None:
    async with dashboard(labelled, (120, 30), is_read_only=True) as (app, pilot):
        await _go_to(app, pilot, "Renda média")
        assert "decide its axis" not in text(app)
        await pilot.press("e")
        await pilot.pause(0.2)
        assert "Which axis" not in text(app)
        await pilot.press("enter")
        await until(app, "labels over versions", "regra")
        await pilot.press("e")
        await pilot.pause(0.2)
        assert "Which axis" not in text(app)
        assert (labelled / paths.OVERRIDES).read_text() == HEADER


async def test_without_labels_it_says_what_to_type_and_comes_back(labelled: Path) -> None:
    content = (labelled / paths.LABELS).read_bytes()
    (labelled / paths.LABELS).unlink()
    (labelled / paths.OVERRIDES).write_text("half\n")
    async with dashboard(labelled, (60, 16)) as (app, pilot):
        await pilot.press("5")
        await until(app, "there are no labels yet", "dvc pull", "r reads again")
        await pilot.press("tab", "e", "s", "y", "escape")
        (labelled / paths.LABELS).write_bytes(content)
        await pilot.press("r")
        await until(app, "Labels 5")
        await app.screen.query_one("Panes").see("problems")  # type: ignore[attr-defined]
        await until(app, "damaged file", "the header must be")


async def test_changes_while_it_reads_do_not_stop_it(labelled: Path) -> None:
    """While a run is at work the index changes all the time; every change once began the command anew."""
    async with dashboard(labelled) as (app, pilot):
        await pilot.press("5")
        end = time.monotonic() + PATIENCE_S
        while "Renda média" not in text(app):
            assert time.monotonic() < end, text(app)
            assert isinstance(app.screen, Base)
            app.screen.changed()
            await pilot.pause(0.02)


async def test_esc_stops_the_command(labelled: Path) -> None:
    async with dashboard(labelled) as (app, pilot):
        with at_work():
            await pilot.press("5")
            await until(app, "esc stops it")
            await pilot.press("escape")
            await until(app, "stopped", "r reads again")
        await pilot.press("r")
        await until(app, "Renda média")
        await pilot.press("r", "escape")
        await until(app, "Labels 5", "Renda média", gone="reading …")
        await pilot.press("enter", "escape")
        await until(app, "Labels 5")
        assert app.focused is not None and isinstance(app.focused, VirtualTable)
        assert not isinstance(app.focused, Input)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("", True),
        ("saude", True),
        ("LEITOS saúde", True),
        ("leitos renda", False),
        ("-renda", True),
        ("-leitos", False),
        ("axis:meioambiente", True),
        ("axis:", True),
        ("axis:saude", False),
        ("-axis:meio", False),
        ("below:0.6", True),
        ("below:0,5", False),
        ("below:", True),
        ("-below:0.5", True),
        ("no:field", False),
        ("a:b", True),
    ],
)
def test_the_words_of_a_filter(wanted: str, fits: bool) -> None:
    item = Item("Leitos de saúde a:b", {"axis": "Meio Ambiente"}, 0.55)
    assert sifter(wanted)(item) is fits


def test_bars_and_curves_show_the_least_and_never_more_than_their_room() -> None:
    assert bar(None) == bar(0) == ""
    assert (bar(0.0001, 4), bar(0.5, 4), bar(1, 4), bar(2, 4)) == ("▏", "██", "████", "████")
    assert curve([]) == "–"
    assert curve([("a", 1), ("b", None), ("c", 3)]) == "▁ █"
    assert curve([("a", 5), ("b", 5)]) == "▄▄"
    assert len(curve([(str(n), n) for n in range(50)])) == 8
