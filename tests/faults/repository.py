"""A small repository with the product's own code, DVC and Git, in which faults are provoked."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from observatudo import corrections
from tests.builder import LONG, Repository, repository
from tests.conftest import ROOT

KEY = "x/y"
HEADER = "ano,uf,cidade,quantidade\n"
GOOD = HEADER + "2020,SP,São Paulo,10\n2020,RJ,Rio de Janeiro,7\n"
LIST = "ibge/municipio"
_CODE = ("observatudo", "stages")


class Small(Repository):
    """The list of municipalities and one dataset of observations, ``x/y``, both ingested by ``dvc repro``."""

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.root)}

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with what it says on both streams in ``stdout``."""
        return subprocess.run(
            command,
            cwd=cwd or self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own and return at once."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def stage(self, key: str = KEY) -> subprocess.CompletedProcess[str]:
        """Run the stage of one dataset as ``dvc repro`` does, without DVC."""
        return self.run("python", "-m", "stages.ingest", key)

    def outputs(self) -> dict[str, bytes]:
        """Return path → bytes of everything ingested and of its metrics."""
        places = (self.root / "data/ingested", self.root / "data/metrics")
        files = (path for place in places for path in place.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}

    def rejects(self, key: str = KEY) -> list[dict[str, object]]:
        return self.rows(key, "rejeitado.parquet")

    def report(self, key: str = KEY) -> dict[str, object]:
        content = (self.root / "data/ingested" / key / "relatorio.json").read_text(encoding="utf-8")
        found: dict[str, object] = json.loads(content)
        return found

    def last_run(self) -> dict[str, object]:
        """Return the newest run, as ``observatudo runs --json`` has it."""
        done = self.run("python", "-m", "observatudo.cli.app", "runs", "--json")
        (last, *_older) = json.loads(done.stdout)
        return dict(last)

    def events(self, stage: str = f"ingest@{KEY}") -> list[dict[str, object]]:
        """Return what the log holds of a stage, in order."""
        lines = [line for file in sorted((self.root / "logs").glob("*.jsonl")) for line in file.open(encoding="utf-8")]
        return [event for event in map(json.loads, lines) if event.get("stage") == stage]

    def wait_for_start(self, starts: int, process: subprocess.Popen[str]) -> None:
        """Wait until the stage of ``x/y`` has started so many times."""
        deadline = time.monotonic() + 300
        while sum(event["event"] == "start" for event in self.events()) < starts:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the stage did not start in five minutes"
            time.sleep(0.02)


def opened(root: Path) -> Small:
    """Return the repository that ``small`` made here, or a copy of it that stands here."""
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    return Small(root, params["datasets"], params["ds"])


def small(root: Path) -> Small:
    """Make the repository at ``root``: declarations and snapshots by the product, outputs by ``dvc repro``."""
    made = Small(root)
    made.__dict__.update(repository(root).__dict__)
    for name in _CODE:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        # now, for all copies; and on a full disk Python 3.11 leaves bytecode cut short, which it then cannot read
        assert compileall.compile_dir(root / name, quiet=1)
    _pipeline(root)
    made.declare(KEY, LONG)
    for key in (*made.datasets, KEY):
        none = root / corrections.path(key)
        none.parent.mkdir(parents=True, exist_ok=True)
        none.write_text(corrections.EMPTY, encoding="utf-8")
    made.snapshot(KEY, "a.csv", GOOD)
    for command in ("git init -q", "git add -A", "git commit -q -m start", "dvc repro -q"):
        done = made.run(*command.split())
        assert done.returncode == 0, done.stdout
    made.run("git", "add", "-A")
    made.run("git", "commit", "-q", "-m", "built")
    assert pq.read_table(root / "data/ingested" / KEY / "observacao/teste_valor.parquet").num_rows == 2
    return made


def _pipeline(root: Path) -> None:
    """Take the product's dvc.yaml, of its stages only the one under trial."""
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"] = {"ingest": pipeline["stages"]["ingest"]}
    (root / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    (root / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
