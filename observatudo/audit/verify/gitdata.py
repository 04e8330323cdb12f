"""What Git holds, read in bulk: one process for many blobs, without replacement references."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from observatudo.errors import ObservatudoError
from observatudo.i18n import _


class Blob(NamedTuple):
    """A file in a commit: its blob hash and size in bytes."""

    sha: str
    size: int


@dataclass(frozen=True)
class GitData:
    """The Git repository that holds ``root``; ``prefix`` is where ours stands in it (empty or ending in ``/``)."""

    root: Path
    prefix: str = ""

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
        environment = os.environ | {"GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
        return subprocess.run(command, cwd=self.root, env=environment, input=text, capture_output=True, check=False)

    def lines(self, *arguments: str) -> list[str]:
        return self.run(*arguments).decode(errors="surrogateescape").splitlines()

    def commit(self, revision: str) -> str | None:
        """Return the commit a revision names, or None when there is none."""
        if revision.startswith("-"):
            return None
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

    def read(self, shas: list[str]) -> Iterator[tuple[str, bytes]]:
        """Give the content of each blob that is there."""
        if not shas:
            return
        out = self.run("cat-file", "--batch", text="".join(f"{sha}\n" for sha in shas).encode())
        position = 0
        for sha in shas:
            end = out.index(b"\n", position)
            words = out[position:end].split(b" ")
            position = end + 1
            if len(words) == 3:
                size = int(words[2])
                yield sha, out[position : position + size]
                position += size + 1

    def text(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes in a commit, or None where there is none."""
        done = self.ask("cat-file", "blob", f"{commit}:{self.prefix}{path}")
        return done.stdout if done.returncode == 0 else None

    @cache  # noqa: B019 an instance lives as long as one verification
    def tree(self, commit: str, place: str = "") -> dict[str, Blob]:
        """Return path → blob of the files in a commit, at or under ``place``."""
        pathspec = ["--", f"{self.prefix}{place}"] if place or self.prefix else []
        out = self.run("ls-tree", "-r", "-l", "-z", "--full-tree", commit, *pathspec)
        found = {}
        for line in out.decode(errors="surrogateescape").split("\0")[:-1]:
            meta, _tab, path = line.partition("\t")
            _mode, kind, sha, size = meta.split()
            if kind == "blob":
                found[path.removeprefix(self.prefix)] = Blob(sha, int(size))
        return found
