"""The outputs in the work tree, held against its ``dvc.lock``: what is published from there should be what was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from observatudo.audit.verify.cached import Objects
from observatudo.audit.verify.locks import LockAt
from observatudo.audit.verify.report import Finding
from observatudo.audit.verify.scene import Scene
from observatudo.i18n import _
from observatudo.runs.inputs import blob_hash
from observatudo.versions.lock import Out, folder_md5


def check(scene: Scene, objects: Objects, lock: LockAt, at_work: set[str]) -> Iterator[Finding]:
    """Give the outputs that differ from the work tree's lock; ``at_work`` are stages of a run not yet over."""
    absent = []
    unfinished = scene.ledger.did_not_end_well() | at_work
    for path, out in lock.outs.items():
        if not out.md5:
            continue
        if not (scene.root / path).exists():
            if scene.is_in_git(lock, path):
                yield _gone(path)
            else:
                absent.append(path)
        elif not _is_as_committed(scene, lock, path, out):
            yield from _differing(scene, objects, lock, out, lock.made_by.get(path, "") in unfinished)
    if absent:
        what = _("{count} output(s) are not in the work tree").format(count=len(absent))
        yield Finding("note", "output", what, absent[0], "dvc checkout", outputs=tuple(absent))


def _gone(path: str) -> Finding:
    what = _("a file that was committed is gone from the work tree")
    return Finding("missing", "metrics", what, path, f"git restore -- {path}", outputs=(path,))


def _is_as_committed(scene: Scene, lock: LockAt, path: str, out: Out) -> bool:
    """Say whether Git holds this very file and line of the lock: then it is judged with the commit."""
    if scene.head is None or not scene.is_in_git(lock, path):
        return False
    before = {old.path: old.md5 for stage in lock.previous.values() for old in stage.outs}
    same_file = scene.git.tree(scene.head)[path].sha == blob_hash(scene.root / path)
    return same_file and before.get(path) == out.md5


def _differing(scene: Scene, objects: Objects, lock: LockAt, out: Out, is_unfinished: bool) -> Iterator[Finding]:
    files = _files(scene, out.path)
    found = files[""] if "" in files else folder_md5(files)
    if found == out.md5:
        return
    in_git = scene.is_in_git(lock, out.path)
    kind = "metrics" if in_git else "output"
    mend = f"git restore -- {out.path}" if in_git else f"rm -rf {out.path} && dvc checkout {out.path}"
    names = tuple(_names(objects, out, files))
    if is_unfinished:
        what = _("an output in the work tree is that of a run that did not end well")
        yield Finding("stale", kind, what, out.path, "dvc repro", out.md5, names)
    elif (out.path, found) in scene.made_anywhere:
        what = _("an output in the work tree is of another version than dvc.lock")
        yield Finding("stale", kind, what, out.path, "dvc checkout", out.md5, (out.path,))
    else:
        what = _("an output in the work tree is not what was made")
        yield Finding("tampered", kind, what, out.path, mend, out.md5, names)


def _files(scene: Scene, path: str) -> dict[str, str]:
    """Return name in the output → MD5; of a single file, with an empty name."""
    start = scene.root / path
    found = [start] if start.is_file() else sorted(file for file in start.rglob("*") if file.is_file())
    hashes = scene.memory.files(found)
    return {_name(file, start): known.md5 for file, known in hashes.items() if known is not None}


def _name(file: Path, start: Path) -> str:
    return "" if file == start else file.relative_to(start).as_posix()


def _names(objects: Objects, out: Out, files: dict[str, str]) -> Iterator[str]:
    """Give the output's files that differ; the output itself where its listing is not at hand."""
    listed = objects.listing(out.md5) if out.is_folder else None
    if listed is None:
        yield out.path
        return
    made = {entry.relpath: entry.md5 for entry in listed}
    for name in sorted(made.keys() | files.keys()):
        if made.get(name) != files.get(name):
            yield f"{out.path}/{name}"
