"""Blame over versions that DVC itself made, with a pipeline of two tiny stages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from observatudo.audit.timeline import Question, blame, log
from observatudo.audit.timeline.cells import Condition
from tests.past import DATASET, Past, past

TABLE = f"{DATASET}/observacao"
RAW = f"data/raw/{DATASET}"
PIPELINE = """\
stages:
  ingest:
    foreach: [x/y]
    do:
      cmd: python ingest.py
      params: [ds.x.y]
      deps: [data/raw/x/y, ingest.py]
      outs: [data/ingested/x/y]
  transform:
    cmd: python transform.py
    deps: [data/ingested, transform.py]
    outs: [data/marts]
"""
INGEST = """\
import datetime, pathlib
import pyarrow as pa, pyarrow.parquet as pq
rows = [line.split(",") for line in pathlib.Path("data/raw/x/y/a.csv").read_text().split()]
table = pa.table({
    "id_indicador": ["pib"] * len(rows),
    "id_municipio": [row[0] for row in rows],
    "data_referencia": [datetime.date(int(row[1]), 12, 31) for row in rows],
    "valor": [float(row[2]) for row in rows],
})
folder = pathlib.Path("data/ingested/x/y/observacao")
folder.mkdir(parents=True)
pq.write_table(table, folder / "pib.parquet")
"""
TRANSFORM = """\
import json, pathlib, shutil
folder = pathlib.Path("data/marts")
folder.mkdir(parents=True)
shutil.copy("data/ingested/x/y/observacao/pib.parquet", folder / "fact_indicador.parquet")
key = ["id_indicador", "id_municipio", "data_referencia"]
package = {"resources": [{"path": "fact_indicador.parquet", "format": "parquet", "schema": {"primaryKey": key}}]}
(folder / "datapackage.json").write_text(json.dumps(package))
"""


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    made = past(tmp_path / "repo")
    made.git("config", "user.name", "Ana")
    for name, content in {"dvc.yaml": PIPELINE, "ingest.py": INGEST, "transform.py": TRANSFORM}.items():
        made.write(name, content)
    made.write(f"{RAW}/a.csv", "3550308,2019,1.0\n3304557,2019,2.0\n")
    return made


def repro(repo: Past) -> None:
    environment = {**os.environ, "DVC_SITE_CACHE_DIR": str(repo.root.parent / "site")}
    done = subprocess.run(["dvc", "repro"], cwd=repo.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def commit(repo: Past, message: str, author: str = "Ana") -> str:
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", message, f"--author={author} <{author}@example.org>")
    return repo.git("rev-parse", "HEAD")


def asked(table: str) -> Question:
    conditions = (("id_indicador", "pib"), ("id_municipio", "3550308"))
    return Question(table, tuple(Condition((column,), value) for column, value in conditions))


def test_the_edited_cell_names_commit_author_and_snapshot(repo: Past) -> None:
    repro(repo)
    first = commit(repo, "first")
    repo.write(f"{RAW}/a.csv", "3550308,2019,1.5\n3304557,2019,2.0\n")
    repro(repo)
    second = commit(repo, "renewed", "João")
    repo.write("params.yaml", (repo.root / "params.yaml").read_text().replace("min_rows: 1", "min_rows: 2"))
    repro(repo)
    commit(repo, "another parameter, the same rows")
    repo.write(f"{RAW}/a.csv", "3304557,2019,2.0\n")
    repro(repo)
    for table in (TABLE, "fact_indicador"):
        found = blame(repo.root, asked(table))
        assert [(entry.commit, entry.author) for entry in found.entries[1:]] == [(second, "João"), (first, "Ana")]
        uncommitted, renewed, _first = found.entries
        assert (uncommitted.commit, uncommitted.cells[0].change) == (None, "removed")
        assert [(one.column, one.a, one.b) for one in renewed.cells[0].columns] == [("valor", 1.0, 1.5)]
        for entry in (uncommitted, renewed):
            assert [(cause.kind, cause.path, cause.stage) for cause in entry.causes] == [
                ("snapshot", RAW, f"ingest@{DATASET}")
            ]
            assert [file.path for file in entry.causes[0].files] == [f"{RAW}/a.csv"]
    counts = [(step.added, step.removed, step.changed) for step in log(repo.root, "fact_indicador").entries]
    assert counts == [(0, 1, 0), (0, 0, 1), (2, 0, 0)]
    parameter = json.loads(log(repo.root, TABLE).model_dump_json())["entries"]
    assert len(parameter) == 3
