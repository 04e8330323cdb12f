"""Files of a snapshot that are too large for Git go to DVC, and come back to Git when they are small again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from observatudo import snapshots
from observatudo.dvccache import md5
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.snapshots import Changes, Snapshot

_MB = 1_000_000
_IGNORE = ".gitignore"


def settler(root: Path, limit_mb: float) -> Callable[[Snapshot, Changes], None]:
    """Return what ``snapshots.install`` calls when the files are in place; a repository without DVC keeps them in Git.

    What it raises (ObservatudoError, of DVC or Git) has left the ``.dvc`` files as they were.
    """

    def settle(snapshot: Snapshot, changes: Changes) -> None:
        if not (root / ".dvc").is_dir():
            return
        here = snapshots.folder(root, snapshot.dataset)
        large = {name for name, file in snapshot.files.items() if file.bytes > limit_mb * _MB}
        held = {path.name.removesuffix(".dvc") for path in here.glob("*.dvc")} - {""}
        moved = {*changes.added, *changes.changed}
        to_dvc = sorted(name for name in large if name in moved or not _is_held(here / name))
        to_git = sorted(held - large)
        if to_dvc or to_git:
            with _undone_on_failure(root, here, [name for name in to_dvc if name not in held]):
                _move(root, here, to_dvc, to_git)
            changes.to_dvc = [name for name in to_dvc if name not in held]
            changes.to_git = [name for name in to_git if name in snapshot.files]

    return settle


def _is_held(path: Path) -> bool:
    """Say whether the ``.dvc`` beside a file is about the bytes that are there: a fetch may have been cut off."""
    note = path.with_name(f"{path.name}.dvc")
    try:
        outs = yaml.safe_load(note.read_bytes())["outs"]
        return bool(outs[0]["size"] == path.stat().st_size and outs[0]["md5"] == md5(path))
    except (OSError, yaml.YAMLError, LookupError, TypeError):
        return False


def _move(root: Path, here: Path, to_dvc: list[str], to_git: list[str]) -> None:
    for name in to_git:
        _run(root, [sys.executable, "-m", "dvc", "remove", _shown(root, here / f"{name}.dvc")])
    _unstage(root, here, to_git)  # a move to DVC that was not committed has left their deletion there
    if to_dvc:
        files = [_shown(root, here / name) for name in to_dvc]
        if _in_git(root):
            _run(root, ["git", "rm", "--cached", "--quiet", "--ignore-unmatch", "--", *files])
        _run(root, [sys.executable, "-m", "dvc", "add", "--quiet", *files])


@contextmanager
def _undone_on_failure(root: Path, here: Path, added: list[str]) -> Iterator[None]:
    notes = [*here.glob("*.dvc"), *here.glob(_IGNORE)]
    with tempfile.TemporaryDirectory(dir=root / ".observatudo") as aside:
        for note in notes:
            shutil.copy2(note, aside)
        try:
            yield
        except BaseException:
            for made in [*here.glob("*.dvc"), *here.glob(_IGNORE)]:
                made.unlink()
            for note in notes:
                shutil.copy2(Path(aside) / note.name, note)
            _unstage(root, here, added)
            raise


def _unstage(root: Path, here: Path, names: list[str]) -> None:
    files = [_shown(root, here / name) for name in names]
    if files and _in_git(root):
        subprocess.run(["git", "reset", "--quiet", "--", *files], cwd=root, capture_output=True, check=False)


def _in_git(root: Path) -> bool:
    return (root / ".git").exists()


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _run(root: Path, command: list[str]) -> None:
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ObservatudoError(
            _("a large file of the snapshot could not be handed over to DVC") + "".join(f"\n  {line}" for line in said),
            next_step=_("the snapshot is as it was; wait until DVC is at work nowhere else, then fetch again"),
        )
