"""Screen 5, Labels, where models were asked by the product: states, answers, what waits for a person, evidence."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from textual.pilot import Pilot

from observatudo import paths
from tests.conftest import ROOT, once
from tests.labelled import HEADER, LEITO, UNKNOWN_AXIS
from tests.tui.asked import labelled_once, with_models
from tests.tui.pilot import dashboard, heard, until, until_true
from tests.tui.terminal import terminal
from tui.app import Dashboard
from tui.panes import Panes
from tui.table import VirtualTable


@pytest.fixture(scope="module")
def _labelled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelled_once(tmp_path_factory)


@pytest.fixture(scope="module")
def _asked_once(tmp_path_factory: pytest.TempPathFactory, _labelled_once: Path) -> Path:
    def make(folder: Path) -> None:
        with_models(_labelled_once, folder / "repo")

    return once(tmp_path_factory, "labelled-asked", make) / "repo"


@pytest.fixture
def asked(_asked_once: Path, tmp_path: Path) -> Path:
    """A repository of one's own with labels of which models' answers are part; see ``with_models``."""
    return Path(shutil.copytree(_asked_once, tmp_path / "asked", symlinks=True))


@pytest.fixture
def labelled(_labelled_once: Path, tmp_path: Path) -> Path:
    """A repository of one's own with labels, in which no model was ever asked."""
    return Path(shutil.copytree(_labelled_once, tmp_path / "labelled", symlinks=True))


async def _typed(pilot: Pilot[None], words: str) -> None:
    for char in words:
        await pilot.press({" ": "space", ":": "colon", "-": "minus"}.get(char, char))


async def _see(app: Dashboard, pane: str) -> None:
    await app.screen.query_one(Panes).see(pane)


async def _open(app: Dashboard, pilot: Pilot[None], name: str) -> None:
    """Show the labels, and open the one of this name."""
    await pilot.press("5")
    await until(app, "Labels 5", name)
    table = app.screen.query_one("#list VirtualTable", VirtualTable)
    assert table.go_to(lambda row: row.name.startswith(name))
    await pilot.press("enter")
    await until(app, "labels over versions", "axis:")


def _fit(app: Dashboard) -> bool:
    """Say whether every list that is seen fits into its width."""
    tables = [table for table in app.screen.query(VirtualTable) if table.size.width]
    return bool(tables) and all(table.virtual_size.width <= table.size.width for table in tables)


@pytest.mark.parametrize(
    ("size", "lang", "states", "more"),
    [
        ((60, 16), "en", ("↔◌", "≠◌", "✓◌", "✗◌", "▪"), ()),
        ((80, 24), "pt_BR", ("OSCILANTE", "DIVERGENTE", "INVALIDO"), ()),
        (
            (120, 30),
            "en",
            ("OSCILANTE", "FIXADO", "teste: Saude  ≠ DIVERGENTE"),
            ("4 of 4 answered", "nothing to hold it to"),
        ),
    ],
    ids=str,
)
async def test_states_and_figures_at_every_size(
    asked: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    lang: str,
    states: tuple[str, ...],
    more: tuple[str, ...],
) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", lang)
    share = {"en": "25.00%", "pt_BR": "25,00%"}[lang]
    async with dashboard(asked, size) as (app, pilot):
        await pilot.press("5")
        shown = await until(app, "consenso", "Renda média", *states)
        assert ("outro" in shown) == (size[0] >= 110) and _fit(app)
        await _see(app, "classifiers")
        await until(app, "outro: modelo-de-teste", share, "▁█", *more)  # one of four is steady; a version before, none
        assert _fit(app)
        await pilot.press("G")
        await until(app, "α", "5")
        await _see(app, "problems")
        await until(app, "↔", "≠", "✗", "◌")
        assert _fit(app)
        await pilot.press("v")
        await until(app, "Óbitos", "OSCILANTE" if size[0] >= 110 else "INVALIDO", {"en": "3.3", "pt_BR": "3,3"}[lang])
        assert _fit(app)


async def test_a_state_and_what_waits_lead_to_their_indicators(asked: Path) -> None:
    async with dashboard(asked, (80, 40)) as (app, pilot):
        await pilot.press("5")
        await until(app, "4 wait(s) for a model", "3 to review")
        await _see(app, "classifiers")
        await until(app, "steady, of what it answered", "OSCILANTE")
        figures = app.focused
        assert isinstance(figures, VirtualTable)
        assert figures.go_to(lambda row: "OSCILANTE" in row.name)
        await pilot.press("enter")
        await until(app, "Labels 1/5  /state:OSCILANTE", "Renda média", gone="Leitos")
        await pilot.press("escape")
        await _see(app, "problems")
        await until(
            app, "4 indicator(s) wait for its answer; type: observatudo ask", "regression", "more than one axis"
        )
        concerns = app.focused
        assert isinstance(concerns, VirtualTable)
        assert concerns.go_to(lambda row: row.id == "outro")
        await pilot.press("enter")
        await until(app, "Labels 4/5  /waits:outro", "Renda média", gone="fonte    ")
        await pilot.press("escape", "slash")
        await _typed(pilot, "origin:consenso -state:oscilante")
        await until(app, "Labels 2/5", "Empregos", "Leitos hosp", gone="Renda")


async def test_a_decision_takes_its_label_off_the_queue_and_goes_on(asked: Path) -> None:
    async with dashboard(asked) as (app, pilot):
        await pilot.press("5")
        await until(app, "3 to review")
        await pilot.press("v")
        shown = await until(app, "To review 3", "teste: INVALIDO")
        assert [name for name in ("Óbitos", "Empregos", "Renda") if name in shown] == ["Óbitos", "Empregos", "Renda"]
        assert shown.index("Óbitos") < shown.index("Empregos") < shown.index("Renda")
        await pilot.press("j", "e")
        shown = await until(app, "Which axis, and why?", "embutido", "teste")
        assert "comes first" not in shown, "the axis that its source gives is none of the taxonomy's"
        await pilot.press("enter")
        await _typed(pilot, "trabalho")
        await pilot.press("enter")
        await until(app, "done; esc goes back")
        assert f"{UNKNOWN_AXIS},Economia," in (asked / paths.OVERRIDES).read_text()
        await pilot.press("escape")
        await until(app, "To review 2", gone="Empregos")
        shown = await until_true(app, lambda shown: "› " in shown and "reading" not in shown)
        current = next(line for line in shown.splitlines() if line.startswith("›"))
        assert "Renda" in current
        await pilot.press("enter")
        await until(app, "labels over versions", "its source says")
        await pilot.press("escape", "slash")
        await _typed(pilot, "nobody")
        await until(app, "To review 0/2", "nothing that waits fits")
        await pilot.press("escape")
        await until(app, "To review 2", "Renda", gone="nothing that waits")


async def test_every_vote_has_its_evidence_and_answers_stand_in_their_order(asked: Path) -> None:
    async with dashboard(asked, (120, 70)) as (app, pilot):
        await _open(app, pilot, "Renda")
        shown = await until(app, "A Economia   B Saude", "not in force")
        for told in (
            "B›A↔B↔A↔B",  # as it was asked under the second prompt
            "the prompt changed; Economia → Saude",
            "“renda” → Economia  +3  (name)",
            "“Renda por habitante” → Economia  (taxonomia)",
            "5 answer(s), 0 of them none; 4 change(s), 1 alike at the end",
            "↔ OSCILANTE",
            "it has not answered yet; type: observatudo ask",
        ):
            assert told in shown
        await pilot.press("tab")
        await until(app, "0.9000", "BRL", "Economia")
        await pilot.press("enter")
        await until(app, '{"eixo": "Saude", "confianca": 0.9}', "round 4", "seed:", "order of the axes:")
        await pilot.press("t")
        await until(app, "pertence a um só dos eixos", "## Saude")
        await pilot.press("escape", "escape", "G", "t")
        await until(app, "pertence a exatamente um dos eixos")
        await pilot.press("escape", "escape", "k", "enter")
        await until(app, "Óbitos", "A · · · ·")
        await pilot.press("tab", "enter")
        shown = await until(app, "attempt 2", "What it said", "**negrito** ␛[31m", "␇", "[b]x[/]", "longo longo")
        assert all(char.isprintable() or char == "\n" for char in shown), "what a model said is plain text"


async def test_a_source_and_a_person_are_told_with_their_words(asked: Path) -> None:
    lines = f"{LEITO},Economia,Rui,2026-01-06,custa\n{UNKNOWN_AXIS},Saude,Rui,2026-01-06,é do hospital\n"
    (asked / paths.OVERRIDES).write_text(HEADER + lines, encoding="utf-8")
    async with dashboard(asked, (80, 50)) as (app, pilot):
        await pilot.press("5")
        await until(app, "Labels 5", "2 wait(s) for dvc repro")
        await pilot.press("enter")
        await until(
            app, "Rui put it on Saude (2026-01-06: é do hospital)", "→Saude", "waits for dvc repro: Economia → Sau"
        )
        await pilot.press("escape", "j", "enter")
        await until(app, "source: Economia", "in its words: “Economia”")
        await pilot.press("e")
        await until(app, "its source puts it on Economia, which comes first")


async def test_an_older_repository_and_an_indicator_that_is_gone(labelled: Path) -> None:
    (labelled / paths.EVIDENCE).unlink(missing_ok=True)
    table = pq.read_table(labelled / paths.LABELS)
    kept = [name for name in table.column_names if name not in ("versao_modelo", "versao_prompt")]
    rows = table.select(kept).to_pylist()
    rows.append({**rows[0], "id_indicador": "-gone"})
    pq.write_table(pa.Table.from_pylist(rows, table.select(kept).schema), labelled / paths.LABELS)
    async with dashboard(labelled, (80, 40)) as (app, pilot):
        await pilot.press("5")
        await until(app, "Labels 6", "-gone")
        await _see(app, "problems")
        await until(app, "no evidence", "stale label")
        await _see(app, "indicators")
        listed = app.focused
        assert isinstance(listed, VirtualTable)
        assert listed.go_to(lambda row: row.id == "-gone")
        await pilot.press("enter")
        await until(app, "none has it any more", "what was said of the labels is missing; type: dvc repro classify")
        await pilot.press("t")
        await heard(app, "no model was ever asked")
        await pilot.press("escape", "v")
        await until(app, "To review")


async def test_damaged_answers_are_told_and_the_rest_is_shown(asked: Path) -> None:
    file = sorted((asked / paths.ANSWERS).glob("*.jsonl"))[0]
    file.write_bytes(b'{"tipo": "outra"}\n' + file.read_bytes())
    async with dashboard(asked, (100, 40)) as (app, pilot):
        await _open(app, pilot, "Renda")
        await until(app, "a file of answers is damaged", "decided by: consenso", "OSCILANTE")


def test_in_a_real_terminal_the_queue_opens_and_read_only_it_decides_nothing(asked: Path) -> None:
    words = [sys.executable, "-m", "tui", "--read-only"]
    with terminal(words, asked, (60, 16), PYTHONPATH=str(ROOT)) as screen:
        screen.wait("1 History", "Runs 0")
        screen.keys("5")
        screen.wait("3 to review", "Renda")
        screen.keys("v")
        assert "decide" not in screen.wait("To review 3", "INVALIDO")
        screen.keys("e", "/")
        assert "Which axis" not in screen.wait("words, axis:saude")
        screen.keys("Escape")
        screen.wait("To review 3", gone="words, axis")
        screen.keys("q")
        screen.wait("ended with 0")
