"""Git's plumbing: trees read, commits built and files written without HEAD, index or hooks taking part."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo.audit.rollback.model import Blob

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import git

_BLOB = "blob"
_GONE = f"0 {'0' * 40}"


@dataclass(frozen=True)
class Plumbing:
    """Git as seen from a repository of ours that stands at ``prefix`` (empty, or ending in ``/``) in Git's."""

    repo: git.Repo
    prefix: str

    def files(self, commit: str, places: Iterable[str]) -> dict[str, Blob]:
        """Return path → blob of the files at or under ``places`` in a commit; submodules are left out."""
        asked = [f"{self.prefix}{place}" for place in places]
        if not asked:
            return {}
        text: str = self.repo.git.ls_tree("-r", "-z", "--full-tree", commit, "--", *asked)
        found = {}
        for line in filter(None, text.split("\0")):
            about, path = line.split("\t", 1)
            mode, kind, sha = about.split(" ")
            if kind == _BLOB:
                found[path.removeprefix(self.prefix)] = Blob(mode, sha)
        return found

    def content(self, blob: Blob, texts: Mapping[str, bytes]) -> bytes:
        """Return a blob's bytes, from ``texts`` when Git does not have them yet."""
        if blob.sha in texts:
            return texts[blob.sha]
        content: bytes = self.repo.odb.stream(bytes.fromhex(blob.sha)).read()
        return content

    def keep(self, content: bytes) -> str:
        """Write a blob and return its hash."""
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            sha: str = self.repo.git.hash_object("-w", "--stdin", istream=file)
        return sha

    def keep_file(self, path: str) -> Blob:
        """Write a file of the work tree as ``git add`` would."""
        name = f"{self.prefix}{path}"
        return Blob("100644", self.repo.git.hash_object("-w", f"--path={name}", "--", name))

    def make_index(self, index: Path, commit: str, changes: Mapping[str, Blob | None] | None = None) -> None:
        """Make an index of a commit, with changes, at a place of its own."""
        index.unlink(missing_ok=True)
        with self.repo.git.custom_environment(GIT_INDEX_FILE=str(index)):
            self.repo.git.read_tree(commit)
        self.set_index(changes or {}, index)

    def set_index(self, changes: Mapping[str, Blob | None], index: Path | None = None) -> None:
        """Set entries of an index (default: the repository's own); None takes one out."""
        lines = (
            f"{_GONE if blob is None else f'{blob.mode} {blob.sha}'}\t{self.prefix}{path}"
            for path, blob in changes.items()
        )
        with self._using(index):
            self._feed(lines, "update_index", "-z", "--index-info")

    def refresh(self) -> None:
        """Have the repository's index look at its files' times again."""
        self.repo.git.update_index("-q", "--refresh", with_exceptions=False)  # 1 when a file differs

    def tree(self, index: Path) -> str:
        """Write an index as a tree and return its hash."""
        with self._using(index):
            sha: str = self.repo.git.write_tree()
        return sha

    def commit(self, tree: str, parent: str, message: str) -> str:
        """Write a commit, signed where Git is told to sign, and return its hash. No reference is moved."""
        signed = ["-S"] if self.setting("--type=bool", "commit.gpgSign") == "true" else []
        with tempfile.TemporaryFile() as file:
            file.write(message.encode())
            file.seek(0)
            sha: str = self.repo.git.commit_tree(*signed, tree, "-p", parent, "-F", "-", istream=file)
        return sha

    def write_files(self, index: Path, paths: Iterable[str]) -> None:
        """Write these files of an index into the work tree, over what is there."""
        with self._using(index):
            self._feed((f"{self.prefix}{path}" for path in paths), "checkout_index", "-f", "-z", "--stdin")

    def move_branch(self, branch: str, new: str, old: str, why: str) -> None:
        """Move a branch from one commit to another. Raises GitCommandError when it is not at ``old``."""
        self.repo.git.update_ref("-m", why, branch, new, old)

    def setting(self, *words: str) -> str:
        """Return one of Git's settings, empty when it is not set."""
        return str(self.repo.git.config("--default", "", "--get", *words))

    def _using(self, index: Path | None) -> AbstractContextManager[None]:
        chosen = {"GIT_INDEX_FILE": str(index)} if index else {}
        return self.repo.git.custom_environment(**chosen)

    def _feed(self, items: Iterable[str], command: str, *words: str) -> None:
        with tempfile.TemporaryFile() as file:
            file.write("".join(f"{item}\0" for item in items).encode(errors="surrogateescape"))  # as GitPython decodes
            file.seek(0)
            getattr(self.repo.git, command)(*words, istream=file)
