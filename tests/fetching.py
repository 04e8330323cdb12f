"""A repository with one dataset whose files come over HTTP, for tests of ``observatudo fetch``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from observatudo.errors import ObservatudoError
from tests.conftest import ROOT
from tests.faulty import Faulty

KEY = "fonte/tabela"


def table(rows: int, columns: str = "codigo;ano;valor", shift: int = 0) -> bytes:
    """Return a CSV with so many rows, each of as many numbers as it has columns."""
    width = columns.count(";") + 1
    lines = [";".join(str(number * 10 + column + shift) for column in range(width)) for number in range(rows)]
    return "\n".join([columns, *lines, ""]).encode()


def declare(root: Path, snapshot: dict[str, object], path: str = "*.csv", **fetch: float) -> None:
    """Declare one dataset that reads CSVs, and the params of ``fetch``."""
    fields = [
        {"name": "codigo", "type": "string"},
        {"name": "ano", "type": "integer"},
        {"name": "valor", "type": "number", "source": ["valor", "Valor novo"]},
    ]
    declared = {
        "title": "Tabela",
        "description": "Uma tabela.",
        "kind": "referencia",
        "publisher": "Fonte",
        "licenses": [{"name": "CC-BY-4.0"}],
        "citation": "Fonte.",
        "frequency": "anual",
        "snapshot": snapshot,
        "resources": [{"path": path, "format": "csv", "encoding": "utf-8", "dialect": {"delimiter": ";"}}],
        "fields": fields,
        "primaryKey": ["codigo"],
    }
    file = root / f"configs/datasets/{KEY}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(declared))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"] = {KEY: {"params": "fonte.tabela", "lista": "configs/tabelas/uf.csv"}}
    params["ds"] = {"fonte": {"tabela": {}}}
    params["fetch"] = fetch
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "dvc.yaml").write_text("stages: {}\n")


def http(server: Faulty, *names: str) -> dict[str, object]:
    """Return a ``snapshot`` with one file for each name, at that name's path."""
    return {"http": [{"url": f"{server.url}/{name}", "file": name} for name in names]}


def fetch(*arguments: str, code: int = 0) -> str:
    """Run ``observatudo fetch`` in this process; an ObservatudoError comes out as the exception it is."""
    from typer import Typer

    from observatudo.cli.fetch import fetch as command

    app = Typer()
    app.command()(command)
    done = CliRunner().invoke(app, list(arguments))
    if isinstance(done.exception, ObservatudoError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def git(*words: str) -> str:
    """Run git in the current folder; return what it says."""
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout


def commit() -> None:
    """Commit everything."""
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "snapshot")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, pause never, and ask no proxy of this machine."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OBSERVATUDO_FETCH_PAUSE_S", "0")
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "1")
    monkeypatch.setenv("OBSERVATUDO_LANG", "en")


@pytest.fixture
def server() -> Iterator[Faulty]:
    with Faulty() as served:
        yield served


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, which is the current folder; its logs and caches are ignored, as in a real one."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    (tmp_path / ".gitignore").write_text("/logs/\n/.observatudo/\n")
    return tmp_path
