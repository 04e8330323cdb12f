"""Hashes of files: of what a stage uses, as Git's blobs, and the commit it starts from, without starting Git.

A blob hash is the one ``git hash-object FILE`` prints, so it finds the file in any clone.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

EVIDENCE = ("data/classified/overrides.csv", "data/classified/answers")
SHARED = ("params.yaml", "dvc.yaml", "configs")
DATASETS = "configs/datasets"
CORRECTIONS = "configs/corrections"
_NOT_INPUTS = (
    "configs/schema",  # generated for editors
    "dbt/target",
    "dbt/logs",
    "dbt/dbt_packages",
)
_BRANCH = "ref: refs/heads/"
_FOREIGN = ("site-packages", "__pycache__")


def blob_hash(path: Path) -> str:
    """Return the file's Git blob hash (SHA-1, 40 hex digits). Raises OSError when unreadable."""
    return blob_of(path.read_bytes())


def blob_of(content: bytes) -> str:
    """Return the Git blob hash of a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the file's SHA-256 (64 hex digits), read in blocks. Raises OSError when unreadable."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def listing_sha256(files: Mapping[str, str]) -> str:
    """Return one SHA-256 for several files (name → SHA-256): of lines ``<sha256>  <name>\\n`` in order of name."""
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(listing.encode()).hexdigest()


def is_input(path: str) -> bool:
    """Say whether a path (relative, ``/``) can be an input: not generated, hidden or foreign."""
    parts = PurePosixPath(path).parts
    if any(part.startswith(".") or part in _FOREIGN for part in parts):
        return False
    return not any(path == place or path.startswith(f"{place}/") for place in _NOT_INPUTS)


def _files(root: Path, place: str) -> Iterator[str]:
    start = root / place
    found = [start] if start.is_file() else start.rglob("*")
    for path in found:
        name = path.relative_to(root).as_posix()
        if is_input(name) and path.is_file():
            yield name


def hashes(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the blob hash of each named file under ``root`` that exists, in order of name."""
    return {name: blob_hash(root / name) for name in sorted(set(names)) if (root / name).is_file()}


def of_stage(root: Path, stage: str, dataset: str | None) -> dict[str, str]:
    """Return path → blob hash of the configuration and evidence that a stage starts with.

    A stage of one dataset reads that dataset's declaration, corrections and snapshot sidecar and no other's.
    """
    names = {name for place in SHARED for name in _files(root, place)}
    if dataset:
        own = {f"{place}/{dataset}.yaml" for place in (DATASETS, CORRECTIONS)} | {f"data/raw/{dataset}/snapshot.json"}
        names = {name for name in names if not name.startswith((f"{DATASETS}/", f"{CORRECTIONS}/"))} | own
    else:
        names |= {name for place in EVIDENCE for name in _files(root, place)}
    if stage == "transform":  # its code is SQL, which no import shows
        names |= set(_files(root, "dbt"))
    return hashes(root, names)


def of_code(root: Path) -> dict[str, str]:
    """Return path → blob hash of every module under ``root`` that this process has loaded so far."""
    names = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(root):
            names.append(Path(file).relative_to(root).as_posix())
    return hashes(root, filter(is_input, names))


def head_commit(root: Path) -> str | None:
    """Return the commit that HEAD names, or None without Git or before the first commit."""
    git = _git_folder(root)
    if git is None:
        return None
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = _common_folder(git)
    loose = common / name
    return loose.read_text().strip() if loose.is_file() else _packed(common, name)


def head_branch(root: Path) -> str | None:
    """Return the branch that is checked out, or None without Git and when HEAD names a commit."""
    git = _git_folder(root)
    head = (git / "HEAD").read_text().strip() if git else ""
    return head.removeprefix(_BRANCH) if head.startswith(_BRANCH) else None


def _git_folder(root: Path) -> Path | None:
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_file():  # a linked work tree or a submodule
            return (folder / git.read_text().removeprefix("gitdir: ").strip()).resolve()
        if (git / "HEAD").is_file():
            return git
    return None


def _common_folder(git: Path) -> Path:
    pointer = git / "commondir"
    return (git / pointer.read_text().strip()).resolve() if pointer.is_file() else git


def _packed(common: Path, name: str) -> str | None:
    packed = common / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
