"""Transform for real: dbt builds a small repository's warehouse, and its marts are exported."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from observatudo import generate, parquet
from observatudo.config import WarehouseParams
from observatudo.errors import DataError, ObservatudoError
from observatudo.warehouse import artifacts, dbt_process, export, state
from observatudo.warehouse.load import load
from observatudo.warehouse.presence import WAREHOUSE
from observatudo.warehouse.transform import Built, transform
from tests import fixtures_warehouse as fixtures

Row = dict[str, object]


def _transform(root: Path, threads: int, run: str) -> tuple[Built, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    variables = {"id_execucao": run, "data_processamento": "2026-11-22 10:00:00"}
    built = transform(root, threads, variables, lambda done, total: told.append((done, total)))
    return built, told


@dataclass(frozen=True)
class Done:
    """A repository that has been transformed, what was returned, and the progress that was told."""

    root: Path
    built: Built
    progress: list[tuple[int, int]]

    def rows(self, mart: str) -> list[Row]:
        found: list[Row] = pq.read_table(self.root / f"data/marts/{mart}.parquet").to_pylist()
        return found

    def artifact(self, name: str) -> dict[str, dict[str, dict[str, object]]]:
        content: dict[str, dict[str, dict[str, object]]] = json.loads((self.root / "dbt/target" / name).read_bytes())
        return content


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Built with two threads, after a dataset was added by declaration alone."""
    root = fixtures.build(tmp_path_factory.mktemp("repository"))
    fixtures.declare_another(root)
    generate.generate(root)
    load(root, WarehouseParams(target="duckdb"))
    return Done(root, *_transform(root, 2, "primeira"))


def test_a_value_has_its_rate_where_the_population_is_known(done: Done) -> None:
    facts = {(row["id_municipio"], row["data_referencia"]): row for row in done.rows("fact_indicador")}
    paulo = facts["3550308", date(2019, 3, 1)]
    assert (paulo["valor"], paulo["populacao"], paulo["ano_populacao"]) == (311.0, 12325232, 2021)
    assert paulo["valor_por_mil"] == 1000 * 311.0 / 12325232
    assert facts["5300108", date(2019, 1, 1)]["populacao"] == 3055149


def test_a_dataset_declared_later_is_in_the_marts_without_touching_them(done: Done) -> None:
    note = next(row for row in done.rows("fact_indicador") if row["id_indicador"] == "outra_nota")
    assert (note["valor"], note["valor_texto"], note["justificativa"]) == (None, "A", "revista")
    assert note["valor_por_mil"] is None
    described = next(row for row in done.rows("dim_indicador") if row["id_indicador"] == "outra_nota")
    assert (described["eixo"], described["origem"]) == ("Indefinido", None)
    audited = {(row["fonte"], row["dataset"]): row for row in done.rows("audit_volumetria")}
    assert audited["outra", "nota"]["municipios"] == 1


def test_the_audit_counts_rows_places_and_periods(done: Done) -> None:
    audited = {row["dataset"]: row for row in done.rows("audit_volumetria")}
    deaths = audited["obito"]
    assert (deaths["linhas_lidas"], deaths["linhas_mantidas"], deaths["linhas_rejeitadas"]) == (45, 42, 3)
    assert (deaths["municipios"], deaths["cobertura"], deaths["nulos"]) == (7, 7 / 8, 0)
    assert (deaths["primeiro_periodo"], deaths["ultimo_periodo"]) == (date(2018, 1, 1), date(2019, 3, 1))
    assert (audited["municipio"]["municipios"], audited["ente"]["municipios"]) == (8, 7)
    assert audited["variavel"]["cobertura"] is None


def test_places_are_municipalities_states_and_the_country(done: Done) -> None:
    places = done.rows("dim_localidade")
    assert {len(str(place["id_localidade"])) for place in places} == {1, 2, 7}
    assert sum(place["nivel"] == "uf" for place in places) == 27
    country = next(place for place in places if place["nivel"] == "pais")
    assert country["populacao"] is None  # the fixture's register lacks most states


def test_exports_leave_out_technical_columns_and_are_ordered_by_key(done: Done) -> None:
    package = json.loads((done.root / "data/marts/datapackage.json").read_bytes())
    assert len(package["resources"]) == 12
    for resource in package["resources"]:
        names = [field["name"] for field in resource["schema"]["fields"]]
        assert not [name for name in names if name.startswith("_")]
        rows = done.rows(Path(resource["path"]).stem)
        assert list(rows[0]) == names
        keys = [tuple(str(row[name]) for name in resource["schema"]["primaryKey"]) for row in rows]
        assert keys == sorted(set(keys))


def test_the_data_package_tells_the_truth_about_its_files(done: Done) -> None:
    folder = done.root / "data/marts"
    package = json.loads((folder / "datapackage.json").read_bytes())
    assert {resource["path"] for resource in package["resources"]} == {
        path.name for path in folder.iterdir() if path.name != "datapackage.json"
    }
    for resource in package["resources"]:
        content = (folder / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)
        assert resource["description"]
        assert all(field["description"] and field["type"] for field in resource["schema"]["fields"])
    fact = next(resource for resource in package["resources"] if resource["name"] == "fact_indicador")
    assert {key["reference"]["resource"] for key in fact["schema"]["foreignKeys"]} == {
        "dim_indicador",
        "dim_localidade",
    }
    assert any("registro_civil/obito" in source["title"] for source in package["sources"])
    assert {licence["name"] for licence in package["licenses"]} == {"MIT"}


def test_csv_and_parquet_hold_the_same_rows(done: Done) -> None:
    for mart in done.built.rows:
        content = (done.root / f"data/marts/{mart}.csv").read_bytes()
        assert b"\r" not in content
        read = list(csv.DictReader(content.decode("utf-8").splitlines()))
        rows = done.rows(mart)
        assert len(read) == len(rows) == done.built.rows[mart]
        for text, row in zip(read, rows, strict=True):
            assert [name for name in row if (row[name] is None) != (text[name] == "")] == []
            assert all(float(text[n]) == v for n, v in row.items() if isinstance(v, float))
            assert all(text[n] == v for n, v in row.items() if isinstance(v, str))


def test_a_csv_too_long_for_a_spreadsheet_is_compressed(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(done.root, tmp_path / "copy"))
    monkeypatch.setattr(export, "SPREADSHEET_LINES", done.built.rows["fact_indicador"])
    monkeypatch.setattr(parquet, "ROW_GROUP", 10)  # several groups: several members in the file
    export.export(other, artifacts.read(other / dbt_process.TARGET).marts)
    assert not (other / "data/marts/fact_indicador.csv").exists()
    packed = (other / "data/marts/fact_indicador.csv.gz").read_bytes()
    assert gzip.decompress(packed) == (done.root / "data/marts/fact_indicador.csv").read_bytes()
    assert duckdb.read_csv(f"{other}/data/marts/fact_indicador.csv.gz").shape[0] == done.built.rows["fact_indicador"]
    assert (other / "data/marts/dim_eixo.csv").is_file()
    package = json.loads((other / "data/marts/datapackage.json").read_bytes())
    described = next(resource for resource in package["resources"] if resource["name"] == "fact_indicador")
    assert (described["path"], described["compression"]) == ("fact_indicador.csv.gz", "gz")
    assert described["hash"] == f"sha256:{hashlib.sha256(packed).hexdigest()}"


def test_metrics_count_models_tests_and_rows(done: Done) -> None:
    metrics = json.loads((done.root / "data/metrics/transform.json").read_bytes())["transform"]
    assert metrics["tests_failed"] == metrics["tests_warned"] == 0
    assert metrics["tests_passed"] > 60
    assert metrics["models"] == len(list((done.root / "dbt/models").rglob("*.sql")))
    assert metrics["rows"] == done.built.rows
    volumes = (done.root / "data/metrics/volumetria.csv").read_text(encoding="utf-8")
    assert "registro_civil/obito,42,3\n" in volumes


def test_progress_goes_up_to_the_number_of_nodes(done: Done) -> None:
    totals = {total for _count, total in done.progress}
    assert len(totals) == 1
    assert len(done.progress) == totals.pop()


def test_the_warehouse_keeps_the_technical_columns(done: Done) -> None:
    import duckdb

    query = "select distinct _fonte, _dataset, _id_execucao, cast(_data_processamento as varchar), _ativo"
    with duckdb.connect(done.root / WAREHOUSE, read_only=True) as connection:
        found = connection.execute(f"{query} from fact_indicador order by 1").fetchall()
    assert found == [
        ("outra", "nota", "primeira", "2026-11-22 10:00:00", True),
        ("registro_civil", "obito", "primeira", "2026-11-22 10:00:00", True),
    ]


def test_every_model_and_every_column_there_is_is_described(done: Done) -> None:
    catalog, manifest = done.artifact("catalog.json"), done.artifact("manifest.json")
    tables = {**catalog["nodes"], **catalog["sources"]}
    declared = {**manifest["nodes"], **manifest["sources"]}
    assert len(tables) > 20
    bare = []
    for identifier, table in tables.items():
        node = declared[identifier]
        columns, known = table["columns"], node["columns"]
        assert isinstance(columns, dict)
        assert isinstance(known, dict)
        bare += [f"{identifier}.{n}" for n in columns if not known.get(n, {}).get("description")]
        bare += [identifier] if not node["description"] else []
    assert bare == []


def _overview(root: Path) -> str:
    """The text of the site's first page, from the manifest that the site holds."""
    site = (root / dbt_process.SITE).read_text(encoding="utf-8")
    found = re.search(r'"block_contents": ("# Observatudo(?:[^"\\]|\\.)*")', site)
    assert found
    return str(json.loads(found[1]))


def test_the_site_opens_on_what_this_run_found(done: Done) -> None:
    page = _overview(done.root)
    assert "Execução `primeira`" in page
    assert re.search(r"\| registro_civil/obito \| observacao \| 45 \| 42 \| 3 \| 93\.33 % \| 87\.50 % \|", page)
    assert "município não encontrado" in page
    assert " 0 falharam" in page


def test_one_thread_and_another_run_give_the_same_bytes(done: Done, tmp_path: Path) -> None:
    other = Path(shutil.copytree(done.root, tmp_path / "elsewhere"))
    _transform(other, 1, "segunda")
    for path in sorted((done.root / "data/marts").iterdir()):
        assert (other / "data/marts" / path.name).read_bytes() == path.read_bytes(), path.name
    for name in ("transform.json", "volumetria.csv"):
        first, second = (root / "data/metrics" / name for root in (done.root, other))
        assert first.read_bytes() == second.read_bytes()


def test_failing_tests_show_rows_and_sql_and_the_last_marts_stay(done: Done, tmp_path: Path) -> None:
    """A number lost in conversion, and a place that is in no list."""
    other = Path(shutil.copytree(done.root, tmp_path / "copy"))
    name, day = "registro_civil_obito", date(2019, 1, 1)
    lost = (name, "3550308", day, "mensal", None, None, "1.234,5", None)
    fixtures.observations(other, fixtures.DEATHS, [lost, (name, "9999999", day, "mensal", 1.0, None, "1", None)])
    load(other, WarehouseParams(target="duckdb"))
    with pytest.raises(DataError) as caught:
        _transform(other, 2, "terceira")
    shown = str(caught.value)
    assert re.search(r"no_maximo_audit_conversao_taxa_falha.*: 1 failing rows", shown)
    assert "registro_civil | obito | registro_civil_obito | 2 | 0 | 1 | 0.5" in shown
    assert "where taxa_falha > 0.01" in shown
    assert re.search(r"relationships_fact_indicador_id_municipio.*: 1 failing rows[^✗]*9999999", shown)
    assert caught.value.where == "dbt/models/marts/_marts.yml"
    assert "dvc repro transform" in caught.value.next_step
    for path in (done.root / "data/marts").iterdir():
        assert (other / "data/marts" / path.name).read_bytes() == path.read_bytes()
    assert "2 falharam" in _overview(other)
    failed = {test.model: test for test in state.state(other).tests if test.status == "fail"}
    assert failed.keys() == {"audit_conversao", "fact_indicador"}
    assert dict(zip(failed["audit_conversao"].header, failed["audit_conversao"].rows[0], strict=True))["linhas"] == 2
    assert failed["fact_indicador"].column == "id_municipio"
    assert (failed["fact_indicador"].failures, failed["fact_indicador"].rows) == (1, (("9999999",),))


def test_a_project_that_dbt_cannot_read_is_told_in_its_words(done: Done, tmp_path: Path) -> None:
    other = Path(shutil.copytree(done.root, tmp_path / "copy"))
    project = other / "dbt/dbt_project.yml"
    project.write_text(project.read_text(encoding="utf-8") + "\nnada: [1\n", encoding="utf-8")
    with pytest.raises(ObservatudoError, match=r"Syntax error near line.*\n(?:.*\n)*.*nada: \[1"):
        _transform(other, 2, "quarta")


def test_the_same_models_compile_for_bigquery_without_credentials(done: Done, tmp_path: Path) -> None:
    other = Path(shutil.copytree(done.root, tmp_path / "copy"))
    options = "--project-dir dbt --profiles-dir dbt --target emulator --no-introspect --no-populate-cache --quiet"
    command = [sys.executable, "-m", "dbt.cli.main", "compile", *options.split()]
    ran = subprocess.run(command, cwd=other, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    compiled = other / "dbt/target/compiled/observatudo/models"
    staging = (compiled / "staging/stg_registro_civil__obito.sql").read_text(encoding="utf-8")
    assert "safe_cast(lida.valor as float64)" in staging
    assert "where false" not in (compiled / "marts/fact_indicador.sql").read_text(encoding="utf-8")
    conversion = (compiled / "marts/audit_conversao.sql").read_text(encoding="utf-8")
    assert "regexp_contains(valor_original, r'" in conversion
