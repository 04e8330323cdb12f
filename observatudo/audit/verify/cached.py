"""The objects that locks name: are they there, are they whole, are they what the run records saw."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from observatudo.audit.verify import objects
from observatudo.audit.verify.ledger import Vouched
from observatudo.audit.verify.locks import LockAt
from observatudo.audit.verify.memory import Hashes
from observatudo.audit.verify.report import Finding, Status
from observatudo.audit.verify.scene import Scene
from observatudo.i18n import _
from observatudo.journal import record_file
from observatudo.runs.inputs import listing_sha256
from observatudo.versions.lock import FOLDER, Out
from observatudo.versions.store import Entry


@dataclass
class Objects:
    """Every object that the locks of a scene name, with where each is used and what its bytes are."""

    scene: Scene
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    owners: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    cached: dict[str, Hashes | None] = field(default_factory=dict)
    in_remote: set[str] = field(default_factory=set)
    remote_hashes: dict[str, Hashes | None] = field(default_factory=dict)
    unreachable: str = ""
    _listings: dict[str, list[Entry] | None] = field(default_factory=dict)

    def look(self) -> None:
        """Find out the state of every object: first of listings, then of the files that these name."""
        for lock in self.scene.locks:
            for path, out in self.scene.outs(lock).items():
                self._use(out.md5, path, (path, out.md5))
        self._hash(list(self.names))
        for md5 in [md5 for md5 in self.names if md5.endswith(FOLDER)]:
            for entry in self.listing(md5) or []:
                for path, top in list(self.owners[md5]):
                    self._use(entry.md5, f"{path}/{entry.relpath}", (path, top))
        self._hash([md5 for md5 in self.names if md5 not in self.cached])
        if self.scene.deep:
            self._hash_remote()

    def _use(self, md5: str, name: str, owner: tuple[str, str]) -> None:
        self.names[md5].add(name)
        self.owners[md5].add(owner)

    def _hash(self, md5s: list[str]) -> None:
        paths = {md5: self.scene.store.path(md5) for md5 in md5s}
        hashes = self.scene.memory.files(paths.values())
        self.cached |= {md5: hashes[path] for md5, path in paths.items()}
        lacking = [md5 for md5 in md5s if self.cached[md5] is None]
        if lacking:
            self._ask_remote(lambda: self.in_remote.update(self._remote_has(lacking)))

    def _remote_has(self, md5s: list[str]) -> set[str]:
        return self.scene.remote.has(md5s) if self.scene.remote else set()

    def _hash_remote(self) -> None:
        remote = self.scene.remote
        if remote is not None:
            wanted = list(self.names)
            self._ask_remote(lambda: self.remote_hashes.update(remote.hashes(wanted, self.scene.memory)))

    def _ask_remote(self, work: Callable[[], object]) -> None:
        from dvc.exceptions import DvcException

        if self.unreachable:
            return
        try:
            work()
        except (OSError, DvcException) as error:
            self.unreachable = " ".join(str(error).split())[:160] or type(error).__name__

    def is_whole(self, md5: str) -> bool:
        """Say whether the cache has the object with the bytes that its name promises."""
        found = self.cached.get(md5)
        return found is not None and found.md5 == md5.removesuffix(FOLDER)

    def is_there(self, md5: str) -> bool:
        """Say whether the cache or the remote has the object, whatever its bytes."""
        return self.cached.get(md5) is not None or md5 in self.in_remote

    def listing(self, md5: str) -> list[Entry] | None:
        """Return the files of a folder's object, from the cache, else the remote; None for one that is not whole."""
        if md5 not in self._listings:
            text = self._listing_text(md5)
            self._listings[md5] = None if text is None else objects.entries(text)
        return self._listings[md5]

    def _listing_text(self, md5: str) -> bytes | None:
        if self.is_whole(md5):
            return self.scene.store.path(md5).read_bytes()
        remote = self.scene.remote
        if remote is None or not remote.has([md5]):
            return None
        text = remote.read(md5)
        right = hashlib.md5(text, usedforsecurity=False).hexdigest() == md5.removesuffix(FOLDER)
        return text if right else None

    @cached_property
    def outs(self) -> dict[tuple[str, str], Out]:
        """Every output of every lock, once per hash."""
        found = {}
        for lock in reversed(self.scene.locks):
            found.update({(path, out.md5): out for path, out in self.scene.outs(lock).items()})
        return found

    def findings(self) -> Iterator[Finding]:
        """Give everything that is wrong with the objects."""
        if self.unreachable:
            what = _("the remote cannot be asked: {why}").format(why=self.unreachable)
            yield Finding("note", "remote", what, self.scene.remote.name if self.scene.remote else "", "dvc status -c")
        for md5 in self.names:
            yield from self._in_cache(md5)
            yield from self._in_remote(md5)
        for lock in self.scene.locks:
            yield from self._sizes(lock)
        for path, md5 in self.outs:
            yield from self._against_records(path, md5)

    def _in_cache(self, md5: str) -> Iterator[Finding]:
        path = self._shown(md5)
        if self.cached[md5] is None:
            if md5 not in self.in_remote:
                what = _("an object is in neither cache nor remote")
                yield self._finding("missing", "object", what, md5, path, self._renew(md5))
            else:
                what = _("an object is in the remote only")
                yield self._finding("note", "object", what, md5, path, "dvc pull")
        elif not self.is_whole(md5):
            what = _("an object in the cache is not the bytes that were put there")
            yield self._finding("tampered", "object", what, md5, path, f"rm -f {path} && {self._renew(md5)}")
        elif md5.endswith(FOLDER) and self.listing(md5) is None:
            what = _("the listing of a folder cannot be read")
            yield self._finding("tampered", "object", what, md5, path, f"rm -f {path} && {self._renew(md5)}")

    def _shown(self, md5: str) -> str:
        """Return where an object is in the cache: from the repository's root, if the cache is inside."""
        path, root = self.scene.store.path(md5), self.scene.root.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def _in_remote(self, md5: str) -> Iterator[Finding]:
        remote = self.scene.remote
        if remote is None or md5 not in self.remote_hashes:
            return
        found = self.remote_hashes[md5]
        if found is None:
            if self.cached[md5] is not None:
                what = _("an object is in the cache only, not in the remote")
                yield self._finding("note", "remote", what, md5, remote.where(md5), "dvc push")
        elif found.md5 != md5.removesuffix(FOLDER):
            what = _("an object in the remote is not the bytes that were put there")
            mend = f"rm -f {remote.where(md5)} && dvc push" if remote.folder else "make push"
            yield self._finding("tampered", "remote", what, md5, remote.where(md5), mend)

    def _renew(self, md5: str) -> str:
        """Return the command that brings an object back: from the remote, else by running its stage again."""
        paths = sorted(path for path, _top in self.owners[md5])
        good = self.remote_hashes.get(md5)
        is_good = good is not None and good.md5 == md5.removesuffix(FOLDER)
        if is_good or (not self.remote_hashes and self._remote_has([md5])):
            return f"rm -rf {paths[0]} && dvc pull {paths[0]}"
        for lock in self.scene.locks:
            name = lock.made_by.get(paths[0])
            if name and lock.outs.get(paths[0], Out(path="")).md5 in {top for _path, top in self.owners[md5]}:
                if lock.commit in (None, self.scene.head):
                    return f"dvc repro --force --single-item {name}"
                return f"observatudo verify --rebuild {lock.name}"
        return "dvc pull"

    def _finding(self, status: Status, kind: str, what: str, md5: str, where: str, next_step: str) -> Finding:
        names = tuple(sorted(self.names[md5]))
        owners = self.owners[md5] | self._owners_ever.get(md5, set())
        versions = self.scene.versions_of(owners) if status in ("tampered", "missing") else ()
        return Finding(status, kind, what, where, next_step, md5, names, versions)

    @cached_property
    def _owners_ever(self) -> dict[str, set[tuple[str, str]]]:
        """Object → the folders of any version that hold it, as far as their listings are at hand."""
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for path, top in {named for names in self.scene.before.values() for named in names}:
            file = self.scene.store.path(top)
            for entry in (objects.entries(file.read_bytes()) or []) if top.endswith(FOLDER) and file.is_file() else []:
                found[entry.md5].add((path, top))
        return found

    def _sizes(self, lock: LockAt) -> Iterator[Finding]:
        """Hold sizes and numbers of files in the lock against the objects, where these are whole."""
        for path, out in self.scene.outs(lock).items():
            size, nfiles = self._size(out)
            if (out.size is not None and size is not None and out.size != size) or (
                out.nfiles is not None and nfiles is not None and out.nfiles != nfiles
            ):
                what = _("dvc.lock says another size or number of files than the object of {output} has").format(
                    output=path
                )
                yield Finding(
                    "tampered", "lock", what, lock.where, "git log -p -- dvc.lock", out.md5, (path,), _version(lock)
                )

    def _size(self, out: Out) -> tuple[int | None, int | None]:
        if not out.is_folder:
            found = self._bytes(out.md5)
            return (found.size if found else None), None
        listed = self.listing(out.md5)
        if listed is None:
            return None, None
        sizes = [found.size for entry in listed if (found := self._bytes(entry.md5)) is not None]
        return (sum(sizes) if len(sizes) == len(listed) else None), len(listed)

    def _bytes(self, md5: str) -> Hashes | None:
        """Return the hashes of an object's right bytes, from wherever they are."""
        plain = md5.removesuffix(FOLDER)
        for found in (self.cached.get(md5), self.remote_hashes.get(md5)):
            if found is not None and found.md5 == plain:
                return found
        return None

    def _sha256(self, md5: str) -> str | None:
        """Return what a run record would call the output with this hash; None when a part is not at hand."""
        if not md5.endswith(FOLDER):
            found = self._bytes(md5)
            return found.sha256 if found else None
        listed = self.listing(md5)
        if listed is None:
            return None
        hashes = {}
        for entry in listed:
            found = self._bytes(entry.md5)
            if found is None:
                return None
            hashes[entry.relpath] = found.sha256
        return listing_sha256(hashes)

    def _against_records(self, path: str, md5: str) -> Iterator[Finding]:
        """Hold an output's SHA-256 against every record that names it: a forged MD5 does not forge that too."""
        said = self.scene.vouching.get((path, md5), [])
        sha256 = self._sha256(md5)
        if sha256 is None or not said:
            return
        wrong = [vouched for vouched in said if vouched.output.sha256 != sha256]
        if len(wrong) == len(said):
            what = _("an output has the MD5 of its run record, but not the SHA-256")
            where = self._shown(md5)
            yield self._finding("tampered", "object", what, md5, where, f"rm -f {where} && {self._renew(md5)}")
            return
        for vouched in wrong:
            yield self._wrong_record(vouched, path, md5)

    def _wrong_record(self, vouched: Vouched, path: str, md5: str) -> Finding:
        run = vouched.record.run_id
        what = _("the record of run {run} says another SHA-256 of {output} than its bytes have").format(
            run=run, output=path
        )
        where = record_file(self.scene.root, run).relative_to(self.scene.root).as_posix()
        return Finding("tampered", "record", what, where, f"git log --oneline -- {where}", md5, (path,))


def _version(lock: LockAt) -> tuple[str, ...]:
    return (lock.name,)
