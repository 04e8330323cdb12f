"""The state of dbt, from the artifacts and the warehouse of a real build."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from observatudo import config
from observatudo.cli import models as cli
from observatudo.errors import ObservatudoError
from observatudo.warehouse import artifacts, presence, state
from observatudo.warehouse.state import DbtState

TARGET = state.TARGET


def _metrics(root: Path) -> dict[str, int | dict[str, int]]:
    content: dict[str, dict[str, int | dict[str, int]]] = json.loads(
        (root / "data/metrics/transform.json").read_bytes()
    )
    return content["transform"]


def _fact(found: DbtState) -> state.Model:
    return state.require(found, "fact_indicador")


def test_the_state_of_a_build_is_what_its_run_wrote(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = state.state(built)
    written = _metrics(built)
    marts = [model for model in found.models if model.layer in ("dim", "fact", "audit")]
    assert {model.name: model.rows for model in marts} == written["rows"]
    assert sum(model.kind == "model" for model in found.models) == written["models"]
    assert found.tests_by_status == {"pass": written["tests_passed"]}
    assert found.run in {path.stem for path in (built / "audit/runs").glob("*/*/*.json")}
    assert (found.target.adapter, found.target.is_current, found.problems) == ("duckdb", True, ())
    assert found.docs is not None and (built / found.docs).is_file()
    fact = _fact(found)
    assert (fact.layer, fact.materialized, fact.status, fact.used_by) == (
        "fact",
        "table",
        "success",
        ("audit_volumetria",),
    )
    assert {"stg_observacao", "dim_indicador", "dim_localidade"} == set(fact.depends_on)
    assert {column.name: column.type for column in fact.columns}["valor"] == "DOUBLE"
    assert "sidra.pib_observacao" in found.upstream("fact_indicador")
    assert "fact_indicador" in found.downstream("sidra.pib_observacao")
    assert {source.dataset for source in found.sources} == {*config.declared(built), ""}
    assert all(test.model for test in found.tests)

    monkeypatch.chdir(built)
    for name in (None, "fact_indicador"):
        cli.models(name)
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    cli.models(as_json=True)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found.as_dict()))
    cli.models("fact_indicador", as_json=True)
    assert {test["name"] for test in json.loads(capsys.readouterr().out)["tests"]} == {
        test.name for test in found.tests if test.model == "fact_indicador"
    }
    with pytest.raises(ObservatudoError, match="did you mean fact_indicador"):
        cli.models("fact_indicado")


def test_a_snapshot_is_late_when_its_frequency_says_so(built: Path) -> None:
    def late(now: datetime) -> dict[str, bool | None]:
        return {own.dataset: own.late for own in state.state(built, now).sources if own.dataset}

    fetched = datetime.fromisoformat(json.loads((built / "data/raw/sidra/pib/snapshot.json").read_text())["fetched_at"])
    assert late(fetched)["sidra/pib"] is False
    assert late(fetched.replace(year=fetched.year + 1))["sidra/pib"] is False
    assert late(fetched.replace(year=fetched.year + 2))["sidra/pib"] is True
    assert late(datetime(2100, 1, 1, tzinfo=UTC))["brmunipanel/variavel"] is False, "published once"
    (built / "data/raw/sidra/pib/snapshot.json").unlink()
    assert late(fetched)["sidra/pib"] is None


def test_what_is_missing_half_written_or_in_use_is_told(built: Path) -> None:
    warehouse, receipt = built / presence.WAREHOUSE, built / presence.BUILT_FROM
    receipt.write_text("of another version")
    assert state.state(built).target.is_current is False
    command = f"import duckdb; c = duckdb.connect({str(warehouse)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        found = state.state(built)
        other.communicate("\n")
    assert "cannot be read" in found.target.problem
    assert (_fact(found).rows, _fact(found).status) == (None, "success")
    with duckdb.connect(warehouse) as connection:
        connection.execute("drop table fact_indicador")
    assert (_fact(state.state(built)).rows, state.state(built).target.problem) == (None, "")
    warehouse.unlink()
    assert "not there" in state.state(built).target.problem

    (built / TARGET / artifacts.CATALOG).write_text("{")
    assert {column.type for column in _fact(state.state(built)).columns} == {""}
    results = built / TARGET / artifacts.BUILD_RESULTS
    whole = results.read_text(encoding="utf-8")
    results.write_text(whole.replace("model.observatudo.fact_indicador", "model.observatudo.fact_velho"))
    with pytest.raises(ObservatudoError, match=r"of two builds.*fact_velho"):
        state.state(built)
    for name in (artifacts.BUILD_RESULTS, artifacts.MANIFEST):
        path = built / TARGET / name
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(ObservatudoError, match="not whole"):
            state.state(built)
        path.unlink()
        with pytest.raises(ObservatudoError, match="no artifacts"):
            state.state(built)
