"""Repositories for ``observatudo repro``: light stages that note when they work, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.runs_repository import IGNORED, SOURCE, Repository

PARAMS = "datasets:\n{lines}"
PIPELINE = """\
stages:
  ingest:
    foreach: ${datasets}
    do:
      cmd: python stages/ingest.py ${key}
      deps: [stages/ingest.py, "configs/datasets/${key}.yaml"]
      params: ["datasets.${key}"]
      outs: ["data/ingested/${key}"]
      metrics: [{"data/metrics/ingest/${key}.json": {cache: false}}]
  join:
    cmd: python stages/join.py
    deps: [stages/join.py, data/ingested]
    outs: [data/joined.txt]
  record:
    cmd: python -m stages.record
    deps: [data/joined.txt]
    always_changed: true
"""
INGEST = """\
import json, os, signal, time
from pathlib import Path
from observatudo import journal
from observatudo.errors import DataError

def work(log):
    mode = Path("configs/datasets", log.key + ".yaml").read_text().strip()
    print("reading", flush=True)
    if mode == "fail":
        raise DataError("rows are missing", where="x.csv:3", next_step="observatudo fetch " + log.key)
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "sleep":
        Path("sleep").write_text(str(os.getpid()))
        time.sleep(600)
    if mode == "forget":
        return
    folder = Path("data/ingested", log.key)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.txt").write_text(log.key + mode)
    time.sleep(0.2)
    metrics = Path("data/metrics/ingest", log.key + ".json")
    metrics.parent.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps({log.key: len(mode)}))

journal.main("ingest", work)
"""
JOIN = """\
from pathlib import Path
from observatudo import journal

def work(log):
    parts = sorted(Path("data/ingested").rglob("rows.txt"))
    Path("data/joined.txt").write_text("".join(part.read_text() for part in parts))

journal.main("join", work)
"""
PLAIN = """\
stages:
  places:
    cmd: python work.py places
    deps: [work.py]
    outs: [out/places]
  work:
    foreach: ${keys}
    do:
      cmd:
      - python work.py ${item}
      - python work.py ${item} again
      deps: [work.py, "in/${item}", out/places]
      outs: ["out/${item}": {persist: true}]
  free:
    cmd: python work.py free
    deps: [work.py]
    outs: [out/free]
  join:
    cmd: python work.py join
    deps: [out]
    outs: [joined]
"""
WORK = """\
import os, sys, time
from pathlib import Path
name, began = sys.argv[1], time.time()
time.sleep(float(os.environ.get("PAUSE_" + name, 0.1)))
if name == "join":
    Path("joined").write_text("".join(sorted(path.read_text() for path in Path("out").rglob("x"))))
else:
    Path("out", name).mkdir(parents=True, exist_ok=True)
    Path("out", name, "x").write_text(name * 3)
with open("times", "a") as times:
    times.write(f"{name} {began} {time.time()}\\n")
"""


@dataclass(frozen=True)
class Parallel(Repository):
    """A repository with the real command line, in which MLflow cannot be imported: it would take most of the time."""

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that commands run in."""
        return super().environment | {"PYTHONPATH": f"{SOURCE}{os.pathsep}{self.root / 'without'}"}

    def observatudo(self, *words: str, code: int = 0) -> str:
        """Run ``observatudo``; return what it printed, errors last."""
        done = self.run(*command(*words), code=code)
        return done.stdout + done.stderr

    def mode(self, key: str, mode: str) -> None:
        """Say how the dataset's ingest shall behave from now on: any word that is not known is content."""
        (self.root / f"configs/datasets/{key}.yaml").write_text(f"{mode}\n")

    def locked(self) -> set[str]:
        """Return the stages in dvc.lock."""
        import yaml

        return set(yaml.safe_load((self.root / "dvc.lock").read_text())["stages"])

    def uncached(self) -> list[str]:
        """Return the files that dvc.lock names and DVC's cache does not hold with these very bytes."""
        cache = self.root / ".dvc/cache/files/md5"
        named: list[tuple[str, str]] = []
        for block in (self.root / "dvc.lock").read_text().split("outs:")[1:]:
            named += re.findall(r"md5: (\w+)(\.dir)?", block.split("deps:")[0])
        for md5, folder in [name for name in named if name[1]]:
            listing = json.loads((cache / md5[:2] / f"{md5[2:]}{folder}").read_bytes())
            named += [(file["md5"], "") for file in listing]
        found = {md5 + end: cache / md5[:2] / f"{md5[2:]}{end}" for md5, end in named}
        assert found
        return [
            name
            for name, path in found.items()
            if not path.is_file() or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != name[:32]
        ]

    def spans(self) -> list[tuple[str, float, float]]:
        """Return name, begin and end of every command of the plain repository."""
        lines = [line.split() for line in (self.root / "times").read_text().splitlines()]
        return [(name, float(began), float(ended)) for name, began, ended in lines]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "observatudo.cli.app", *words]


def _made(root: Path, files: dict[str, str]) -> Parallel:
    repository = Parallel(root)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    for words in ("git init -q -b main", "git config user.name Tester", "git config user.email tester@example.org"):
        repository.run(*words.split())
    repository.run("dvc", "init", "-q")
    return repository


def with_runs(root: Path, keys: Iterable[str]) -> Parallel:
    """Make a repository of stages that keep a journal: ingest per dataset, join, record. Nothing is run yet."""
    keys = list(keys)
    lines = "".join(f"  {key}: 1\n" for key in keys)
    files = {f"configs/datasets/{key}.yaml": "fine\n" for key in keys}
    made = _made(
        root,
        files
        | {
            ".gitignore": IGNORED,
            "params.yaml": PARAMS.format(lines=lines),
            "dvc.yaml": PIPELINE,
            "stages/ingest.py": INGEST,
            "stages/join.py": JOIN,
            "configs/eixos.yaml": "version: 1\n",
            "without/mlflow.py": "raise ImportError('other tests send runs')\n",
        },
    )
    made.commit("start")
    return made


def plain(root: Path, keys: Iterable[str]) -> Parallel:
    """Make a repository of stages without a journal: one that others need, those others, and one that is free."""
    keys = list(keys)
    files = {f"in/{key}": key for key in keys} | {"work.py": WORK, "dvc.yaml": PLAIN, "params.yaml": "x: 1\n"}
    files[".gitignore"] = "/out\n/joined\n/times\n"  # in one place, as ours: what DVC would write is in order of ends
    files["dvc.yaml"] = f"vars: [{{keys: [{', '.join(keys)}]}}]\n" + PLAIN
    made = _made(root, files)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    return made
