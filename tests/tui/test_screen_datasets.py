"""Screen 3, Datasets, over the datasets of the repository itself; and what its plots promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.pilot import SIZES, dashboard, text, until
from tui.plot import lines

WORDS = {
    "en": ("Datasets 8", "✓ fresh", "225,440", "99.77%"),
    "pt_BR": ("Datasets 8", "✓ em dia", "225.440", "99,77%"),
}


@pytest.mark.parametrize("language", WORDS)
async def test_the_list_in_both_languages_at_every_size(
    observed: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", language)
    monkeypatch.setenv("PYTHONPATH", str(observed))
    head, fresh, kept, matched = WORDS[language]
    async with dashboard(observed, SIZES[0]) as (app, pilot):
        await pilot.press("3")
        await until(app, head, "registro_civil/obito", fresh, kept)
        await pilot.resize_terminal(*SIZES[1])
        await until(app, matched)
        await pilot.resize_terminal(*SIZES[2])
        await until(app, "fora_do_filtro", "█")


async def test_one_over_versions_down_to_the_patch_of_its_declaration(
    observed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(observed))
    async with dashboard(observed, (110, 40)) as (app, pilot):
        await pilot.press("3")
        await until(app, "registro_civil/obito")
        await pilot.press("slash", *"populacao", "enter")
        await until(app, "sidra/populacao", gone="registro_civil")
        await pilot.press("enter")
        await until(app, "volume", "start", "60")
        await pilot.press("y")
        assert len(app.clipboard) == 40
        await pilot.press("tab")
        await until(app, "publisher", "Instituto Brasileiro", "the next is due after 366", "SHA-256")
        await pilot.press("tab")
        await until(app, "Maria Teste", "start")
        await pilot.press("enter")
        await until(app, "+title:", "configs/datasets/sidra/populacao.yaml")
        await pilot.press("escape", "escape", "escape")
        await until(app, "registro_civil/obito")


async def test_the_worst_come_first(observed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(observed))
    async with dashboard(observed) as (app, pilot):
        await pilot.press("3")
        await until(app, "registro_civil/obito")
        for head, first in (
            ("dataset▴", "brmunipanel"),
            ("fresh▾", ""),
            ("kept▾", "registro_civil"),
            ("rejected▾", "despesa"),
        ):
            await pilot.press("s")
            shown = await until(app, head)
            assert first in shown.splitlines()[3]
        assert "77.58%" in text(app).splitlines()[3]


@given(st.lists(st.none() | st.floats(0, 1e9), min_size=1, max_size=12), st.integers(2, 12))
def test_every_bar_of_a_plot_is_as_high_as_its_value(values: list[float | None], height: int) -> None:
    shown = lines([(str(n), value) for n, value in enumerate(values)], 80, height)
    top = max((value for value in values if value is not None), default=None)
    if top is None:
        assert [line.plain for line in shown] == ["nothing to plot yet"]
        return
    assert len(shown) == height
    rows = [line.plain.partition("│")[2].ljust(80) for line in shown[:-1]]
    for number, value in enumerate(values):
        wide = {row[3 * number : 3 * number + 2] for row in rows}
        assert all(len(set(cell)) == 1 for cell in wide), "two characters a bar, the same"
        eighths = sum(" ▁▂▃▄▅▆▇█".index(row[3 * number]) for row in rows)
        exact = 0 if not value else max(1, round(value / (top or 1) * (height - 1) * 8))
        assert eighths == exact


@given(st.integers(1, 500), st.integers(20, 120))
def test_a_plot_leaves_out_the_oldest_and_says_how_many(points: int, width: int) -> None:
    shown = lines([(str(n), 1.0) for n in range(points)], width, 4)
    bars = shown[0].plain.partition("│")[2]
    seen = len(bars.split(" ")) if " " in bars else len(bars)
    assert shown[0].cell_len <= width
    assert ("… " in shown[-1].plain) == (seen < points)
