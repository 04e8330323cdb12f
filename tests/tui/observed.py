"""A repository with a past, made by running the product: runs that went well, one that failed, one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.conftest import run_in

SNAPSHOT = "data/raw/sidra/populacao/t6579.json"
PLACE, YEAR, BEFORE, AFTER = "3550308", "2006", "11016703", "11016704"
_WAIT_S = 120


def observe(root: Path) -> None:
    """Give a built repository three more runs: a corrected snapshot, a failure, and one killed at work."""
    _typed(root, "git config user.name 'Maria Teste' && git config user.email maria@example.org")
    correct(root)
    _typed(root, "dvc repro && git add -A && git commit -q -m 'Population of São Paulo, as corrected'")
    _fail(root)
    _kill(root)


def correct(root: Path) -> None:
    """Take a snapshot anew in which one number is another, as a publisher's correction is."""
    edited = root.parent / "t6579.json"
    text = (root / SNAPSHOT).read_text(encoding="utf-8")
    assert text.count(f'"{YEAR}":"{BEFORE}"') == 1
    edited.write_text(text.replace(f'"{YEAR}":"{BEFORE}"', f'"{YEAR}":"{AFTER}"'), encoding="utf-8")
    _typed(root, f"observatudo fetch sidra/populacao --from '{edited}' --as t6579.json")


def _fail(root: Path) -> None:
    """Run over a snapshot that somebody cut off by hand, then bring it back; the failure's record is committed."""
    whole = (root / SNAPSHOT).read_bytes()
    (root / SNAPSHOT).write_bytes(whole[: len(whole) // 2])
    done = run_in(root, "dvc repro")
    assert done.returncode != 0, done.stdout
    (root / SNAPSHOT).write_bytes(whole)
    _typed(root, "git add -A && git commit -q -m 'What failed'")


def _kill(root: Path) -> None:
    """Kill a run with all its processes while a stage is at work; nothing of it is left to undo."""
    params = (root / "params.yaml").read_text()
    assert "first_year: 2015" in params
    (root / "params.yaml").write_text(params.replace("first_year: 2015", "first_year: 2016"))
    before = _starts(root)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    running = subprocess.Popen(
        ["dvc", "repro"], cwd=root, env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + _WAIT_S
    while _starts(root) == before:
        assert time.monotonic() < end and running.poll() is None, "no stage began"
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    (root / "params.yaml").write_text(params)
    _typed(root, "dvc repro")  # what was killed had begun to take its outputs away


def _starts(root: Path) -> int:
    return sum(path.read_text().count('"event":"start"') for path in (root / "logs").glob("*.jsonl"))


def _typed(root: Path, command: str) -> None:
    done = run_in(root, command)
    assert done.returncode == 0, done.stdout + done.stderr
