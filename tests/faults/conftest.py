"""A repository of one's own for every fault."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.faults.record import Recorder, said
from tests.faults.repository import HEADER, KEY, Small, small


@pytest.fixture(scope="session")
def _small_once(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("small") / "repository")


def copied(made: Small, target: Path) -> Small:
    """Return a copy of a repository, elsewhere."""
    shutil.copytree(made.root, target, symlinks=True)
    copy = Small(target)
    copy.datasets, copy.sections = {**made.datasets}, {name: {**inner} for name, inner in made.sections.items()}
    return copy


@pytest.fixture(scope="session")
def _waiting_once(_small_once: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = copied(_small_once, tmp_path_factory.mktemp("waiting") / "repository")
    rows = [f"{year},SP,São Paulo,{year % 97}\n" for year in range(1900, 2101)]
    # of places nobody knows, so that there are rejects to be written that no packing makes small
    rows += [f"2020,SP,{hashlib.shake_256(n.to_bytes(2)).hexdigest(256)},1\n" for n in range(800)]
    made.snapshot(KEY, "a.csv", HEADER + "".join(rows))
    return made


@pytest.fixture(scope="session")
def expected(_waiting_once: Small, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The outputs that ``dvc repro`` gives in ``waiting`` where nothing is in its way."""
    made = copied(_waiting_once, tmp_path_factory.mktemp("expected") / "repository")
    said(made.run("dvc", "repro", "-q"), 0)
    return made.outputs()


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
