"""Before `git checkout` brings data back, the Git hook looks whether it is the data that was put into the cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, once, run_in


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "verify-hook", _make) / "clone"


def _make(folder: Path) -> None:
    here = folder / "clone"
    here.mkdir()
    commands = """
        git init -q && dvc init -q
        mkdir dado && echo velho > dado/a.txt && echo igual > dado/b.txt
        dvc add -q dado && git add -A && git commit -qm velho
        echo novo > dado/a.txt && dvc add -q dado && git add -A && git commit -qm novo
    """
    done = run_in(here, "set -e\n" + commands)
    assert done.returncode == 0, done.stderr
    (here / "scripts").mkdir()
    for name in ("hooks", "restorable.py"):
        (here / "scripts" / name).write_bytes((ROOT / "scripts" / name).read_bytes())


@pytest.fixture
def repository(_made: Path, tmp_path: Path) -> Path:
    """Two commits of a folder that DVC keeps, and the hooks to install; the commits have no file of this project."""
    return Path(shutil.copytree(_made, tmp_path / "clone", symlinks=True))


def _install(repository: Path) -> str:
    done = run_in(repository, "sh scripts/hooks")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _edit_in_place(file: Path) -> None:
    """Change a byte of a read-only object and leave its mode as it was."""
    file.chmod(0o644)
    file.write_bytes(b"V" + file.read_bytes()[1:])
    file.chmod(0o444)


def _object(repository: Path, content: str) -> Path:
    objects = (repository / ".dvc/cache/files/md5").rglob("*")
    return next(file for file in objects if file.is_file() and file.read_text() == content)


def test_an_edited_object_is_named_and_not_restored(repository: Path) -> None:
    _install(repository)
    edited = _object(repository, "velho\n")
    _edit_in_place(edited)
    done = run_in(repository, "git checkout -q HEAD~1")
    assert done.returncode == 1
    assert "dado/a.txt" in done.stderr
    assert str(edited.relative_to(repository)) in done.stderr
    assert (repository / "dado/a.txt").read_text() == "novo\n"


def test_without_the_hooks_dvc_restores_it(repository: Path) -> None:
    """The reason for the hook: should this fail one day, DVC looks for itself."""
    _edit_in_place(_object(repository, "velho\n"))
    done = run_in(repository, "git checkout -q HEAD~1 && dvc checkout -q")
    assert done.returncode == 0
    assert (repository / "dado/a.txt").read_text() == "Velho\n"


def test_an_edited_listing_is_refused(repository: Path) -> None:
    _install(repository)
    (listing,) = [file for file in (repository / ".dvc/cache").rglob("*.dir") if "novo" in _contents(repository, file)]
    run_in(repository, "git checkout -q HEAD~1")
    _edit_in_place(listing)
    done = run_in(repository, "git checkout -q -")
    assert done.returncode == 1
    assert listing.name in done.stderr


def _contents(repository: Path, listing: Path) -> str:
    objects = (repository / ".dvc/cache/files/md5").rglob("*")
    return "".join(
        file.read_text() for file in objects if file.is_file() and file.parent.name + file.name in listing.read_text()
    )


def test_a_cache_elsewhere_is_found(repository: Path, tmp_path: Path) -> None:
    _install(repository)
    (repository / ".dvc/cache").rename(tmp_path / "shared")
    run_in(repository, "dvc config --local cache.dir ../shared")
    moved = tmp_path / "shared/files/md5"
    edited = next(file for file in moved.rglob("*") if file.is_file() and file.read_text() == "velho\n")
    _edit_in_place(edited)
    assert run_in(repository, "git checkout -q HEAD~1").returncode == 1


def test_hooks_of_before_are_renewed_and_those_of_others_left(repository: Path) -> None:
    folder = repository / ".git/hooks"
    folder.mkdir(exist_ok=True)
    (folder / "post-checkout").write_text("#!/bin/sh\n# Written by `make repro` (scripts/hooks). Older\nexit 7\n")
    (folder / "pre-commit").write_text("#!/bin/sh\n# mine\nexit 0\n")
    assert "post-checkout installed" in _install(repository)
    assert "restorable" in (folder / "post-checkout").read_text()
    assert os.access(folder / "post-checkout", os.X_OK)
    assert "# mine" in (folder / "pre-commit").read_text()
    assert _install(repository) == ""
