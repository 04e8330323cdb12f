"""What all tests share: isolation from the machine, tests that need a tool, a clone with the pipeline run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

# The same examples for everybody and no clock, so that nobody's change is refused for what is not in it.
settings.register_profile("seeded", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seeded")

ROOT = Path(__file__).parents[1]
pytest_plugins = ["tests.cloud.fixtures"]
REQUIRE_ALL = "OBSERVATUDO_REQUIRE_ALL"
INSTALL = {
    "bigquery-emulator": "Python 3.13: uv python install 3.13",
    "npm": "sudo apt install npm",
    "tmux": "sudo apt install tmux",
    "chromium": "sudo apt install chromium",
}
UNSET = (
    "DVC_ROOT",
    "DVC_EXP_NAME",
    "DVC_STAGE",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "SHELL",  # DVC runs stages in it
    "PYTHONDONTWRITEBYTECODE",  # set in many containers: each command would compile DVC, dbt and MLflow once more
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*tools): skipped where a tool is missing, failed under " + REQUIRE_ALL)
    config.addinivalue_line("markers", "drill: full size and slow; only run by -m drill")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave drills out unless they are asked for by mark or by name; put what takes long first."""
    for item in items:
        if item.get_closest_marker("drill"):
            item.add_marker(pytest.mark.timeout(0))
    if "drill" not in config.getoption("-m") and not any("::" in arg for arg in config.args):
        drills = [item for item in items if item.get_closest_marker("drill")]
        if drills:
            config.hook.pytest_deselected(items=drills)
            items[:] = [item for item in items if not item.get_closest_marker("drill")]
    items[:] = _for_two_workers(items)


def _for_two_workers(items: list[pytest.Item]) -> list[pytest.Item]:
    """Order tests so that, of two workers, each begins with its half of those that take long.

    ``--dist worksteal`` gives each worker a half of the list, and who is done takes from the end of the other's. Only
    the first half begins with the tests of the built repository, so that the second worker does not wait for it.
    """
    built, slow, quick = [], [], []
    for item in items:
        if "built" in getattr(item, "fixturenames", ()):
            built.append(item)
        elif item.path.parent.name in ("integration", "faults", "cloud"):
            slow.append(item)
        else:
            quick.append(item)
    half = max(0, len(items) // 2 - len(built))
    return [*built, *quick[:half], *slow, *quick[half:]]


def pytest_runtest_setup(item: pytest.Item) -> None:
    tools = [tool for mark in item.iter_markers("needs") for tool in mark.args]
    if "_emulators" in getattr(item, "fixturenames", ()):
        tools.append("bigquery-emulator")
    for tool in tools:
        if not _has(tool):
            reason = f"needs {tool} ({INSTALL[tool]})"
            if os.environ.get(REQUIRE_ALL):
                pytest.fail(reason + f", and {REQUIRE_ALL} is set", pytrace=False)
            pytest.skip(reason)


def _has(tool: str) -> bool:
    if tool != "bigquery-emulator":
        return shutil.which(tool) is not None
    from tests.cloud.environment import interpreter

    return interpreter() is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List last what this machine could not test, and how to mend that."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    lines = sorted({reason.removeprefix("Skipped: ") for reason in reasons if "needs " in reason})
    if lines:
        terminalreporter.section("not tested on this machine")
        for line in lines:
            count = sum(line in reason for reason in reasons)
            terminalreporter.write_line(f"{count} test(s): {line}")


@pytest.fixture(scope="session", autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests off the machine's settings, caches and identity, and the machine's off the tests."""
    own = tmp_path_factory.mktemp("isolated")
    who = {"NAME": "Maria Teste", "EMAIL": "maria@example.org"}
    environment = {
        "DVC_SITE_CACHE_DIR": str(own / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(own / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(own / "dvc-system"),
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "init.defaultBranch",
        "GIT_CONFIG_VALUE_0": "main",
        "OBSERVATUDO_LANG": "en",
        "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
        **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()},
    }
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background: all children would ignore it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository under test; read it, never write to it."""
    return ROOT


def clone_to(target: Path) -> Path:
    """Make ``target`` a repository with the files of this one as they stand, in one commit, and return it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for command in ("git init -q", "git add -A", "git commit -q -m start"):
        subprocess.run(command.split(), cwd=target, check=True)
    return target


def run_in(repository: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in a repository made by ``clone_to``, with that repository's own code."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of one's own, nothing run in it yet."""
    return clone_to(tmp_path / "clone")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that ``make`` fills, once for all workers of a test run: copy it, do not change it.

    A name belongs to one maker: two would be given each other's folder.
    """
    base = factory.getbasetemp()
    place = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "once" / name
    made, maker = place.with_name(f"{name}.made"), f"{make.__module__}.{make.__qualname__}"
    place.parent.mkdir(exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not made.exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            make(place)
            made.write_text(maker)
        assert made.read_text() == maker, f"{name} is made by {made.read_text()} already"
    return place


@pytest.fixture(scope="session")
def _built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        done = run_in(clone_to(folder / "clone"), "dvc repro && git add -A && git commit -q -m built")
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "built", make) / "clone"


@pytest.fixture
def built(_built_once: Path, tmp_path: Path) -> Path:
    """A repository of one's own in which the whole pipeline has been run and committed."""
    return Path(shutil.copytree(_built_once, tmp_path / "built", symlinks=True))
