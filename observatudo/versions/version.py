"""One version: a commit, an experiment, a run, the workspace, or a path that stands outside Git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from observatudo import dvccache
from observatudo.versions import disk
from observatudo.versions.lock import FILE, Lock, Out, read_lock
from observatudo.versions.store import Entry, Store
from observatudo.versions.trees import Tree

Kind = Literal["commit", "experiment", "run", "workspace", "path"]


@dataclass(frozen=True)
class Version:
    """What was asked for, and how to read it.

    ``root`` is the repository (of a path: that folder or file), ``commit`` the one behind it (of the workspace: HEAD),
    ``tree`` reads what Git holds and ``store`` what DVC holds. ``given`` are outputs known from a run record.
    """

    name: str
    kind: Kind
    root: Path
    tree: Tree
    store: Store
    commit: str | None = None
    date: str | None = None
    author: str | None = None
    subject: str | None = None
    given: Mapping[str, Out] = field(default_factory=dict)

    def text(self, path: str) -> bytes | None:
        """Return the bytes of a file that Git holds, or None where this version has none."""
        return self.tree.read(path)

    @cached_property
    def lock(self) -> Lock:
        """The version's dvc.lock; empty where there is none. Raises ObservatudoError when it cannot be read."""
        if self.given:
            return Lock(outs=self.given)
        return read_lock(self.text(FILE), f"{self.name}:{FILE}" if self.kind == "commit" else FILE)

    @property
    def on_disk(self) -> bool:
        """Say whether outputs are read as they stand in a work tree, not by hash."""
        return self.kind in ("workspace", "path")

    def files(self, path: str) -> list[Entry]:
        """Return the files of the output at ``path``, in order of name; of a single file, one with an empty name.

        On disk they are hashed as they are now. Raises Missing when the listing is in neither cache nor remote.
        """
        if self.on_disk:
            return self._files_on_disk(path)
        out = self.lock.outs.get(path)
        if out is None or not out.md5:
            return []
        return self.store.listing(out.md5, path) if out.is_folder else [Entry(relpath="", md5=out.md5)]

    def _files_on_disk(self, path: str) -> list[Entry]:
        start = self.root / path
        found = [start] if start.is_file() else sorted(file for file in start.rglob("*") if file.is_file())
        # nothing is written beside files that are not this repository's
        hashes = (
            disk.md5s(self.root, found)
            if self.root == self.store.root
            else {file: dvccache.md5(file) for file in found}
        )
        entries = [
            Entry(relpath="" if file == start else file.relative_to(start).as_posix(), md5=hashes[file])
            for file in found
        ]
        return sorted(entries, key=lambda entry: entry.relpath)

    def local(self, path: str, entry: Entry) -> Path:
        """Return the file that holds an entry's bytes, pulled when the cache lacks it. Raises Missing."""
        if self.on_disk:
            return self.root / path / entry.relpath if entry.relpath else self.root / path
        return self.store.get(entry.md5, f"{path}/{entry.relpath}".rstrip("/"))
