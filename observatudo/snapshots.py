"""Snapshots: the bytes as published, and the sidecar that says what they are and where they came from.

A snapshot is a folder ``data/raw/<fonte>/<dataset>/`` with its files and ``snapshot.json``. Its bytes
are never edited; ``verify`` refuses a folder that no longer is what its sidecar promises.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from observatudo import paths, wholefile
from observatudo.config import FileName
from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.runs.inputs import file_sha256, listing_sha256

SIDECAR = "snapshot.json"


class SnapshotFile(BaseModel):
    """One file: SHA-256, size in bytes, the source that gave it, and its path inside that source.

    What comes over HTTP also has its address, the validators that came with it (``etag``, ``last_modified``) and when
    these bytes came (UTC); ``version`` is what the publisher itself calls its edition, or when it says it changed it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    sha256: str
    bytes: int
    origin: str
    member: str | None = None
    url: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    version: str | None = None
    fetched_at: str | None = None


_OF_HTTP = ("url", "etag", "last_modified", "version", "fetched_at")


class Snapshot(BaseModel):
    """The content of a sidecar; ``fetched_at`` is when the files last changed, UTC, to the second."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    dataset: str
    connector: str
    source: dict[str, JsonValue]
    publisher: str
    license: str
    citation: str
    fetched_at: str
    files: dict[FileName, SnapshotFile]

    @property
    def sha256(self) -> str:
        """One hash for the whole snapshot: of its files' names and hashes, in order of name."""
        return listing_sha256({name: file.sha256 for name, file in self.files.items()})

    def to_json(self) -> str:
        """Return the sidecar's text; the same snapshot is always the same text."""
        content = self.model_dump()
        for file in content["files"].values():
            for key in [key for key in _OF_HTTP if file[key] is None]:
                del file[key]  # a package's files have none of them
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@dataclass
class Changes:
    """What taking a snapshot did to its folder: names of files, and whether the sidecar was rewritten.

    ``to_dvc`` and ``to_git`` went from one to the other because of their size.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    to_dvc: list[str] = field(default_factory=list)
    to_git: list[str] = field(default_factory=list)
    sidecar: bool = False

    def __bool__(self) -> bool:
        return self.has_data or bool(self.to_dvc or self.to_git or self.sidecar)

    @property
    def has_data(self) -> bool:
        """Say whether a byte of the data differs."""
        return bool(self.added or self.changed or self.removed)


def folder(root: Path, key: str) -> Path:
    """Return the folder of the snapshot of ``fonte/dataset``."""
    return root / paths.RAW / key


def now() -> str:
    """Return the time as sidecars write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """Give a temporary folder on the repository's own disk, where files are made ready before ``install``."""
    caches = root / ".observatudo"
    caches.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=caches) as name:
        yield Path(name)


def describe(path: Path, origin: str, member: str | None = None) -> SnapshotFile:
    """Return what a sidecar says of a file."""
    return SnapshotFile(sha256=file_sha256(path), bytes=path.stat().st_size, origin=origin, member=member)


def read(root: Path, key: str) -> Snapshot:
    """Read the sidecar without looking at the files; raises SnapshotError when it is missing or unreadable."""
    path = folder(root, key) / SIDECAR
    try:
        snapshot = Snapshot.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise SnapshotError(
            _("there is no snapshot of “{key}”").format(key=key),
            where=_shown(root, path),
            next_step=f"observatudo fetch {key}",
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        what = ".".join(str(part) for part in first["loc"]) or SIDECAR
        raise _broken(
            root,
            key,
            path,
            _("the sidecar cannot be read: {what}: {why}").format(what=what, why=first["msg"]),
        ) from None
    if snapshot.dataset != key:
        raise _broken(
            root,
            key,
            path,
            _("the sidecar belongs to another dataset, “{other}”").format(other=snapshot.dataset),
        )
    return snapshot


def intact(root: Path, snapshot: Snapshot) -> dict[str, SnapshotFile]:
    """Return the files of a snapshot that are there, byte for byte as its sidecar promises."""
    here = folder(root, snapshot.dataset)
    paths_of = {name: here / name for name in snapshot.files}
    return {
        name: snapshot.files[name]
        for name, path in paths_of.items()
        if path.is_file() and file_sha256(path) == snapshot.files[name].sha256
    }


def verify(root: Path, key: str) -> Snapshot:
    """Return the snapshot of ``fonte/dataset`` after reading every byte of it.

    Raises SnapshotError when the sidecar or a file is missing, a file's bytes are not those the
    sidecar promises, or a file stands there that the sidecar does not know.
    """
    snapshot = read(root, key)
    here = folder(root, key)
    for name, promised in snapshot.files.items():
        path = here / name
        if not path.is_file():
            raise _broken(root, key, path, _("a file of the snapshot is missing"))
        found = file_sha256(path)
        if found != promised.sha256:
            raise _broken(
                root,
                key,
                path,
                _(
                    "the snapshot's bytes are not what its sidecar promises: expected SHA-256 {expected}, found {found}"
                ).format(expected=promised.sha256, found=found),
            )
    strangers = sorted(path for path in here.iterdir() if _stranger(path, snapshot))
    if strangers:
        raise _broken(root, key, strangers[0], _("the snapshot's sidecar does not know this file"))
    return snapshot


def install(
    root: Path, snapshot: Snapshot, staged: Path, settle: Callable[[Snapshot, Changes], None] | None = None
) -> Changes:
    """Make ``staged`` (a folder on the same disk, holding every file) the snapshot, and say what changed.

    Files that are the same are not touched, and ``fetched_at`` is kept when none has changed. ``settle`` is called
    when the files are in place; what it raises, or a disk that is full, brings the old files back. The
    sidecar goes last: an interruption in between leaves a folder that ``verify`` refuses, never one
    that passes for whole.
    """
    here = folder(root, snapshot.dataset)
    here.mkdir(parents=True, exist_ok=True)
    before = standing(root, snapshot.dataset)
    if before is not None and before.files == snapshot.files:
        snapshot = snapshot.model_copy(update={"fetched_at": before.fetched_at})
    changes = _planned(here, snapshot, before)
    aside = Path(tempfile.mkdtemp(prefix=".", dir=staged))
    try:
        for name in [*changes.changed, *changes.removed]:
            (here / name).replace(aside / name)
        for name in [*changes.added, *changes.changed]:
            (staged / name).replace(here / name)
        if settle is not None:
            settle(snapshot, changes)
        changes.sidecar = _write_sidecar(here / SIDECAR, snapshot)
    except BaseException:
        _bring_back(here, aside, changes)
        raise
    return changes


def _planned(here: Path, snapshot: Snapshot, before: Snapshot | None) -> Changes:
    changes = Changes()
    for name, wanted in sorted(snapshot.files.items()):
        target = here / name
        if target.is_file() and file_sha256(target) == wanted.sha256:
            continue
        (changes.changed if target.exists() else changes.added).append(name)
    known = before.files if before is not None else {}
    changes.removed = [path.name for path in sorted(here.iterdir()) if _stranger(path, snapshot) and path.name in known]
    return changes


def _bring_back(here: Path, aside: Path, changes: Changes) -> None:
    for name in changes.added:
        (here / name).unlink(missing_ok=True)
    for old in aside.iterdir():
        old.replace(here / old.name)


def _write_sidecar(path: Path, snapshot: Snapshot) -> bool:
    text = snapshot.to_json()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    wholefile.write(path, text)
    return True


def standing(root: Path, key: str) -> Snapshot | None:
    """The sidecar that stands there now; a broken one counts as none, since a new one is about to replace it."""
    try:
        return read(root, key)
    except SnapshotError:
        return None


def _stranger(path: Path, snapshot: Snapshot) -> bool:
    # a file too large for Git has its `.dvc` beside it
    known = {*snapshot.files, *(f"{name}.dvc" for name in snapshot.files), SIDECAR}
    return path.name not in known and not path.name.startswith(".")


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _broken(root: Path, key: str, path: Path, message: str) -> SnapshotError:
    return SnapshotError(
        message,
        where=_shown(root, path),
        next_step=_("git checkout -- {folder}   (the committed bytes), or observatudo fetch {key}   (anew)").format(
            folder=_shown(root, folder(root, key)), key=key
        ),
    )
