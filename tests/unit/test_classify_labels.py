"""The order of those who decide, the threshold, and the same labels whatever the order and the threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo.classify import examples
from observatudo.classify.answers import Answers
from observatudo.classify.encoder import Encoder
from observatudo.classify.examples import Example
from observatudo.classify.labels import (
    POINT,
    Classifier,
    Indicator,
    Label,
    classify_texts,
    learnt,
    unknown_axes,
)
from observatudo.classify.lineage import Lineage
from observatudo.classify.model import Model
from observatudo.classify.overrides import Decision
from observatudo.classify.panel import Panel
from observatudo.classify.rules import Rulebook
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.classify.verdicts import reach
from observatudo.classify.words import Vocabulary
from observatudo.config import ConvergenceParams

NOBODY = Panel((), {}, Answers(), Lineage(Answers(), ConvergenceParams()), ConvergenceParams())
CLEAR = Indicator("vacina", "Cobertura de vacinas")
# no word of these is in a rule, or one axis leads by little
VAGUE = [
    Indicator("espera", "Demora para conseguir uma consulta"),
    Indicator("barulho", "Barulho nas ruas à noite", "queixas dos moradores"),
    Indicator("pessoal", "Pessoas que sabem ler"),
    Indicator("xyz", "Geomantas"),
    Indicator("chuva", "Casas atingidas pela chuva forte"),
]


def classify(
    indicators: Sequence[Indicator],
    classifier: Classifier,
    taxonomy: Taxonomy,
    decided: Mapping[str, str],
    threshold: float,
) -> list[Label]:
    """Label as the stage does where no model is asked; ``decided`` is indicator → axis."""
    people = {name: Decision(axis, "Ana", "2026-01-31", "teste") for name, axis in decided.items()}
    return [own.label for own in reach(indicators, classifier, taxonomy, people, NOBODY, threshold)]


@pytest.fixture(scope="module")
def taxonomy(root: Path) -> Taxonomy:
    return load_taxonomy(root)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(scope="module")
def classifier(taxonomy: Taxonomy, encoder: Encoder) -> Classifier:
    return Classifier(taxonomy, examples.of_taxonomy(taxonomy), encoder)


def test_the_source_goes_before_a_person_and_a_person_before_words(taxonomy: Taxonomy, classifier: Classifier) -> None:
    sourced = Indicator("vacina", CLEAR.nome, eixo_fonte="Mobilidade urbana")
    decided = {"vacina": "Economia"}
    assert classify([sourced], classifier, taxonomy, decided, 0.3) == [Label("vacina", "Mobilidade", 1.0, "fonte")]
    assert classify([CLEAR], classifier, taxonomy, decided, 0.3) == [Label("vacina", "Economia", 1.0, "humano")]
    (label,) = classify([CLEAR], classifier, taxonomy, {"outro": "Economia"}, 0.3)
    assert (label.eixo, label.origem) == ("Saude", "regra")


def test_an_axis_unknown_to_the_taxonomy_is_passed_over_and_named(taxonomy: Taxonomy, classifier: Classifier) -> None:
    odd = Indicator("vacina", CLEAR.nome, eixo_fonte="Tema 7")
    blank = Indicator("outro", CLEAR.nome, eixo_fonte=" ")
    assert [label.eixo for label in classify([odd, blank], classifier, taxonomy, {}, 0.3)] == ["Saude", "Saude"]
    assert unknown_axes([odd, blank, CLEAR], taxonomy) == [odd]


def test_below_the_threshold_it_is_indefinido_with_the_confidence_that_did_not_suffice(classifier: Classifier) -> None:
    for indicator in VAGUE:
        sure = classifier.label(indicator, 0.0)
        assert classifier.label(indicator, sure.confianca) == sure
        unsure = classifier.label(indicator, sure.confianca + 0.0001)
        assert unsure == Label(indicator.id_indicador, "Indefinido", sure.confianca, "modelo")


@pytest.mark.parametrize(
    "name",
    [
        "Código do Município (7 dígitos)",
        "Ano de referência",
        "Nome da UF",
        "Latitude da sede",
        "Código da Região de Saúde",
    ],
)
def test_codes_names_and_years_are_indefinido(classifier: Classifier, name: str) -> None:
    assert classifier.label(Indicator("x", name), 0.3).eixo == "Indefinido"


def test_nothing_to_read_is_indefinido_without_confidence(classifier: Classifier) -> None:
    assert classifier.label(Indicator("x", " "), 0.0) == Label("x", "Indefinido", 0.0, "modelo")


@given(st.text(max_size=60), st.text(max_size=60), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_any_text_gets_a_known_axis_and_a_confidence_of_four_decimals(
    classifier: Classifier, taxonomy: Taxonomy, name: str, description: str, threshold: float
) -> None:
    label = classifier.label(Indicator("x", name, description), threshold)
    assert label.eixo in taxonomy.keys
    assert 0 <= label.confianca <= 1
    assert label.confianca == round(label.confianca, 4)
    assert label.eixo == "Indefinido" or label.confianca >= threshold


@given(st.permutations([*VAGUE, CLEAR]), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_neighbours_change_nothing(classifier: Classifier, order: list[Indicator], count: int) -> None:
    alone = {indicator.id_indicador: classifier.label(indicator, 0.3) for indicator in [*VAGUE, CLEAR]}
    together = [classifier.label(indicator, 0.3) for indicator in order[:count]]
    assert together == [alone[indicator.id_indicador] for indicator in order[:count]]


def test_progress_counts_every_text_and_order_is_kept(taxonomy: Taxonomy, classifier: Classifier) -> None:
    told: list[tuple[int, int]] = []
    labels = classify_texts(
        [("Roubos", ""), ("Leitos hospitalares", "")],
        classifier,
        0.3,
        lambda done, total: told.append((done, total)),
    )
    assert [label.eixo for label in labels] == ["Seguranca", "Saude"]
    assert told == [(1, 2), (2, 2)]


FEW = [
    Example("Pontos de pesca no rio", "", "Economia", (), "uma"),
    Example("Peixes mortos no rio", "", "Meio Ambiente", (), "uma"),
    Example("Barcos de passageiros", "", "Mobilidade", (), "outra"),
    Example("Afogamentos", "", "Seguranca", (), "outra"),
]


def test_what_a_person_decides_is_learnt_for_texts_like_it(taxonomy: Taxonomy, encoder: Encoder) -> None:
    known = Indicator("g1", "Geomantas instaladas", "por ano")
    alike = Indicator("g2", "Geomantas instaladas no município")
    before = Classifier(taxonomy, FEW, encoder)
    after = Classifier(taxonomy, learnt(FEW, [known, alike], {"g1": "Urbanismo", "gone": "Saude"}), encoder)
    assert before.label(alike, 0.0).eixo != "Urbanismo"
    assert after.label(alike, 0.0).eixo == "Urbanismo"
    assert before.version != after.version == Classifier(taxonomy, learnt(FEW, [known], {"g1": "Urbanismo"})).version


def test_a_decision_takes_the_place_of_an_example_with_the_same_text() -> None:
    found = learnt(FEW, [Indicator("a", "Afogamentos")], {"a": "Saude"})
    assert found == [*FEW[:3], Example("Afogamentos", "", "Saude", (), "humano")]


def test_a_trial_is_what_a_fit_without_the_table_says(taxonomy: Taxonomy, encoder: Encoder) -> None:
    trials = Classifier(taxonomy, FEW, encoder).trials
    assert [trial.example for trial in trials] == FEW
    for trial in trials:
        rest = [example for example in FEW if example.source != trial.example.source]
        # the vocabulary is the one thing that is shared: how rare a word is says nothing about axes
        alone = Model(taxonomy, rest, encoder, Vocabulary(example.nome for example in FEW))
        expected = alone.scores(trial.example.nome, "")
        points = Rulebook(taxonomy).points(trial.example.nome, "")
        assert trial.scores == pytest.approx([e + POINT * p for e, p in zip(expected, points, strict=True)], abs=1e-6)


WRITE = """
import sys
from pathlib import Path
from observatudo import parquet
from observatudo.classify import examples
from observatudo.classify.catalogue import to_table
from observatudo.classify.labels import Classifier, classify_texts
from observatudo.classify.taxonomy import load_taxonomy
taxonomy = load_taxonomy(Path(sys.argv[1]))
known = examples.read(Path(sys.argv[1]), taxonomy)
# every fourth is learnt from, the others are new to it
classifier = Classifier(taxonomy, known[::4])
labels = classify_texts([(e.nome, e.descricao) for e in known], classifier, 0.3)
assert {label.origem for label in labels} == {"modelo", "regra"}
parquet.write(to_table(labels, taxonomy, classifier.version), Path(sys.argv[2]))
"""


def test_two_processes_with_one_and_two_threads_write_the_same_bytes(root: Path, tmp_path: Path) -> None:
    written = []
    for threads in ("1", "2"):
        path = tmp_path / f"{threads}.parquet"
        threading = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        command = [sys.executable, "-c", WRITE, str(root), str(path)]
        subprocess.run(command, cwd=root, env={**os.environ, **threading}, check=True)
        written.append(path.read_bytes())
    assert written[0] == written[1]
