"""A repository of one's own for every fault."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.conftest import once
from tests.faults.record import Recorder, said
from tests.faults.repository import HEADER, KEY, Small, opened, small


@pytest.fixture(scope="session")
def _small_once(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return opened(once(tmp_path_factory, "small", lambda folder: small(folder / "repository")) / "repository")


def copied(made: Small, target: Path) -> Small:
    """Return a copy of a repository, elsewhere."""
    return opened(Path(shutil.copytree(made.root, target, symlinks=True)))


@pytest.fixture(scope="session")
def _waiting_once(_small_once: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    def make(folder: Path) -> None:
        _give_work(copied(_small_once, folder / "repository"))

    return opened(once(tmp_path_factory, "waiting", make) / "repository")


def _give_work(made: Small) -> None:
    rows = [f"{year},SP,São Paulo,{year % 97}\n" for year in range(1900, 2101)]
    # of places nobody knows, so that there are rejects to be written that no packing makes small
    rows += [f"2020,SP,{hashlib.shake_256(n.to_bytes(2)).hexdigest(256)},1\n" for n in range(800)]
    made.snapshot(KEY, "a.csv", HEADER + "".join(rows))


@pytest.fixture(scope="session")
def expected(_waiting_once: Small, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outputs that ``dvc repro`` gives in ``waiting`` where nothing is in its way."""

    def make(folder: Path) -> None:
        said(copied(_waiting_once, folder / "repository").run("dvc", "repro", "-q"), 0)

    return opened(once(tmp_path_factory, "expected", make) / "repository").outputs()


@pytest.fixture
def waiting(_waiting_once: Small, tmp_path: Path) -> Small:
    """A small repository in which ``x/y`` has a new snapshot that is not ingested yet."""
    return copied(_waiting_once, tmp_path / "waiting")


@pytest.fixture
def repo(_small_once: Small, tmp_path: Path) -> Small:
    """A small repository in which everything is ingested."""
    return copied(_small_once, tmp_path / "repository")


@pytest.fixture
def fault(repo: Small) -> Recorder:
    """The recorder of what a fault in ``repo`` shows."""
    return Recorder(repo)
