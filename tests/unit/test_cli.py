"""The command line as a whole: errors are messages, never tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from observatudo import summary
from observatudo.errors import ObservatudoError

ROOT = Path(__file__).parents[2]
BROKEN = """
import sys
import observatudo.datasets
from observatudo.cli import app
def states(root): raise {error}
observatudo.datasets.states = states
sys.argv = ["observatudo", "datasets"]
app.main()
"""


def broken(error: str) -> str:
    return BROKEN.replace("{error}", error)


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
    done = run("-c", broken('ValueError("boom")'))
    assert done.returncode == 1
    assert done.stderr.startswith("this should not have happened: ValueError: boom")
    assert "Traceback" not in done.stderr


def test_its_traceback_is_there_for_who_asks() -> None:
    assert "Traceback" in run("-c", broken('ValueError("boom")'), OBSERVATUDO_DEBUG="1").stderr


def test_what_the_system_refuses_is_told_with_path_and_reason() -> None:
    done = run("-c", broken('OSError(28, "No space left on device", "data/x")'))
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device\n  @ data/x\n  → make room" in done.stderr
    assert "should not have happened" not in done.stderr


def test_a_character_that_stdout_lacks_stops_nothing() -> None:
    done = run("-m", "observatudo.cli.app", "summary", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "S?o Paulo" in done.stdout


@pytest.mark.parametrize("command", ["datasets --json", "datasets", "runs --json", "--help"])
def test_a_pipe_that_nobody_reads_is_no_error_message(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "observatudo.cli.app", *command.split()]
    done = subprocess.run(words, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_options_that_exclude_each_other_are_a_usage_error() -> None:
    done = run("-m", "observatudo.cli.app", "runs", "--json", "--csv")
    assert done.returncode == os.EX_USAGE
    assert "--json and --csv" in done.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data/metrics/classify.json", "{"),
        ("data/metrics/classify.json", '{"classify": {"by_axis": 3}}'),
        ("data/metrics/transform.json", "[]"),
        ("data/ingested/a/um/relatorio.json", '{"rows_kept": "x", "rows_rejected": null}'),
        ("params.yaml", "datasets: ["),
    ],
)
def test_a_damaged_file_is_named_by_the_summary(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("datasets: {a/um: {}}\n")
    assert "a/um" in summary.lines(tmp_path)[0]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    with pytest.raises(ObservatudoError) as caught:
        summary.lines(tmp_path)
    assert caught.value.where == str(tmp_path / file)


def test_outside_a_repository_the_command_says_so(tmp_path: Path) -> None:
    done = run("-m", "observatudo.cli.app", "datasets", cwd=tmp_path)
    assert done.returncode == 1
    assert "not an Observatudo repository" in done.stderr
    assert str(tmp_path) in done.stderr


def test_every_command_has_help() -> None:
    done = run("-m", "observatudo.cli.app", "--help")
    assert done.returncode == 0
    commands = (
        "ask update fetch repro datasets runs show diff blame log verify rollback value classify generate remote"
        " resolve provenance gc remove summary doctor prompts labels label review explain models serve warehouse check"
        " alerts traces report api"
    )
    for command in commands.split():
        assert f"  {command} " in done.stdout
        assert run("-m", "observatudo.cli.app", command, "--help").returncode == 0
