"""The commands blame and log: what they print, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.past import DATASET, Past, label, observation, past

ROOT = Path(__file__).parents[2]
TABLE = f"{DATASET}/observacao"
CELL = (TABLE, "--municipio", "3550308", "--indicador", "pib", "--ano", "2019")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Past:
    made = past(tmp_path_factory.mktemp("built") / "repo")
    made.labels([label("pib", "Economia")])
    made.observations([observation("3550308", 2019, 1.0)])
    made.commit("first " + "word " * 40)
    made.observations([observation("3550308", 2019, 1234567890.25)])
    made.write(f"configs/datasets/{DATASET}.yaml", "title: outro\n")
    made.labels([label("pib", "Saude")])
    made.commit("second")
    return made


def run(repo: Past, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "observatudo.cli.app", *words],
        cwd=repo.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_cell_s_history_is_readable_in_80_columns(repo: Past) -> None:
    text = run(repo, "blame", *CELL)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    newest, oldest = text.index(repo.git("rev-parse", "HEAD")[:8]), text.index(repo.git("rev-parse", "HEAD~1")[:8])
    assert newest < oldest
    assert "1 → 1234567890.25" in text
    assert "row added" in text
    assert "label  Economia → Saude" in text


def test_its_json_has_the_published_fields(repo: Past) -> None:
    found = json.loads(run(repo, "blame", *CELL, "--json"))
    assert list(found) == ["schema_version", "table", "key", "asked", "versions", "cut", "next_step", "entries"]
    assert found["asked"] == {"id_indicador": "pib", "id_municipio": "3550308", "ano": "2019"}
    from observatudo.cli import blame

    for name in (*found, *found["entries"][0], *found["entries"][0]["cells"][0], *found["entries"][0]["causes"][0]):
        assert f"``{name}``" in str(blame.__doc__), name


def test_a_table_s_history_is_readable_in_80_columns(repo: Past) -> None:
    text = run(repo, "log", TABLE)
    assert max(map(len, text.splitlines())) <= 80
    assert "~1" in text
    assert "+1" in text
    assert "and 1 older: -n 2" in run(repo, "log", TABLE, "-n", "1")


def test_its_json_has_the_published_fields_too(repo: Past) -> None:
    from observatudo.cli import log

    found = json.loads(run(repo, "log", TABLE, "HEAD", "--json"))
    for name in (*found, *found["entries"][0]):
        assert f"``{name}``" in str(log.__doc__), name


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["blame", TABLE], "say which cell", 64),
        (["blame", TABLE, "--key", "a"], "COLUMN=VALUE", 64),
        (["blame", TABLE, "--data", "2019-13-01"], "AAAA-MM-DD", 64),
        (["blame", TABLE, "--municipio", "São Paulo"], "must be a code", 1),
        (["log", "rotulos"], "did you mean rotulo?", 1),
    ],
)
def test_what_cannot_be_answered_is_a_message(repo: Past, words: list[str], said: str, code: int) -> None:
    assert said in " ".join(run(repo, *words, code=code).split())


def test_outside_of_git_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("datasets: {}\n")
    text = run(Past(tmp_path), "log", "rotulo", code=1)
    assert "not a Git repository" in text
