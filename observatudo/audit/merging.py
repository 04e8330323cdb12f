"""A merge, rebase, cherry-pick or revert that Git has begun: its sides, and which files are in conflict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.versions import Version, Versions
from observatudo.versions.lock import FILE
from observatudo.yamlfile import plain

if TYPE_CHECKING:
    import git

_BEGUN = (
    ("rebase", "REBASE_HEAD", ("rebase-merge", "rebase-apply")),
    ("merge", "MERGE_HEAD", ()),
    ("cherry-pick", "CHERRY_PICK_HEAD", ()),
    ("revert", "REVERT_HEAD", ()),
)
CONTINUE = {
    "merge": "git commit --no-edit",
    "rebase": "git rebase --continue",
    "cherry-pick": "git cherry-pick --continue",
    "revert": "git revert --continue",
}

Entry = Mapping[str, JsonValue]


class _Lock(BaseModel):
    model_config = ConfigDict(extra="ignore")

    stages: dict[str, dict[str, JsonValue]] = {}


@dataclass(frozen=True)
class Side:
    """One side: its version and, by stage, what its dvc.lock says that stage read and made."""

    version: Version
    stages: Mapping[str, Entry]


@dataclass(frozen=True)
class Merge:
    """What is under way. ``sides``: what HEAD has, then what comes to it; ``conflicts``: paths, as from the root."""

    kind: str
    sides: tuple[Side, ...]
    conflicts: frozenset[str]

    @property
    def go_on(self) -> str:
        """Return the command that ends it once everything is resolved."""
        return CONTINUE[self.kind]


def under_way(versions: Versions) -> Merge | None:
    """Return what Git has begun and not ended, or None.

    Raises ObservatudoError for a side whose dvc.lock cannot be read.
    """
    repo = versions.repo
    for kind, head, folders in _BEGUN:
        if _is_there(repo, head) and (not folders or any(_is_there(repo, name) for name in folders)):
            others = _path(repo, head).read_text().split()
            commits = ["HEAD", *(f"{other}^" if kind == "revert" else other for other in others)]
            sides = tuple(_side(versions.commit(commit)) for commit in commits)
            return Merge(kind, sides, _conflicts(versions))
    return None


def _path(repo: git.Repo, name: str) -> Path:
    return Path(str(repo.working_tree_dir), repo.git.rev_parse("--git-path", name))


def _is_there(repo: git.Repo, name: str) -> bool:
    return _path(repo, name).exists()


def _conflicts(versions: Versions) -> frozenset[str]:
    listed = versions.repo.git.ls_files("--unmerged", "-z").split("\0")
    names = {line.partition("\t")[2] for line in listed if line}
    return frozenset(name.removeprefix(versions.prefix) for name in names)


def _side(version: Version) -> Side:
    try:
        content = plain(version.text(FILE) or b"{}")
        return Side(version, _Lock.model_validate(content or {}).stages)
    except (yaml.YAMLError, ValidationError) as error:
        raise ObservatudoError(
            _("dvc.lock of {commit} cannot be read: {why}").format(
                commit=version.name, why=" ".join(str(error).split())[:120]
            ),
            where=f"{version.name}:{FILE}",
            next_step=_("take the side that can be read: git checkout --ours dvc.lock (or --theirs), then dvc repro"),
        ) from None
