"""With the Git hooks that ``make repro`` installs, data follows Git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_in


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits of one DVC file, with the hooks and this project's own DVC settings."""
    here = tmp_path / "clone"
    (here / "scripts").mkdir(parents=True)
    (here / "scripts/hooks").write_bytes((ROOT / "scripts/hooks").read_bytes())
    commands = """
        git init -q && dvc init -q
        echo velho > dado.txt && dvc add -q dado.txt && git add -A && git commit -qm velho
        echo novo > dado.txt && dvc add -q dado.txt && git add -A && git commit -qm novo
        sh scripts/hooks
    """
    done = run_in(here, "set -e\n" + commands)
    assert done.returncode == 0, done.stderr
    (here / ".dvc/config").write_bytes((ROOT / ".dvc/config").read_bytes())
    return here


def test_checking_out_an_old_version_alone_brings_its_data_back(repository: Path) -> None:
    done = run_in(repository, "git checkout -q HEAD~1")
    assert done.returncode == 0, done.stderr
    assert (repository / "dado.txt").read_text() == "velho\n"
    run_in(repository, "git checkout -q main")
    assert (repository / "dado.txt").read_text() == "novo\n"


def test_another_work_tree_is_left_alone(repository: Path, tmp_path: Path) -> None:
    """It has no data cache of its own: DVC would fail there, and Git would call the new work tree a failure."""
    done = run_in(repository, f"git worktree add -q {tmp_path / 'other'} HEAD~1")
    assert done.returncode == 0, done.stderr


def test_a_push_sends_the_data_along_where_there_is_a_remote_and_works_without(
    repository: Path, tmp_path: Path
) -> None:
    origin, store = tmp_path / "origin", tmp_path / "store"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    without = run_in(repository, f"git push -q {origin} main")
    assert without.returncode == 0, without.stderr
    done = run_in(
        repository, f"dvc remote add -q -d store {store} && git commit -qam remote && git push -q {origin} main"
    )
    assert done.returncode == 0, done.stderr
    assert [path.read_text() for path in store.rglob("*") if path.is_file()] == ["novo\n"]
