"""The order of those who decide, the threshold, and the same labels whatever the order and the threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo.classify.encoder import Encoder
from observatudo.classify.labels import Classifier, Indicator, Label, classify, classify_texts, unknown_axes
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy

CLEAR = Indicator("vacina", "Cobertura de vacinas")
# no word of these is in a rule or one axis leads by little: the encoder decides
VAGUE = [
    Indicator("espera", "Demora para conseguir uma consulta"),
    Indicator("barulho", "Barulho nas ruas à noite", "queixas dos moradores"),
    Indicator("pessoal", "Pessoas que sabem ler"),
    Indicator("xyz", "Geomantas"),
    Indicator("chuva", "Casas atingidas pela chuva forte"),
]


@pytest.fixture(scope="module")
def taxonomy(root: Path) -> Taxonomy:
    return load_taxonomy(root)


@pytest.fixture(scope="module")
def classifier(taxonomy: Taxonomy) -> Classifier:
    return Classifier(taxonomy, Encoder(taxonomy))


def test_the_source_goes_before_a_person_and_a_person_before_rules(taxonomy: Taxonomy) -> None:
    sourced = Indicator("vacina", CLEAR.nome, eixo_fonte="Mobilidade urbana")
    assert classify([sourced], taxonomy, {"vacina": "Economia"}, 0.3) == [Label("vacina", "Mobilidade", 1.0, "fonte")]
    assert classify([CLEAR], taxonomy, {"vacina": "Economia"}, 0.3) == [Label("vacina", "Economia", 1.0, "humano")]
    (label,) = classify([CLEAR], taxonomy, {"outro": "Economia"}, 0.3)
    assert (label.eixo, label.origem) == ("Saude", "regra")


def test_an_axis_unknown_to_the_taxonomy_is_passed_over_and_named(taxonomy: Taxonomy) -> None:
    odd = Indicator("vacina", CLEAR.nome, eixo_fonte="Tema 7")
    blank = Indicator("outro", CLEAR.nome, eixo_fonte=" ")
    assert [label.origem for label in classify([odd, blank], taxonomy, {}, 0.3)] == ["regra", "regra"]
    assert unknown_axes([odd, blank, CLEAR], taxonomy) == [odd]


def test_below_the_threshold_it_is_indefinido_with_the_confidence_that_did_not_suffice(classifier: Classifier) -> None:
    for indicator in VAGUE:
        sure = classifier.label(indicator, 0.0)
        assert sure.origem == "modelo"
        assert classifier.label(indicator, sure.confianca) == sure
        unsure = classifier.label(indicator, sure.confianca + 0.0001)
        assert unsure == Label(indicator.id_indicador, "Indefinido", sure.confianca, "modelo")


def test_a_rule_below_the_threshold_leaves_the_word_to_the_encoder(classifier: Classifier) -> None:
    by_rule = classifier.label(CLEAR, 0.3)
    assert by_rule.origem == "regra"
    assert classifier.label(CLEAR, by_rule.confianca + 0.0001).origem == "modelo"


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


def test_progress_counts_every_text_and_order_is_kept(taxonomy: Taxonomy) -> None:
    told: list[tuple[int, int]] = []
    labels = classify_texts(
        [("Roubos", ""), ("Leitos hospitalares", "")], taxonomy, 0.3, lambda done, total: told.append((done, total))
    )
    assert [label.eixo for label in labels] == ["Seguranca", "Saude"]
    assert told == [(1, 2), (2, 2)]


WRITE = """
import sys
from pathlib import Path
from observatudo import parquet
from observatudo.classify.catalogue import to_table
from observatudo.classify.labels import Indicator, classify
from observatudo.classify.taxonomy import load_taxonomy
taxonomy = load_taxonomy(Path(sys.argv[1]))
# axes' examples without the rules that know them: all by the encoder
examples = [text for axis in taxonomy.axes for text in axis.examples]
bare = taxonomy.model_copy(update={"axes": [axis.model_copy(update={"rules": []}) for axis in taxonomy.axes]})
labels = classify([Indicator(str(n), text) for n, text in enumerate(examples)], bare, {}, 0.3)
assert {label.origem for label in labels} == {"modelo"}
parquet.write(to_table(labels, taxonomy), Path(sys.argv[2]))
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
