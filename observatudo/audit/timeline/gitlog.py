"""Git's history of ``dvc.lock`` and of a pipeline's inputs, each read with one process however long it is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from observatudo import gitread
from observatudo.audit.timeline.model import FileChange
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions.lock import FILE

_FIELDS = "%H%x00%P%x00%an%x00%ae%x00%cI%x00%s"
_COUNT = 6
NOTHING = "nothing"  # the parent of a merge that never had a dvc.lock
_FLAT = ("-c", "log.follow=false", "-c", "core.quotePath=false")
_AT_ONCE = 200  # dvc.locks in memory at a time


@dataclass(frozen=True)
class Commit:
    """A commit that changed dvc.lock, or merged; without a ``sha``, the work tree.

    ``parents`` are the nearest ones of this kind, or ``NOTHING``. ``lock`` is the blob of dvc.lock, empty without one.
    """

    sha: str
    parents: tuple[str, ...] = ()
    author: str = ""
    email: str = ""
    date: str = ""
    subject: str = ""
    lock: str = ""


@dataclass(frozen=True)
class Git:
    """The Git repository that holds ``root``; paths are relative to ``root``."""

    root: Path

    def history(self, revision: str) -> list[Commit]:
        """Return the commits up to a revision that changed dvc.lock, and all merges; no parent before its child."""
        text = self._run(
            *_FLAT, "log", "--no-show-signature", "--date-order", "--full-history", "--parents", "-z",
            f"--format={_FIELDS}", "--end-of-options", revision, "--", f":(literal){FILE}",
        ).decode(errors="replace")  # fmt: skip
        fields = text.split("\0")
        rows = [fields[start : start + _COUNT] for start in range(0, len(fields) - 1, _COUNT)]
        locks = self._locks([row[0] for row in rows])
        merges = self._merges(revision)
        return [
            Commit(sha, _parents(parents.split(), merges.get(sha, [])), author, email, date, subject, lock)
            for (sha, parents, author, email, date, subject), lock in zip(rows, locks, strict=True)
        ]

    def _merges(self, revision: str) -> dict[str, list[bool]]:
        """Return, of each merge up to a revision, which of its parents has a dvc.lock."""
        listed = self._run(*_FLAT, "rev-list", "--min-parents=2", "--parents", "--end-of-options", revision, "--")
        merges = [line.split() for line in listed.decode().splitlines()]
        locks = iter(self._locks([parent for _sha, *parents in merges for parent in parents]))
        return {sha: [bool(next(locks)) for _parent in parents] for sha, *parents in merges}

    def _locks(self, commits: list[str]) -> list[str]:
        asked = "".join(f"{commit}:{self.prefix}{FILE}\n" for commit in commits)
        answers = self._run("cat-file", "--batch-check=%(objecttype) %(objectname)", sent=asked.encode()).decode()
        return [line.removeprefix("blob ") if line.startswith("blob ") else "" for line in answers.splitlines()]

    def blobs(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield (blob, content); a blob that is not there is left out."""
        wanted = list(names)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            yield from gitread.parted(
                self._run("cat-file", "--batch", sent="".join(f"{name}\n" for name in some).encode())
            )

    def text(self, revision: str, path: str) -> bytes | None:
        """Return the content of a file in a commit; None where it has none."""
        found = list(
            gitread.parted(self._run("cat-file", "--batch", sent=f"{revision}:{self.prefix}{path}\n".encode()))
        )
        return found[0][1] if found else None

    def names(self, revision: str, folder: str) -> list[str]:
        """Return the paths of the files under a folder of a commit."""
        listed = self._run("ls-tree", "-r", "-z", "--name-only", revision, "--", f"{folder}/")
        return [name for name in listed.decode(errors="replace").split("\0") if name]

    def changed(self, since: str | None, commit: str) -> list[FileChange]:
        """Return the files changed by ``commit`` and by what it brought on top of ``since``; the newest change first.

        Without ``since`` only by itself. An empty ``commit`` is the work tree, whose changes have no commit.
        """
        if not commit:
            return self._uncommitted(since)
        which = [f"{since}..{commit}"] if since else ["-1", commit]
        text = self._run(
            *_FLAT, "log", "--no-show-signature", "--relative", "--name-status", "--no-renames", "-c", "--date-order",
            "--format=%x00%H", *which, "--",
        ).decode(errors="replace")  # fmt: skip
        return list(_changes(text))

    def _uncommitted(self, since: str | None) -> list[FileChange]:
        untracked = self._run("ls-files", "-z", "--others", "--exclude-standard").decode(errors="replace")
        found = [FileChange(path=path, status="A", commit="") for path in untracked.split("\0") if path]
        base = since or self.head
        if base is not None:
            tree = self._run(*_FLAT, "diff", "--relative", "--name-status", "--no-renames", base, "--")
            found += _changes(tree.decode(errors="replace"))
        return found

    @cached_property
    def _where(self) -> list[str]:
        done = self._try("rev-parse", "--show-prefix", "--is-shallow-repository", "--git-common-dir")
        if done.returncode:
            from observatudo.versions import Versions

            Versions(self.root).repo  # noqa: B018  it says what is wrong
            raise _failed("rev-parse", done)
        return done.stdout.decode().split("\n")

    @property
    def prefix(self) -> str:
        """Where in Git's repository ``root`` stands: empty, or a path ending in ``/``."""
        return self._where[0]

    @cached_property
    def cut(self) -> frozenset[str]:
        """The commits at which the history of a shallow clone is cut: what came before them is not here."""
        if self._where[1] != "true":
            return frozenset()
        return frozenset((self.root / self._where[2] / "shallow").read_text().split())

    @cached_property
    def head(self) -> str | None:
        """The commit that HEAD names; None before the first one."""
        done = self._try("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.stdout.decode().strip() or None

    def _run(self, *words: str, sent: bytes = b"") -> bytes:
        done = self._try(*words, sent=sent)
        if done.returncode:
            raise _failed(next(word for word in words if not word.startswith("-") and "=" not in word), done)
        return done.stdout

    def _try(self, *words: str, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", *words], cwd=self.root, input=sent, capture_output=True, check=False)


def _parents(rewritten: list[str], has_lock: list[bool]) -> tuple[str, ...]:
    """Return a commit's parents; Git leaves out those of a merge that no change of dvc.lock leads to."""
    if len(rewritten) >= len(has_lock) or all(has_lock):
        return tuple(rewritten)
    return (*rewritten, NOTHING) if has_lock[0] else (NOTHING, *rewritten)


def _failed(command: str, done: subprocess.CompletedProcess[bytes]) -> ObservatudoError:
    why = " ".join(done.stderr.decode(errors="replace").split())
    return ObservatudoError(_("git {command} failed: {why}").format(command=command, why=why), next_step="git fsck")


def _changes(text: str) -> Iterator[FileChange]:
    commit = ""
    for line in text.split("\n"):
        if line.startswith("\0"):
            commit = line[1:]
        elif "\t" in line:
            status, path = line.split("\t", 1)
            yield FileChange(path=path.strip('"'), status=status[-1], commit=commit)
