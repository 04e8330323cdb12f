"""Load: what it checks of ingested tables, and the table of loads it writes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo import parquet, paths
from observatudo.config import WarehouseParams
from observatudo.errors import DataError, ObservatudoError
from observatudo.warehouse.load import LOADS, RECEIPT, load
from tests import fixtures_warehouse as fixtures

DUCKDB = WarehouseParams(target="duckdb")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixtures.build(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def repository(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def test_the_table_of_loads_has_one_row_per_table(repository: Path) -> None:
    load(repository, DUCKDB)
    rows = pq.read_table(repository / LOADS).to_pylist()
    assert [(row["fonte"], row["dataset"], row["tabela"], row["linhas"]) for row in rows] == [
        ("brmunipanel", "variavel", "indicador", 2),
        ("ibge", "municipio", "referencia", 8),
        ("registro_civil", "obito", "indicador", 1),
        ("registro_civil", "obito", "observacao", 42),
        ("siconfi", "ente", "referencia", 11),
    ]
    deaths = rows[3]
    assert (deaths["linhas_lidas"], deaths["linhas_mantidas"], deaths["linhas_rejeitadas"]) == (45, 42, 3)
    assert (deaths["taxa_casamento"], deaths["data_snapshot"]) == (0.9333, date(2026, 11, 20))


def test_the_config_version_is_the_hash_git_gives_the_declaration(repository: Path) -> None:
    receipt = load(repository, DUCKDB)
    command = ["git", "hash-object", "configs/datasets/registro_civil/obito.yaml"]
    git = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    loaded = next(row for row in receipt.loads if row.tabela == "observacao")
    assert loaded.versao_config == git.stdout.strip()


def test_the_receipt_names_every_file_with_its_hash_and_rows(repository: Path) -> None:
    load(repository, DUCKDB)
    receipt = json.loads((repository / RECEIPT).read_bytes())
    assert [file["path"] for file in receipt["arquivos"]] == sorted(file["path"] for file in receipt["arquivos"])
    assert paths.LABELS.as_posix() in {file["path"] for file in receipt["arquivos"]}
    for file in receipt["arquivos"]:
        content = (repository / file["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert pq.read_metadata(repository / file["path"]).num_rows == file["rows"]


def test_the_same_inputs_give_the_same_bytes_whatever_their_times(repository: Path) -> None:
    load(repository, DUCKDB)
    before = [(repository / path).read_bytes() for path in (LOADS, RECEIPT)]
    for path in repository.rglob("*.parquet"):
        os.utime(path, (1, 1))
    load(repository, DUCKDB)
    assert [(repository / path).read_bytes() for path in (LOADS, RECEIPT)] == before


def test_the_data_version_follows_the_content_of_its_own_table_only(repository: Path) -> None:
    before = {(row.dataset, row.tabela): row.versao_dado for row in load(repository, DUCKDB).loads}
    name = "registro_civil_obito"
    row = (name, "3550308", date(2019, 1, 1), "mensal", 1.0, None, "1", None)
    fixtures.observations(repository, fixtures.DEATHS, [row])
    after = {(row.dataset, row.tabela): row.versao_dado for row in load(repository, DUCKDB).loads}
    assert {key for key in before if before[key] != after[key]} == {("obito", "observacao")}


def test_a_dataset_left_over_in_the_folder_is_not_loaded(repository: Path) -> None:
    shutil.copytree(repository / "data/ingested/registro_civil", repository / "data/ingested/antiga")
    assert "antiga" not in {row.fonte for row in load(repository, DUCKDB).loads}


@pytest.mark.parametrize(
    ("gone", "stage"),
    [
        ("data/ingested/registro_civil/obito/observacao", "ingest@registro_civil/obito"),
        ("data/ingested/siconfi/ente/referencia.parquet", "ingest@siconfi/ente"),
        ("data/ingested/ibge/municipio/relatorio.json", "ingest@ibge/municipio"),
        ("data/classified/rotulo.parquet", "classify"),
    ],
)
def test_what_is_missing_is_named_with_the_stage_that_makes_it(repository: Path, gone: str, stage: str) -> None:
    path = repository / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(DataError) as caught:
        load(repository, DUCKDB)
    assert caught.value.where.startswith(gone)
    assert caught.value.next_step == f"dvc repro {stage}"


def test_a_column_of_another_type_is_refused_with_both_schemas(repository: Path) -> None:
    path = repository / "data/ingested/siconfi/ente/referencia.parquet"
    table = pq.read_table(path)
    index = table.schema.get_field_index("populacao")
    parquet.write(table.set_column(index, "populacao", table["populacao"].cast(pa.string())), path)
    with pytest.raises(DataError, match=r"populacao int64[^$]*populacao string"):
        load(repository, DUCKDB)


def test_a_column_that_is_missing_is_refused(repository: Path) -> None:
    path = repository / "data/ingested/brmunipanel/variavel/indicador.parquet"
    parquet.write(pq.read_table(path).drop_columns(["eixo_fonte"]), path)
    with pytest.raises(DataError, match="eixo_fonte"):
        load(repository, DUCKDB)


def test_a_report_that_is_no_report_is_refused(repository: Path) -> None:
    (repository / "data/ingested/siconfi/ente/relatorio.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"relatorio\.json"):
        load(repository, DUCKDB)


def test_an_unknown_warehouse_is_refused_with_those_there_are(repository: Path) -> None:
    with pytest.raises(ObservatudoError, match=r"oracle.*duckdb"):
        load(repository, WarehouseParams(target="oracle"))
