"""Outputs and snapshots that DVC holds: which a version has, how the disk differs, whether their bytes are whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from observatudo import paths
from observatudo.audit.rollback import places
from observatudo.audit.rollback.model import Blob, HeldFile, Request
from observatudo.audit.verify.memory import Memory
from observatudo.audit.verify.objects import damaged
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import listing_sha256
from observatudo.versions import Out, Store, Version, disk
from observatudo.versions.lock import FOLDER
from observatudo.versions.store import Missing
from observatudo.yamlfile import plain

_POINTER = ".dvc"
_RECORDS = 100  # so many of the newest run records are looked at


class _Pointer(BaseModel):
    """A ``.dvc`` file, as ``dvc add`` writes it."""

    model_config = ConfigDict(extra="ignore")

    outs: list[Out] = []


class _Declared(BaseModel):
    model_config = ConfigDict(extra="ignore")

    stages: dict[str, object] = {}
    datasets: dict[str, object] = {}


def of_version(version: Version, files: Mapping[str, Blob], request: Request, *, declared: bool) -> dict[str, Out]:
    """Return path → what DVC holds there in a version, as far as the request reaches.

    ``files`` are Git's in that version: what Git holds itself (metrics) is left out. With ``declared``, what
    ``dvc.lock`` keeps of stages and datasets that the version declares no more is only there if the cache has it:
    nobody promised to keep their bytes. Raises ObservatudoError for a damaged ``.dvc`` file.
    """
    found = dict(_snapshots(version, files, request)) if request.config else {}
    if request.data:
        made_by, known = version.lock.made_by, _declared(version) if declared else None
        found |= {
            path: out
            for path, out in version.lock.outs.items()
            if out.md5
            and path not in files
            and (_reaches(made_by[path], known, request.dataset) or (not request.dataset and _is_cached(version, out)))
        }
    return found


def _is_cached(version: Version, out: Out) -> bool:
    store = version.store
    return store.has(out.md5) and all(store.has(md5) for _name, md5 in entries(store, out, out.path))


def _declared(version: Version) -> _Declared:
    """Read which stages and datasets a version declares, leniently: its files need not suit today's models."""
    found: dict[str, object] = {}
    for path, key in (("dvc.yaml", "stages"), (places.PARAMS, "datasets")):
        content = _plain(version.text(path))
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            found[key] = {str(name): None for name in content[key]}
    return _Declared.model_validate(found)


def _plain(text: bytes | None) -> object:
    try:
        return plain(text or b"")
    except yaml.YAMLError:
        return None


def _reaches(stage: str, declared: _Declared | None, dataset: str) -> bool:
    verb, _at, key = stage.partition("@")
    if dataset:
        return stage == f"ingest@{dataset}"
    if declared is None:
        return True
    return verb in declared.stages and (not key or not declared.datasets or key in declared.datasets)


def _snapshots(version: Version, files: Mapping[str, Blob], request: Request) -> Iterator[tuple[str, Out]]:
    for path in files:
        if path.startswith(f"{places.SNAPSHOTS}/") and path.endswith(_POINTER):
            for out in _pointed(version, path):
                place = (PurePosixPath(path).parent / out.path).as_posix()
                own = f"{places.SNAPSHOTS}/{request.dataset}"
                if not request.dataset or place == own or place.startswith(f"{own}/"):
                    yield place, out


def _pointed(version: Version, path: str) -> list[Out]:
    try:
        return _Pointer.model_validate(_plain(version.text(path)) or {}).outs
    except ValidationError:
        raise ObservatudoError(
            _("this file of DVC cannot be read"), where=f"{version.name}:{path}", next_step=f"git log -- {path}"
        ) from None


def pull_listings(store: Store, outs: Mapping[str, Out]) -> int:
    """Have the listings of these folders in the cache, whole; return how many came from the remote. Raises Missing."""
    folders = {out.md5: path for path, out in outs.items() if out.is_folder}
    count = _pull(store, folders)
    require_whole(store, folders)
    return count


def pull_files(store: Store, files: Iterable[HeldFile], outs: Mapping[str, Out]) -> int:
    """Have what will be restored in the cache; return how many objects came from the remote. Raises Missing.

    The rest of the outputs stands on disk as it is to be, and is pulled if that can be: DVC's status wants it all.
    """
    count = _pull(store, {file.new: file.path for file in files if file.new})
    with suppress(Missing):
        count += _pull(store, {md5: path for path, out in outs.items() for _name, md5 in entries(store, out, path)})
    return count


def _pull(store: Store, names: Mapping[str, str]) -> int:
    lacking = {md5: name for md5, name in names.items() if not store.has(md5)}
    store.pull(lacking, _named(sorted(lacking.values())))
    return len(lacking)


def _named(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:3]) + ("…" if len(found) > 3 else "")


def entries(store: Store, out: Out, path: str) -> list[tuple[str, str]]:
    """Return the names inside an output (empty for a single file) and their hashes. Raises Missing."""
    if out.is_folder:
        return [(entry.relpath, entry.md5) for entry in store.listing(out.md5, path)]
    return [("", out.md5)]


def require_whole(store: Store, names: Mapping[str, str]) -> None:
    """Read objects (MD5 → a name for people). Raises ObservatudoError when one is not what its name says."""
    bad = damaged(store, names)
    if bad:
        first = bad[0]
        raise ObservatudoError(
            _("{count} object(s) in DVC's cache are not the bytes that were put there: {names}").format(
                count=len(bad), names=_named(names[problem.md5] for problem in bad)
            )
            + "\n"
            + _("  {name}: expected MD5 {expected}, found {found}").format(
                name=names[first.md5], expected=first.md5.removesuffix(FOLDER), found=first.found or "–"
            ),
            where=str(first.path),
            next_step="observatudo verify --deep",
        )


def differing(root: Path, store: Store, now: Mapping[str, Out], then: Mapping[str, Out]) -> tuple[HeldFile, ...]:
    """Return the files on disk, under any of these outputs, that are not as they will be; in order of path."""
    found = sorted({file for path in {*now, *then} for file in _on_disk(root / path)})
    hashes = {file.relative_to(root).as_posix(): md5 for file, md5 in disk.md5s(root, found).items()}
    wanted = {
        f"{path}/{name}".rstrip("/"): md5 for path, out in then.items() for name, md5 in entries(store, out, path)
    }
    return tuple(
        HeldFile(path, hashes.get(path), wanted.get(path))
        for path in sorted(hashes.keys() | wanted.keys())
        if hashes.get(path) != wanted.get(path)
    )


def _on_disk(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return [path for path in place.rglob("*") if path.is_file()]


def require_safe(store: Store, files: Iterable[HeldFile]) -> None:
    """Read what will be restored, and make sure that what it replaces is in the cache too.

    Raises ObservatudoError for an object whose bytes are not what its name says, and for a file whose bytes would be
    lost: they are an edit, or a result that was never kept.
    """
    listed = list(files)
    require_whole(store, {file.new: file.path for file in listed if file.new})
    memory = Memory(store.root)
    kept = {path: found.md5 if found else "" for path, found in memory.files(_objects(store, listed)).items()}
    memory.save()
    lost = [file.path for file in listed if file.old and kept[store.path(file.old)] != file.old]
    if lost:
        raise ObservatudoError(
            _("only this folder has these bytes, and a rollback would lose them: {names}").format(names=_named(lost)),
            where=lost[0],
            next_step=_("dvc checkout --force   (drops them), or dvc commit and git commit   (keeps them)"),
        )


def _objects(store: Store, files: Iterable[HeldFile]) -> list[Path]:
    return [store.path(file.old) for file in files if file.old]


def require_recorded(then: Version, outs: Mapping[str, Out]) -> None:
    """Hold outputs that will be restored against the SHA-256 that the run which made them left in its record.

    DVC's MD5 can be forged, the two together not. Outputs that no record of that version names are left alone.
    Raises ObservatudoError for other bytes.
    """
    memory = Memory(then.root)
    waiting = dict(outs)
    for blob in list(reversed(list(then.tree.paths(paths.AUDIT_RUNS.as_posix()).items())))[:_RECORDS]:
        if not waiting:
            break
        for path, promised in _promised(then.text(blob[0]), waiting).items():
            _require_sha256(then.store, memory, path, waiting.pop(path), promised)
    memory.save()


def _promised(text: bytes | None, outs: Mapping[str, Out]) -> dict[str, str]:
    """Return path → SHA-256 of those outputs that a run record names with the same MD5."""
    from observatudo.runs.model import Record

    try:
        record = Record.model_validate_json(text or b"")
    except ValidationError:
        return {}  # `verify` is who judges records
    return {path: made.sha256 for path, made in record.outputs.items() if path in outs and made.md5 == outs[path].md5}


def _require_sha256(store: Store, memory: Memory, path: str, out: Out, promised: str) -> None:
    named = entries(store, out, path)
    # what does not change need not be in the cache: on disk it was found to have its MD5
    where = {name: store.path(md5) if store.has(md5) else store.root / path / name for name, md5 in named}
    hashes = memory.files(where.values())
    found = {name: one.sha256 for name, place in where.items() if (one := hashes[place])}
    real = listing_sha256(found) if out.is_folder else found.get("", "")
    if real != promised:
        raise ObservatudoError(
            _("{path} is not what its run recorded: expected SHA-256 {expected}, found {found}").format(
                path=path, expected=promised, found=real
            ),
            where=str(store.path(out.md5)),
            next_step="observatudo verify --deep",
        )
