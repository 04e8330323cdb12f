"""DVC's layout, as ``tests/past.py`` writes it and ``observatudo.versions`` names it, held against DVC itself."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import yaml

from observatudo.versions import Versions
from observatudo.versions.lock import folder_md5
from tests.past import Past, past

# In order of parts, `a/b` would come first; DVC goes by the whole path.
FILES = ("a.csv", "a/b.csv", "a-b.csv", "B.csv", "é.csv")
MAKE = f"""\
import pathlib
for name in {FILES!r}:
    path = pathlib.Path("data/marts", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
pathlib.Path("data/classified").mkdir(parents=True, exist_ok=True)
pathlib.Path("data/classified/rotulo.parquet").write_text("one file")
"""


def test_outputs_are_named_and_kept_as_dvc_does(tmp_path: Path) -> None:
    made = past(tmp_path / "repo")
    made.write("make.py", MAKE)
    outs = ["data/marts", "data/classified/rotulo.parquet"]
    stage = {"cmd": f'"{sys.executable}" make.py', "outs": outs}
    made.write("dvc.yaml", yaml.safe_dump({"stages": {"make": stage}}))
    dvc = [sys.executable, "-m", "dvc", "repro", "-q"]
    subprocess.run(dvc, cwd=made.root, env={**os.environ, "DVC_SITE_CACHE_DIR": str(tmp_path / "dvc")}, check=True)
    by_dvc = {out: Versions(made.root).workspace().lock.outs[out] for out in outs}
    kept = cached(made)
    assert by_dvc["data/marts"].md5 == folder_md5({name: hashlib.md5(name.encode()).hexdigest() for name in FILES})
    for out in outs:
        made.out(out, out)
        assert listed(made, out) == (out, by_dvc[out].md5)
    assert cached(made) == kept


def cached(repo: Past) -> dict[str, bytes]:
    cache = repo.root / ".dvc/cache/files/md5"
    return {path.relative_to(cache).as_posix(): path.read_bytes() for path in cache.rglob("*") if path.is_file()}


def listed(repo: Past, stage: str) -> tuple[object, object]:
    outs = repo.lock[stage]["outs"]
    assert isinstance(outs, list)
    return outs[0]["path"], outs[0]["md5"]
