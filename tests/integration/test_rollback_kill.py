"""A rollback killed at any step: the old version or the new one, and the next command finishes or undoes it."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from observatudo.audit.rollback import apply, unfinished
from observatudo.audit.rollback.apply import Watch
from observatudo.audit.rollback.model import Request
from observatudo.audit.rollback.plan import effect
from observatudo.errors import ObservatudoError
from tests.conftest import ROOT
from tests.rollbacks import Tiny, World, state

CACHES = (".observatudo/warehouse.duckdb", ".observatudo/warehouse.receipt")
RECORD = "audit/runs/2026/11/r.json"


@dataclass(frozen=True)
class Scene:
    """A repository one rollback before and after: copies to work in, and both states to hold them against."""

    root: Path
    start: str
    old: dict[str, bytes]
    new: dict[str, bytes]
    steps: list[str]


def caches(root: Path) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in CACHES if (root / name).exists()}


def begin(folder: Path) -> Path:
    """Make a repository in which going back adds, removes and changes files of every kind."""
    tiny, world, chance = Tiny(folder, transform="transform"), World(), random.Random(7)
    world.add("a/um", chance)
    world.add("b/dois", chance)
    world.rows["a/um"]["3550308", 2015] = 1.0
    tiny.commit(world, "first")
    world.title["a/um"] = "Outro"
    del world.rows["a/um"]["3550308", 2015]
    world.rows["a/um"]["3304557", 2016] = 2.0
    for part in (world.rows, world.minimum, world.title, world.raw):
        part.pop("b/dois")
    world.add("c/tres", chance)
    world.code += 1
    tiny.commit(world, "second")
    tiny.past.write(RECORD, "{}\n")
    for name in CACHES:
        tiny.past.write(name, "as of the second")
    return folder


def told(root: Path, watch: Watch) -> None:
    apply.carry_out(root, effect(root, Request("HEAD~1")), "drill", watch)


def told_to_continue(root: Path, watch: Watch) -> None:
    apply.resume(root, watch)


def told_to_abort(root: Path, watch: Watch) -> None:
    apply.abort(root, watch)


def steps_of(root: Path) -> list[str]:
    steps: list[str] = []
    told(root, Watch(step=steps.append))
    return steps


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("kill")
    root = begin(folder / "start")
    done = Path(shutil.copytree(root, folder / "done"))
    steps = steps_of(done)
    tiny = commit_of(root)
    return Scene(root, tiny, state(root), state(done), steps)


def commit_of(root: Path, name: str = "HEAD") -> str:
    import git

    return str(git.Repo(root).commit(name).hexsha)


def killed(root: Path, act: Callable[[Path, Watch], None], at: int) -> bool:
    """Run in a process of its own that kills itself, as ``kill -9`` does, at a step; return whether it came so far."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["observatudo.audit.rollback.apply", "dvc.repo", __name__])
    process = context.Process(target=_until, args=(root, act, at))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def _until(root: Path, act: Callable[[Path, Watch], None], at: int) -> None:
    left = [at]

    def step(_name: str) -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    act(root, Watch(step=step))


def require(scene: Scene, root: Path, *, new: bool) -> None:
    """Hold a repository against one of the two states, down to Git's, DVC's and our own leftovers."""
    import git

    repo = git.Repo(root)
    assert state(root) == (scene.new if new else scene.old)
    assert (repo.head.commit.hexsha == scene.start) != new
    assert not new or repo.commit("HEAD~1").hexsha == scene.start
    assert repo.git.status("--porcelain", "--untracked-files=all") == ("" if new else f"?? {RECORD}")
    assert not (root / unfinished.INTENT).exists()
    assert caches(root) == ({} if new else caches(scene.root))


def test_the_steps_are_of_every_kind(scene: Scene) -> None:
    kinds = {step.split(" ")[0] for step in scene.steps}
    assert kinds >= {"prepare", "write", "put", "bring", "set", "move", "refresh", "forget", "clean"}


@pytest.mark.parametrize("part", [0.05, 0.5, 0.97])
def test_killed_it_can_be_finished_and_undone(scene: Scene, tmp_path: Path, part: float) -> None:
    kill_and_recover(scene, tmp_path, int(part * len(scene.steps)))


@pytest.mark.drill
def test_killed_at_every_step_it_can_be_finished_and_undone(scene: Scene, tmp_path: Path) -> None:
    for at in range(len(scene.steps)):
        kill_and_recover(scene, tmp_path / str(at), at)


def kill_and_recover(scene: Scene, folder: Path, at: int) -> None:
    root = Path(shutil.copytree(scene.root, folder / "cut"))
    assert killed(root, told, at), "it ended before"
    if not (root / unfinished.INTENT).exists():
        assert state(root) in (scene.old, scene.new)
        require(scene, root, new=state(root) == scene.new)
        return
    branch_moved = commit_of(root) != scene.start
    assert ("after its commit" if branch_moved else "before its commit") in apply.state(root)
    undone = Path(shutil.copytree(root, folder / "undone"))
    apply.abort(undone)
    require(scene, undone, new=False)
    assert apply.resume(root).commit == commit_of(root)
    require(scene, root, new=True)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(15))
def test_killed_again_while_it_is_finished_or_undone(scene: Scene, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    root = Path(shutil.copytree(scene.root, tmp_path / "cut"))
    killed(root, told, chance.randrange(2, len(scene.steps) - 1))
    for _turn in range(chance.randint(1, 4)):
        if (root / unfinished.INTENT).exists():
            killed(root, chance.choice((told_to_continue, told_to_abort)), chance.randrange(len(scene.steps)))
    if (root / unfinished.INTENT).exists():
        chance.choice((apply.resume, apply.abort))(root)
    require(scene, root, new=commit_of(root) != scene.start)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_time_with_what_it_started(scene: Scene, tmp_path: Path, seed: int) -> None:
    """Git's own processes die with it, and may leave half a file or a lock, which the next command names."""
    chance = random.Random(seed)
    root = Path(shutil.copytree(scene.root, tmp_path / "cut"))
    child = subprocess.Popen(
        [sys.executable, "-m", "observatudo.cli.app", "rollback", "HEAD~1", "--yes", "-m", "drill"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (root / unfinished.INTENT).exists() and child.poll() is None:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.2)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    act = chance.choice((apply.resume, apply.abort))
    while (root / unfinished.INTENT).exists():
        try:
            act(root)
        except ObservatudoError as error:
            assert error.where.endswith(".lock")
            Path(error.where).unlink()
    require(scene, root, new=commit_of(root) != scene.start)


def test_an_interrupt_leaves_nothing_behind(scene: Scene, tmp_path: Path) -> None:
    for name in ("move branch", scene.steps[len(scene.steps) // 2]):
        root = Path(shutil.copytree(scene.root, tmp_path / name.replace("/", "_")))

        def step(now: str, last: str = name) -> None:
            if now == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            told(root, Watch(step=step))
        require(scene, root, new=False)
        assert not (root / ".observatudo/rollback").exists()


def test_an_interrupt_at_the_very_end_is_too_late(scene: Scene, tmp_path: Path) -> None:
    """What was put aside is going by then: half of it must not be put back."""

    def step(name: str) -> None:
        if name == "clean up":
            raise KeyboardInterrupt

    root = Path(shutil.copytree(scene.root, tmp_path / "late"))
    with pytest.raises(KeyboardInterrupt):
        told(root, Watch(step=step))
    require(scene, root, new=True)
