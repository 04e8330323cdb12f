"""The switch between two versions: a list of small steps, each of which can be done again and be undone.

Contents are ready and checked before the first step, so that it consists of renames. Going forward a file on disk is
put aside and the fresh one takes its place; going back the one aside returns. Where both were done already neither
is there, and nothing happens: that is how a switch cut off anywhere is finished or undone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from observatudo.audit.rollback.intent import Intent, aside, fresh, index
from observatudo.audit.rollback.model import Blob, FileChange, HeldFile
from observatudo.audit.rollback.plumbing import Plumbing

Step = Callable[[str], None]


def forward(root: Path, git: Plumbing, intent: Intent, step: Step) -> None:
    """Go to the new version: outputs, Git's files, its index, and last the branch."""
    for file in intent.held:
        _clear(root, file, step)
    for file in intent.held:
        _bring(root, file, step)
    for name in intent.caches if intent.warehouse != "untouched" else ():
        step(f"put aside {name}")
        _put_aside(root, name)
    step("write files")
    write_files(root, git, intent.files, index(root, "new"), new=True)
    step("set index")
    git.set_index({file.path: file.new for file in intent.files} | intent.records)
    step("move branch")
    if git.repo.commit(intent.branch).hexsha != intent.commit:
        git.move_branch(intent.branch, intent.commit, intent.start, f"rollback: to {intent.target[:8]}")
    step("refresh index")
    git.refresh()


def backward(root: Path, git: Plumbing, intent: Intent, step: Step) -> None:
    """Go back to the old version, in the opposite order."""
    step("move branch back")
    if git.repo.commit(intent.branch).hexsha == intent.commit:
        git.move_branch(intent.branch, intent.start, intent.commit, "rollback: undone")
    step("set index back")
    unborn: dict[str, Blob | None] = dict.fromkeys(intent.records)
    git.set_index({file.path: file.old for file in intent.files} | unborn)
    step("write files back")
    write_files(root, git, intent.files, index(root, "old"), new=False)
    for file in intent.held:
        _take_away(root, file, step)
    for file in intent.held:
        _return(root, file, step)
    for name in caches() if intent.warehouse != "untouched" else ():
        step(f"put back {name}")
        _put_back(root, name, was_there=name in intent.caches)
    step("refresh index back")
    git.refresh()


def caches() -> tuple[str, ...]:
    """Return the files that make up the warehouse on this machine."""
    from observatudo.warehouse import presence

    file = presence.WAREHOUSE.as_posix()
    return (file, f"{file}.wal", presence.BUILT_FROM.as_posix())


def write_files(root: Path, git: Plumbing, files: tuple[FileChange, ...], source: Path, *, new: bool) -> None:
    """Write Git's files from an index, and remove those that it does not have."""
    wanted = {file.path: file.new if new else file.old for file in files}
    for path in (path for path, blob in wanted.items() if blob is None):
        (root / path).unlink(missing_ok=True)
        _drop_empty(root, path)
    there = [path for path, blob in wanted.items() if blob is not None]
    if there:
        git.write_files(source, there)


def _clear(root: Path, file: HeldFile, step: Step) -> None:
    """Put aside what stands at a file's place, unless that was done before."""
    is_due = not file.new or fresh(root, file.path).exists()
    if file.old and is_due and not aside(root, file.path).exists():
        step(f"put aside {file.path}")
        _put_aside(root, file.path)
    if not file.new:
        _drop_empty(root, file.path)


def _bring(root: Path, file: HeldFile, step: Step) -> None:
    ready = fresh(root, file.path)
    if ready.exists():
        step(f"bring {file.path}")
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        ready.replace(root / file.path)


def _take_away(root: Path, file: HeldFile, step: Step) -> None:
    """Remove a file that the old version did not have, if it was brought."""
    if file.old is None and not fresh(root, file.path).exists():
        step(f"take away {file.path}")
        (root / file.path).unlink(missing_ok=True)
        _drop_empty(root, file.path)


def _return(root: Path, file: HeldFile, step: Step) -> None:
    if aside(root, file.path).exists():
        step(f"return {file.path}")
        _drop_in_the_way(root / file.path)
        _put_back(root, file.path, was_there=True)


def _drop_in_the_way(path: Path) -> None:
    """A folder may have come where a file was; what was in it is gone by now."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()


def _put_aside(root: Path, name: str) -> None:
    if (root / name).exists() or (root / name).is_symlink():
        aside(root, name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).replace(aside(root, name))


def _put_back(root: Path, name: str, *, was_there: bool) -> None:
    kept = aside(root, name)
    if kept.exists() or kept.is_symlink():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        kept.replace(root / name)
    elif not was_there:
        (root / name).unlink(missing_ok=True)


def _drop_empty(root: Path, path: str) -> None:
    """Remove the folders that held a file and hold nothing now, up to those at the top."""
    folder = (root / path).parent
    while folder != root and folder.parent != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
