"""Generated files: what they follow from, when they are stale, what stops them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from observatudo import generate
from observatudo.cli.generate import generate as command
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.warehouse.transform import transform
from tests import fixtures_warehouse as fixtures

STAGING = "dbt/models/staging"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fixtures.build(tmp_path_factory.mktemp("repository"))
    generate.generate(root)
    return root


@pytest.fixture
def repository(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_was_just_written_is_not_stale(repository: Path) -> None:
    assert generate.stale(repository) == []
    assert generate.generate(repository) == []


def test_each_kind_of_dataset_gets_a_model_that_calls_its_macro(repository: Path) -> None:
    calls = {path.stem: path.read_text(encoding="utf-8") for path in (repository / STAGING).glob("*.sql")}
    assert "stg_observacao('registro_civil', 'obito')" in calls["stg_registro_civil__obito"]
    assert "stg_indicador('registro_civil', 'obito')" in calls["stg_registro_civil__obito__indicador"]
    assert "stg_indicador('brmunipanel', 'variavel')" in calls["stg_brmunipanel__variavel"]
    assert "stg_referencia('siconfi', 'ente', [('id_ente', 'string')" in calls["stg_siconfi__ente"]
    assert "('capital', 'boolean')" in calls["stg_ibge__municipio"]


def test_a_new_dataset_joins_the_unions_that_marts_read(repository: Path) -> None:
    fixtures.declare_another(repository)
    changed = generate.generate(repository)
    assert f"{STAGING}/stg_outra__nota.sql" in changed
    assert not [name for name in changed if "/marts/" in name]
    for union in ("stg_observacao", "stg_indicador"):
        assert "stg_outra__nota" in (repository / STAGING / f"{union}.sql").read_text(encoding="utf-8")


def test_a_dataset_no_longer_declared_leaves_no_model_behind(repository: Path) -> None:
    line = "  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}\n"
    _edit(repository / "params.yaml", line, "")
    orphan = f"{STAGING}/stg_brmunipanel__variavel.sql"
    assert orphan in generate.stale(repository)
    generate.generate(repository)
    assert not (repository / orphan).exists()


def test_marts_are_not_built_from_models_of_other_declarations(repository: Path) -> None:
    """Without this a new dataset stays out of the marts, and one taken out stays in, and every test passes."""
    fixtures.declare_another(repository)
    with pytest.raises(ObservatudoError, match="5 files") as caught:
        transform(repository, 1, {}, lambda _done, _total: None)
    assert f"{STAGING}/stg_observacao.sql" in caught.value.where
    assert caught.value.next_step == "observatudo generate"
    assert not (repository / "data/marts").exists()


@pytest.mark.parametrize(
    ("path", "old", "new", "stale"),
    [
        ("configs/colunas.yaml", "Sigla da grande região", "A sigla", "dbt/models/colunas.md"),
        ("configs/eixos.yaml", "title: Saúde", "title: A saúde", "dbt/seeds/eixo.csv"),
        ("configs/tabelas/uf.csv", "Rondônia", "Rondonia", "dbt/seeds/uf.csv"),
        ("configs/datasets/siconfi/ente.yaml", "title: Entes", "title: Os entes", f"{STAGING}/_staging.yml"),
        ("dbt/models/staging/stg_siconfi__ente.sql", "siconfi", "x", f"{STAGING}/stg_siconfi__ente.sql"),
    ],
)
def test_a_change_at_either_end_makes_its_file_stale(
    repository: Path, path: str, old: str, new: str, stale: str
) -> None:
    _edit(repository / path, old, new)
    assert generate.stale(repository) == [stale]


def test_every_staging_column_is_described(repository: Path) -> None:
    content = yaml.safe_load((repository / STAGING / "_staging.yml").read_text(encoding="utf-8"))
    tables = [*content["models"], *(table for source in content["sources"] for table in source["tables"])]
    assert len(tables) > 10
    assert not [
        f"{table['name']}.{column['name']}"
        for table in tables
        for column in table["columns"]
        if not column["description"].strip() or not table["description"].strip()
    ]


def test_a_column_that_nobody_describes_stops_generation(repository: Path) -> None:
    declaration = repository / "configs/datasets/siconfi/ente.yaml"
    _edit(declaration, "\nprimaryKey", "  - {name: telefone, type: string}\n\nprimaryKey")
    with pytest.raises(ConfigError, match="telefone") as caught:
        generate.generate(repository)
    assert caught.value.where == "configs/colunas.yaml"


def test_a_column_the_glossary_lacks_may_be_described_by_its_declaration(repository: Path) -> None:
    declaration = repository / "configs/datasets/siconfi/ente.yaml"
    field = "  - {name: telefone, type: string, description: Telefone do ente}\n"
    _edit(declaration, "\nprimaryKey", f"{field}\nprimaryKey")
    generate.generate(repository)
    assert "Telefone do ente" in (repository / STAGING / "_staging.yml").read_text(encoding="utf-8")


def test_the_datasets_that_places_are_made_from_must_be_declared(repository: Path) -> None:
    line = "  siconfi/ente: {params: siconfi.ente, lista: data/ingested/ibge/municipio}\n"
    _edit(repository / "params.yaml", line, "")
    with pytest.raises(ConfigError, match="siconfi/ente"):
        generate.generate(repository)


def test_check_writes_nothing_and_exits_with_1(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = typer.Typer()
    own.command()(command)
    monkeypatch.chdir(repository)
    assert CliRunner().invoke(own, ["--check"]).exit_code == 0
    stale = repository / "dbt/seeds/uf.csv"
    stale.write_text("old\n", encoding="utf-8")
    result = CliRunner().invoke(own, ["--check"])
    assert result.exit_code == 1
    assert "dbt/seeds/uf.csv" in result.output
    assert stale.read_text(encoding="utf-8") == "old\n"
    assert CliRunner().invoke(own, []).exit_code == 0
    assert CliRunner().invoke(own, ["--check"]).exit_code == 0
