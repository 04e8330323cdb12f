"""Models in the whole pipeline: asked, counted, measured, told otherwise, overruled, explained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from observatudo import paths
from observatudo.classify import answers
from tests.conftest import run_in
from tests.endpoint import Body, Endpoint, Fault, by_words

PROVIDERS = """\
providers:
  teste:
    base_url: {url}
    model: modelo-de-teste
    api_key_env: TEST_MODEL_KEY
    limits: {{concurrency: 4, retries: 2, failures: 50}}
    price: {{input: 1, output: 2}}
"""
KEY = "-".join(["sk", "end", "to", "end", "0123456789"])  # in pieces: this file is in the repository that is searched
DECIDED = "brmunipanel_intermediate_datasus_health_assault_deaths"
RESTLESS = "Óbitos registrados em cartório"


class Repository:
    """A repository in which the pipeline has run, and a model for it."""

    def __init__(self, root: Path, server: Endpoint) -> None:
        self.root, self.server = root, server
        (root / paths.PROVIDERS).write_text(PROVIDERS.format(url=server.url), encoding="utf-8")
        params = (root / paths.PARAMS).read_text(encoding="utf-8")
        assert "providers: {}" in params
        (root / paths.PARAMS).write_text(params.replace("providers: {}", "providers: {teste: 0.9}"), encoding="utf-8")

    def observatudo(self, *words: str, code: int = 0) -> str:
        """Run a command in the repository, with the repository's own code."""
        done = subprocess.run(
            [sys.executable, "-m", "observatudo.cli.app", *words],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "TEST_MODEL_KEY": KEY},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words: str, code: int = 0) -> dict[str, object]:
        found = json.loads(self.observatudo(*words, "--json", code=code))
        assert isinstance(found, dict)
        return found

    def repro(self, targets: str, subject: str) -> None:
        """Run stages and commit what they made."""
        done = run_in(self.root, f"dvc repro {targets} && git add -A && git commit -q -m '{subject}'")
        assert done.returncode == 0, done.stdout + done.stderr

    def asked(self, *words: str, code: int = 0) -> int:
        """Ask, and return how many questions the model got."""
        before = len(self.server.questions)
        self.observatudo("ask", *words, code=code)
        return len(self.server.questions) - before

    def labels(self) -> dict[str, dict[str, object]]:
        rows = pq.read_table(self.root / paths.LABELS).to_pylist()
        return {row["id_indicador"]: row for row in rows}

    def states(self) -> dict[str, str]:
        rows = pq.read_table(self.root / paths.EVIDENCE).to_pylist()
        return {row["id_indicador"]: row["estado"] for row in rows if row["classificador"] == "teste"}


def _told_otherwise(name: str, _times: int, body: Body) -> str:
    """Answer by the words, but under the second prompt put every third name on one axis."""
    text = json.dumps(body, ensure_ascii=False)
    return "Governanca" if "Classifique" in text and len(name) % 3 == 0 else by_words(name, 0, body)


@pytest.mark.xdist_group("built")
def test_the_whole_way_of_a_label(built: Path) -> None:
    with Endpoint() as server:
        server.models, server.key = None, KEY
        own = Repository(built, server)
        before = own.labels()
        _asks_once_whatever_goes_wrong(own)
        own.repro("", "asked")
        _counted(own, before)
        _measured_and_overruled(own)
        _told_another_thing(own)
        _explained(own)
        _nothing_leaks(own)


def _asks_once_whatever_goes_wrong(own: Repository) -> None:
    own.server.faults = [None, Fault("html200"), None, Fault("truncated"), Fault("disconnect"), Fault("wrong_axis")]
    waiting = {name for name, row in own.labels().items() if row["origem"] not in ("fonte", "humano")}
    own.asked("--max-calls", "40", code=2)
    stored = answers.read(own.root)
    assert 30 <= sum(observation.is_whole for observation in stored.all()) <= 40
    own.asked()
    stored = answers.read(own.root)
    named = {name for observation in stored.all() for name in observation.reply.id_indicador}
    assert named == waiting
    assert {observation.reply.status for observation in stored.all() if observation.is_whole} <= {"ok", "invalida"}
    assert own.asked() == 0


def _counted(own: Repository, before: dict[str, dict[str, object]]) -> None:
    after = own.labels()
    assert after.keys() == before.keys()
    assert {row["origem"] for row in after.values()} == {"fonte", "consenso"}
    assert {row["versao_modelo"] for row in after.values()} == {None, "teste=modelo-de-teste"}
    marts = pq.read_table(own.root / paths.MARTS / "dim_indicador.parquet").to_pylist()
    assert {row["id_indicador"]: row["versao_prompt"] for row in marts} == {
        name: row["versao_prompt"] for name, row in after.items()
    }
    figures = json.loads((own.root / paths.METRICS / "classify.json").read_text(encoding="utf-8"))["classify"]
    assert figures["waiting"] == 0
    assert figures["models"]["teste"]["answered"] == figures["by_origin"]["consenso"]
    assert figures["models"]["teste"]["cost"] > 0
    (record,) = run_in(own.root, "git show --name-only --format= HEAD -- audit/runs").stdout.split()
    told = json.loads((own.root / record).read_text(encoding="utf-8"))
    assert told["versions"]["model"] == ["teste=modelo-de-teste"]
    assert any(name.startswith(paths.ANSWERS.as_posix()) for name in told["evidence"])
    labels = own.json("diff", "HEAD~1", "HEAD", code=0)["labels"]
    assert isinstance(labels, dict)
    assert sum(labels["causes"].values()) == labels["flipped"] == len(labels["flips"])
    assert set(labels["causes"]) <= {"model"}


def _measured_and_overruled(own: Repository) -> None:
    own.server.label = lambda name, times, body: (
        ("Saude", "Economia")[times % 2] if name == RESTLESS else by_words(name, times, body)
    )
    few = ("--dataset", "registro_civil/obito", "--dataset", "ipeadata/bolsa_familia")
    assert own.asked("--measure", "--rounds", "3", *few) > 0
    own.observatudo("label", DECIDED, "Seguranca", "-m", "um teste", "--author", "Ana")
    own.repro("-s classify", "measured and overruled")
    label = own.labels()[DECIDED]
    assert (label["eixo"], label["origem"]) == ("Seguranca", "humano")
    states = own.states()
    assert states["registro_civil_obito"] in ("DIVERGENTE", "OSCILANTE")
    stable = [name for name, state in states.items() if name.startswith("ipeadata") and state == "ESTAVEL"]
    assert stable
    assert {states[name] for name in states if name.startswith("brmunipanel")} == {"EM_OBSERVACAO", "FIXADO"}
    assert states[DECIDED] == "FIXADO"
    before = len(own.server.questions)
    own.asked("--measure", "--dataset", "ipeadata/bolsa_familia")
    assert len(own.server.questions) == before  # what is stable is not asked again


def _told_another_thing(own: Repository) -> None:
    own.server.label = _told_otherwise
    prompt = own.root / paths.PROMPTS / "eixo.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("Você classifica", "Classifique"), encoding="utf-8")
    before = own.labels()
    waiting = {name for name, row in before.items() if row["origem"] == "consenso"}
    assert own.asked() > 0
    assert own.asked() == 0
    own.repro("-s classify", "told another thing")
    after = own.labels()
    assert {name for name, row in after.items() if row["versao_prompt"] != before[name]["versao_prompt"]} == waiting
    flipped = [name for name in after if after[name]["eixo"] != before[name]["eixo"]]
    labels = own.json("diff", "HEAD~1", "HEAD", code=0)["labels"]
    assert isinstance(labels, dict)
    assert flipped
    assert labels["causes"] == {"prompt": len(flipped)}
    assert sorted(flip["id_indicador"] for flip in labels["flips"]) == flipped
    assert after[DECIDED]["origem"] == "humano"  # it survives


def _explained(own: Repository) -> None:
    label = next(name for name, row in own.labels().items() if row["origem"] == "consenso")
    found = own.json("explain", label)
    assert (found["id"], found["origin"]) == (label, "consenso")
    told = found["answers"]
    assert isinstance(told, list)
    assert {own["raw"] is not None for own in told} == {True}
    assert {own["is_current"] for own in told} == {True, False}
    (link,) = [found["lineage"]] if isinstance(found["lineage"], list) else [[]]
    assert [own["cause"] for own in link] == ["prompt"]
    assert json.loads(own.observatudo("verify", "--json"))["verdict"] in ("fine", "not anchored")


def _nothing_leaks(own: Repository) -> None:
    assert (
        run_in(own.root, f"grep -rlF --binary-files=text {KEY} . ; git log -p --all | grep -cF {KEY}").stdout == "0\n"
    )
