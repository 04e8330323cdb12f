"""The versions a timeline goes through, and what each one's ``dvc.lock`` says; every dvc.lock is parsed once, ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from observatudo.audit.timeline.cache import Cache
from observatudo.audit.timeline.gitlog import Commit, Git
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs.inputs import blob_of
from observatudo.versions.lock import FILE, Lock, Out, read_lock

Progress = Callable[[str, int, int], None]  # what is done, how many of how many
_OUTS = "outs"
_LOCK = "lock"
_KEPT_AT_ONCE = 100


def quiet(_what: str, _done: int, _all: int) -> None:
    """Progress that nobody wants to see."""


@dataclass
class Past:
    """The versions of a repository up to a revision, newest first; before them the work tree, if it has its own lock.

    ``locks`` holds the text of dvc.locks that Git does not hold: the work tree's.
    """

    root: Path
    git: Git
    cache: Cache
    commits: list[Commit]
    locks: dict[str, bytes] = field(default_factory=dict)
    progress: Progress = quiet

    def outs(self, blobs: Iterable[str]) -> dict[str, dict[str, str] | str]:
        """Return output → MD5 by blob of dvc.lock; for one that cannot be read, a text that says why."""
        wanted = {blob for blob in blobs if blob}
        found: dict[str, dict[str, str] | str] = {
            blob: json.loads(text) for blob, text in self.cache.get(_OUTS, wanted).items()
        }
        missing = sorted(wanted - found.keys())
        fresh: dict[str, tuple[str, str]] = {}
        for number, (blob, text) in enumerate(self._texts(missing), 1):
            found[blob], fresh[blob] = _parsed(text)
            if len(fresh) >= _KEPT_AT_ONCE:
                self._keep(fresh)
            self.progress(_("reading dvc.lock"), number, len(missing))
        self._keep(fresh)
        return found | {blob: _("Git does not have its dvc.lock here") for blob in wanted - found.keys()}

    def _keep(self, fresh: dict[str, tuple[str, str]]) -> None:
        self.cache.put(_LOCK, {blob: lock for blob, (_outs, lock) in fresh.items() if lock})
        self.cache.put(_OUTS, {blob: outs for blob, (outs, _lock) in fresh.items()})
        fresh.clear()

    def _texts(self, blobs: list[str]) -> Iterable[tuple[str, bytes]]:
        yield from ((blob, self.locks[blob]) for blob in blobs if blob in self.locks)
        yield from self.git.blobs(blob for blob in blobs if blob not in self.locks)

    def lock(self, blob: str) -> Lock:
        """Return a dvc.lock that ``outs`` could read; of none, and of one that cannot be read, an empty one."""
        known = self.cache.get(_LOCK, [blob]).get(blob)
        if known is not None:
            return _from_text(known)
        for _blob, text in self._texts([blob] if blob else []):
            try:
                return read_lock(text, FILE)
            except ObservatudoError:
                break
        return Lock()

    @property
    def versions(self) -> int:
        """How many versions there are: commits that changed dvc.lock, and the work tree where it has its own."""
        return sum(1 for commit in self.commits if len(commit.parents) < 2)

    def commit(self, sha: str | None) -> Commit | None:
        """Return the version of a name that ``walk`` gives; None for none."""
        return None if sha is None else self._by_sha.get(sha)

    @cached_property
    def _by_sha(self) -> dict[str, Commit]:
        return {commit.sha: commit for commit in self.commits}


def _parsed(text: bytes) -> tuple[dict[str, str] | str, tuple[str, str]]:
    """Return a dvc.lock's outputs, or why it has none to give; and both texts to keep."""
    try:
        lock = read_lock(text, FILE)
    except ObservatudoError as error:
        return error.message, (json.dumps(error.message), "")
    outs = {path: out.md5 for path, out in lock.outs.items() if out.md5}
    whole = json.dumps([outs, dict(lock.made_by), dict(lock.deps), dict(lock.params)])
    return outs, (json.dumps(outs), whole)


def _from_text(text: str) -> Lock:
    outs, made_by, deps, params = json.loads(text)
    return Lock({path: Out(path=path, md5=md5) for path, md5 in outs.items()}, made_by, deps, params)


def past(root: Path, cache: Cache, revision: str | None = None, progress: Progress = quiet) -> Past:
    """Return the versions up to ``revision``; by default up to HEAD, and the work tree where its dvc.lock is another.

    Raises ObservatudoError outside of Git, for a revision that is none, and where there is no version at all.
    """
    git = Git(root)
    git.prefix  # noqa: B018  raises where there is no Git
    if revision is not None:
        return Past(root, git, cache, git.history(_commit(root, revision)), progress=progress)
    found = Past(root, git, cache, git.history(git.head) if git.head else [], progress=progress)
    text = (root / FILE).read_bytes() if (root / FILE).is_file() else b""
    blob = blob_of(text) if text else ""
    newest = found.commits[0] if found.commits else None
    if blob != (newest.lock if newest else ""):
        work = Commit("", (newest.sha,) if newest else (), lock=blob)
        found.commits.insert(0, work)
        found.locks[blob] = text
    if not found.commits:
        raise ObservatudoError(
            _("there is no version yet: no commit has a dvc.lock, and there is none here"),
            where=str(root),
            next_step="dvc repro",
        )
    return found


def _commit(root: Path, revision: str) -> str:
    from observatudo.versions import Versions

    version = Versions(root).find(revision)
    if version.kind not in ("commit", "experiment") or version.commit is None:
        raise ObservatudoError(
            _("{name} is no revision: a history goes up to a commit, tag, branch or experiment").format(name=revision),
            where=revision,
            next_step="git log --oneline",
        )
    return version.commit
