"""What the state of the labels says of models: from tables of the product's own stage and answers as ``ask`` writes."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq
import pytest
import typer

from observatudo import paths
from observatudo.cli import labels as cli
from observatudo.labels import decide, queue, sources, state
from observatudo.labels.state import Labelled, LabelState, Opinion
from tests import fixtures_warehouse as fixtures
from tests.conftest import once
from tests.labelled import DEATHS, FROM_SOURCE, LEITO, MODEL, RENDA, UNKNOWN_AXIS, answer, classify, count_on, make

DAY = datetime.date(2026, 11, 23)
OPEN = (DEATHS, LEITO, RENDA, UNKNOWN_AXIS)
OTHER = "outro"


@pytest.fixture(scope="module")
def _asked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def made(folder: Path) -> None:
        count_on(make(folder / "small"), {MODEL: 0.8})

    return once(tmp_path_factory, "labels-models", made) / "small"


@pytest.fixture
def asked(_asked_once: Path, tmp_path: Path) -> Path:
    """Five labelled indicators, one of them fixed by its source; the answers of one model count, and there are none."""
    return Path(shutil.copytree(_asked_once, tmp_path / "small"))


def _by_id(found: LabelState) -> dict[str, Labelled]:
    return {own.id: own for own in found.indicators}


def _concerns(found: LabelState) -> set[tuple[str, str]]:
    return {(problem.kind, problem.id) for problem in found.problems if problem.kind != "source_axis"}


def _text(found: LabelState, kind: str) -> str:
    return next(problem.text for problem in found.problems if problem.kind == kind)


def test_without_a_model_nobody_waits_for_one(asked: Path) -> None:
    count_on(asked, {})
    found = state.state(asked)
    assert (found.models, found.waiting, _concerns(found)) == ((), 0, set())
    assert {own.id: own.state for own in found.indicators} == {FROM_SOURCE: "FIXADO", **dict.fromkeys(OPEN)}


def test_indicators_wait_until_there_is_an_answer_valid_or_not(asked: Path) -> None:
    found = state.state(asked)
    assert (found.waiting, found.models[0].waiting, found.models[0].states) == (4, 4, {"NOVO": 4})
    assert {own.id: (own.state, own.waits_for) for own in found.indicators} == {
        FROM_SOURCE: ("FIXADO", ()),
        **dict.fromkeys(OPEN, ("NOVO", (MODEL,))),
    }
    answer(asked, {LEITO: "Saude", RENDA: None})
    found = state.state(asked)
    assert (found.waiting, found.models[0].waiting) == (2, 2)
    assert (found.models[0].indicators, found.models[0].answers, found.models[0].invalid) == (1, 2, 1)


def test_a_call_that_failed_is_still_waited_for(asked: Path) -> None:
    path = answer(asked, {LEITO: "Saude"})
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"status":"ok","eixo":"Saude"', '"status":"erro","eixo":null'), encoding="utf-8")
    own = state.state(asked).models[0]
    assert (own.waiting, own.answers, own.errors, own.calls) == (4, 0, 1, 1)
    assert own.latency_median_s is None, "nothing was answered"


def test_answers_count_from_the_next_run_on_and_until_then_that_is_said(asked: Path) -> None:
    classify(asked)
    answer(asked, {LEITO: "Economia", RENDA: "Economia"})
    found = state.state(asked)
    assert _concerns(found) == {("answers_pending", str(paths.ANSWERS))}
    assert "on 2 indicator(s)" in _text(found, "answers_pending")
    assert found.by_origin["consenso"] == 0
    classify(asked)
    found = state.state(asked)
    assert _concerns(found) == set()
    assert found.by_origin["consenso"] == 2
    assert [own.id for own in found.select(origin="consenso")] == [LEITO, RENDA]
    assert [own.id for own in found.select(state="EM_OBSERVACAO")] == [LEITO, RENDA]
    assert Opinion(MODEL, "Economia", 0.8, "EM_OBSERVACAO") in _by_id(found)[LEITO].votes
    assert [own.classifier for own in _by_id(found)[LEITO].votes] == ["embutido", "regras", MODEL]
    pairs = {own.pair: (own.compared, own.agree) for own in found.agreement}
    assert pairs[f"maquina/{MODEL}"] == (2, 1), "of rules and examples, which say that a bed is health"


def test_two_models_are_compared_with_each_other_and_with_people(asked: Path) -> None:
    count_on(asked, {MODEL: 0.8, OTHER: 0.5})
    answer(asked, {LEITO: "Economia", RENDA: "Economia"})
    answer(asked, {LEITO: "Saude", RENDA: "Economia", DEATHS: "Saude"}, name=OTHER)
    decide.record(asked, LEITO, "Saude", "leito é saúde", "Ana", DAY)
    found = state.state(asked)
    pairs = {own.pair: (own.compared, own.agree) for own in found.agreement}
    assert pairs[f"{OTHER}/{MODEL}"] == (2, 1)
    assert (pairs[f"humano/{MODEL}"], pairs[f"humano/{OTHER}"]) == ((1, 0), (1, 1))
    assert [(own.name, own.weight, own.waiting) for own in found.models] == [(OTHER, 0.5, 1), (MODEL, 0.8, 2)]
    assert _by_id(found)[DEATHS].waits_for == (MODEL,)


ROUNDS: dict[str, list[str | None]] = {
    LEITO: ["Saude", "Saude", "Saude"],
    RENDA: ["Economia", "Saude", "Economia", "Saude"],
    DEATHS: [None, None, None],
    UNKNOWN_AXIS: ["Economia", "Saude"],
}


def _rounds(root: Path) -> None:
    longest = max(map(len, ROUNDS.values()))
    answer(root, *({key: own[n] for key, own in ROUNDS.items() if n < len(own)} for n in range(longest)))


def test_states_and_what_models_cost_are_counted(asked: Path) -> None:
    _rounds(asked)
    found = state.state(asked)
    states = {LEITO: "ESTAVEL", RENDA: "OSCILANTE", DEATHS: "INVALIDO", UNKNOWN_AXIS: "DIVERGENTE"}
    assert {own.id: own.state for own in found.indicators if own.id in OPEN} == states
    (own,) = found.models
    assert list(own.states.items()) == [("INVALIDO", 1), ("OSCILANTE", 1), ("ESTAVEL", 1), ("DIVERGENTE", 1)]
    assert (own.answers, own.invalid, own.calls, own.indicators) == (12, 3, 12, 3)
    assert (own.tokens_in, own.tokens_out, own.cost, own.currency) == (1200, 120, 0.012, "USD")
    assert (own.latency_median_s, own.latency_p95_s) == (2.0, 4.0)
    assert own.last == "2026-02-01T00:03:00+00:00"
    assert (own.model, own.prompt) == (f"m-{MODEL}", "eixo")
    wanted = {("oscillating", RENDA), ("invalid", DEATHS), ("answers_pending", str(paths.ANSWERS))}
    assert _concerns(found) == wanted
    assert "3 change(s) in 4 answers" in _text(found, "oscillating")


def test_a_changed_key_whose_label_differs_is_told_until_the_new_one_is_stable(asked: Path) -> None:
    answer(asked, {LEITO: "Saude", RENDA: "Economia"})
    prompt = asked / paths.PROMPTS / "eixo.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nSem pressa.\n", encoding="utf-8")
    assert state.state(asked).models[0].waiting == 4, "another prompt asks anew"
    answer(asked, {LEITO: "Economia", RENDA: "Economia"})
    found = state.state(asked)
    assert {concern for concern in _concerns(found) if concern[0] == "key_changed"} == {("key_changed", LEITO)}
    assert "said Saude; since its prompt changed it says Economia" in _text(found, "key_changed")
    assert (found.models[0].answers, found.models[0].calls) == (2, 4)
    answer(asked, {LEITO: "Economia"}, {LEITO: "Economia"})
    assert ("key_changed", LEITO) not in _concerns(state.state(asked))


def test_a_damaged_file_of_answers_is_named_and_the_evidence_of_the_last_run_stands(asked: Path) -> None:
    path = answer(asked, {LEITO: "Economia"})
    classify(asked)
    before = _by_id(state.state(asked))[LEITO]
    with path.open("ab") as file:
        file.write(b"half a line\n")
    found = state.state(asked)
    assert _concerns(found) == {("answers_damaged", f"{path.relative_to(asked).as_posix()}:3")}
    assert (found.models, found.waiting) == ((), 0)
    assert (_by_id(found)[LEITO].votes, _by_id(found)[LEITO].state) == (before.votes, "EM_OBSERVACAO")


def test_a_model_that_is_not_declared_is_named_with_the_nearest(asked: Path) -> None:
    count_on(asked, {MODEL: 0.8})
    params = asked / paths.PARAMS
    params.write_text(params.read_text(encoding="utf-8").replace(f'"{MODEL}": 0.8', '"testa": 0.8'), encoding="utf-8")
    found = state.state(asked)
    assert _concerns(found) == {("model", "testa")}
    assert f"did you mean {MODEL}?" in _text(found, "model")


# --- decisions of people


def test_a_decision_wins_over_models_and_survives_what_they_answer_later(asked: Path) -> None:
    count_on(asked, {MODEL: 1.0})
    answer(asked, *[{LEITO: "Economia"}] * 3)
    classify(asked)
    assert (_by_id(state.state(asked))[LEITO].axis, _by_id(state.state(asked))[LEITO].origin) == (
        "Economia",
        "consenso",
    )
    decide.record(asked, LEITO, "Saude", "leito é saúde", "Ana", DAY)
    for _again in range(2):
        classify(asked)
        own = _by_id(state.state(asked))[LEITO]
        assert (own.axis, own.origin, own.confidence, own.state) == ("Saude", "humano", 1.0, "FIXADO")
        assert Opinion(MODEL, "Economia", 1.0, "FIXADO") in own.votes
        assert (own.in_queue, own.waits_for) == (False, ())
        answer(asked, *[{LEITO: "Economia"}] * 3)


# --- the queue


def _queue(root: Path) -> list[queue.Queued]:
    own = sources.load(root)
    return queue.waiting(root, state.state(root, sources=own))


def _rows(root: Path, indicator: str, count: int) -> None:
    rows: list[tuple[object, ...]] = [
        (indicator, "3550308", datetime.date(2000 + n, 12, 31), "anual", 1.0, None, "1", None) for n in range(count)
    ]
    fixtures.observations(root, fixtures.VARIABLES, rows)


def test_the_queue_is_ordered_by_what_a_wrong_axis_would_cost(asked: Path) -> None:
    _rounds(asked)
    _rows(asked, RENDA, 7)
    _rows(asked, LEITO, 5)
    classify(asked)
    found = _queue(asked)
    assert [own.id for own in found] == [own.id for own in sorted(found, key=lambda one: (-one.value, one.id))]
    assert {own.id for own in found} == {own.id for own in state.state(asked).indicators if own.in_queue}
    assert state.state(asked).queue == len(found)
    by_id = {own.id: own for own in found}
    assert set(by_id) == {RENDA, DEATHS, UNKNOWN_AXIS}, "the beds are stable, and all say the same"
    deaths = pq.read_table(asked / paths.INGESTED / fixtures.DEATHS / f"observacao/{DEATHS}.parquet").num_rows
    assert {key: own.rows for key, own in by_id.items()} == {RENDA: 7, DEATHS: deaths, UNKNOWN_AXIS: 1}
    assert found[0].id == DEATHS, "most rows, and in doubt"
    for own in found:
        said = [vote.axis for vote in own.votes if vote.axis is not None]
        apart = len([axis for axis in said if axis != own.axis]) / len(said)
        assert own.disagreement == pytest.approx(apart, abs=5e-5)
        assert own.value == pytest.approx(max(1 - own.confidence, apart) * own.rows, abs=5e-4)
    assert f"{MODEL}: OSCILANTE" in by_id[RENDA].why
    assert f"{MODEL}: INVALIDO" in by_id[DEATHS].why


def test_who_disagrees_or_is_unsure_is_told_and_who_is_fixed_does_not_wait(asked: Path) -> None:
    classify(asked)
    before = {own.id for own in _queue(asked)}
    assert LEITO not in before
    assert FROM_SOURCE not in before, "its source decides, though the rules say otherwise"
    answer(asked, {LEITO: "Economia"})
    (own,) = (own for own in _queue(asked) if own.id == LEITO)
    assert f"{MODEL}: Economia" in own.why
    assert own.disagreement == pytest.approx(1 / 3, abs=5e-5)
    decide.record(asked, LEITO, "Saude", "x", "Ana", DAY)
    assert LEITO not in {own.id for own in _queue(asked)}, "decided, though no run has applied it"


def test_a_table_of_labels_before_models_has_a_queue_too(asked: Path) -> None:
    (asked / paths.EVIDENCE).unlink()
    count_on(asked, {})
    assert {own.id for own in _queue(asked)} == {
        own.id for own in state.state(asked).indicators if own.origin != "fonte" and own.confidence < queue.LOW
    }
    assert all(own.disagreement == 0 for own in _queue(asked))


# --- the command


def test_the_command_prints_models_and_what_waits(
    asked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _rounds(asked)
    monkeypatch.chdir(asked)
    cli.labels()
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert f"{MODEL}: INVALIDO 1, OSCILANTE 1, ESTAVEL 1, DIVERGENTE 1" in printed
    assert "0.0120 USD" in printed
    assert "wait for a person: observatudo review" in printed
    cli.labels(state="oscilante")
    assert "1 indicator(s)" in capsys.readouterr().out
    with pytest.raises(typer.BadParameter, match="FIXADO, INVALIDO"):
        cli.labels(state="x")


def test_the_states_of_the_option_are_those_of_convergence() -> None:
    from observatudo.classify.names import STATES, State

    assert get_args(State) == STATES
