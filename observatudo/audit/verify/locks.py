"""The ``dvc.lock`` of a version: read with all it says, and looked up in the versions before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import yaml
from pydantic import ValidationError

from observatudo import paths
from observatudo.versions import lock
from observatudo.versions.lock import FILE, Out, Stage
from observatudo.yamlfile import plain

WORKSPACE = "workspace"
HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")


class DamagedLockError(ValueError):
    """A dvc.lock that cannot be read."""


class ConflictError(DamagedLockError):
    """A dvc.lock with the marks of a merge that is not finished."""


def parse(text: bytes | None) -> dict[str, Stage]:
    """Return the stages of a dvc.lock; of None (there is no file), none. Raises DamagedLockError."""
    if text is None:
        return {}
    if lock.has_conflict(text):
        raise ConflictError
    try:
        return lock.parse(text)
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise DamagedLockError(" ".join(str(error).split())[:160]) from None


@dataclass(frozen=True)
class LockAt:
    """The lock of one version: ``commit`` is None for the work tree's; ``large`` are the outputs of ``.dvc`` files.

    ``previous`` are the stages of the lock before it, ``pipeline`` and ``params`` the texts of dvc.yaml and
    params.yaml beside it.
    """

    name: str
    commit: str | None
    stages: Mapping[str, Stage]
    large: tuple[Out, ...] = ()
    previous: Mapping[str, Stage] = field(default_factory=dict)
    pipeline: bytes | None = None
    params_text: bytes | None = None

    @property
    def where(self) -> str:
        return FILE if self.commit is None else f"{self.name}:{FILE}"

    @cached_property
    def outs(self) -> dict[str, Out]:
        """Every output by path, of stages that are declared and of ``.dvc`` files."""
        made = {out.path: out for name, stage in self.stages.items() if self.declares(name) for out in stage.outs}
        return made | {out.path: out for out in self.large}

    @cached_property
    def made_by(self) -> dict[str, str]:
        return {out.path: name for name, stage in self.stages.items() for out in stage.outs}

    @cached_property
    def declared(self) -> dict[str, Mapping[str, object]] | None:
        """The stages of dvc.yaml by verb; None where there is no dvc.yaml that can be read."""
        stages = _yaml(self.pipeline).get("stages")
        if not isinstance(stages, Mapping):
            return None
        return {str(verb): body for verb, body in stages.items() if isinstance(body, Mapping)}

    @cached_property
    def params(self) -> Mapping[str, object]:
        return _yaml(self.params_text)

    @cached_property
    def datasets(self) -> list[str]:
        listed = self.params.get("datasets")
        return [str(key) for key in listed] if isinstance(listed, Mapping | list) else []

    def declares(self, name: str) -> bool:
        """Say whether dvc.yaml and the list of datasets still have a stage: locks keep what was removed."""
        verb, _at, key = name.partition("@")
        if self.declared is None:  # a pipeline that nobody can read hides nothing
            return True
        return verb in self.declared and (not key or not self.datasets or key in self.datasets)

    def stage_declared(self, name: str) -> Mapping[str, object]:
        """Return what dvc.yaml says of a stage: of one made for each dataset, what it says of each."""
        body = (self.declared or {}).get(name.partition("@")[0], {})
        each = body.get("do")
        return each if isinstance(each, Mapping) else body


def _yaml(text: bytes | None) -> Mapping[str, object]:
    try:
        content = plain(text) if text else None
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, Mapping) else {}


def text_params(text: bytes) -> Mapping[str, object]:
    """Return what a params.yaml holds; nothing when it cannot be read."""
    return _yaml(text)


def named(stages: Mapping[str, Stage]) -> Iterator[tuple[str, str]]:
    """Give (path, MD5) of everything a lock names."""
    for stage in stages.values():
        for item in (*stage.deps, *stage.outs):
            yield item.path, item.md5


PARAMS = paths.PARAMS.as_posix()
