"""A small repository with everything that verify looks at, made by DVC, Git, DuckDB and the product itself."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from observatudo import snapshots
from observatudo.snapshots import Snapshot
from tests.conftest import ROOT
from tests.integration.runs_repository import Repository

PARAMS = """\
datasets:
  a/um: {params: a.um}
  b/dois: {params: b.dois}
ds:
  a: {um: {factor: 2}}
  b: {dois: {factor: 3}}
"""
PIPELINE = """\
vars: [params.yaml]
stages:
  ingest:
    foreach: ${datasets}
    do:
      cmd: python stages/ingest.py ${key}
      deps: [stages/ingest.py, "configs/datasets/${key}.yaml", "data/raw/${key}"]
      params: ["ds.${item.params}"]
      outs: [{"data/ingested/${key}": {persist: true}}]
      metrics: [{"data/metrics/ingest/${key}.json": {cache: false, persist: true}}]
  transform:
    cmd: python stages/transform.py
    deps: [stages/transform.py, configs/datasets, configs/eixos.yaml, data/ingested]
    outs:
      - data/classified/rotulo.parquet
      - data/warehouse/recibo.json
      - data/marts: {persist: true}
    metrics: [{data/metrics/transform.json: {cache: false, persist: true}}]
  record:
    cmd: python -m stages.record
    deps: [data/ingested, data/classified/rotulo.parquet, data/warehouse/recibo.json, data/marts]
    always_changed: true
"""
INGEST = """\
import csv, json
from pathlib import Path
from observatudo import journal

def work(log):
    import pyarrow as pa
    import yaml
    from observatudo import parquet, snapshots
    snapshot = snapshots.verify(Path.cwd(), log.key)
    source, name = log.key.split("/")
    factor = yaml.safe_load(Path("params.yaml").read_text())["ds"][source][name]["factor"]
    if factor == 0:
        raise ZeroDivisionError
    folder = Path("data/ingested", log.key)
    rows = 0
    for file in snapshot.files:
        with Path("data/raw", log.key, file).open() as lines:
            values = [factor * int(row["valor"]) for row in csv.DictReader(lines)]
        parquet.write(pa.table({"valor": values}), folder / "observacao" / f"{Path(file).stem}.parquet")
        rows += len(values)
    parquet.write(pa.table({"linha": [1]}), folder / "rejeitado.parquet")
    report = {"rows_read": rows, "rows_kept": rows, "rows_rejected": 0, "match_rate": 1.0}
    (folder / "relatorio.json").write_text(json.dumps(report | {"snapshot": {"sha256": snapshot.sha256}}))
    metrics = Path("data/metrics/ingest", log.key + ".json")
    metrics.parent.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps({source: {name: report}}, indent=1))
    log.output(folder.as_posix(), rows=rows)

journal.main("ingest", work)
"""
TRANSFORM = """\
import json
from pathlib import Path
from observatudo import journal

MARTS = {
    "fact": "select replace(filename, '\\\\\\\\', '/') as nome, valor, valor / 7.0 as parte, case when valor = 6 then"
            " 'nan'::double end as vazio from read_parquet('data/ingested/*/*/observacao/*.parquet', filename = true)"
            " order by all",
    "dim": "select range as id, 'eixo ' || range as nome from range(5) order by all",
}

def work(log):
    import duckdb
    import pyarrow as pa
    from observatudo import parquet
    from observatudo.warehouse import presence
    root, marts = Path.cwd(), Path("data/marts")
    for folder in (marts, Path("data/warehouse"), Path("data/metrics"), Path(".observatudo")):
        folder.mkdir(parents=True, exist_ok=True)
    presence.WAREHOUSE.unlink(missing_ok=True)
    rows = {}
    with duckdb.connect(presence.WAREHOUSE) as connection:
        for name, query in MARTS.items():
            connection.execute(f"create table {name} as select *, 'run' as _id_execucao from ({query})")
            table = connection.execute(f"select * exclude (_id_execucao) from {name}").to_arrow_table()
            parquet.write(table, marts / f"{name}.parquet")
            lines = [",".join(map(str, row.values())) for row in table.to_pylist()]
            (marts / f"{name}.csv").write_text("\\n".join([",".join(table.column_names), *lines]) + "\\n")
            rows[name] = table.num_rows
    parquet.write(pa.table({"id_indicador": ["a", "b"], "eixo": ["x", "y"]}), Path("data/classified/rotulo.parquet"))
    Path("data/warehouse/recibo.json").write_text(json.dumps({"target": "duckdb", "rows": rows}))
    Path("data/metrics/transform.json").write_text(json.dumps({"transform": rows}, indent=1))
    presence.mark(root)
    log.output("data/marts", rows=sum(rows.values()))

journal.main("transform", work)
"""
IGNORED = """\
/logs/
/.observatudo/
/mlruns/
__pycache__/
/data/ingested/
/data/classified/rotulo.parquet
/data/warehouse/
/data/marts/
"""
DVC = """\
[core]
    analytics = false
    remote = store
['remote "store"']
    url = ../../store
    verify = true
"""
NO_MLFLOW = 'raise ImportError("this repository is not about MLflow, whose import takes seconds")\n'


class Small(Repository):
    """The repository; its remote is the folder ``store`` beside it, its Git remote ``origin.git``."""

    def git(self, *words: str) -> str:
        return self.run("git", *words).stdout.strip()

    def snapshot(self, key: str, files: dict[str, str]) -> None:
        """Install a snapshot as ``fetch`` does."""
        with snapshots.staging(self.root) as staged:
            for name, text in files.items():
                (staged / name).write_text(text)
            described = {name: snapshots.describe(staged / name, "file") for name in files}
            content = Snapshot(
                dataset=key,
                connector="file",
                source={},
                publisher="IBGE",
                license="CC0",
                citation="IBGE",
                fetched_at=snapshots.now(),
                files=described,
            )
            snapshots.install(self.root, content, staged)


def build(folder: Path) -> Small:
    """Make ``folder/work`` with two committed and pushed runs, and beside it the remotes."""
    made = Small(folder / "work")
    _files(made)
    for command in (
        "git init -q -b main --template=",
        "git config user.name Tester",
        "git config user.email tester@example.org",
        "git init -q --bare --template= ../origin.git",
        "git remote add origin ../origin.git",
    ):
        made.run(*command.split())
    made.snapshot("a/um", {"x.csv": _table(range(1, 9)), "y.csv": _table(range(20, 31))})
    made.snapshot("b/dois", {"z.csv": _table(range(3, 40, 3))})
    made.commit("start")
    made.repro()
    made.commit("first run")
    # as `dvc push` would: its --all-commits reads the relative path of the remote from the wrong folder later
    shutil.copytree(made.root / ".dvc/cache/files", folder / "store/files")
    made.edit("params.yaml", "factor: 3", "factor: 5")
    made.repro()
    made.commit("second run")
    made.git("tag", "v1")
    made.run("dvc", "push", "-q")
    made.git("push", "-q", "-u", "origin", "main")
    made.git("gc", "-q")
    return made


def _table(values: range) -> str:
    return "ano,valor\n" + "".join(f"2020,{value}\n" for value in values)


def _files(made: Small) -> None:
    for name, content in {
        ".gitignore": IGNORED,
        ".dvcignore": "__pycache__\n",
        ".dvc/config": DVC,
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        "params.yaml": PARAMS,
        "dvc.yaml": PIPELINE,
        "stages/ingest.py": INGEST,
        "stages/transform.py": TRANSFORM,
        "stages/record.py": (ROOT / "stages/record.py").read_text(),
        "mlflow.py": NO_MLFLOW,
        "configs/datasets/a/um.yaml": "title: Um\n",
        "configs/datasets/b/dois.yaml": "title: Dois\n",
        "configs/eixos.yaml": "version: 1\n",
        "data/classified/overrides.csv": "id_indicador,eixo\n",
        "data/metrics/.gitkeep": "",
        "requirements.lock": (ROOT / "requirements.lock").read_text(),
    }.items():
        (made.root / name).parent.mkdir(parents=True, exist_ok=True)
        (made.root / name).write_text(content)


def copy(source: Path, target: Path) -> Small:
    """Copy a repository with the remotes beside it, times and modes included."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True, copy_function=_copy)
    return Small(target / "work")


def _copy(source: str, target: str) -> None:
    """Copy a file; one that Git never writes to again is shared."""
    if "/.git/objects/" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
