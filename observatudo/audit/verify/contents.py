"""What DVC would call the files that Git holds: MD5 of a file, and of a folder that of its listing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from observatudo.audit.verify.gitdata import Blob, GitData
from observatudo.audit.verify.memory import Memory
from observatudo.versions.lock import Out, folder_md5
from observatudo.yamlfile import plain

_SUFFIX = ".dvc"


class Content(NamedTuple):
    """DVC's hash of a file or folder, its size in bytes and, of a folder, how many files."""

    md5: str
    size: int
    nfiles: int | None = None


class _DvcFile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    outs: list[Out] = []


def dvc_outs(path: str, text: bytes) -> list[Out]:
    """Return the outputs of a ``.dvc`` file that stands at ``path``, with paths from the root; none when damaged."""
    try:
        outs = _DvcFile.model_validate(plain(text) or {}).outs
    except (yaml.YAMLError, ValidationError):
        return []
    folder = PurePosixPath(path).parent
    return [out.model_copy(update={"path": (folder / out.path).as_posix()}) for out in outs]


@dataclass
class Contents:
    """Hashes of what commits hold; each file is read once and then remembered."""

    git: GitData
    memory: Memory
    _known: dict[tuple[str, str], Content | None] = field(default_factory=dict)

    def at(self, commit: str, path: str) -> Content | None:
        """Return what a commit has at a path, with what its ``.dvc`` files stand for; None where it has nothing."""
        key = (commit, path)
        if key not in self._known:
            self._known[key] = self._of_tree(self.git.tree(commit), path)
        return self._known[key]

    def prepare(self, commit: str, paths: Iterable[str]) -> None:
        """Read at once what ``at`` will be asked of a commit."""
        tree, wanted = self.git.tree(commit), set(paths)
        own = [
            blob.sha
            for name, blob in tree.items()
            if name in wanted or any(folder.as_posix() in wanted for folder in PurePosixPath(name).parents)
        ]
        self.memory.blobs(own, self.git.read)

    def _of_tree(self, tree: Mapping[str, Blob], path: str) -> Content | None:
        if path in tree:
            return Content(self.md5(tree[path].sha), tree[path].size)
        inside = {name: blob for name, blob in tree.items() if name.startswith(f"{path}/")}
        large = self._large(inside) if any(name.endswith(_SUFFIX) for name in inside) else {}
        if not inside:
            return self._alone(tree, path)
        hashes = self.memory.blobs((blob.sha for blob in inside.values()), self.git.read)
        start = len(path) + 1
        files = {name[start:]: hashes[blob.sha].md5 for name, blob in inside.items()}
        files |= {name[start:]: out.md5 for name, out in large.items()}
        size = sum(blob.size for blob in inside.values()) + sum(out.size or 0 for out in large.values())
        return Content(folder_md5(files), size, len(files))

    def _alone(self, tree: Mapping[str, Blob], path: str) -> Content | None:
        """Return a path that only its ``.dvc`` file stands for."""
        blob = tree.get(path + _SUFFIX)
        found = self._large({path + _SUFFIX: blob}).get(path) if blob else None
        return Content(found.md5, found.size or 0, found.nfiles) if found else None

    def _large(self, files: Mapping[str, Blob]) -> dict[str, Out]:
        named = {name: blob.sha for name, blob in files.items() if name.endswith(_SUFFIX)}
        texts = dict(self.git.read(sorted(set(named.values()))))
        outs = (out for name, sha in named.items() for out in dvc_outs(name, texts[sha]))
        return {out.path: out for out in outs if not out.is_folder}

    def md5(self, sha: str) -> str:
        return self.memory.blobs([sha], self.git.read)[sha].md5

    def sha256(self, sha: str) -> str:
        return self.memory.blobs([sha], self.git.read)[sha].sha256

    def ever(self, path: str) -> Iterator[Content]:
        """Give what the commits that HEAD comes from had at a path, newest first."""
        for commit in self.git.lines("log", "--format=%H", "--full-history", "HEAD", "--", f"{self.git.prefix}{path}"):
            found = self.at(commit, path)
            if found is not None:
                yield found

    def on_disk(self, root: Path, path: str) -> Content | None:
        """Return what the work tree has at a path; of a folder, what Git does not ignore and ``.dvc`` stands for."""
        key = ("", path)
        if key not in self._known:
            self._known[key] = self._on_disk(root, path)
        return self._known[key]

    def _on_disk(self, root: Path, path: str) -> Content | None:
        start = root / path
        if start.is_file():
            found = self.memory.files([start])[start]
            return Content(found.md5, found.size) if found else None
        listed = self.git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", path).split(b"\0")
        names = {name.decode(errors="surrogateescape") for name in listed if name}
        names |= {out.path for name in names if name.endswith(_SUFFIX) for out in self._beside(root / name, name)}
        files = self.memory.files(root / name for name in names)
        present = {file.relative_to(start).as_posix(): hashes for file, hashes in files.items() if hashes}
        if not present:
            return None
        md5 = folder_md5({name: hashes.md5 for name, hashes in present.items()})
        return Content(md5, sum(hashes.size for hashes in present.values()), len(present))

    def _beside(self, file: Path, name: str) -> list[Out]:
        return dvc_outs(name, file.read_bytes()) if file.is_file() else []
