"""Settings of Google Cloud: where they come from, which wins, and what a wrong one says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from observatudo.cloud import clients, doctor
from observatudo.cloud.settings import Settings, load, require
from observatudo.errors import ConfigError, ObservatudoError
from tests.conftest import ROOT

OURS = ("OBSERVATUDO_", "GOOGLE_", "BIGQUERY_", "STORAGE_", "CLOUDSDK_")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with none of the variables, and take away afterwards what ``load`` put there."""
    for name in list(os.environ):
        if name.startswith(OURS) and name != "OBSERVATUDO_LANG":
            monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", os.environ.copy())


def write(root: Path, name: str, *lines: str) -> None:
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_without_anything_it_is_dev_and_names_no_project(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found == Settings(dataset="observatudo_dev")
    assert (found.raw_dataset, found.is_emulated) == ("observatudo_dev_raw", False)


def test_the_process_wins_over_the_environments_file_and_that_over_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ".env", "OBSERVATUDO_ENV=prod", "OBSERVATUDO_PROJECT=de-env", "OBSERVATUDO_BUCKET=de-env")
    write(tmp_path, ".env.prod", "OBSERVATUDO_BUCKET=de-prod", "OBSERVATUDO_LOCATION=US", 'OBSERVATUDO_DATASET="d"')
    write(tmp_path, ".env.dev", "OBSERVATUDO_BUCKET=de-dev")
    monkeypatch.setenv("OBSERVATUDO_LOCATION", "EU")
    assert load(tmp_path) == Settings(
        environment="prod", project="de-env", dataset="d", location="EU", bucket="de-prod"
    )


def test_the_processs_environment_chooses_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ".env", "OBSERVATUDO_ENV=prod")
    write(tmp_path, ".env.ci", "OBSERVATUDO_PROJECT=projeto-ci")
    monkeypatch.setenv("OBSERVATUDO_ENV", "ci")
    assert load(tmp_path) == Settings(environment="ci", project="projeto-ci", dataset="observatudo_ci")


def test_a_file_sets_what_is_ours_or_googles_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, ".env", "PATH=/elsewhere", "GOOGLE_APPLICATION_CREDENTIALS=/c.json", "LD_PRELOAD=/x.so")
    before = os.environ["PATH"]
    load(tmp_path)
    assert os.environ["GOOGLE_APPLICATION_CREDENTIALS"] == "/c.json"
    assert os.environ["PATH"] == before and "LD_PRELOAD" not in os.environ


def test_nothing_in_a_file_is_expanded(tmp_path: Path) -> None:
    write(tmp_path, ".env", "OBSERVATUDO_PROJECT=projeto", "OBSERVATUDO_BUCKET=${OBSERVATUDO_PROJECT}")
    with pytest.raises(ConfigError, match="OBSERVATUDO_BUCKET"):
        load(tmp_path)


def test_emulators_are_told_by_googles_own_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:2")
    found = load(tmp_path)
    assert found.is_emulated and (found.bigquery_host, found.storage_host) == (
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
    )
    assert found.environ()["BIGQUERY_EMULATOR_HOST"] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSERVATUDO_ENV", "produção"),
        ("OBSERVATUDO_PROJECT", "projeto`; drop table x"),
        ("OBSERVATUDO_DATASET", "a-b"),
        ("OBSERVATUDO_LOCATION", "são paulo"),
        ("OBSERVATUDO_BUCKET", "gs://balde"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        load(tmp_path)
    assert name in f"{raised.value}" and raised.value.next_step


def test_a_file_that_is_no_text_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path)


def test_what_a_load_needs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="OBSERVATUDO_BUCKET"):
        require(Settings(project="projeto"), "project", "bucket")
    assert require(Settings(project="projeto"), "project").project == "projeto"


@pytest.mark.parametrize("length", [20, 5000])
@pytest.mark.parametrize("form", ['{{"type": "service_account", "private_key": "{key}"}}', "{key}", "{key}.json\n"])
def test_a_key_in_place_of_its_files_name_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, length: int
) -> None:
    key = "SEGREDO/" * length
    monkeypatch.setitem(os.environ, "GOOGLE_APPLICATION_CREDENTIALS", form.format(key=key))
    with pytest.raises(ObservatudoError) as raised:
        clients.credentials(Settings(project="projeto"))
    monkeypatch.chdir(tmp_path)
    told = f"{raised.value} {raised.value.where} {list(doctor._key_file(tmp_path))}"
    assert "SEGREDO" not in told and raised.value.where == "GOOGLE_APPLICATION_CREDENTIALS"


def test_a_file_of_credentials_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GOOGLE_APPLICATION_CREDENTIALS", "/nada/conta.json")
    with pytest.raises(ObservatudoError) as raised:
        clients.credentials(Settings(project="projeto"))
    assert raised.value.where == "GOOGLE_APPLICATION_CREDENTIALS=/nada/conta.json"


def test_the_example_can_be_used_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes((ROOT / ".env.example").read_bytes())
    found = load(tmp_path)
    assert found == Settings(project="meu-projeto", dataset="observatudo_dev", bucket="meu-projeto-observatudo-dev")
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in os.environ and not found.is_emulated
