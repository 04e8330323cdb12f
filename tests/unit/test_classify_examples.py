"""configs/rotulos: the repository's own tables are right and complete, and a wrong line is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from observatudo.classify import examples
from observatudo.classify.examples import Example
from observatudo.classify.taxonomy import UNDEFINED, load_taxonomy
from observatudo.errors import ConfigError

HEADER = "nome,descricao,eixo,eixo_alt\n"


def _read(root: Path, folder: Path, *tables: str) -> list[Example]:
    (folder / "configs/rotulos").mkdir(parents=True)
    for name, table in zip("ab", tables, strict=False):
        (folder / f"configs/rotulos/{name}.csv").write_text(HEADER + table, encoding="utf-8")
    return [example for example in examples.read(folder, load_taxonomy(root)) if example.source != examples.TAXONOMY]


def test_every_axis_has_examples_in_several_tables(root: Path) -> None:
    taxonomy = load_taxonomy(root)
    found = examples.read(root, taxonomy)
    for axis in taxonomy.keys:
        assert len({example.source for example in found if example.eixo == axis}) >= 6, axis
        assert sum(example.eixo == axis and example.source != examples.TAXONOMY for example in found) >= 75, axis


def test_every_name_of_the_catalogue_is_labelled(root: Path) -> None:
    layers = json.loads((root / "data/raw/brmunipanel/variavel/variables.json").read_text(encoding="utf-8"))
    variables = [variable for tables in layers.values() for table in tables.values() for variable in table.values()]
    assert len(variables) == 284
    labelled = {example.nome for example in examples.read(root, load_taxonomy(root)) if example.source == "brmunipanel"}
    assert {variable["description_pt"] for variable in variables} == labelled


def test_an_axis_is_never_its_own_alternative(root: Path) -> None:
    for example in examples.read(root, load_taxonomy(root)):
        assert example.eixo not in example.alternatives, example


def test_tables_are_read_in_order_with_axes_by_any_name(root: Path, tmp_path: Path) -> None:
    found = _read(root, tmp_path, 'Leitos,"de UTI, SUS",Saúde,finanças;Governança\n\n', "xyz,,Indefinido,\n")
    assert found == [
        Example("Leitos", "de UTI, SUS", "Saude", ("Financas", "Governanca"), "a"),
        Example("xyz", "", UNDEFINED, (), "b"),
    ]


def test_a_repository_without_tables_learns_from_the_taxonomy(root: Path, tmp_path: Path) -> None:
    taxonomy = load_taxonomy(root)
    found = examples.read(tmp_path, taxonomy)
    assert {example.eixo for example in found} == set(taxonomy.keys)
    assert Example("dengue", "", "Saude") in found


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("Leitos,,Saude\n", 2, "3 cells"),
        (" ,,Saude,\n", 2, "nome"),
        ("Leitos,,Saudee,\n", 2, "Saude?"),
        ("Leitos,,Saude,Nada\n", 2, "Nada"),
        ("Leitos,x,Saude,\nLeitos,,Saude,\nLEITOS,X,Economia,\n", 4, "a.csv:2"),
    ],
)
def test_a_wrong_line_is_named(root: Path, tmp_path: Path, table: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _read(root, tmp_path, table)
    assert caught.value.where.endswith(f"a.csv:{line}")
    assert message in caught.value.message


def test_another_header_and_another_encoding_are_explained(root: Path, tmp_path: Path) -> None:
    (tmp_path / "configs/rotulos").mkdir(parents=True)
    path = tmp_path / "configs/rotulos/a.csv"
    path.write_text("nome,eixo\n")
    with pytest.raises(ConfigError, match="nome,descricao,eixo,eixo_alt"):
        examples.read(tmp_path, load_taxonomy(root))
    path.write_bytes((HEADER + "Educação,,Educacao,\n").encode("latin-1"))
    with pytest.raises(ConfigError, match="UTF-8"):
        examples.read(tmp_path, load_taxonomy(root))
