"""What one verification looks at, opened once: Git, the cache, the remote, the records, the locks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from observatudo import paths
from observatudo.audit.verify import ledger as ledgers
from observatudo.audit.verify import locks, remote
from observatudo.audit.verify.contents import Contents, dvc_outs
from observatudo.audit.verify.gitdata import GitData
from observatudo.audit.verify.ledger import Ledger, Vouched
from observatudo.audit.verify.locks import ConflictError, DamagedLockError, LockAt
from observatudo.audit.verify.memory import Memory
from observatudo.audit.verify.remote import Remote
from observatudo.audit.verify.report import Finding
from observatudo.i18n import _
from observatudo.versions import Store
from observatudo.versions.lock import FILE, Out, Stage

_SHORT = 8
_PIPELINE = "dvc.yaml"


@dataclass
class Scene:
    """One verification of the commit ``head``; ``work_tree`` says whether the work tree is looked at too."""

    root: Path
    git: GitData
    memory: Memory
    head: str | None
    work_tree: bool = True
    deep: bool = False
    whole: bool = False
    problems: list[Finding] = field(default_factory=list)
    _stages: dict[bytes | None, dict[str, Stage]] = field(default_factory=dict)

    @cached_property
    def store(self) -> Store:
        return Store(self.root)

    @cached_property
    def remote(self) -> Remote | None:
        return remote.default(self.root)

    @cached_property
    def contents(self) -> Contents:
        return Contents(self.git, self.memory)

    @cached_property
    def commits(self) -> list[str]:
        """Every commit that ``head`` comes from, newest first."""
        return self.git.commits(self.head) if self.head else []

    @cached_property
    def ledger(self) -> Ledger:
        return ledgers.read(self.git, self.root, self.head, work_tree=self.work_tree)

    @cached_property
    def vouching(self) -> dict[tuple[str, str], list[Vouched]]:
        return self.ledger.vouching()

    @cached_property
    def lock_blobs(self) -> dict[str, str]:
        """Git's blobs of dvc.lock in all commits → the oldest commit that has each, newest first."""
        found: dict[str, str] = {}
        for commit, blob in zip(self.commits, self.git.blob_names(self.commits, FILE), strict=True):
            if blob is not None:
                found[blob] = commit
        return found

    @cached_property
    def locks(self) -> list[LockAt]:
        """The locks that are checked: HEAD's, the work tree's when it is another, and with ``whole`` all before."""
        found = [self._of_commit(commit) for commit in self._chosen()]
        if self.work_tree:
            found.insert(0, self._of_work_tree())
        return [lock for lock in found if lock is not None]

    def _chosen(self) -> Iterator[str]:
        if self.head is None:
            return
        yield self.head
        if self.whole:
            (own,) = self.git.blob_names([self.head], FILE)
            yield from (commit for blob, commit in self.lock_blobs.items() if blob != own)

    def _of_commit(self, commit: str) -> LockAt | None:
        name = commit[:_SHORT]
        stages = self._parsed(self.git.text(commit, FILE), f"{name}:{FILE}")
        if stages is None:
            return None
        parent = self.git.commit(f"{commit}^")
        large = [item for item in self.git.tree(commit).items() if item[0].endswith(".dvc")]
        texts = dict(self.git.read([blob.sha for _path, blob in large]))
        return LockAt(
            name,
            commit,
            stages,
            tuple(out for path, blob in large for out in dvc_outs(path, texts[blob.sha])),
            self.stages(parent) if parent else {},
            self.git.text(commit, _PIPELINE),
            self.git.text(commit, locks.PARAMS),
        )

    def _of_work_tree(self) -> LockAt | None:
        text = _bytes(self.root / FILE)
        committed = self.git.text(self.head, FILE) if self.head else None
        if text is None and committed is not None:
            what = _("dvc.lock is gone from the work tree")
            self.problems.append(Finding("missing", "lock", what, FILE, f"git restore --source=HEAD -- {FILE}"))
            return None
        stages = self._parsed(text, FILE)
        if stages is None:
            return None
        large = sorted((self.root / paths.RAW).rglob("*.dvc"))
        return LockAt(
            locks.WORKSPACE,
            None,
            stages,
            tuple(out for file in large for out in dvc_outs(file.relative_to(self.root).as_posix(), file.read_bytes())),
            self.stages(self.head) if self.head else {},
            _bytes(self.root / _PIPELINE),
            _bytes(self.root / paths.PARAMS),
        )

    def stages(self, commit: str) -> dict[str, Stage]:
        """Return the stages of a commit's lock; none when it cannot be read, which is said where it is checked."""
        try:
            return self._parse(self.git.text(commit, FILE))
        except DamagedLockError:
            return {}

    def _parse(self, text: bytes | None) -> dict[str, Stage]:
        if text not in self._stages:
            self._stages[text] = locks.parse(text)
        return self._stages[text]

    def _parsed(self, text: bytes | None, where: str) -> dict[str, Stage] | None:
        try:
            return self._parse(text)
        except ConflictError:
            what = _("dvc.lock holds a conflict of two branches")
            self.problems.append(Finding("stale", "lock", what, where, "observatudo resolve"))
        except DamagedLockError as error:
            what = _("dvc.lock cannot be read: {why}").format(why=error)
            self.problems.append(Finding("tampered", "lock", what, where, f"git restore --source=HEAD -- {FILE}"))
        return None

    @cached_property
    def before(self) -> dict[str, set[tuple[str, str]]]:
        """Per commit that first had a lock, the (path, MD5) that it names."""
        return {commit: set(locks.named(self.stages(commit))) for commit in self.lock_blobs.values()}

    @cached_property
    def made_anywhere(self) -> set[tuple[str, str]]:
        """What any run or any lock made: of every branch and tag, and of what HEAD once was."""
        commits = self.git.commits("--all", "--reflog", *([self.head] if self.head else []))
        blobs = dict(zip(self.git.blob_names(commits, FILE), commits, strict=True))
        blobs.pop(None, None)
        return {named for commit in blobs.values() for named in locks.named(self.stages(commit))} | {*self.vouching}

    def was_named_before(self, lock: LockAt, path: str, md5: str) -> bool:
        """Say whether a lock older than this one names the path with this hash."""
        own = dict(zip(self.commits, range(len(self.commits)), strict=True))
        since = -1 if lock.commit is None else own.get(lock.commit, -1)
        if lock.commit is not None:
            (blob,) = self.git.blob_names([lock.commit], FILE)
            since = own.get(self.lock_blobs.get(blob or "", ""), since)
        return any((path, md5) in names for commit, names in self.before.items() if own[commit] > since)

    def versions_of(self, outs: set[tuple[str, str]]) -> tuple[str, ...]:
        """Return the commits whose locks first name one of these (output, MD5), oldest first, and the tags there."""
        found = [lock for lock in self.before.items() if lock[1] & outs]
        listed = self.git.lines("for-each-ref", "--format=%(refname:short) %(*objectname)%(objectname)", "refs/tags")
        tags = {name: commit[:40] for name, commit in (line.split(" ") for line in listed)}
        at = dict(zip(tags, self.git.blob_names(tags.values(), FILE), strict=True))
        blobs = {blob for blob, commit in self.lock_blobs.items() if self.before[commit] & outs}
        return (
            *(commit[:_SHORT] for commit, _names in reversed(found)),
            *(tag for tag, blob in at.items() if blob in blobs),
        )

    def is_in_git(self, lock: LockAt, path: str) -> bool:
        """Say whether Git holds an output itself (DVC: ``cache: false``)."""
        if lock.commit is not None:
            return path in self.git.tree(lock.commit)
        return self.head is not None and path in self.git.tree(self.head)

    def outs(self, lock: LockAt) -> dict[str, Out]:
        """Return the outputs that DVC's cache should hold: with a hash, and not in Git."""
        hashed = {path: out for path, out in lock.outs.items() if locks.HASH.fullmatch(out.md5)}
        return {path: out for path, out in hashed.items() if not self._is_uncached(lock, path)}

    def _is_uncached(self, lock: LockAt, path: str) -> bool:
        return self.is_in_git(lock, path) or path in uncached(lock)


def uncached(lock: LockAt) -> set[str]:
    """Return the outputs that dvc.yaml keeps out of the cache; with ``${key}`` filled in."""
    found = set()
    for name in lock.stages:
        body = lock.stage_declared(name)
        key = name.partition("@")[2]
        for kind in ("outs", "metrics", "plots"):
            listed = body.get(kind)
            for item in listed if isinstance(listed, list) else []:
                if isinstance(item, dict):
                    found |= {
                        str(path).replace("${key}", key)
                        for path, options in item.items()
                        if isinstance(options, dict) and options.get("cache") is False
                    }
    return found


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
