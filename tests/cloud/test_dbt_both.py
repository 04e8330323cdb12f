"""The same inputs built by dbt on DuckDB and on BigQuery give the same marts, also after a change and a kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pyarrow.parquet as pq
import pytest

from observatudo import dvccache, generate, paths
from observatudo.cloud import clients, settings
from observatudo.config import load_params
from observatudo.errors import ObservatudoError
from observatudo.warehouse import engine, state
from observatudo.warehouse.bigquery import build
from observatudo.warehouse.bigquery.telling import By, Watch
from observatudo.warehouse.load import load
from observatudo.warehouse.transform import Built, transform
from tests import fixtures_warehouse as fixtures
from tests.cloud.emulators import UNSET, Cloud

if TYPE_CHECKING:
    from observatudo.warehouse.bigquery.jobs import Done

pytestmark = pytest.mark.needs("bigquery-emulator")
_WHEN = "2026-11-22 10:00:00"
_OBSERVED = f"{fixtures.DEATHS}/observacao/registro_civil_obito.parquet"
_LATE_DAYS = 40  # deaths are published monthly


@dataclass
class Both:
    """A repository on each target; what was told while it was built on BigQuery, in order."""

    cloud: Cloud
    duckdb: Path
    bigquery: Path
    first: Built
    interrupted: str = ""
    facts_meanwhile: int = 0
    second: Built | None = None
    jobs: list[Done] = field(default_factory=list)

    def sql(self, text: str) -> list[tuple[object, ...]]:
        """Run SQL in which ``{d}`` is the models' dataset and ``{raw}`` that of the loads."""
        own = settings.load(self.bigquery)
        names = {"d": f"`{own.project}`.{own.dataset}", "raw": f"`{own.project}`.{own.raw_dataset}"}
        return [tuple(row.values()) for row in clients.bigquery(own).query(text.format(**names)).result()]


def _repository(root: Path, target: str) -> Path:
    """Three datasets of few rows, whose deaths were fetched long ago and whose places today."""
    fixtures.build(root)
    params = root / paths.PARAMS
    lines = [line for line in params.read_text(encoding="utf-8").splitlines() if "brmunipanel/" not in line]
    text = "\n".join(lines).replace("target: duckdb", f"target: {target}") + "\n"
    params.write_text(text, encoding="utf-8")
    (root / ".dvc").mkdir()
    for key, days in ((fixtures.DEATHS, _LATE_DAYS), ("ibge/municipio", 0), ("siconfi/ente", 0)):
        report = root / paths.INGESTED / key / "relatorio.json"
        content = json.loads(report.read_bytes())
        content["snapshot"]["fetched_at"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        report.write_text(json.dumps(content), encoding="utf-8")
    generate.generate(root)
    return root


def _change(root: Path) -> None:
    """One value, one row less, one in a month that had none, and another axis for an indicator."""
    found = pq.read_table(root / paths.INGESTED / _OBSERVED).to_pylist()
    rows = [row for row in found if (row["id_municipio"], row["data_referencia"]) != ("5300108", date(2018, 2, 1))]
    for row in rows:
        if (row["id_municipio"], row["data_referencia"]) == ("3550308", date(2019, 3, 1)):
            row["valor"] = 999.0
    rows.append({**rows[0], "id_municipio": "5101837", "data_referencia": date(2020, 7, 1)})
    rows.sort(key=lambda row: (row["id_municipio"], row["data_referencia"]))
    fixtures.observations(root, fixtures.DEATHS, [tuple(row.values()) for row in rows])
    fixtures.labels(root, [("registro_civil_obito", "Educacao", 0.9, "regra", "v1", "1")])


def _loaded(root: Path, run: str) -> None:
    """Load as the stage does, and keep the files as DVC does: the next load is a difference to them."""
    load(root, load_params(root).warehouse, By(run, "0" * 40, "Maria"), Watch())
    for path in (root / "data").rglob("*.parquet"):
        kept = dvccache.place(dvccache.folder(root), hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest())
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)


def _build(root: Path, run: str, jobs: list[Done] | None = None) -> Built:
    told = [] if jobs is None else jobs
    variables = {"id_execucao": run, "data_processamento": _WHEN}
    return transform(root, 4, variables, lambda _done, _total: None, told.append)


def _interrupted(root: Path) -> str:
    """Build until dbt is killed in the middle of it; return what was said."""

    def progress(done: int, _total: int) -> None:
        if done == 20:
            (dbt,) = [child for child in psutil.Process().children() if "dbt_process" in " ".join(child.cmdline())]
            dbt.kill()

    with pytest.raises(ObservatudoError) as caught:
        transform(root, 4, {"id_execucao": "cortada", "data_processamento": _WHEN}, progress)
    return f"{caught.value} {caught.value.next_step}"


@contextlib.contextmanager
def _told(cloud: Cloud, root: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in {**cloud.environment, "DVC_ROOT": str(root)}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def both(_emulators: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Built on BigQuery, changed, interrupted, built again; on DuckDB built once, after the change."""
    folder = tmp_path_factory.mktemp("both")
    cloud = _emulators.another()
    with _told(cloud, folder / "bigquery"):
        root = _repository(folder / "bigquery", "bigquery")
        own = settings.load(root)
        client = clients.bigquery(own)
        for name in (own.dataset, own.raw_dataset):
            client.create_dataset(name)
        _loaded(root, "primeira")
        found = Both(cloud, folder / "duckdb", root, _build(root, "primeira"))
        _change(root)
        _loaded(root, "segunda")
        found.interrupted = _interrupted(root)
        found.facts_meanwhile = int(str(found.sql("select count(*) from {d}.fact_indicador")[0][0]))
        found.second = _build(root, "segunda", found.jobs)
        _repository(found.duckdb, "duckdb")
        _change(found.duckdb)
        _loaded(found.duckdb, "segunda")
        _build(found.duckdb, "segunda")
        yield found


def test_every_mart_is_the_same_cell_by_cell_and_byte_by_byte(both: Both) -> None:
    names = sorted(path.name for path in (both.duckdb / paths.MARTS).iterdir())
    assert names == sorted(path.name for path in (both.bigquery / paths.MARTS).iterdir())
    assert sum(name.endswith(".parquet") for name in names) == 6
    for name in names:
        here, there = (root / paths.MARTS / name for root in (both.duckdb, both.bigquery))
        if name.endswith(".parquet"):
            assert pq.read_table(there).to_pylist() == pq.read_table(here).to_pylist(), name
        assert there.read_bytes() == here.read_bytes(), name
    for name in ("transform.json", "volumetria.csv"):
        here, there = (root / "data/metrics" / name for root in (both.duckdb, both.bigquery))
        assert there.read_bytes() == here.read_bytes(), name


def test_the_months_of_the_change_were_built_again_and_no_other(both: Both) -> None:
    """Which rows are of which run shows what was rebuilt; that they are the right ones, the comparison above."""
    assert both.first.plan and both.first.plan.is_whole
    assert both.second and both.second.plan
    assert not both.second.plan.is_whole
    assert both.second.plan.months == ("2018-02-01", "2019-03-01", "2020-07-01")
    query = "select distinct _id_execucao, cast(date_trunc(data_referencia, month) as string) from {d}.fact_indicador"
    rebuilt = sorted(str(month)[:10] for run, month in both.sql(query) if run == "segunda")
    assert rebuilt == ["2018-02-01", "2019-03-01", "2020-07-01"]
    assert both.sql("select id_execucao, sequencia from {raw}._construcao order by sequencia") == [
        ("primeira", both.first.plan.sequence),
        ("segunda", both.second.plan.sequence),
    ]


def test_a_build_that_is_cut_off_leaves_the_facts_and_the_next_one_finishes(both: Both) -> None:
    assert both.facts_meanwhile == both.first.rows["fact_indicador"] == 42
    assert "dvc repro" in both.interrupted
    assert "Traceback" not in both.interrupted


def test_all_tests_pass_and_each_job_is_told_with_its_costs(both: Both) -> None:
    assert both.second
    assert both.second.metrics["tests_failed"] == both.second.metrics["tests_warned"] == 0
    assert both.second.metrics == both.first.metrics
    told = {job.about: job for job in both.jobs}
    assert {"fact_indicador", "dim_indicador", "historico_indicador", "por_mil", "so_os_meses"} <= told.keys()
    assert all(job.id and job.status == "success" for job in both.jobs)
    assert told["fact_indicador"].bytes_processed is not None


def test_tables_are_described_partitioned_and_clustered(both: Both) -> None:
    own = settings.load(both.bigquery)
    client = clients.bigquery(own)
    fact = client.get_table(f"{own.project}.{own.dataset}.fact_indicador")
    assert fact.description
    assert [column.name for column in fact.schema if not column.description] == []
    assert fact.time_partitioning.type_ == "MONTH"
    assert fact.time_partitioning.field == "data_referencia"
    assert fact.clustering_fields == ["id_indicador", "id_municipio"]
    assert client.get_table(f"{own.project}.{own.dataset}.dim_localidade").clustering_fields == ["id_localidade"]


def test_an_indicator_that_changed_has_two_versions(both: Both) -> None:
    query = "select eixo, dbt_valid_to is null from {d}.historico_indicador order by dbt_valid_from"
    assert both.sql(query) == [("Saude", False), ("Educacao", True)]
    assert both.sql("select count(*) from {d}.historico_localidade where dbt_valid_to is not null") == [(0,)]


def _freshness(root: Path, target: str) -> dict[str, str]:
    options = ["--project-dir", "dbt", "--profiles-dir", "dbt", "--target", target, "--quiet"]
    command = [sys.executable, "-m", "dbt.cli.main", "source", "freshness", *options]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    content = json.loads((root / "dbt/target/sources.json").read_bytes())
    return {result["unique_id"].rpartition(".")[2]: result["status"] for result in content["results"]}


@pytest.mark.parametrize("target", ["duckdb", "emulator"])
def test_an_old_snapshot_is_late_on_both(both: Both, tmp_path: Path, target: str) -> None:
    source = both.duckdb if target == "duckdb" else both.bigquery
    root = Path(shutil.copytree(source, tmp_path / "copy"))  # dbt writes over the results of the build
    found = _freshness(root, target)
    assert found == {"obito_observacao": "warn", "municipio_referencia": "pass", "ente_referencia": "pass"}


def test_the_state_of_the_models_has_the_rows_that_were_exported(both: Both) -> None:
    """``observatudo models`` asks no network: of a view on BigQuery nobody knows the rows."""
    found = state.state(both.bigquery)
    rows = {model.name: model.rows for model in found.models}
    assert (rows["fact_indicador"], rows["stg_observacao"]) == (42, None)
    assert not found.target.problem


def test_a_failing_test_shows_its_rows_from_bigquery(both: Both) -> None:
    with engine.opened(both.bigquery, engine.BIGQUERY) as warehouse:
        sql = "select id_municipio, valor from fact_indicador where valor > 900 order by 1"
        own = settings.load(both.bigquery)
        found = warehouse.sample(sql.replace("fact_", f"`{own.project}`.`{own.dataset}`.fact_"), 1)
    assert found.header == ("id_municipio", "valor")
    assert len(found.rows) == 1


@pytest.mark.drill
def test_bigquery_gone_in_the_middle_of_dbt(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said in bounded time; the marts of before are there, and the next build finishes."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    root = _repository(tmp_path, "bigquery")
    own = settings.load(root)
    for name in (own.dataset, own.raw_dataset):
        clients.bigquery(own).create_dataset(name)
    _loaded(root, "primeira")
    first = _build(root, "primeira")
    _change(root)
    _loaded(root, "segunda")
    monkeypatch.setenv("OBSERVATUDO_CLOUD_DEADLINE_S", "10")

    def progress(done: int, _total: int) -> None:
        if done == 20:
            cloud.warehouse.kill()

    with pytest.raises(ObservatudoError):
        transform(root, 4, {"id_execucao": "cortada", "data_processamento": _WHEN}, progress)
    cloud.warehouse.restart()
    monkeypatch.delenv("OBSERVATUDO_CLOUD_DEADLINE_S")
    with engine.opened(root, engine.BIGQUERY) as warehouse:
        assert warehouse.count("fact_indicador") >= first.rows["fact_indicador"] - 1
    second = _build(root, "segunda")
    assert second.rows["fact_indicador"] == first.rows["fact_indicador"]
    with engine.opened(root, engine.BIGQUERY) as warehouse:
        assert {name: warehouse.count(name) for name in second.rows} == second.rows


def test_what_another_hand_did_to_the_facts_is_not_built_upon(both: Both) -> None:
    """A value in a month that no load touches: the next build does not take it over into what is published."""
    own, by = settings.load(both.bigquery), By("olhar", "", "")
    assert not build.plan(both.bigquery, own, by, Watch()).is_whole
    both.sql("update {d}.fact_indicador set valor = valor + 1 where data_referencia = '2019-01-01'")
    try:
        assert build.plan(both.bigquery, own, by, Watch()).is_whole
    finally:
        both.sql("update {d}.fact_indicador set valor = valor - 1 where data_referencia = '2019-01-01'")
