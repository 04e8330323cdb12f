"""configs/eixos.yaml: the repository's own is right, and a wrong one is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo.classify.rules import Rulebook
from observatudo.classify.taxonomy import Taxonomy, load_taxonomy
from observatudo.errors import ConfigError
from observatudo.yamlfile import load

AXES = [
    *("Saude", "Educacao", "Assistencia Social", "Seguranca", "Meio Ambiente", "Urbanismo"),
    *("Mobilidade", "Economia", "Financas", "Governanca", "Administracao", "Indefinido"),
]
AXIS = """
  - key: {key}
    title: {key}
    definition: o que é
    examples: [um, dois, três]
    rules: [{{weight: 3, terms: [{terms}]}}]
"""


def _written(folder: Path, *axes: tuple[str, str]) -> Path:
    path = folder / "eixos.yaml"
    path.write_text('version: "1"\naxes:' + "".join(AXIS.format(key=key, terms=terms) for key, terms in axes))
    return path


def test_the_taxonomy_of_the_repository(root: Path) -> None:
    taxonomy = load_taxonomy(root)
    assert taxonomy.keys == AXES
    assert all(len(axis.examples) >= 15 for axis in taxonomy.axes)


@pytest.mark.parametrize(
    ("name", "key"),
    [("saude", "Saude"), (" SAÚDE ", "Saude"), ("Cultura", "Educacao"), ("meio ambiente", "Meio Ambiente")],
)
def test_axes_are_found_by_key_title_and_alias(root: Path, name: str, key: str) -> None:
    assert load_taxonomy(root).find(name) == key


def test_what_is_no_axis_is_not_found_but_the_nearest_is_named(root: Path) -> None:
    taxonomy = load_taxonomy(root)
    assert taxonomy.find("") is None
    assert taxonomy.find("Segurnça") is None
    assert "Seguranca" in taxonomy.nearest("Segurnça")


def test_every_rule_of_the_repository_finds_itself(root: Path) -> None:
    taxonomy = load_taxonomy(root)
    rules = Rulebook(taxonomy)
    for index, axis in enumerate(taxonomy.axes):
        for group in axis.rules:
            for term in group.terms:
                assert rules.points(term.upper(), "")[index] >= (0 if group.form else group.weight), term


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ([("Saude", "vacina, vacinas"), ("Indefinido", "nome")], "vacinas"),
        ([("Saude", "de"), ("Indefinido", "nome")], "no word that counts"),
        ([("Saude", "vacina"), ("Saúde", "médico"), ("Indefinido", "nome")], "two axes"),
        ([("Saude", "vacina"), ("Economia", "nome")], "Indefinido"),
    ],
)
def test_a_wrong_taxonomy_is_explained(tmp_path: Path, axes: list[tuple[str, str]], message: str) -> None:
    path = _written(tmp_path, *axes)
    with pytest.raises(ConfigError, match=message) as caught:
        load(path, Taxonomy)
    assert f"{path}:" in str(caught.value)
