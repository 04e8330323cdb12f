"""Stored answers in the stage: who counts, who waits, what follows what, and what the figures and the log say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from observatudo import paths
from observatudo.classify import labelling
from observatudo.classify.catalogue import read_indicators
from observatudo.classify.evidence import Row
from observatudo.classify.labelling import Result
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject, subject
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.errors import ConfigError, DataError
from tests.answering import write
from tests.conftest import once
from tests.labelled import DEATHS, FROM_SOURCE, LEITO, RENDA, make

PROVIDERS = """\
providers:
  um: {base_url: "http://127.0.0.1:9/v1", model: pequeno}
  dois: {base_url: "http://127.0.0.1:9/v1", model: grande, digest: abc}
"""
FIRST, SECOND, THIRD = "20260101T000000Z-000001", "20260102T000000Z-000002", "20260103T000000Z-000003"


@pytest.fixture
def repository(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path / "r"
    shutil.copytree(once(tmp_path_factory, "labelled-plain", _make), root)
    (root / paths.PROVIDERS).write_text(PROVIDERS, encoding="utf-8")
    count(root, "um: 0.9")
    return root


def _make(folder: Path) -> None:
    make(folder)


def count(root: Path, *models: str) -> None:
    """Have the answers of these models count, ``name: weight`` each."""
    text = (root / paths.PARAMS).read_text(encoding="utf-8")
    start = text.index("classify:")
    line = f"classify: {{threshold: 0.3, providers: {{{', '.join(models)}}}}}"
    (root / paths.PARAMS).write_text(text[:start] + line + text[text.index("\n", start) :], encoding="utf-8")


def asked(root: Path, name: str = "um") -> Subject:
    return subject(root, name, load_taxonomy(root))


def item(root: Path, name: str) -> Item:
    (own,) = [own for own in read_indicators(root) if own.id_indicador == name]
    return Item.of(own.nome, own.descricao, [name])


def answer(root: Path, name: str, *axes: str | None, model: str = "um", execution: str = FIRST) -> None:
    """Have a model answer about one indicator, so often; ``None`` is an answer that is none."""
    write(root, asked(root, model), [(item(root, name), axis) for axis in axes], execution)


def label(result: Result, name: str) -> dict[str, object]:
    (own,) = [row for row in result.labels.to_pylist() if row["id_indicador"] == name]
    return dict(own)


def evidence(result: Result, name: str, classifier: str) -> Row:
    (own,) = [
        row for row in result.evidence.to_pylist() if (row["id_indicador"], row["classificador"]) == (name, classifier)
    ]
    return Row(**own)


def figure(result: Result, *path: str) -> object:
    found: object = json.loads(json.dumps(result.figures))
    for key in path:
        assert isinstance(found, dict)
        found = found[key]
    return found


def test_without_an_answer_the_embedded_classifier_decides_and_the_stage_says_who_waits(repository: Path) -> None:
    result = labelling.label_all(repository)
    own = label(result, LEITO)
    assert (own["eixo"], own["origem"], own["versao_modelo"], own["versao_prompt"]) == ("Saude", "regra", None, None)
    assert (evidence(result, LEITO, "um").estado, evidence(result, LEITO, "um").eixo) == ("NOVO", None)
    assert any("4 indicators wait for answers of a model: observatudo ask" in text for text in result.warnings)
    assert (figure(result, "waiting"), figure(result, "models", "um", "waiting")) == (4, 4)


def test_a_model_that_agrees_makes_a_consensus(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    result = labelling.label_all(repository)
    own, said = label(result, LEITO), evidence(result, LEITO, "um")
    assert (own["eixo"], own["origem"], own["versao_modelo"]) == ("Saude", "consenso", "um=pequeno")
    assert own["versao_prompt"] == asked(repository).prompt.hash[:12]
    assert (said.eixo, said.peso, said.confianca, said.deterministico) == ("Saude", 0.9, 0.9, False)
    assert (said.estado, said.observacoes, said.sequencia, said.invalidas) == ("EM_OBSERVACAO", 1, 1, 0)
    assert json.loads(said.detalhe)["respostas"] == {"Saude": 1.0}
    assert figure(result, "waiting") == 3
    assert figure(result, "by_origin", "consenso") == 1


def test_a_model_that_disagrees_costs_confidence_and_is_told(repository: Path) -> None:
    before = label(labelling.label_all(repository), LEITO)
    answer(repository, LEITO, "Economia")
    result = labelling.label_all(repository)
    own = label(result, LEITO)
    assert own["origem"] == "consenso"
    assert isinstance(own["confianca"], float) and isinstance(before["confianca"], float)
    assert own["confianca"] < before["confianca"]
    told = {
        (event["kind"], event["classifier"], event["to"]) for event in result.events if event.get("indicator") == LEITO
    }
    other = "embutido" if own["eixo"] == "Economia" else "um=pequeno"
    assert ("divergence", other, "Economia" if own["eixo"] != "Economia" else "Saude") in told


def test_two_models_outvote_the_embedded_one(repository: Path) -> None:
    count(repository, "um: 0.9", "dois: 0.9")
    answer(repository, LEITO, "Economia")
    answer(repository, LEITO, "Economia", model="dois", execution=SECOND)
    own = label(labelling.label_all(repository), LEITO)
    assert (own["eixo"], own["versao_modelo"]) == ("Economia", "dois=grande@abc+um=pequeno")


def test_the_log_gets_the_version_of_the_classifier_and_of_each_model(repository: Path) -> None:
    result = labelling.label_all(repository)
    (told,) = [event for event in result.events if event["kind"] == "classifiers"]
    assert {told["classifier"]} == {row["versao_classificador"] for row in result.labels.to_pylist()}
    assert told["models"] == [
        {"name": "um", "model": "pequeno", "digest": "", "prompt": asked(repository).prompt.hash,
         "parameters": '{"max_tokens": 200, "temperature": 0}'}
    ]  # fmt: skip


def test_an_answer_that_is_none_counts_as_asked_and_decides_nothing(repository: Path) -> None:
    answer(repository, LEITO, None)
    result = labelling.label_all(repository)
    assert label(result, LEITO)["origem"] == "regra"
    assert figure(result, "waiting") == 3
    assert figure(result, "models", "um", "invalid_rate") == 1


def test_what_a_source_or_a_person_decided_stays_whatever_models_say(repository: Path) -> None:
    with (repository / paths.OVERRIDES).open("a", encoding="utf-8") as file:
        file.write(f"{LEITO},Economia,Ana,2026-01-31,custa\n")
    for name, execution in ((LEITO, FIRST), (FROM_SOURCE, SECOND)):
        answer(repository, name, "Saude", "Saude", "Saude", execution=execution)
    for _again in range(2):
        result = labelling.label_all(repository)
        assert (label(result, LEITO)["eixo"], label(result, LEITO)["origem"]) == ("Economia", "humano")
        assert (label(result, FROM_SOURCE)["eixo"], label(result, FROM_SOURCE)["origem"]) == ("Economia", "fonte")
        assert {evidence(result, name, "um").estado for name in (LEITO, FROM_SOURCE)} == {"FIXADO"}
    why = json.loads(evidence(result, LEITO, "humano").detalhe)
    assert why == {"autor": "Ana", "data": "2026-01-31", "justificativa": "custa"}
    assert figure(result, "right", "um") == {"compared": 2, "share": 0.0}
    rows = result.evidence.to_pylist()
    assert not [row for row in rows if (row["id_indicador"], row["classificador"]) == (LEITO, "embutido")]


def test_an_oscillating_series_is_told_with_the_execution_that_made_it_so(repository: Path) -> None:
    answer(repository, LEITO, "Saude", "Economia", "Saude", "Economia")
    result = labelling.label_all(repository)
    assert evidence(result, LEITO, "um").estado == "OSCILANTE"
    (event,) = [event for event in result.events if event["kind"] == "oscillation"]
    assert (event["indicator"], event["execution"], event["classifier"]) == (LEITO, FIRST, "um=pequeno")
    assert any("1 indicators are OSCILANTE" in text for text in result.warnings)
    assert (figure(result, "flips", "noise"), figure(result, "models", "um", "states", "OSCILANTE")) == (3, 1)


def test_a_regression_is_told(repository: Path) -> None:
    answer(repository, LEITO, "Saude", "Saude", "Saude", "Economia")
    (event,) = [event for event in labelling.label_all(repository).events if event["kind"] == "regression"]
    assert (event["from"], event["to"]) == ("Saude", "Economia")


def test_another_prompt_opens_a_series_that_follows_the_old_one(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    prompt = repository / paths.PROMPTS / "eixo.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("Você classifica", "Classifique"), encoding="utf-8")
    waiting = labelling.label_all(repository)
    assert (evidence(waiting, LEITO, "um").estado, label(waiting, LEITO)["origem"]) == ("NOVO", "regra")
    before = json.loads(evidence(waiting, LEITO, "um").detalhe)["anterior"]
    assert (before["eixo"], before["causa"]) == ("Saude", "prompt")
    answer(repository, LEITO, "Economia", execution=SECOND)
    result = labelling.label_all(repository)
    (event,) = [event for event in result.events if event["kind"] == "successor"]
    assert (event["cause"], event["from"], event["to"]) == ("prompt", "Saude", "Economia")
    assert event["follows"] == before["serie"] != evidence(result, LEITO, "um").serie
    assert figure(result, "flips", "prompt") == 1


def test_a_comparison_of_two_prompts_is_no_predecessor(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    text = (repository / paths.PROMPTS / "eixo.md").read_text(encoding="utf-8")
    (repository / paths.PROMPTS / "outro.md").write_text(text.replace("Você", "Tu"), encoding="utf-8")
    other = subject(repository, "um", load_taxonomy(repository), "outro")
    write(repository, other, [(item(repository, LEITO), "Economia")], SECOND, purpose="comparar")
    assert json.loads(evidence(labelling.label_all(repository), LEITO, "um").detalhe)["anterior"] is None


def test_a_predecessor_is_known_by_its_label_and_not_by_its_last_answer(repository: Path) -> None:
    answer(repository, LEITO, "Saude", "Saude", "Saude", "Economia")
    prompt = repository / paths.PROMPTS / "eixo.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("Você classifica", "Classifique"), encoding="utf-8")
    answer(repository, LEITO, "Saude", execution=SECOND)
    result = labelling.label_all(repository)
    assert figure(result, "flips", "prompt") == 0
    (event,) = [event for event in result.events if event["kind"] == "successor"]
    assert (event["from"], event["to"]) == ("Saude", "Saude")


def test_of_predecessors_of_one_moment_the_same_is_taken_each_time(repository: Path) -> None:
    """What Python's sets give first differs from process to process: the keys decide."""
    texts = (repository / paths.PROMPTS / "eixo.md").read_text(encoding="utf-8")
    for number, name in enumerate(("outro", "mais")):
        (repository / paths.PROMPTS / f"{name}.md").write_text(texts.replace("Você", name), encoding="utf-8")
        other = subject(repository, "um", load_taxonomy(repository), name)
        write(repository, other, [(item(repository, LEITO), ("Saude", "Economia")[number])], FIRST.replace("1", "9"))
        (repository / paths.ANSWERS / f"{FIRST.replace('1', '9')}.jsonl").rename(
            repository / paths.ANSWERS / f"{name}.jsonl"
        )
    found = json.loads(evidence(labelling.label_all(repository), LEITO, "um").detalhe)["anterior"]["serie"]
    own = [
        subject(repository, "um", load_taxonomy(repository), name).series(item(repository, LEITO))
        for name in ("outro", "mais")
    ]
    assert found == max(own)


def test_an_axis_that_is_none_counts_as_no_answer(repository: Path) -> None:
    answer(repository, LEITO, "Aeronatura", "Aeronatura", "Aeronatura")
    result = labelling.label_all(repository)
    said = evidence(result, LEITO, "um")
    assert (said.eixo, said.estado, said.invalidas) == (None, "INVALIDO", 3)
    assert label(result, LEITO)["origem"] == "regra"


def test_amounts_in_two_currencies_are_not_added_up(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    path = repository / paths.ANSWERS / f"{FIRST}.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"moeda":""', '"moeda":"BRL"'), encoding="utf-8")
    answer(repository, RENDA, "Economia", "Economia", execution=SECOND)
    newest = repository / paths.ANSWERS / f"{SECOND}.jsonl"
    newest.write_text(newest.read_text(encoding="utf-8").replace('"moeda":""', '"moeda":"USD"'), encoding="utf-8")
    result = labelling.label_all(repository)
    assert figure(result, "models", "um", "cost") == 0.02
    assert figure(result, "models", "um", "calls") == 3


def test_failed_calls_have_no_latency(repository: Path) -> None:
    answer(repository, LEITO, "e", "e", "e", "Saude")
    assert figure(labelling.label_all(repository), "models", "um", "latency_median_s") == 0.5


@pytest.mark.parametrize(
    "template",
    ["{{ '{a}'.format() }}", "{{ '{}'.format() }}", "{{ lipsum() }}", "{{ [1, 2] | random }}", "{{ 1 / 0 }}", "{{ x }}",
     "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"],
)  # fmt: skip
def test_a_prompt_that_cannot_be_rendered_is_named(repository: Path, template: str) -> None:
    prompt = repository / paths.PROMPTS / "eixo.md"
    prompt.write_text(prompt.read_text(encoding="utf-8").replace("Você", template), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        labelling.label_all(repository)
    assert "eixo.md # Sistema" in caught.value.where


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [("model: pequeno", "model: menor", "model"), ("model: pequeno", "model: pequeno, digest: x", "model"),
     ("model: pequeno", "model: pequeno, parameters: {temperature: 1}", "model")],
)  # fmt: skip
def test_another_model_digest_or_parameter_opens_a_series(repository: Path, old: str, new: str, cause: str) -> None:
    answer(repository, LEITO, "Saude")
    path = repository / paths.PROVIDERS
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    said = evidence(labelling.label_all(repository), LEITO, "um")
    assert (said.estado, json.loads(said.detalhe)["anterior"]["causa"]) == ("NOVO", cause)


def test_where_the_endpoint_is_and_its_limits_are_no_part_of_a_series(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    path = repository / paths.PROVIDERS
    moved = path.read_text(encoding="utf-8").replace(
        '"http://127.0.0.1:9/v1", model: pequeno', '"https://example.org/v1", model: pequeno, limits: {concurrency: 9}'
    )
    path.write_text(moved, encoding="utf-8")
    assert evidence(labelling.label_all(repository), LEITO, "um").estado == "EM_OBSERVACAO"


def test_the_same_text_under_another_id_is_the_same_series(repository: Path) -> None:
    write(repository, asked(repository), [(Item.of(" Leitos  hospitalares ", "Leitos do SUS"), "Saude")], FIRST)
    assert evidence(labelling.label_all(repository), LEITO, "um").observacoes == 1


def test_answers_of_a_model_that_does_not_count_are_not_even_read(repository: Path) -> None:
    answer(repository, LEITO, "Economia")
    count(repository)
    (repository / paths.ANSWERS / f"{SECOND}.jsonl").write_text("not read\n", encoding="utf-8")
    result = labelling.label_all(repository)
    assert label(result, LEITO)["origem"] == "regra"
    assert "models" not in result.figures


def test_a_damaged_file_of_answers_stops_the_stage_with_its_line(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    path = repository / paths.ANSWERS / f"{FIRST}.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"<<<<<<< HEAD\n" + second)
    with pytest.raises(DataError) as caught:
        labelling.label_all(repository)
    assert caught.value.where == f"data/classified/answers/{FIRST}.jsonl:2"


def test_a_line_cut_off_by_a_kill_is_left_out_and_told(repository: Path) -> None:
    answer(repository, LEITO, "Saude", "Saude")
    path = repository / paths.ANSWERS / f"{FIRST}.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    result = labelling.label_all(repository)
    assert evidence(result, LEITO, "um").observacoes == 1
    assert any(f"{FIRST}.jsonl" in text for text in result.warnings)


def test_a_copied_file_of_answers_counts_once(repository: Path) -> None:
    answer(repository, LEITO, "Saude")
    content = (repository / paths.ANSWERS / f"{FIRST}.jsonl").read_bytes()
    (repository / paths.ANSWERS / "copy.jsonl").write_bytes(content)
    assert evidence(labelling.label_all(repository), LEITO, "um").observacoes == 1


def test_a_model_that_is_not_declared_is_an_error_with_the_nearest_name(repository: Path) -> None:
    count(repository, "doiz: 0.5")
    with pytest.raises(ConfigError, match=r"doiz.*did you mean dois"):
        labelling.label_all(repository)


def test_the_same_inputs_give_the_same_bytes_and_repeated_answers_their_agreement(repository: Path) -> None:
    answer(repository, LEITO, "Saude", "Saude", "Economia")
    answer(repository, RENDA, "Economia", "Economia", execution=SECOND)
    answer(repository, DEATHS, "Saude", "Economia", execution=THIRD)
    found = []
    for _again in range(2):
        result = labelling.label_all(repository)
        labelling.write(repository, result)
        names = (paths.LABELS, paths.EVIDENCE, paths.METRICS / "classify.json")
        found.append([(repository / name).read_bytes() for name in names])
    assert found[0] == found[1]
    # 7 answers, of which each pair of rounds that both have an answer is compared
    assert figure(result, "models", "um", "rounds", "texts") == 3
    assert figure(result, "models", "um", "answers") == 7
    assert figure(result, "models", "um", "calls") == 7
    assert figure(result, "models", "um", "cost") == 0.07
    assert set(result.figures) >= {"coverage", "entropy", "evenness", "agreement", "flips", "models", "waiting"}


def test_every_label_has_the_evidence_of_who_decided(repository: Path) -> None:
    answer(repository, RENDA, "Economia")
    result = labelling.label_all(repository)
    of_origin = {"fonte": "fonte", "humano": "humano", "regra": "regras", "modelo": "embutido", "consenso": "um"}
    rows = result.labels.to_pylist()
    assert {row["origem"] for row in rows} >= {"fonte", "regra", "consenso"}
    for row in rows:
        said = evidence(result, row["id_indicador"], of_origin[row["origem"]])
        assert said.eixo == row["eixo"]
        assert json.loads(said.detalhe)
    hits = json.loads(evidence(result, LEITO, "regras").detalhe)
    assert hits["pontos"] == {"Saude": 3.0}
    assert hits["termos"] == [{"eixo": "Saude", "onde": "nome", "peso": 3.0, "termo": "leito"}]
    near = json.loads(evidence(result, LEITO, "embutido").detalhe)["exemplos"]
    assert near[0]["nome"] == "Leitos hospitalares"
    assert [own["semelhanca"] for own in near] == sorted((own["semelhanca"] for own in near), reverse=True)
