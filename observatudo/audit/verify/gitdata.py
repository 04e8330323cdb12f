"""What Git holds, read in bulk: one process for many blobs, without replacement references."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from observatudo import gitread
from observatudo.errors import ObservatudoError
from observatudo.i18n import _


class Blob(NamedTuple):
    """A file in a commit: its blob hash and size in bytes."""

    sha: str
    size: int


@dataclass
class GitData:
    """The Git repository that holds ``root``; ``prefix`` is where ours stands in it (empty or ending in ``/``).

    Objects are read through one process that stays: ``close`` ends it.
    """

    root: Path
    prefix: str = ""
    _reader: subprocess.Popen[bytes] | None = None
    _trees: dict[tuple[str, str], dict[str, Blob]] = field(default_factory=dict)
    _commits: dict[str, str | None] = field(default_factory=dict)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.communicate()
            self._reader = None

    def run(self, *arguments: str, text: bytes | None = None, codes: tuple[int, ...] = (0,)) -> bytes:
        """Return what a Git command prints. Raises ObservatudoError with its words when it ends otherwise."""
        done = self.ask(*arguments, text=text)
        if done.returncode not in codes:
            why = done.stderr.decode(errors="replace").strip().splitlines()
            raise ObservatudoError(
                _("git {command} failed: {why}").format(command=arguments[0], why=why[-1] if why else done.returncode),
                where=str(self.root),
                next_step="git fsck",
            )
        return done.stdout

    def ask(self, *arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a Git command whatever its end. Replacement references would let history look other than it is."""
        command = ["git", "-c", "core.quotePath=false", *arguments]
        return subprocess.run(
            command, cwd=self.root, env=gitread.environment(), input=text, capture_output=True, check=False
        )

    def lines(self, *arguments: str) -> list[str]:
        return self.run(*arguments).decode(errors="surrogateescape").splitlines()

    def commit(self, revision: str) -> str | None:
        """Return the commit a revision names, or None when there is none."""
        if revision not in self._commits:
            self._commits[revision] = None if revision.startswith("-") else self._commit(revision)
        return self._commits[revision]

    def _commit(self, revision: str) -> str | None:
        done = self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return done.stdout.decode().strip() or None

    def commits(self, *revisions: str) -> list[str]:
        """Return every commit reachable from the revisions, newest first."""
        return self.lines("rev-list", "--date-order", *revisions)

    def is_ancestor(self, old: str, new: str) -> bool:
        return self.ask("merge-base", "--is-ancestor", old, new).returncode == 0

    def blob_names(self, commits: Iterable[str], path: str) -> list[str | None]:
        """Return the blob that each commit has at ``path``, None where it has none."""
        names = [f"{commit}:{self.prefix}{path}" for commit in commits]
        if not names:
            return []
        text = "".join(f"{name}\n" for name in names).encode()
        answers = self.run("cat-file", "--batch-check=%(objectname) %(objecttype)", text=text).decode().splitlines()
        return [answer.split(" ")[0] if answer.endswith(" blob") else None for answer in answers]

    def present(self, shas: Iterable[str]) -> set[str]:
        """Return those objects that Git has."""
        wanted = list(shas)
        if not wanted:
            return set()
        text = "".join(f"{sha}\n" for sha in wanted).encode()
        answers = self.run("cat-file", "--batch-check=%(objectname)", text=text).decode().splitlines()
        return {sha for sha, answer in zip(wanted, answers, strict=True) if answer == sha}

    def read(self, shas: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Give the content of each object that is there."""
        for sha in shas:
            content = self._read(sha)
            if content is not None:
                yield sha, content

    def text(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes in a commit, or None where there is none."""
        return self._read(f"{commit}:{self.prefix}{path}")

    def _read(self, name: str) -> bytes | None:
        if self._reader is None:
            command, pipe = ["git", "cat-file", "--batch"], subprocess.PIPE
            self._reader = subprocess.Popen(command, cwd=self.root, env=gitread.environment(), stdin=pipe, stdout=pipe)
        out, into = self._reader.stdout, self._reader.stdin
        assert out is not None and into is not None
        into.write(name.encode(errors="surrogateescape") + b"\n")
        into.flush()
        head = out.readline().split(b" ")
        if len(head) != 3:
            return None  # missing
        content = out.read(int(head[2]) + 1)
        return content[:-1]

    def tree(self, commit: str, place: str = "") -> dict[str, Blob]:
        """Return path → blob of the files in a commit, at or under ``place``."""
        if (commit, place) not in self._trees:
            self._trees[commit, place] = self._tree(commit, place)
        return self._trees[commit, place]

    def _tree(self, commit: str, place: str) -> dict[str, Blob]:
        pathspec = ["--", f"{self.prefix}{place}"] if place or self.prefix else []
        out = self.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit, *pathspec)
        found = {}
        for line in out.decode(errors="surrogateescape").split("\0")[:-1]:
            meta, _tab, path = line.partition("\t")
            _mode, kind, sha, size = meta.split()
            if kind == "blob":
                found[path.removeprefix(self.prefix)] = Blob(sha, int(size))
        return found
