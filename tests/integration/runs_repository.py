"""A small repository with the stages that runs are tried on: real DVC, real Git, tiny stages."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from observatudo.runs.model import Record

SOURCE = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
IGNORED = "/logs/\n/.observatudo/\n/mlruns/\n__pycache__/\n/data/*\n!/data/metrics/\n!/data/raw/\n/sleep\n"
COMMAND = """\
import typer
from observatudo.cli.runs import runs, show
app = typer.Typer()
app.command()(runs)
app.command()(show)
app()
"""
PARAMS = """\
datasets:
  a/um: {params: a.um}
  b/dois: {params: b.dois}
ds:
  a: {um: {factor: 2, mode: fine}}
  b: {dois: {factor: 3, mode: fine}}
"""
PIPELINE = """\
stages:
  ingest:
    foreach: ${datasets}
    do:
      cmd: python stages/ingest.py ${key}
      deps: [stages/ingest.py, "configs/datasets/${key}.yaml"]
      params: ["ds.${item.params}"]
      outs: ["data/ingested/${key}"]
      metrics: [{"data/metrics/ingest/${key}.json": {cache: false}}]
  join:
    cmd: python stages/join.py
    deps: [stages/join.py, data/ingested/a/um, data/ingested/b/dois]
    outs: [data/joined.parquet]
  record:
    cmd: python -m stages.record
    deps: [data/joined.parquet]
    always_changed: true
"""
INGEST = """\
import json, os, time
from pathlib import Path
from observatudo import journal
from observatudo.errors import DataError

def work(log):
    import pyarrow as pa
    from ruamel.yaml import YAML
    from observatudo import parquet
    source, name = log.key.split("/")
    section = YAML(typ="safe").load(Path("params.yaml"))["ds"][source][name]
    if section["mode"] == "fail":
        raise DataError("rows are missing", where="x.csv:3", next_step="observatudo fetch " + log.key)
    if section["mode"] == "crash":
        raise ZeroDivisionError("division by zero")
    if section["mode"] == "sleep":
        Path(os.environ["DVC_ROOT"], "sleep").write_text(str(os.getpid()))
        time.sleep(600)
    rows = [section["factor"] * n for n in range(10)]
    folder = Path("data/ingested", log.key)
    parquet.write(pa.table({"valor": rows}), folder / "observacao/x.parquet")
    parquet.write(pa.table({"linha": [1]}), folder / "rejeitado.parquet")
    counts = {"rows_read": 11, "rows_kept": 10, "rows_rejected": 1}
    report = counts | {"match_rate": 0.5, "snapshot": {"sha256": "0" * 64}}
    (folder / "relatorio.json").write_text(json.dumps(report))
    metrics = Path("data/metrics/ingest", log.key + ".json")
    metrics.parent.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps({source: {name: counts | {"sum": sum(rows)}}}))
    log.count(**counts)
    log.output(folder.as_posix(), rows=10)
    log.progress(1, 1)

journal.main("ingest", work)
"""
JOIN = """\
import shutil
from observatudo import journal

def work(log):
    shutil.copy("data/ingested/a/um/observacao/x.parquet", "data/joined.parquet")
    log.warn("only one was joined")

journal.main("join", work)
"""


@dataclass(frozen=True)
class Repository:
    """A Git and DVC repository in a temporary folder."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that commands run in: this project's code, DVC's state kept apart."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_AUTHOR_")}
        return kept | {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(SOURCE),
            "DVC_SITE_CACHE_DIR": str(self.root.parent / "dvc-site"),
        }

    def run(
        self, *command: str, code: int = 0, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository and check its exit code."""
        environment = self.environment | dict(extra or {})
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own and return at once."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def repro(self, code: int = 0) -> str:
        """Run ``dvc repro``; return what it printed."""
        done = self.run("dvc", "repro", code=code)
        return done.stdout + done.stderr

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text, which must be there, in a file."""
        path = self.root / name
        content = path.read_text()
        assert old in content
        path.write_text(content.replace(old, new))

    def events(self) -> list[dict[str, object]]:
        """Return every event in the log, in order."""
        files = sorted((self.root / "logs").glob("pipeline_*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def records(self) -> list[Record]:
        """Return the run records, oldest first."""
        files = sorted((self.root / "audit/runs").glob("*/*/*.json"), key=lambda file: file.name)
        return [Record.model_validate_json(file.read_bytes()) for file in files]

    def command(self, *words: str, extra: Mapping[str, str] | None = None) -> str:
        """Run an ``observatudo`` command; return what it printed."""
        return self.run(sys.executable, "-c", COMMAND, *words, extra=extra).stdout

    def mlflow_runs(self) -> list[dict[str, str]]:
        """Return MLflow's active runs as their tags, with their status and name, oldest first."""
        with closing(sqlite3.connect(self.root / "mlruns/mlflow.db")) as database:
            rows = database.execute(
                "SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time, name"
            ).fetchall()
            tags = "SELECT key, value FROM tags WHERE run_uuid = ?"
            return [
                dict(database.execute(tags, [run]).fetchall()) | {"id": run, "name": name, "mlflow": status}
                for run, name, status in rows
            ]

    def git_status(self) -> str:
        """Return ``git status --porcelain``: empty when the work tree is clean."""
        return self.run("git", "status", "--porcelain", "--untracked-files=all").stdout

    def commit(self, message: str = "next") -> str:
        """Commit everything; return the commit."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", message)
        return self.run("git", "rev-parse", "HEAD").stdout.strip()


def create(root: Path) -> Repository:
    """Make the repository, with nothing committed and nothing run yet."""
    repository = Repository(root)
    for name, content in {
        ".gitignore": IGNORED,
        "params.yaml": PARAMS,
        "dvc.yaml": PIPELINE,
        "stages/ingest.py": INGEST,
        "stages/join.py": JOIN,
        "configs/datasets/a/um.yaml": "title: Um\n",
        "configs/datasets/b/dois.yaml": "title: Dois\n",
        "configs/eixos.yaml": "version: 1\n",
        "data/raw/a/um/snapshot.json": "{}\n",
        "data/raw/a/um/x.csv": "1\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    repository.run("git", "init", "-q", "-b", "main")
    repository.run("git", "config", "user.name", "Tester")
    repository.run("git", "config", "user.email", "tester@example.org")
    repository.run("dvc", "init", "-q")
    repository.run("dvc", "config", "core.analytics", "false")
    return repository
