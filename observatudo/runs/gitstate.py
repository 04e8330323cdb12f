"""How the inputs of a run differ from a commit, and who works here: Git, through GitPython."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git import Repo
from git.exc import InvalidGitRepositoryError, NoSuchPathError
from git.objects import Blob, Tree

from observatudo.runs import inputs
from observatudo.runs.model import Who

CODE = ("observatudo", "stages", "dbt")
SNAPSHOTS = "data/raw"
_PLACES = (*inputs.SHARED, *CODE, *inputs.EVIDENCE, SNAPSHOTS)
_LARGEST_COPY = 1_000_000  # bytes; a new input above this is not copied beside the patch


@dataclass(frozen=True)
class Inputs:
    """Every input of the pipeline: path → blob hash now, and the paths that differ from the commit."""

    now: dict[str, str]
    changed: list[str]


def open_repository(root: Path) -> Repo | None:
    """Return the Git repository at ``root``, or None where there is none (``dvc init --no-scm``)."""
    try:
        return Repo(root)
    except (InvalidGitRepositoryError, NoSuchPathError):
        return None


def committed(repo: Repo | None, commit: str | None) -> dict[str, str]:
    """Return path → blob hash of every input in a commit; nothing before the first commit."""
    if repo is None or commit is None:
        return {}
    tree = repo.commit(commit).tree
    found: dict[str, str] = {}
    for place in _PLACES:
        with suppress(KeyError):  # a commit need not have every place
            found |= _blobs(tree[place])
    return found


def _blobs(item: Tree | Blob | object) -> dict[str, str]:
    if isinstance(item, Blob):
        return {str(item.path): item.hexsha} if inputs.is_input(str(item.path)) else {}
    if not isinstance(item, Tree):
        return {}
    return {path: blob for child in item for path, blob in _blobs(child).items()}


def _under(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in _PLACES) and inputs.is_input(path)


def _candidates(repo: Repo | None, root: Path) -> list[str]:
    """Return the paths of all inputs that are tracked, or new and not ignored."""
    if repo is None:
        found = [path.relative_to(root).as_posix() for place in _PLACES for path in (root / place).rglob("*")]
        return [*filter(_under, found), *inputs.SHARED]
    tracked = [str(path) for path, _stage in repo.index.entries]
    return list(filter(_under, tracked + repo.untracked_files))


def state(repo: Repo | None, root: Path, commit: str | None, used: Mapping[str, str]) -> Inputs:
    """Return the inputs as they are under ``root``, or as the run's stages saw them (``used``)."""
    now = inputs.hashes(root, _candidates(repo, root)) | dict(used)
    return Inputs(now, differing(now, committed(repo, commit), gone=True))


def differing(now: Mapping[str, str], then: Mapping[str, str], *, gone: bool) -> list[str]:
    """Return the paths that differ from the commit, sorted; ``gone`` counts those that are missing now."""
    paths = now.keys() | then.keys() if gone else now.keys()
    return sorted(path for path in paths if now.get(path) != then.get(path))


def patch(repo: Repo | None, commit: str | None, changed: Iterable[str]) -> str:
    """Return the changed inputs as a patch against the commit; new files are not in it."""
    names = list(changed)
    if repo is None or commit is None or not names:
        return ""
    text = repo.git.diff(commit, "--", *names)
    return f"{text}\n" if text else ""


def new_files(repo: Repo | None, root: Path, changed: Iterable[str]) -> list[str]:
    """Return the changed inputs that Git does not know yet and that are small enough to copy."""
    known = set(repo.untracked_files) if repo is not None else set(changed)
    paths = [path for path in changed if path in known and (root / path).is_file()]
    return [path for path in paths if (root / path).stat().st_size <= _LARGEST_COPY]


def who(repo: Repo | None) -> Who:
    """Return who works here, as Git would name the author; without an identity, the login only."""
    name, email = _identity(repo, "NAME"), _identity(repo, "EMAIL")
    return Who(name=name or None, email=email or None, login=_login())


def _identity(repo: Repo | None, what: str) -> str:
    chosen = os.environ.get(f"GIT_AUTHOR_{what}", "")
    if chosen or repo is None:
        return chosen
    return str(repo.git.config("--default", "", "--get", f"user.{what.lower()}"))


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return None
