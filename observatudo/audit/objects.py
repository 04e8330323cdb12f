"""Which objects of DVC's cache each version names: through its ``dvc.lock``, ``.dvc`` files and run records.

The files are searched for hashes, not parsed, so that one which is damaged still protects what it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.runs.inputs import blob_hash
from observatudo.versions import Versions
from observatudo.versions.lock import FILE, FOLDER

if TYPE_CHECKING:
    import git

_MD5 = re.compile(rb"""["']?md5["']?:\s*["']?([0-9a-f]{32}(?:\.dir)?)\b""")
_RUN = re.compile(rb'"run_id":\s*"([^"]+)"')
_COMMIT = re.compile(rb'"commit":\s*"([0-9a-f]{40})"')
_RECORDS = f"{paths.AUDIT_RUNS.as_posix()}/"
_IN_PROGRESS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")


def hashes(text: bytes) -> frozenset[str]:
    """Return every MD5 that a dvc.lock, a ``.dvc`` file or a run record names; of a folder it ends in ``.dir``."""
    return frozenset(found.decode() for found in _MD5.findall(text))


@dataclass(frozen=True)
class Recorded:
    """What a run record names: its run, the commit it began from, its outputs' hashes."""

    run: str
    commit: str | None
    hashes: frozenset[str]


@dataclass(frozen=True)
class Files:
    """Git's files of one commit that name objects, as blob hashes."""

    naming: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()

    def __or__(self, other: Files) -> Files:
        return Files(self.naming | other.naming, self.records | other.records)


@dataclass
class History:
    """The commits of a repository and the objects each names; every file of Git is read once."""

    versions: Versions
    _files: dict[tuple[str, str], Files] = field(default_factory=dict)
    _named: dict[str, frozenset[str]] = field(default_factory=dict)
    _recorded: dict[str, Recorded] = field(default_factory=dict)
    _listed: dict[str, frozenset[str] | None] = field(default_factory=dict)

    @property
    def _repo(self) -> git.Repo:
        return self.versions.repo

    def tips(self) -> list[str]:
        """Return the commits that have a name: every reference, HEADs of work trees, stashes, a merge's sides."""
        found = set(self._repo.git.rev_list("--no-walk", "--all").split())
        trees = self._repo.git.worktree("list", "--porcelain").splitlines()
        heads = {line.split()[1] for line in trees if line.startswith("HEAD ")}
        found |= {head for head in heads if set(head) != {"0"}}  # one without a commit yet
        if self._has("refs/stash"):
            found |= set(self._repo.git.rev_list("--walk-reflogs", "refs/stash").split())
        return sorted(found | {self._repo.git.rev_parse(name) for name in _IN_PROGRESS if self._has(name)})

    def everything(self) -> list[str]:
        """Return all commits that a name leads to, newest first."""
        return self.commits(*self.tips())

    def whole(self) -> set[str]:
        """Return the hashes that anything here names: all commits, their run records, the work tree."""
        found = set(self.workspace()).union(*(record.hashes for record in self.records_on_disk().values()))
        for commit in self.everything():
            found |= self.named(commit)
            for record in self.records(commit):
                found |= record.hashes
        return found

    def commits(self, *arguments: str) -> list[str]:
        """Return the commits that ``git rev-list`` gives for the arguments, newest first; none without arguments."""
        if not arguments:
            return []
        words: list[str] = self._repo.git.rev_list("--date-order", *arguments).split()
        return words

    def _has(self, reference: str) -> bool:
        import git

        try:
            self._repo.git.rev_parse("--verify", "--quiet", f"{reference}^{{commit}}")
        except git.GitCommandError:
            return False
        return True

    def named(self, commit: str) -> frozenset[str]:
        """Return the hashes that a commit's dvc.lock and ``.dvc`` files name; folders are not opened."""
        return frozenset[str]().union(*(self._hashes(blob) for blob in self.files(commit).naming))

    def records(self, commit: str) -> list[Recorded]:
        """Return what the run records of a commit name."""
        return [self._record(blob) for blob in sorted(self.files(commit).records)]

    def files(self, commit: str) -> Files:
        return self._walk(self._repo.commit(commit).tree, "")

    def _walk(self, tree: git.Tree, place: str) -> Files:
        key = (tree.hexsha, place)  # the same folder may stand in two places, and only one is that of records
        if key not in self._files:
            found = Files()
            for item in tree:
                found |= self._one(item, f"{place}{item.name}")
            self._files[key] = found
        return self._files[key]

    def _one(self, item: git.Tree | git.Blob | git.Submodule, path: str) -> Files:
        if item.type == "tree":
            return self._walk(item, f"{path}/")
        if item.type != "blob":
            return Files()
        name = path.rpartition("/")[2]
        if name == FILE or name.endswith(".dvc"):
            return Files(naming=frozenset({item.hexsha}))
        is_record = path.startswith(self.versions.prefix + _RECORDS) and name.endswith(".json")
        return Files(records=frozenset({item.hexsha})) if is_record else Files()

    def _read(self, blob: str) -> bytes:
        content: bytes = self._repo.odb.stream(bytes.fromhex(blob)).read()
        return content

    def _hashes(self, blob: str) -> frozenset[str]:
        if blob not in self._named:
            self._named[blob] = hashes(self._read(blob))
        return self._named[blob]

    def _record(self, blob: str) -> Recorded:
        if blob not in self._recorded:
            self._recorded[blob] = recorded(self._read(blob))
        return self._recorded[blob]

    def workspace(self) -> frozenset[str]:
        """Return the hashes that the work tree names, and Git's index (both sides of a conflict); not its records."""
        texts = [path.read_bytes() for path in self._on_disk()]
        staged = self._repo.index.entries.items()
        texts += [self._read(blob.hexsha) for (path, _stage), blob in staged if _names(str(path))]
        return frozenset[str]().union(*map(hashes, texts))

    def _on_disk(self) -> Iterator[Path]:
        import os

        for folder, below, files in os.walk(self.versions.root):
            below[:] = [name for name in below if name not in (".git", ".dvc", ".venv")]
            yield from (Path(folder, name) for name in files if _names(name))

    def records_on_disk(self) -> dict[str, Recorded]:
        """Return what the run records of the work tree name, by blob hash; those not committed yet are among them."""
        files = (self.versions.root / paths.AUDIT_RUNS).rglob("*.json")
        return {blob_hash(path): recorded(path.read_bytes()) for path in files}

    @cached_property
    def unknown(self) -> set[str]:
        """Folders' hashes whose listings ``expand`` did not find in the cache, or found damaged."""
        return set()

    def expand(self, named: Iterable[str]) -> set[str]:
        """Return the hashes and, of folders, those of their files; what is not in the cache is noted in ``unknown``.

        A listing that the cache lacks is not pulled.
        """
        found = set(named)
        for folder in [md5 for md5 in found if md5.endswith(FOLDER)]:
            files = self._listing(folder)
            if files is None:
                self.unknown.add(folder)
            else:
                found |= files
        return found

    def _listing(self, folder: str) -> frozenset[str] | None:
        if folder not in self._listed:
            store = self.versions.store
            try:
                known = store.has(folder)
                self._listed[folder] = frozenset(entry.md5 for entry in store.listing(folder)) if known else None
            except ObservatudoError:  # damaged: `verify` is who says so
                self._listed[folder] = None
        return self._listed[folder]


def recorded(text: bytes) -> Recorded:
    """Return what a run record's text names."""
    run, commit = _RUN.search(text), _COMMIT.search(text)
    return Recorded(
        run[1].decode(errors="replace") if run else "?", commit[1].decode() if commit else None, hashes(text)
    )


def _names(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name == FILE or name.endswith(".dvc")
