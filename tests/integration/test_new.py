"""``observatudo new`` as a person types it, in a clone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..faulty import Faulty, File, InTurn, Status

ROOT = Path(__file__).parents[2]
TABLE = "Código IBGE;Município;2020;2021\n3550308;São Paulo;1,5;2,5\n3304557;Rio de Janeiro;3,5;N.D.\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    made = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(made)], check=True)
    return made


def new(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "observatudo.cli.app", "new", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def status(clone: Path) -> str:
    return subprocess.run(
        ["git", "status", "--short", "-uall"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout


def test_a_file_becomes_a_dataset_with_its_test(clone: Path, tmp_path: Path) -> None:
    file = tmp_path / "gasto.csv"
    file.write_bytes(TABLE.encode("latin-1"))
    done = new(clone, "teste/gasto", "--from", str(file), "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 rows read, 2 kept, 0 rejected; 4 rows" in done.stdout
    assert "Next: confirm the guesses in configs/datasets/teste/gasto.yaml" in done.stdout
    declaration = (clone / "configs/datasets/teste/gasto.yaml").read_text(encoding="utf-8")
    assert "# guess: columns that stand for periods become rows; confirm" in declaration
    assert "encoding: latin-1" in declaration
    for made in ("data/raw/teste/gasto/snapshot.json", "dbt/models/staging/stg_teste__gasto.sql"):
        assert (clone / made).is_file()
    assert (clone / "tests/fixtures/teste/gasto/esperado.json").is_file()
    assert "teste/gasto: {params: teste.gasto" in (clone / "params.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("Teste/X", "--from", "a.csv"), os.EX_USAGE),
        (("teste/x", "--from", "a.csv", "--kind", "outra"), os.EX_USAGE),
        (("teste/x", "--from", "a.csv"), 1),
        (("sidra/pib", "--from", "params.yaml", "--yes"), 1),
        (("teste/x", "--from", "README.md", "--yes"), 1),
    ],
)
def test_what_is_refused_leaves_everything_as_it_was(clone: Path, words: tuple[str, ...], code: int) -> None:
    done = new(clone, *words)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert status(clone) == ""


GOALS = """\
"Código IBGE","ID Indicador","Nome do indicador","Ano de Preenchimento","Valor","Justificativa"
"3107406","4140","Polos de saúde","0","2.021,00",""
"3107406","4143","Pronto atendimento","0","2.021,00",""
"""


def test_goals_without_a_year_are_put_in_place_and_yes_does_not_hide_that_none_is_kept(
    clone: Path, tmp_path: Path
) -> None:
    file = tmp_path / "metas.csv"
    file.write_bytes(GOALS.encode("utf-16-le"))
    asked = new(clone, "teste/metas", "--from", str(file))  # no answer: nothing is written
    assert (asked.returncode, status(clone)) == (1, "")
    done = new(clone, "teste/metas", "--from", str(file), "--yes")
    assert done.returncode == 0
    assert "WARNING: none of the 2 rows is kept" in done.stderr
    assert (clone / "tests/fixtures/teste/metas/esperado.json").is_file()


def test_the_fixture_of_what_was_onboarded_is_held_by_the_test_in_the_repository(clone: Path, tmp_path: Path) -> None:
    file = tmp_path / "gasto.csv"
    file.write_text(TABLE, encoding="utf-8")
    assert new(clone, "teste/gasto", "--from", str(file), "--yes").returncode == 0
    assert _fixtures_held(clone) == 0
    declaration = clone / "configs/datasets/teste/gasto.yaml"
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(text.replace("decimalChar: ','", "decimalChar: '.', groupChar: ','"), encoding="utf-8")
    assert _fixtures_held(clone) == 1


def _fixtures_held(clone: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_fixtures.py"]
    done = subprocess.run([*command, "-k", "teste"], cwd=clone, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout or "1 failed" in done.stdout, done.stdout
    return done.returncode


def test_a_file_is_onboarded_from_its_address(clone: Path, tmp_path: Path) -> None:
    name = "gasto%20anual.csv?token=segredo"
    with Faulty(unknown=File(TABLE.encode("latin-1"), etag='"v1"')) as server:
        done = new(clone, "teste/gasto", "--from", f"{server.url}/{name}", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    sidecar = (clone / "data/raw/teste/gasto/snapshot.json").read_text(encoding="utf-8")
    declaration = (clone / "configs/datasets/teste/gasto.yaml").read_text(encoding="utf-8")
    assert f"{server.url}/gasto%20anual.csv" in declaration
    assert '\\"v1\\"' in sidecar
    assert "segredo" not in sidecar + declaration + done.stdout
    assert (clone / "data/raw/teste/gasto/gasto anual.csv").read_bytes() == TABLE.encode("latin-1")


def test_an_address_that_lets_one_wait_says_why(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_PAUSE_S", "0")
    with Faulty(unknown=InTurn(Status(503), File(TABLE.encode("latin-1")))) as server:
        done = new(clone, "teste/gasto", "--from", f"{server.url}/gasto.csv", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"503.*; again in \d+ s\n", done.stderr), done.stderr


def test_a_dry_run_prints_the_proposal_and_writes_nothing(clone: Path, tmp_path: Path) -> None:
    file = tmp_path / "gasto.csv"
    file.write_text(TABLE, encoding="utf-8")
    done = new(clone, "teste/gasto", "--from", str(file), "--dry-run")
    assert "melt: {pattern: '((?:19|20)\\d{2})'" in done.stdout
    assert "Nothing has been written" in done.stdout
    assert status(clone) == ""
