"""Snapshots: bytes held against the sidecars that promise them, and both against Git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from observatudo import paths
from observatudo.audit.verify.contents import dvc_outs
from observatudo.audit.verify.gitdata import Blob
from observatudo.audit.verify.report import Finding
from observatudo.audit.verify.scene import Scene
from observatudo.i18n import _
from observatudo.runs.inputs import blob_hash
from observatudo.snapshots import SIDECAR, Snapshot

_SHORT = 8
_RAW = paths.RAW.as_posix()


def committed(scene: Scene, commit: str) -> Iterator[Finding]:
    """Give the snapshots of a commit whose bytes are not what their sidecars promise."""
    tree = scene.git.tree(commit, _RAW)
    for path in [path for path in tree if path.endswith(f"/{SIDECAR}")]:
        folder = path.rpartition("/")[0]
        sidecar = _parse(dict(scene.git.read([tree[path].sha]))[tree[path].sha], folder)
        at, log = (commit[:_SHORT],), f"git log -p -- {folder}"
        if sidecar is None:
            yield Finding("tampered", "snapshot", _("a snapshot's sidecar cannot be read"), path, log, versions=at)
            continue
        for name, promised in sidecar.files.items():
            file = f"{folder}/{name}"
            found = _committed_hash(scene, tree, file)
            if found is None:
                what = _("a file of a snapshot is in neither Git nor DVC")
                yield Finding("missing", "snapshot", what, file, log, versions=at)
            elif found != (promised.sha256, promised.bytes):
                what = _("a committed snapshot and its sidecar contradict each other")
                blamed = file if _is_vouched(scene, path, tree[path].sha) else path
                yield Finding("tampered", "snapshot", what, blamed, log, versions=at)


def _is_vouched(scene: Scene, sidecar: str, blob: str) -> bool:
    """Say whether a run used this sidecar as it is; before the first record, it is believed."""
    named = {record.evidence.get(sidecar) for record in scene.ledger.records} - {None}
    return not named or blob in named


def _committed_hash(scene: Scene, tree: Mapping[str, Blob], file: str) -> tuple[str, int] | None:
    """Return SHA-256 and size of a snapshot's file; of a large one, those of its object, where the cache has that."""
    if file in tree:
        return scene.contents.sha256(tree[file].sha), tree[file].size
    blob = tree.get(f"{file}.dvc")
    if blob is None:
        return None
    outs = dvc_outs(f"{file}.dvc", dict(scene.git.read([blob.sha]))[blob.sha])
    if not outs:
        return None
    stored = scene.store.path(outs[0].md5)
    found = scene.memory.files([stored])[stored]
    return (found.sha256, found.size) if found else ("", 0)


def _parse(text: bytes, folder: str) -> Snapshot | None:
    try:
        found = Snapshot.model_validate_json(text)
    except ValidationError:
        return None
    return found if f"{_RAW}/{found.dataset}" == folder else None


def work_tree(scene: Scene) -> Iterator[Finding]:
    """Give the snapshots of the work tree that differ from their sidecars, and the sidecars that differ from HEAD."""
    tree = scene.git.tree(scene.head, _RAW) if scene.head else {}
    root = scene.root
    folders = {path.rpartition("/")[0] for path in tree if path.endswith(f"/{SIDECAR}")}
    folders |= {file.parent.relative_to(root).as_posix() for file in (root / _RAW).rglob(SIDECAR)}
    for folder in sorted(folders):
        path = f"{folder}/{SIDECAR}"
        if (root / path).is_file():
            yield from _one(scene, tree, folder)
        elif any((root / folder).glob("*")):
            what = _("a snapshot's sidecar is gone from the work tree")
            yield Finding("missing", "snapshot", what, path, f"git restore -- {path}")
        else:
            what = _("a snapshot is gone from the work tree")
            yield Finding("missing", "snapshot", what, folder, f"git restore -- {folder}")


def _one(scene: Scene, tree: Mapping[str, Blob], folder: str) -> Iterator[Finding]:
    path = f"{folder}/{SIDECAR}"
    text = (scene.root / path).read_bytes()
    same = path in tree and blob_hash(scene.root / path) == tree[path].sha
    sidecar = _parse(text, folder)
    if sidecar is None:
        what = _("a snapshot's sidecar cannot be read")
        yield Finding("tampered", "snapshot", what, path, f"git restore -- {path}")
        return
    believed = _is_vouched(scene, path, blob_hash(scene.root / path))
    bad = list(_bad_files(scene, tree, folder, sidecar, believed=believed))
    yield from bad
    if not bad and not same and path in tree:
        what = _("a snapshot was changed since HEAD and is not committed")
        yield Finding("stale", "snapshot", what, path, f"git diff -- {folder}")
    for file in sorted((scene.root / folder).iterdir()):
        if file.name not in {*sidecar.files, *(f"{name}.dvc" for name in sidecar.files), SIDECAR, ".gitignore"}:
            what = _("a snapshot's sidecar does not know this file")
            yield Finding("note", "snapshot", what, f"{folder}/{file.name}", f"git status -- {folder}")


def _bad_files(
    scene: Scene, tree: Mapping[str, Blob], folder: str, sidecar: Snapshot, *, believed: bool
) -> Iterator[Finding]:
    """Give the files that are not as promised; or the sidecar, when no run used it and the file is as committed."""
    files: dict[str, Path] = {name: scene.root / folder / name for name in sidecar.files}
    hashes = scene.memory.files(files.values())
    for name, promised in sidecar.files.items():
        path, found = f"{folder}/{name}", hashes[files[name]]
        if found is None:
            if path not in tree and f"{path}.dvc" in tree:
                what = _("a large file of a snapshot is not in the work tree")
                yield Finding("note", "snapshot", what, path, f"dvc pull {path}.dvc")
                continue
            yield Finding("missing", "snapshot", _("a file of a snapshot is missing"), path, f"git restore -- {path}")
        elif (found.sha256, found.size) != (promised.sha256, promised.bytes):
            is_file_committed = path in tree and blob_hash(files[name]) == tree[path].sha
            blamed = f"{folder}/{SIDECAR}" if is_file_committed and not believed else path
            what = _("a snapshot and its sidecar contradict each other")
            mend = f"git restore -- {blamed}" if blamed in tree else f"dvc checkout {blamed}.dvc"
            yield Finding("tampered", "snapshot", what, blamed, mend)
