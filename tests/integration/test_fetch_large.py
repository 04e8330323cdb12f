"""Files too large for Git: over to DVC and back by themselves, in a real repository with real Git and DVC."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from observatudo import snapshots
from observatudo.errors import ObservatudoError
from tests.faulty import Faulty, File
from tests.fetching import KEY, commit, declare, fetch, git, http, impatient, repository, server, table

__all__ = ["impatient", "repository", "server"]

SMALL, LARGE, LARGER = table(100), table(9_000), table(10_000)
LIMIT_MB = 0.05


@pytest.fixture
def folder(repository: Path, server: Faulty, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a snapshot with one large and one small file, committed."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(repository / ".git/dvc"))
    dvc("init", "--quiet")
    dvc("config", "core.analytics", "false")
    server.routes |= {"/a.csv": File(LARGE), "/b.csv": File(SMALL)}
    declare(repository, http(server, "a.csv", "b.csv"), git_limit_mb=LIMIT_MB)
    fetch()
    commit()
    return repository / "data/raw" / KEY


def dvc(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "dvc", *words], check=True, capture_output=True, text=True)
    return done.stdout


def tracked() -> set[str]:
    return {Path(line).name for line in git("ls-files", "data").splitlines()}


def test_by_their_size_files_go_to_dvc_or_to_git_and_move_over_when_it_changes(
    server: Faulty, repository: Path, folder: Path
) -> None:
    assert tracked() == {"a.csv.dvc", ".gitignore", "b.csv", "snapshot.json"}
    (folder / "a.csv").unlink()  # as in a clone without dvc pull
    fetch()
    assert git("status", "--porcelain") == "" and "up to date" in dvc("status")
    server.routes |= {"/a.csv": File(LARGER), "/b.csv": File(LARGE)}
    said = fetch()
    assert "b.csv is too large for Git" in said and "a.csv is too large" not in said
    commit()
    assert tracked() == {"a.csv.dvc", "b.csv.dvc", ".gitignore", "snapshot.json"}
    assert "up to date" in dvc("status") and git("status", "--porcelain") == ""
    (folder / "a.csv").unlink()
    dvc("checkout", "--quiet")
    assert snapshots.verify(repository, KEY).files["a.csv"].bytes == len(LARGER)
    server.routes |= {"/a.csv": File(SMALL)}
    assert "a.csv is small again" in fetch(KEY, "--accept")
    commit()
    assert tracked() == {"a.csv", "b.csv.dvc", ".gitignore", "snapshot.json"}
    declare(repository, http(server, "a.csv"), git_limit_mb=LIMIT_MB)
    fetch()
    commit()
    assert tracked() == {"a.csv", "snapshot.json"}
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "snapshot.json"]


def test_over_to_dvc_and_back_before_a_commit_leaves_git_as_it_was(
    server: Faulty, repository: Path, folder: Path
) -> None:
    before = git("ls-files", "--stage", "data")
    server.routes["/b.csv"] = File(LARGE)
    fetch()
    server.routes["/b.csv"] = File(SMALL)
    fetch(KEY, "--accept")
    assert git("ls-files", "--stage", "data") == before
    assert "b.csv" not in git("diff", "--name-only", "--cached")


@pytest.mark.drill
def test_where_dvc_fails_the_snapshot_is_as_it_was(server: Faulty, repository: Path, folder: Path) -> None:
    server.routes |= {"/a.csv": File(LARGER), "/b.csv": File(LARGE)}
    cache = repository / ".dvc/cache"
    cache.rename(repository / ".dvc/aside")
    cache.write_text("a file where the cache should be")
    with pytest.raises(ObservatudoError, match="could not be handed over to DVC"):
        fetch()
    cache.unlink()
    (repository / ".dvc/aside").rename(cache)
    assert git("status", "--porcelain") == "" and "up to date" in dvc("status")
    assert snapshots.verify(repository, KEY).files["a.csv"].bytes == len(LARGE)
    assert "changed" in fetch()


@pytest.mark.drill
def test_a_fetch_that_was_cut_off_before_dvc_had_its_turn_is_made_good_by_the_next(
    server: Faulty, repository: Path, folder: Path
) -> None:
    server.routes["/a.csv"] = File(LARGER)
    (folder / "a.csv").write_bytes(LARGER)  # in place, and killed there
    fetch()
    commit()
    assert "up to date" in dvc("status")
    assert snapshots.verify(repository, KEY).files["a.csv"].bytes == len(LARGER)


def test_a_stage_that_reads_the_folder_runs_for_a_change_and_not_again(
    server: Faulty, repository: Path, folder: Path
) -> None:
    stage = f"wc -c data/raw/{KEY}/a.csv > out.txt"
    (repository / "dvc.yaml").write_text(
        f"stages:\n  ingest:\n    cmd: {stage}\n    deps: [data/raw/{KEY}]\n    outs: [out.txt]\n"
    )
    dvc("repro", "--quiet")
    assert "didn't change, skipping" in dvc("repro")
    fetch()
    assert "didn't change, skipping" in dvc("repro")
    server.routes["/a.csv"] = File(LARGER)
    fetch()
    assert "Running stage 'ingest'" in dvc("repro")
    assert (repository / "out.txt").read_text().startswith(str(len(LARGER)))
    assert "didn't change, skipping" in dvc("repro")
