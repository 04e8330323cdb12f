"""Screen 6, dbt, over the build that a whole run of the pipeline left."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from observatudo import figures
from observatudo.journal import Json
from observatudo.warehouse import artifacts, presence, state
from tests.tui.pilot import dashboard, heard, until, until_true
from tui import dbtstate, dbtwords
from tui.app import Dashboard

FAILS, WARNS = "not_null_fact_indicador_ano", "not_null_fact_indicador_data_referencia"


async def test_where_dbt_left_nothing_it_says_what_to_type(small: Path) -> None:
    async with dashboard(small, (60, 16)) as (app, pilot):
        await pilot.press("6")
        await until(app, "no artifacts", "dvc repro", "r reads again")
        await pilot.press("tab", "s", "t", "d", "y", "escape")
        await heard(app, "dbt's pages are not there")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what would be opened in a browser."""
    found: list[str] = []
    monkeypatch.setattr(Dashboard, "open_url", lambda _app, url, **_more: found.append(url))
    return found


async def test_the_panes_in_both_languages_at_every_size(
    built: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    rows = json.loads((built / dbtstate.METRICS).read_bytes())["transform"]["rows"]["fact_indicador"]
    english, portuguese = f"{rows:,}", f"{rows:,}".replace(",", ".")
    tried = [((60, 16), "pt_BR", portuguese), ((80, 24), "en", english), ((120, 30), "pt_BR", portuguese)]
    for size, lang, shown_rows in tried:
        monkeypatch.setenv("OBSERVATUDO_LANG", lang)
        async with dashboard(built, size) as (app, pilot):
            await pilot.press("6")
            await until(app, "dbt · ✓", "duckdb", "eixo")
            await pilot.press("slash", *"fact", "enter")
            await until(app, "fact_indicador", shown_rows, gone="dim_eixo")
            await pilot.press("enter")
            await until(app, "dbt/models/marts/fact_indicador.sql")
            await pilot.press("escape", "t")
            await until(app, "fact_indicador: ", "├─ stg_observacao", "│  ├─ stg_")
            await pilot.press("tab")
            await until(app, shown_rows, "fact_indicador", "dim_localidade")
            await pilot.press("tab")
            await until(app, ".observatudo/warehouse.duckdb", "MiB", "✓")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    async with dashboard(built) as (app, pilot):
        await pilot.press("6")
        await until(app, "eixo")
        await pilot.press("tab", "tab")
        await until(app, "ibge.municipio_referencia", "✓ em dia", "366 d")
        await pilot.press("j", "enter")
        await until(app, "ibge/municipio", "└─ stg_ibge__municipio")
        await pilot.press("escape", "d")
        page = built / "dbt/target/static_index.html"
        await heard(app, str(page))
        assert [note.message for note in app._notifications] == [str(page)]
        assert opened == []
        monkeypatch.setenv("DISPLAY", ":0")
        await pilot.press("d")
        await until_true(app, lambda _shown: bool(opened), what="the page")
        assert opened == [page.resolve().as_uri()]


def _break(root: Path) -> None:
    """Let two tests find rows, and write it down as dbt does."""
    with duckdb.connect(root / presence.WAREHOUSE) as connection:
        connection.execute(
            "create or replace table fact_indicador as select * replace (if(rowid < 2, null, ano) as ano,"
            " if(rowid < 1, null, data_referencia) as data_referencia) from fact_indicador"
        )
    path = root / state.TARGET / artifacts.BUILD_RESULTS
    results = json.loads(path.read_bytes())
    for result in results["results"]:
        for name, word, count in ((FAILS, "fail", 2), (WARNS, "warn", 1)):
            if f".{name}." in result["unique_id"]:
                result |= {"status": word, "failures": count, "message": f"Got {count} results"}
    path.write_text(json.dumps(results), encoding="utf-8")


async def test_failing_tests_come_first_with_their_rows_and_the_warehouse_is_told_of(built: Path) -> None:
    async with dashboard(built) as (app, pilot):
        await pilot.press("6", "tab")
        await until(app, "dbt · ✓ pass")
        _break(built)
        await pilot.press("r")
        shown = await until(app, "✗ fail 1", "! warn 1", FAILS)
        first, second = [line for line in shown.splitlines() if "not_null_fact_indicador" in line][:2]
        assert first.split()[:3] == ["›", "✗", "fail"]
        assert second.split()[:2] == ["!", "warn"]
        assert shown.index(FAILS) < shown.index("✓ pass   ")
        await pilot.press("enter")
        await until(app, "Got 2 results", "dbt/models/marts/_marts.yml", "fact_indicador.ano, 2 rows", "› –")
        await pilot.press("escape", "slash", *"status:warn", "enter")
        await until(app, WARNS[:30], gone=FAILS + " ")
        (built / presence.BUILT_FROM).write_text("of another version")
        await pilot.press("r")
        await until(app, "! the warehouse is of another version")
        (built / state.TARGET / artifacts.MANIFEST).write_text("{")
        await pilot.press("r")
        await until(app, "the command failed", "r reads again")


def test_words_of_what_a_command_says_hold_whatever_it_leaves_out() -> None:
    found = dbtstate.state({"models": [{"name": "a"}, 3], "tests": [{"name": "t", "status": "odd"}], "sources": [{}]})
    assert [own.name for own in found.models] == ["a"]
    assert figures.status("odd") == "? odd"
    for lines in (
        dbtwords.about_target(found),
        dbtwords.about_model(found, found.models[0]),
        dbtwords.about_source(found, found.sources[0]),
        dbtwords.lineage(found, "none"),
    ):
        assert lines
        assert "None" not in "\n".join(line.plain for line in lines)
    bigquery = dbtstate.state({"target": {"adapter": "bigquery", "configured": "bigquery"}, "built_at": "?"})
    told = "\n".join(line.plain for line in dbtwords.about_target(bigquery))
    assert "target: bigquery" in told
    assert "file:" not in told


def test_rows_over_versions_have_the_change_beside_them() -> None:
    def own(rows: int | None) -> dict[str, Json]:
        return {"rows": {"a": rows}, "models": 1} if rows is not None else {}

    found = dbtstate.rows_over_versions([("1", own(5)), ("2", own(None)), ("3", own(7)), ("4", own(6))])
    assert (found[0].name, found[0].shown, found[0].second) == ("a", "6", "-1")
    assert found[0].points == (("1", 5), ("2", None), ("3", 7), ("4", 6))
    assert dbtstate.rows_over_versions([("1", own(5))])[0].second == ""
    assert dbtstate.rows_over_versions([]) == []
