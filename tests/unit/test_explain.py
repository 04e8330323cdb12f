"""What leads to a label, told whole: for every origin, in JSON and on a page, whatever a model wrote."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from observatudo import paths
from observatudo.classify.names import STATES
from observatudo.cli import explain as cli
from observatudo.errors import ObservatudoError
from observatudo.labels import decide
from observatudo.labels.explain import Explanation, explain
from observatudo.labels.page import page
from tests.conftest import ROOT, once
from tests.labelled import (
    DEATHS,
    FROM_SOURCE,
    HEADER,
    LEITO,
    MODEL,
    RENDA,
    UNKNOWN_AXIS,
    answer,
    classify,
    count_on,
    make,
)

DAY = datetime.date(2026, 11, 23)
EVIL = "\x1b]0;owned\x07\x9b31m{“eixo”: \u202e}\x7f"


@pytest.fixture(scope="module")
def _said_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def said(folder: Path) -> None:
        root = make(folder / "small")
        count_on(root, {MODEL: 1.0})
        answer(root, {RENDA: "Saude"})
        prompt = root / paths.PROMPTS / "eixo.md"
        prompt.write_text(prompt.read_text(encoding="utf-8") + "\nSem pressa.\n", encoding="utf-8")
        answer(root, {RENDA: ("Economia", EVIL), DEATHS: None}, {RENDA: "Economia"})
        decide.record(root, LEITO, "Economia", "custa dinheiro", "Rui", DAY)
        classify(root)

    return once(tmp_path_factory, "explained", said) / "small"


@pytest.fixture
def said(_said_once: Path, tmp_path: Path) -> Path:
    """Five labels: by source, person, rules, models; what a model answered first was under another prompt."""
    return Path(shutil.copytree(_said_once, tmp_path / "small"))


def _page(own: Explanation, width: int = 80, *, raw: bool = False) -> str:
    return "\n".join(page(own, width, raw=raw))


def test_each_origin_has_its_grounds(said: Path) -> None:
    found = {key: explain(said, key) for key in (FROM_SOURCE, LEITO, UNKNOWN_AXIS, RENDA)}
    assert {key: own.origin for key, own in found.items()} == {
        FROM_SOURCE: "fonte", LEITO: "humano", UNKNOWN_AXIS: "regra", RENDA: "consenso",
    }  # fmt: skip
    told = {key: [(vote.classifier, vote.axis) for vote in own.grounds] for key, own in found.items()}
    assert told == {
        FROM_SOURCE: [("fonte", "Economia")],
        LEITO: [("humano", "Economia")],
        UNKNOWN_AXIS: [("regras", "Economia"), ("embutido", "Economia")],
        RENDA: [(MODEL, "Economia"), ("embutido", "Economia")],
    }
    assert "it says “Economia”" in _page(found[FROM_SOURCE])
    assert "Rui, 2026-11-23: custa dinheiro" in _page(found[LEITO])
    assert "“emprego” (name) → Economia +3" in _page(found[UNKNOWN_AXIS])
    assert "like “Empregos formais” → Economia (taxonomia)" in _page(found[UNKNOWN_AXIS])
    assert f"{MODEL}: Economia 1 EM_OBSERVACAO" in _page(found[RENDA])


def test_a_model_that_gave_no_answer_is_no_ground(said: Path) -> None:
    own = explain(said, DEATHS)
    assert (own.origin, [vote.classifier for vote in own.grounds]) == ("regra", ["regras", "embutido"])
    assert f"{MODEL}: no axis" in _page(own)
    assert "no answer: “Aeronatura” não é uma das chaves" in _page(own)


def test_answers_come_newest_first_with_prompt_series_and_what_came_before(said: Path) -> None:
    own = explain(said, RENDA)
    assert [(one.axis, one.is_current, one.round) for one in own.answers] == [
        ("Economia", True, 1), ("Economia", True, 0), ("Saude", False, 0),
    ]  # fmt: skip
    times = [one.time for one in own.answers]
    assert times == sorted(times, reverse=True)
    (link,) = own.lineage
    assert (link.provider, link.cause, link.axis, link.before) == (MODEL, "prompt", "Economia", "Saude")
    assert (link.series, link.follows) == (own.answers[0].series, own.answers[-1].series)
    assert own.vote(MODEL) is not None
    assert list(own.prompts) == [own.answers[-1].prompt_hash, own.answers[0].prompt_hash]
    assert all("Nome: ⟨nome⟩" in text for text in own.prompts.values())
    text = _page(own)
    assert "it said Saude in series" in text
    assert "before its prompt changed" in text
    assert "of another series" in text
    assert "0.001000 USD" in text


def test_a_label_lists_models_and_prompts_that_made_it(said: Path) -> None:
    own = explain(said, RENDA)
    assert own.versions.model == f"{MODEL}=m-{MODEL}@d1"
    assert own.versions.prompt == own.answers[0].prompt_hash[:12]
    assert explain(said, LEITO).versions.model is None


@pytest.mark.parametrize("raw", [False, True])
def test_what_a_model_wrote_cannot_steer_the_terminal(
    said: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raw: bool
) -> None:
    assert explain(said, RENDA).answers[1].raw == EVIL
    monkeypatch.chdir(said)
    cli.explain(RENDA, raw=raw)
    printed = capsys.readouterr().out
    assert r"\x1b]0;owned\x07\x9b31m{“eixo”: \u202e}\x7f" in printed
    assert all(char.isprintable() for char in printed if char != "\n")
    cli.explain(RENDA, as_json=True)
    printed = capsys.readouterr().out
    assert all(char.isprintable() for char in printed if char != "\n")
    assert json.loads(printed)["answers"][1]["raw"] == EVIL


def test_raw_shows_a_long_answer_and_the_prompt_whole(said: Path) -> None:
    long = "uma linha\n" * 9 + "e " * 200 + "fim"
    answer(said, {RENDA: ("Economia", long)})
    short, full = _page(explain(said, RENDA)), _page(explain(said, RENDA), raw=True)
    assert (short.count("uma linha"), full.count("uma linha")) == (3, 9)
    assert ("fim" in short, "fim" in full) == (False, True)
    assert ("Você classifica" in short, "Você classifica" in full) == (False, True)
    assert "axes in the order" in full


KEYS = {
    "id", "name", "description", "dataset", "axis", "confidence", "origin", "versions", "votes", "answers", "lineage",
    "prompts", "history", "problems",
}  # fmt: skip
VOTE = {
    "classifier", "axis", "confidence", "weight", "deterministic", "state", "series", "answers", "streak", "flips",
    "invalid", "detail",
}  # fmt: skip
ANSWER = {
    "provider", "model", "digest", "execution", "purpose", "time", "prompt", "prompt_hash", "series", "is_current",
    "round", "attempt", "is_whole", "status", "axis", "raw", "reason", "confidence", "seed", "order", "level",
    "latency_s", "tokens_in", "tokens_out", "cost", "currency",
}  # fmt: skip


def test_the_json_has_what_other_tools_build_on(said: Path) -> None:
    found = json.loads(cli.json_text(explain(said, RENDA).as_dict()))
    assert set(found) == KEYS
    assert set(found["versions"]) == {"classifier", "model", "prompt", "taxonomy"}
    assert all(set(vote) == VOTE for vote in found["votes"])
    assert all(set(one) == ANSWER for one in found["answers"])
    assert set(found["lineage"][0]) == {"provider", "series", "follows", "cause", "axis", "before"}
    assert set(found["history"]) == {"id", "versions", "skipped", "problem", "steps", "indicator"}
    assert found["history"]["indicator"]["name"] == found["name"]
    assert {vote["state"] for vote in found["votes"]} <= {None, *STATES}
    by_name = {vote["classifier"]: vote["detail"] for vote in found["votes"]}
    assert set(by_name[MODEL]) == {"modelo", "digest", "prompt", "prompt_hash", "parametros", "respostas", "anterior"}
    assert by_name[MODEL]["anterior"]["causa"] == "prompt"


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_longer_than_the_terminal(said: Path, width: int) -> None:
    for key in (FROM_SOURCE, LEITO, UNKNOWN_AXIS, RENDA, DEATHS):
        lines = [line for line in page(explain(said, key), width) if " " in line.strip()]
        assert max(map(len, lines)) <= width


def test_what_changed_since_the_run_is_told(said: Path) -> None:
    answer(said, {UNKNOWN_AXIS: "Economia"})
    decide.record(said, DEATHS, "Saude", "óbito é saúde", "Ana", DAY)
    assert [text for text in explain(said, UNKNOWN_AXIS).problems if "type: dvc repro" in text]
    assert "Ana put it on Saude (2026-11-23: óbito é saúde)" in _page(explain(said, DEATHS), 200)
    decide.remove(said, LEITO)
    assert "its decision was taken back" in _page(explain(said, LEITO), 200)
    assert f"waits for an answer of {MODEL}" in _page(explain(said, LEITO), 200)


def test_an_unknown_id_is_answered_with_the_nearest(said: Path) -> None:
    with pytest.raises(ObservatudoError, match=f"did you mean {LEITO}"):
        explain(said, "brmunipanel_leitos")
    rows = (said / paths.LABELS).read_bytes()
    (said / paths.LABELS).write_bytes(b"half")
    with pytest.raises(ObservatudoError, match="cannot be read"):
        explain(said, LEITO)
    (said / paths.LABELS).write_bytes(rows)
    (said / paths.INGESTED / "brmunipanel/variavel/indicador.parquet").unlink()
    assert explain(said, LEITO).name == "", "its label is explained, though its dataset is not here"


def test_a_run_before_models_is_explained_as_far_as_it_goes(said: Path) -> None:
    import pyarrow.parquet as pq

    from observatudo import parquet

    parquet.write(pq.read_table(said / paths.LABELS).drop(["versao_modelo", "versao_prompt"]), said / paths.LABELS)
    (said / paths.EVIDENCE).unlink()
    own = explain(said, FROM_SOURCE)
    assert (own.axis, own.origin, own.votes, own.versions.model) == ("Economia", "fonte", (), None)
    assert "dvc repro classify" in _page(own)


def test_damaged_answers_and_decisions_are_named_and_the_rest_is_told(said: Path) -> None:
    path = next((said / paths.ANSWERS).glob("*.jsonl"))
    path.write_text("x\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    (said / paths.OVERRIDES).write_text(HEADER + "half\n", encoding="utf-8")
    own = explain(said, RENDA)
    assert [problem.split(":")[0] for problem in own.problems] == [
        str(paths.OVERRIDES),
        path.relative_to(said).as_posix(),
    ]
    assert [vote.classifier for vote in own.grounds] == [MODEL, "embutido"]


def test_wrong_usage_and_unknown_ids_have_their_exit_codes(said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(said)
    with pytest.raises(typer.BadParameter, match="leave --raw out"):
        cli.explain(RENDA, as_json=True, raw=True)
    command = [sys.executable, "-m", "observatudo.cli.app", "explain", "nada"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=said, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no dataset has an indicator “nada”" in done.stderr
