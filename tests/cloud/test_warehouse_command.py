"""``observatudo warehouse`` and the warning of ``record``, over a warehouse in the emulators that really changes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import typer

from observatudo.cli import warehouse as command
from observatudo.errors import ObservatudoError
from observatudo.warehouse import presence
from observatudo.warehouse.bigquery import state
from tests.cloud.emulators import Cloud
from tests.cloud.versioned import OBSERVED, Versioned, versioned

SAO_PAULO = "3550308"


def typed(capsys: pytest.CaptureFixture[str], **options: object) -> tuple[int, str]:
    """Call the command as typer does; return its exit code and what it prints."""
    asked = {"as_json": False, "deep": False, "loads": 3, "create": False, "load": False} | options
    capsys.readouterr()
    with pytest.raises(typer.Exit) as ended:
        command.warehouse(**asked)  # type: ignore[arg-type]  # options by name
    printed = capsys.readouterr()
    return ended.value.exit_code, printed.out + printed.err


def problems(root: Versioned, *, deep: bool = False) -> list[str]:
    return [problem.kind for problem in state.look(root.root, root.settings, deep=deep).problems]


@pytest.mark.needs("bigquery-emulator")
def test_what_is_there_is_held_against_what_is_in_hand(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = versioned(tmp_path)
    own.made("um")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ObservatudoError, match="the dataset is not there") as absent:
        command.warehouse()
    assert "observatudo warehouse --create" in absent.value.next_step
    command.warehouse(create=True)
    assert f"made: {own.settings.project}.{own.settings.raw_dataset}" in capsys.readouterr().err
    code, text = typed(capsys)
    assert (code, "nothing was loaded into it yet\n  → dvc repro" in text) == (1, True)
    code, text = typed(capsys, create=True, load=True)
    assert "both datasets are there already" in text
    assert (code, "5 table(s) brought" in text) == (1, True)
    assert "dbt's models were built before the last load\n  → dvc repro -f -s transform" in text
    assert ["dbt's models were built before" in text for text in presence.warnings(tmp_path, tmp_path)] == [True]
    own.built()
    code, text = typed(capsys, as_json=True)
    found = json.loads(text)
    assert (code, found["is_current"], len(found["loads"]), found["problems"]) == (0, True, 3, [])
    assert {table["status"] for table in found["tables"]} == {"current"}
    assert found["loads"][0]["sequence"] == 5 and found["loads"][0]["bytes_sent"] > 0
    assert list(presence.warnings(tmp_path, tmp_path)) == []

    own.deaths((SAO_PAULO, date(2018, 1, 1), 5.0))
    with pytest.raises(ObservatudoError, match=f"not those that the last load has checked: {OBSERVED}"):
        command.warehouse(load=True)
    own.made("dois")
    assert problems(own) == ["other"]
    with pytest.raises(ObservatudoError, match="not of the version in hand: observatudo__carga, "):
        state.require_loaded(tmp_path, own.settings)  # transform would build of the other version
    assert "observatudo warehouse --load" in next(presence.warnings(tmp_path, tmp_path))
    code, text = typed(capsys, load=True)
    assert "2 table(s) brought, +0 ~3 -41 rows" in text, text
    own.built()
    assert problems(own, deep=True) == []

    own.told(f"update {{raw}}.{OBSERVED} set valor = 6 where _ativo")
    assert (problems(own), problems(own, deep=True)) == ([], ["altered"])
    own.told(f"drop table {{raw}}.{OBSERVED}")
    assert problems(own) == ["lost"]

    monkeypatch.setattr(state, "_REACH_S", 0.2)
    cloud.warehouse.kill()
    (warning,) = presence.warnings(tmp_path, tmp_path)
    assert "is not known: Google Cloud cannot be reached" in warning


def test_a_file_of_duckdb_is_told_of_and_nothing_of_bigquery_is_done_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = versioned(tmp_path)
    own._say("target: bigquery", "target: duckdb")
    monkeypatch.chdir(tmp_path)
    code, text = typed(capsys)
    assert (code, "it is not there\n  → dvc repro -f -s transform" in text) == (1, True)
    (tmp_path / presence.WAREHOUSE).parent.mkdir()
    (tmp_path / presence.WAREHOUSE).write_bytes(b"x" * 2048)
    code, text = typed(capsys, as_json=True)
    assert (code, json.loads(text)["size"], json.loads(text)["is_current"]) == (0, 2048, True)
    with pytest.raises(ObservatudoError, match="a file of DuckDB"):
        command.warehouse(load=True)


def test_without_credentials_it_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versioned(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OBSERVATUDO_PROJECT", raising=False)
    with pytest.raises(ObservatudoError, match="OBSERVATUDO_PROJECT is not set"):
        command.warehouse()
    for name in ("BIGQUERY_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OBSERVATUDO_PROJECT", "projeto-teste")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ObservatudoError) as caught:
        command.warehouse()
    assert caught.value.next_step == "gcloud auth application-default login"
