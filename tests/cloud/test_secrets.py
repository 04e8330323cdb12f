"""A service account's key and the tokens made with it stand nowhere but in its file and in the headers of requests.

Runs that end well, that are refused and whose tokens are refused leave a log, a record, MLflow's files, objects of Git
and of DVC, and what they print; all of it is searched. dbt has no key against an emulator: it is not tried here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import fixtures_warehouse as fixtures
from tests.cloud import faults
from tests.cloud.emulators import Cloud
from tests.cloud.proxy import Proxy, proxied
from tests.cloud.test_doctor import make_dataset
from tests.cloud.tokens import EMAIL, Tokens
from tests.conftest import ROOT
from tests.integration.test_llm_secrets import everything

pytestmark = pytest.mark.needs("bigquery-emulator")

PIPELINE = """\
stages:
  load:
    cmd: python -m stages.load
    deps: [data/ingested, params.yaml]
    outs: [data/warehouse/carga.parquet, data/warehouse/recibo.json]
  record:
    cmd: python -m stages.record
    deps: [data/warehouse/recibo.json]
    always_changed: true
"""
PARAMS = """\
datasets:
  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}
ds:
  brmunipanel: {variavel: {}}
classify: {threshold: 0.3}
warehouse: {target: bigquery}
transform: {threads: 2}
"""
IGNORED = "/logs/\n/.observatudo/\n/mlruns/\n/data/warehouse/\n"
LEFT = ("logs/", "audit/runs/", "mlruns/", ".dvc/", "git objects")


def secrets(tokens: Tokens) -> list[str]:
    """Return what must not be found: each line of the key, and the tokens."""
    lines = [line for line in tokens.private_key.splitlines() if len(line) >= 40 and "-----" not in line]
    return [*lines, *tokens.minted]


def leaks(tokens: Tokens, places: Mapping[str, bytes]) -> list[str]:
    assert len(secrets(tokens)) > 20
    return [place for place, content in places.items() for own in secrets(tokens) if own.encode() in content]


@dataclass
class Place:
    """A repository that loads into BigQuery as a service account, through proxies that ask for its tokens."""

    root: Path
    file: Path
    bigquery: Proxy
    storage: Proxy
    tokens: Tokens
    said: dict[str, bytes] = field(default_factory=dict)

    def run(self, *command: str, code: int) -> str:
        """Run a command to its end, keep what it says, and return it."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBSERVATUDO_DEBUG": "1"}
        done = subprocess.run(
            command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=300
        )
        said = done.stdout + done.stderr
        self.said[f"{len(self.said)} {' '.join(command)}"] = said
        assert done.returncode == code, said.decode()
        return said.decode()

    def change(self, number: int) -> None:
        """Have something to load."""
        fixtures.indicators(self.root, fixtures.VARIABLES, [(f"i{number}", "x", None, None, "unica", None, None)])


@pytest.fixture
def place(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    make_dataset(cloud.dataset)
    make_dataset(f"{cloud.dataset}_raw")
    root = fixtures.build(tmp_path / "r")
    for name, text in {"params.yaml": PARAMS, "dvc.yaml": PIPELINE, ".gitignore": IGNORED, ".dvcignore": ""}.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "requirements.lock").write_bytes(b"")
    for command in ("git init -q", "dvc init -q", "git add -A", "git commit -q -m start"):
        subprocess.run(command.split(), cwd=root, check=True, capture_output=True)
    tokens = Tokens()
    with proxied(cloud.warehouse.url, tokens) as bigquery, proxied(cloud.storage.url, tokens) as storage:
        bigquery.is_bearer_required = storage.is_bearer_required = True
        file = tokens.file(tmp_path / "conta.json", bigquery.url)
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery.url)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield Place(root, file, bigquery, storage, tokens)


def quoting(tokens: Tokens, status: int) -> faults.Answered:
    """Return an answer of the token's endpoint that quotes the key, and a token."""
    said = {"error": "invalid_grant", "error_description": f"{tokens.private_key} {tokens.minted[0]}"}
    return faults.Answered(status, json.dumps(said).encode())


def test_key_and_tokens_are_nowhere_but_where_they_belong(place: Place) -> None:
    doctor = [sys.executable, "-m", "observatudo.cli.app", "doctor"]
    assert EMAIL in place.run(*doctor, "--json", code=1)  # 1: a repository of a test lacks other things
    place.run("dvc", "repro", code=0)
    assert place.tokens.minted and place.bigquery.sent("/jobs", "POST") and place.storage.uploaded() > 0

    place.change(1)
    place.bigquery.inject(faults.unauthorized(), "^/bigquery/", times=0)
    assert "did not accept the credentials" in place.run("dvc", "repro", code=255)
    place.bigquery.heal()
    place.bigquery.inject(quoting(place.tokens, 400), "^/token$", times=0)
    load = [sys.executable, "-m", "stages.load"]  # alone: DVC and a record take seconds, and have been searched once
    assert "did not accept the credentials" in place.run(*load, code=1)
    place.run(*doctor, code=1)
    place.bigquery.heal()
    content = json.loads(place.file.read_text(encoding="utf-8"))
    place.file.write_text(json.dumps(content | {"private_key": content["private_key"][:-90]}), encoding="utf-8")
    assert "credentials are missing or cannot be used" in place.run(*load, code=1)
    for command in ("git add -A", "git commit -q -m runs"):
        place.run(*command.split(), code=0)

    found = everything(place.root)
    assert leaks(place.tokens, found | place.said) == []
    assert not [part for part in LEFT if not any(name.startswith(part) for name in found)], "not all of it was searched"
    for proxy in (place.bigquery, place.storage):
        assert not [own for own in secrets(place.tokens) if proxy.holds(own)], "in a header alone"


def test_the_search_finds_a_key_and_a_token_wherever_they_stand() -> None:
    tokens = Tokens()
    tokens.minted.append("ya29.um-token-que-ninguem-ve")
    places = {
        "file": json.dumps({"private_key": tokens.private_key}).encode(),
        "log": b"Bearer " + tokens.minted[0].encode(),
    }
    assert set(leaks(tokens, places)) == {"file", "log"}
