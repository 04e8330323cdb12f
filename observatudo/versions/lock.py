"""``dvc.lock``: what each stage read and made, by content hash. Format: DVC 3, schema 2.0."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.yamlfile import plain

FILE = "dvc.lock"
FOLDER = ".dir"  # how DVC marks the hash of a folder's listing


class Out(BaseModel):
    """One file or folder in dvc.lock: ``md5`` of a folder is that of its listing, and ends in ``.dir``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    path: str
    md5: str = ""
    size: int | None = None
    nfiles: int | None = None

    @property
    def is_folder(self) -> bool:
        return self.md5.endswith(FOLDER)


class Stage(BaseModel):
    """One stage of a dvc.lock."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    cmd: str | list[str] = ""
    deps: list[Out] = []
    outs: list[Out] = []
    params: dict[str, dict[str, JsonValue]] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    stages: dict[str, Stage] = {}


@dataclass(frozen=True)
class Lock:
    """A dvc.lock: outputs by path, and per stage its dependencies and parameters."""

    outs: Mapping[str, Out] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)
    deps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)


def has_conflict(text: bytes) -> bool:
    """Say whether the text holds the marks of a merge that is not finished."""
    return b"<<<<<<< " in text


def parse(text: bytes) -> dict[str, Stage]:
    """Return the stages of a dvc.lock. Raises yaml.YAMLError, UnicodeDecodeError and pydantic's ValidationError."""
    return _File.model_validate(plain(text) or {}).stages


def read_lock(text: bytes | None, where: str) -> Lock:
    """Read the text of a dvc.lock; None (there is none) gives an empty one.

    Raises ObservatudoError naming ``where`` when it is not YAML, has conflict marks, or is no lock.
    """
    if text is None:
        return Lock()
    if has_conflict(text):
        raise ObservatudoError(
            _("dvc.lock holds a conflict of two branches"), where=where, next_step="observatudo resolve"
        )
    try:
        stages = parse(text)
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())[:200]
        raise ObservatudoError(
            _("dvc.lock cannot be read: {why}").format(why=why), where=where, next_step=f"git log -- {FILE}"
        ) from None
    return Lock(
        outs={out.path: out for stage in stages.values() for out in stage.outs},
        made_by={out.path: name for name, stage in stages.items() for out in stage.outs},
        deps={name: {dep.path: dep.md5 for dep in stage.deps} for name, stage in stages.items()},
        params={
            name: {key: value for file in stage.params.values() for key, value in file.items()}
            for name, stage in stages.items()
        },
    )


def listing_md5(text: bytes) -> str:
    """Return the hash by which DVC names a folder whose listing has this text."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest() + FOLDER


def folder_md5(files: Mapping[str, str]) -> str:
    """Return the hash of a folder with these files: path in the folder → MD5.

    DVC lists them in order of the whole path: ``a.csv`` comes before ``a/b``.
    """
    listing = [{"md5": md5, "relpath": name} for name, md5 in sorted(files.items())]
    return listing_md5(json.dumps(listing, sort_keys=True).encode())
