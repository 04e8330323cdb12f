"""The files of a version that Git holds: from a commit, from the disk, or from what a run record names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from observatudo.runs.inputs import blob_hash, blob_of

if TYPE_CHECKING:
    import git


class Tree(Protocol):
    """Files by path (relative to the repository, ``/``)."""

    def read(self, path: str) -> bytes | None:
        """Return the file's bytes, or None where it is not there."""

    def paths(self, place: str) -> dict[str, str]:
        """Return path → Git blob hash of the files at or under ``place``, in order of path."""


@dataclass(frozen=True)
class CommitTree:
    """The files of a commit; ``prefix`` is where in Git's repository ours stands (empty or ending in ``/``)."""

    repo: git.Repo
    commit: str
    prefix: str = ""

    def read(self, path: str) -> bytes | None:
        blob = self._at(path)
        if blob is None or blob.type != "blob":
            return None
        content: bytes = blob.data_stream.read()
        return content

    def paths(self, place: str) -> dict[str, str]:
        item = self._at(place)
        if item is None:
            return {}
        return {path.removeprefix(self.prefix): blob for path, blob in sorted(_blobs(item))}

    def _at(self, path: str) -> git.Blob | git.Tree | None:
        try:
            found: git.Blob | git.Tree = self.repo.commit(self.commit).tree.join(f"{self.prefix}{path}")
        except KeyError:
            return None
        return found


def _blobs(item: git.Blob | git.Tree | git.Submodule) -> Iterator[tuple[str, str]]:
    if item.type == "blob":
        yield str(item.path), item.hexsha
    elif item.type == "tree":
        for child in item:
            yield from _blobs(child)


@dataclass(frozen=True)
class DiskTree:
    """The files of a work tree as they are now, tracked or not."""

    root: Path

    def read(self, path: str) -> bytes | None:
        file = self.root / path
        if file.is_symlink():
            return _linked(file)
        return file.read_bytes() if file.is_file() else None

    def paths(self, place: str) -> dict[str, str]:
        start = self.root / place
        found = [start] if start.is_file() else sorted(start.rglob("*")) if start.is_dir() else []
        return {
            path.relative_to(self.root).as_posix(): blob_of(_linked(path)) if path.is_symlink() else blob_hash(path)
            for path in found
            if (path.is_file() or path.is_symlink()) and "__pycache__" not in path.parts
        }


def _linked(path: Path) -> bytes:
    """Git's blob of a link is where it leads."""
    return str(path.readlink()).encode()


@dataclass(frozen=True)
class RecordTree:
    """The files a run record names by blob hash; one that was never committed cannot be read.

    ``held`` are files whose content the record itself holds.
    """

    repo: git.Repo
    blobs: Mapping[str, str]
    held: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        if path in self.held:
            return self.held[path]
        blob = self.blobs.get(path)
        if blob is None:
            return None
        from gitdb.exc import BadObject

        try:
            content: bytes = self.repo.odb.stream(bytes.fromhex(blob)).read()
        except BadObject:
            return None
        return content

    def paths(self, place: str) -> dict[str, str]:
        return {
            path: blob for path, blob in sorted(self.blobs.items()) if path == place or path.startswith(f"{place}/")
        }
