"""A repository of three tiny stages, with real Git and DVC, in which two branches have both re-run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.conftest import ROOT

PIPELINE = """\
stages:
  ingest:
    foreach: ${datasets}
    do:
      cmd: python stages/ingest.py ${key}
      deps: [stages/ingest.py, "raw/${key}.txt"]
      params: ["ds.${key}"]
      outs: [{"data/ingested/${key}": {persist: true}}]
      metrics: [{"data/metrics/${key}.json": {cache: false, persist: true}}]
  join:
    cmd: python stages/join.py
    deps: [stages/join.py, data/ingested]
    params: [join]
    outs: [data/joined.txt]
    metrics: [data/metrics/join.json: {cache: false}]
  record:
    cmd: python stages/record.py
    deps: [data/joined.txt]
    always_changed: true
"""
PARAMS = "datasets:\n  a: {}\n  b: {}\nds:\n  a: 1\n\n  b: 1\n\njoin: 1\n"
INGEST = """\
import json, pathlib, sys
import yaml
key = sys.argv[1]
factor = yaml.safe_load(open("params.yaml"))["ds"][key]
lines = [f"{key} {int(line) * factor}" for line in open(f"raw/{key}.txt")]
out = pathlib.Path("data/ingested", key)
out.mkdir(parents=True, exist_ok=True)
(out / "rows.txt").write_text("\\n".join(lines))
pathlib.Path("data/metrics").mkdir(parents=True, exist_ok=True)
pathlib.Path(f"data/metrics/{key}.json").write_text(json.dumps({"rows": len(lines), "first": lines[0]}, indent=1))
"""
JOIN = """\
import json, pathlib
rows = [path.read_text() for path in sorted(pathlib.Path("data/ingested").glob("*/rows.txt"))]
pathlib.Path("data/joined.txt").write_text("\\n".join(rows))
pathlib.Path("data/metrics/join.json").write_text(json.dumps({"joined": len("\\n".join(rows).split("\\n"))}, indent=1))
"""
RECORD = """\
import os, pathlib
folder = pathlib.Path("audit/runs/2026/11")
folder.mkdir(parents=True, exist_ok=True)
(folder / f"{os.getppid()}.json").write_text("{}")
"""
IGNORED = "/.observatudo/\n/logs/\n/data/ingested/\n/data/joined.txt\n"


@dataclass(frozen=True)
class Merging:
    """The repository; every command runs in it and must end with the code that is expected."""

    root: Path

    def run(self, *command: str, code: int | None = 0) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GIT_EDITOR": "true"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def git(self, *words: str, code: int | None = 0) -> str:
        return self.run("git", *words, code=code).strip()

    def resolve(self, *words: str, code: int = 0) -> str:
        return self.run(sys.executable, "-P", "-m", "observatudo.cli.app", "resolve", *words, code=code)

    def repro(self, *targets: str) -> str:
        return self.run("dvc", "repro", *targets)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        content = (self.root / path).read_text()
        assert old in content
        self.write(path, content.replace(old, new))

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def stages(self) -> list[str]:
        """Return the stages in dvc.lock."""
        return list(yaml.safe_load((self.root / "dvc.lock").read_text())["stages"])

    def status(self) -> list[str]:
        """Return the stages that ``dvc status`` lists, without the one that always is."""
        found = yaml.safe_load(self.run("dvc", "status").replace("\t", "  ")) or {}
        return [name for name in found if name != "record"] if isinstance(found, dict) else []

    def unmerged(self) -> str:
        return self.git("ls-files", "--unmerged")

    def copy(self, target: Path) -> Merging:
        return Merging(Path(shutil.copytree(self.root, target, symlinks=True)))


def begin(root: Path) -> Merging:
    """Make the repository, run and committed once, on ``main``."""
    made = Merging(root)
    files = {
        "dvc.yaml": PIPELINE,
        "params.yaml": PARAMS,
        "stages/ingest.py": INGEST,
        "stages/join.py": JOIN,
        "stages/record.py": RECORD,
        "raw/a.txt": "1\n2\n",
        "raw/b.txt": "5\n6\n",
        ".gitignore": IGNORED,
        "README.md": "text\n",
    }
    for name, content in files.items():
        made.write(name, content)
    made.git("init", "-q", "-b", "main")
    made.run("dvc", "init", "-q")
    made.write(".dvc/config", "[core]\n    analytics = false\n    check_update = false\n")
    made.repro()
    made.commit("base")
    return made


def branches(root: Path) -> Merging:
    """Make the repository with two branches that both re-ran: ``main`` changed raw/a.txt, ``side`` raw/b.txt."""
    made = begin(root)
    made.git("checkout", "-q", "-b", "side")
    made.write("raw/b.txt", "50\n60\n70\n")
    made.repro()
    made.commit("b on side")
    made.git("checkout", "-q", "main")
    made.run("dvc", "checkout", "-q")
    made.write("raw/a.txt", "10\n")
    made.repro()
    made.commit("a on main")
    return made
