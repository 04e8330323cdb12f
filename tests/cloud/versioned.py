"""A small repository with versions in Git and DVC's cache, whose warehouse is in BigQuery: real declarations, few rows.

Its outputs are made by the real ``load`` and ``transform``, outside of a pipeline.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from observatudo import generate, paths
from observatudo.cloud import settings
from observatudo.cloud.settings import Settings
from observatudo.config import WarehouseParams, declared
from observatudo.warehouse.bigquery import build, jobs, state
from observatudo.warehouse.bigquery.statements import Place
from observatudo.warehouse.bigquery.telling import By, Watch
from observatudo.warehouse.load import RECEIPT, load
from observatudo.warehouse.transform import transform
from tests import fixtures_warehouse as fixtures
from tests.past import Past

OBSERVED = "registro_civil__obito_observacao"
INDICATOR = "registro_civil_obito"
_IGNORED = "/.observatudo/\n/data/ingested/\n/data/marts/\n/data/warehouse/\n/data/classified/rotulo.parquet\n/logs/\n"
_PIPELINE = """\
stages:
  ingest:
    foreach: ${datasets}
    do: {cmd: "ingest@${key}", deps: ["configs/datasets/${key}.yaml"], outs: ["data/ingested/${key}"]}
  classify: {cmd: classify, outs: [data/classified/rotulo.parquet]}
  load: {cmd: load, deps: [data/classified/rotulo.parquet], outs: [data/warehouse]}
  transform: {cmd: transform, deps: [data/warehouse/recibo.json, stages/transform.py], outs: [data/marts]}
"""
_LEFT_OUT = (
    "  siconfi/ente: {params: siconfi.ente, lista: data/ingested/ibge/municipio}",
    "  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}",
)
_VARIABLES = {"id_execucao": "antes", "data_processamento": "2026-11-22 10:00:00"}


def nothing(_done: int, _total: int) -> None:
    pass


@dataclass
class Versioned:
    """The repository at ``root``; ``deaths`` changes its observations, ``commit`` makes them a version."""

    root: Path

    def __post_init__(self) -> None:
        self.past = Past(self.root)

    def built(self) -> None:
        """Write down that dbt has built what is loaded now."""
        number = max(load.sequence for load in state.known(self.settings).newest.values())
        by = By("teste", "", "")
        planned = build.Plan(number, build.project_hash(self.root), is_whole=True)
        jobs.connect(self.settings, by).rows(build.make_sql(self.place), "builds")
        build.succeeded(self.settings, planned, by, Watch())

    def told(self, sql: str) -> list[dict[str, object]]:
        """Run SQL as another hand would; ``{raw}`` and ``{models}`` are the datasets."""
        own = self.settings
        names = {"raw": f"`{own.project}`.`{own.raw_dataset}`", "models": f"`{own.project}`.`{own.dataset}`"}
        return jobs.connect(own).rows(sql.format(**names), "another hand")

    @property
    def place(self) -> Place:
        return Place(self.settings.project, self.settings.raw_dataset)

    @property
    def settings(self) -> Settings:
        return settings.load(self.root)

    def made(self, message: str, *, with_marts: bool = False) -> str:
        """Have load look at the files and, if asked, dbt make the marts, on this machine; commit all of it."""
        load(self.root, WarehouseParams(target="duckdb"))
        receipt = self.root / RECEIPT
        receipt.write_text(receipt.read_text().replace('"target": "duckdb"', '"target": "bigquery"'))
        if with_marts:
            self._say("target: bigquery", "target: duckdb")
            transform(self.root, 2, _VARIABLES, nothing)
            self._say("target: duckdb", "target: bigquery")
        shutil.rmtree(self.root / ".observatudo", ignore_errors=True)
        return self.commit(message)

    def _say(self, old: str, new: str) -> None:
        path = self.root / paths.PARAMS
        path.write_text(path.read_text().replace(old, new))

    def commit(self, message: str) -> str:
        for key in declared(self.root):
            self.past.out(f"ingest@{key}", f"data/ingested/{key}", f"configs/datasets/{key}.yaml")
        self.past.out("classify", "data/classified/rotulo.parquet")
        self.past.out("load", "data/warehouse", "data/classified/rotulo.parquet")
        if (self.root / paths.MARTS).is_dir():
            self.past.out("transform", "data/marts", "data/warehouse/recibo.json", "stages/transform.py")
        return self.past.commit(message)

    def deaths(self, *values: tuple[str, date, float]) -> None:
        """Have just these deaths: municipality, month, number."""
        rows = [(INDICATOR, place, month, "mensal", value, None, str(value), None) for place, month, value in values]
        fixtures.observations(self.root, fixtures.DEATHS, [tuple(row) for row in rows])
        fixtures.report(self.root, fixtures.DEATHS, len(rows))


def versioned(root: Path, *, is_small: bool = True) -> Versioned:
    """Make the repository; nothing is loaded and nothing committed yet. A small one has five tables, and no dbt."""
    fixtures.build(root)
    if is_small:
        params = (root / paths.PARAMS).read_text()
        for line in (*_LEFT_OUT, "  siconfi: {ente: {}}", "  brmunipanel: {variavel: {}}"):
            assert line in params
            params = params.replace(f"{line}\n", "")
        (root / paths.PARAMS).write_text(params)
    else:
        generate.generate(root)
    own = Versioned(root)
    own.past.write("dvc.yaml", _PIPELINE)
    own.past.write("stages/transform.py", "")
    own.past.write(".gitignore", _IGNORED + "/dbt/target/\n/dbt/logs/\n")
    own.past.write(".dvc/config", "[core]\n    analytics = false\n")
    own.past.write(".dvc/.gitignore", "/cache\n/tmp\n/config.local\n")
    own._say("target: duckdb", "target: bigquery")
    own.past.git("init", "-q")
    return own
