"""What the tests of the dashboard share: two repositories with a past, a small one and a whole one."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import once
from tests.integration.runs_repository import create
from tests.tui import PATIENCE_S
from tests.tui.observed import observe


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the tests that are coroutines, each in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
    return True


def _make_small(folder: Path) -> None:
    repository = create(folder / "repo")
    repository.commit("before the first run")
    repository.repro()
    repository.commit("the first run")
    repository.edit("params.yaml", "dois: {factor: 3", "dois: {factor: 4")
    repository.repro()
    repository.commit("two is four")
    repository.edit("params.yaml", "um: {factor: 2, mode: fine}", "um: {factor: 5, mode: fail}")
    repository.repro(code=255)
    repository.edit("params.yaml", "mode: fail", "mode: sleep")
    running = repository.start("dvc", "repro")
    wait_for(repository.root / "sleep")
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    repository.edit("params.yaml", "um: {factor: 5, mode: sleep}", "um: {factor: 2, mode: fine}")
    repository.repro()
    repository.commit("what failed")


def wait_for(path: Path, within: float = PATIENCE_S) -> None:
    """Wait until a file has something in it."""
    end = time.monotonic() + within
    while not (path.is_file() and path.read_bytes()):
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def _small_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "dashboard", _make_small) / "repo"


@pytest.fixture
def small(_small_once: Path, tmp_path: Path) -> Path:
    """A repository of one's own with two tiny stages: two runs that went well, one failed, one killed, one idle."""
    return Path(shutil.copytree(_small_once, tmp_path / "small", symlinks=True))


@pytest.fixture(scope="session")
def _observed_once(tmp_path_factory: pytest.TempPathFactory, _built_once: Path) -> Path:
    def make(folder: Path) -> None:
        observe(Path(shutil.copytree(_built_once, folder / "clone", symlinks=True)))

    return once(tmp_path_factory, "observed", make) / "clone"


@pytest.fixture
def observed(_observed_once: Path, tmp_path: Path) -> Path:
    """A repository of one's own with runs that went well, one that failed and one that was killed."""
    return Path(shutil.copytree(_observed_once, tmp_path / "observed", symlinks=True))
