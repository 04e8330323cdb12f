"""Clean states: all the conditions that honest work leaves a repository in; verify must complain of none."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from observatudo.warehouse import presence
from tests.tamper.repository import Small, copy

State = Callable[[Small, random.Random], None]


# --- states that take runs to make: made once


def uncommitted_run(small: Small) -> None:
    small.edit("params.yaml", "factor: 2", "factor: 4")
    small.repro()


def partial_run(small: Small) -> None:
    small.edit("params.yaml", "factor: 2", "factor: 6")
    small.run("dvc", "repro", "-q", "ingest@a/um")
    small.command("runs")  # closes it


def failed_run(small: Small) -> None:
    small.edit("params.yaml", "factor: 2", "factor: 0")
    small.repro(code=255)


def unpushed_run(small: Small) -> None:
    small.edit("stages/transform.py", "range(5)", "range(6)")
    small.commit("another mart")
    small.repro()
    small.commit("its run")


def renewed_snapshot(small: Small) -> None:
    small.snapshot("b/dois", {"z.csv": "ano,valor\n2020,4\n"})


def checked_out(small: Small) -> None:
    small.git("checkout", "-q", "HEAD~1")
    small.run("dvc", "checkout", "-q")


def pulled(small: Small) -> None:
    _clone(small)
    small.run("dvc", "pull", "-q")


MADE: dict[str, Callable[[Small], None]] = {
    "as built": lambda small: None,
    "after a run, nothing committed": uncommitted_run,
    "after a run of some stages": partial_run,
    "after a run that failed": failed_run,
    "after a run, committed, not pushed": unpushed_run,
    "with a snapshot renewed": renewed_snapshot,
    "at an older commit, its data checked out": checked_out,
    "cloned, data pulled": pulled,
}


QUICK = ("as built", "after a run, nothing committed", "with a snapshot renewed")


def make(source: Path, folder: Path, names: Sequence[str]) -> None:
    """Make them, each a folder like the one ``repository.build`` fills."""
    for name in names:
        MADE[name](copy(source, folder / str(list(MADE).index(name))))


# --- what may happen to any of them, and takes no time


def _clone(small: Small) -> None:
    """Put a fresh clone in the place of the repository."""
    shutil.rmtree(small.root)
    small.root.mkdir()
    small.git("clone", "-q", "--template=", "../origin.git", ".")
    small.git("config", "user.name", "Tester")
    small.git("config", "user.email", "tester@example.org")


def touched_objects(small: Small, chance: random.Random) -> None:
    files = sorted(file for file in (small.root / ".dvc").rglob("files/md5/*/*") if file.is_file())
    for file in chance.sample(files, len(files) // 2):
        os.utime(file)
        file.chmod(chance.choice([0o444, 0o644]))


def config_edited(small: Small, chance: random.Random) -> None:
    name = chance.choice(["configs/datasets/a/um.yaml", "configs/eixos.yaml", "params.yaml", "stages/ingest.py"])
    with (small.root / name).open("a") as file:
        file.write(f"# {chance.random()}\n")


def code_committed(small: Small, chance: random.Random) -> None:
    """Commit a change of what stages read without running them: the lock is stale."""
    config_edited(small, chance)
    small.git("commit", "-q", "-a", "-m", "to be run later")


def document_committed(small: Small, chance: random.Random) -> None:
    (small.root / "README.md").write_text(f"{chance.random()}\n")
    small.git("add", "README.md")
    small.git("commit", "-q", "-m", "words")


def branch_merged(small: Small, chance: random.Random) -> None:
    small.git("checkout", "-q", "-b", "side", "HEAD~1")
    document_committed(small, chance)
    small.git("checkout", "-q", "-")
    small.git("merge", "-q", "--no-edit", "side")


def on_a_branch(small: Small, chance: random.Random) -> None:
    """Stand on a branch from an older commit, with the data of the newer one in the work tree."""
    small.git("checkout", "-q", "-b", "side", "HEAD~1")
    document_committed(small, chance)


def detached(small: Small, chance: random.Random) -> None:
    small.git("checkout", "-q", "--detach")


def tagged(small: Small, chance: random.Random) -> None:
    small.git("tag", "-a", "-m", "words", f"v{chance.randrange(2, 99)}")


def without_remotes(small: Small, chance: random.Random) -> None:
    small.git("remote", "remove", "origin")
    (small.root / ".dvc/config").write_text("[core]\n    analytics = false\n")


def behind(small: Small, chance: random.Random) -> None:
    """Others have pushed meanwhile."""
    other = small.root.parent / "other"
    small.git("clone", "-q", "--template=", "../origin.git", str(other))
    (other / "README.md").write_text(f"{chance.random()}\n")
    small.git("-C", str(other), "add", "-A")
    small.git("-C", str(other), "-c", "user.name=O", "-c", "user.email=o@example.org", "commit", "-q", "-m", "theirs")
    small.git("-C", str(other), "push", "-q")
    small.git("fetch", "-q")


def diverged(small: Small, chance: random.Random) -> None:
    behind(small, chance)
    document_committed(small, chance)


def outputs_gone(small: Small, chance: random.Random) -> None:
    for name in chance.sample(["data/ingested", "data/marts", "data/warehouse"], 2):
        shutil.rmtree(small.root / name, ignore_errors=True)


def caches_gone(small: Small, chance: random.Random) -> None:
    shutil.rmtree(small.root / ".observatudo", ignore_errors=True)


def warehouse_gone(small: Small, chance: random.Random) -> None:
    (small.root / presence.WAREHOUSE).unlink(missing_ok=True)


def memory_damaged(small: Small, chance: random.Random) -> None:
    (small.root / ".observatudo").mkdir(exist_ok=True)
    (small.root / ".observatudo/verified.sqlite").write_bytes(chance.randbytes(chance.randrange(1, 4000)))


def strangers(small: Small, chance: random.Random) -> None:
    for name in ("notes.txt", "audit/runs/2026/11/.draft.tmp", "data/raw/a/um/.DS_Store"):
        (small.root / name).parent.mkdir(parents=True, exist_ok=True)
        (small.root / name).write_text(f"{chance.random()}\n")


def cloned(small: Small, chance: random.Random) -> None:
    _clone(small)


def shallow(small: Small, chance: random.Random) -> None:
    shutil.rmtree(small.root)
    small.root.mkdir()
    small.git("clone", "-q", "--template=", "--depth", "1", f"file://{small.root.parent / 'origin.git'}", ".")


def cache_pruned(small: Small, chance: random.Random) -> None:
    """Some objects are in the remote only."""
    pushed = {file.parent.name + file.name for file in (small.root.parent / "store").rglob("*") if file.is_file()}
    for file in sorted(file for file in (small.root / ".dvc").rglob("files/md5/*/*") if file.is_file()):
        if file.parent.name + file.name in pushed and chance.random() < 0.3:
            file.unlink()


FIRST: dict[str, State] = {"cloned": cloned, "shallow": shallow}  # of what was pushed: they undo the rest
ANY: dict[str, State] = {
    "objects touched": touched_objects,
    "config edited": config_edited,
    "document committed": document_committed,
    "branch merged": branch_merged,
    "on a branch": on_a_branch,
    "detached": detached,
    "tagged": tagged,
    "without remotes": without_remotes,
    "behind": behind,
    "diverged": diverged,
    "outputs gone": outputs_gone,
    "caches gone": caches_gone,
    "warehouse gone": warehouse_gone,
    "memory damaged": memory_damaged,
    "strangers": strangers,
    "cache pruned": cache_pruned,
    "code committed": code_committed,
}
_APART = {
    # need a history with a parent, or a work tree that Git can switch
    "shallow": {"branch merged", "on a branch", "behind", "diverged", "without remotes"},
    "cloned": {"without remotes"},  # which would be without its objects
    "without remotes": {"behind", "diverged", "cache pruned"},
    "cache pruned": {"without remotes"},
    "behind": {"diverged"},
    "on a branch": {"branch merged", "config edited", "detached", "diverged"},
    "branch merged": {"on a branch", "config edited"},
    "config edited": {"branch merged", "on a branch", "code committed"},
    "caches gone": {"memory damaged", "warehouse gone"},
}
_CLEAN_WORK_TREE = {"branch merged", "on a branch", "code committed"}


def draw(chance: random.Random, names: Sequence[str]) -> tuple[str, list[str]]:
    """Draw which of the made states to start from, and up to three things that happened to it."""
    name = chance.choice(names)
    happened = [chance.choice(sorted(FIRST))] if chance.random() < 0.15 else []
    for wanted in chance.sample(sorted(ANY), chance.randrange(4)):
        is_apart = any(wanted in _APART.get(other, ()) or other in _APART.get(wanted, ()) for other in happened)
        is_dirty = name not in ("as built", "after a run, committed, not pushed", "cloned, data pulled")
        if not is_apart and not (wanted in _CLEAN_WORK_TREE and is_dirty and not happened):
            happened.append(wanted)
    return name, _possible(name, happened)


def _possible(name: str, happened: list[str]) -> list[str]:
    if name == "cloned, data pulled" and "without remotes" in happened:
        happened.remove("without remotes")  # older objects are in the remote only
    if name == "at an older commit, its data checked out":
        return [one for one in happened if one not in ("behind", "diverged", *_CLEAN_WORK_TREE)]
    if name not in ("as built", "after a run, committed, not pushed", "cloned, data pulled"):
        return [one for one in happened if one not in _CLEAN_WORK_TREE or happened[0] in FIRST]
    return happened


def bring_about(made: Path, place: Path, name: str, happened: list[str], chance: random.Random) -> Small:
    """Copy a made state and have things happen to it."""
    small = copy(made / str(list(MADE).index(name)), place)
    for one in happened:
        (FIRST | ANY)[one](small, chance)
    return small
