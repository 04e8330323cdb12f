"""The command line as a whole: errors are messages, never tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BROKEN = """
import sys
import observatudo.datasets
from observatudo.cli import app
def states(root): raise ValueError("boom")
observatudo.datasets.states = states
sys.argv = ["observatudo", "datasets"]
app.main()
"""


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_nobody_foresaw_is_one_line() -> None:
    done = run("-c", BROKEN)
    assert done.returncode == 1
    assert done.stderr.startswith("this should not have happened: ValueError: boom")
    assert "Traceback" not in done.stderr


def test_its_traceback_is_there_for_who_asks() -> None:
    assert "Traceback" in run("-c", BROKEN, OBSERVATUDO_DEBUG="1").stderr


def test_outside_a_repository_the_command_says_so(tmp_path: Path) -> None:
    done = run("-m", "observatudo.cli.app", "datasets", cwd=tmp_path)
    assert done.returncode == 1
    assert "not an Observatudo repository" in done.stderr
    assert str(tmp_path) in done.stderr


def test_every_command_has_help() -> None:
    done = run("-m", "observatudo.cli.app", "--help")
    assert done.returncode == 0
    for command in ("fetch", "datasets", "runs", "show", "value", "classify", "generate", "summary", "doctor"):
        assert f"  {command} " in done.stdout
        assert run("-m", "observatudo.cli.app", command, "--help").returncode == 0
