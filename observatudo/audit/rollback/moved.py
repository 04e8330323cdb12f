"""Which stages will not count as up to date after a rollback, before it happens.

DVC compares each stage's dependencies and parameters with ``dvc.lock``; here the same is asked of the files as they
will be. What cannot be known without running DVC (a command built from several values) is left to ``dvc status`` after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from observatudo.audit.rollback import places
from observatudo.audit.rollback.model import Moved
from observatudo.audit.rollback.splice import value
from observatudo.versions import Lock, disk
from observatudo.versions.lock import folder_md5
from observatudo.yamlfile import plain

ALWAYS = "always changed"
_FIELD = re.compile(r"\$\{([\w.]+)\}")


class _Stage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    deps: list[JsonValue] = []
    always_changed: bool = False


class _Block(_Stage):
    foreach: JsonValue = None
    do: _Stage | None = None


class _Pipeline(BaseModel):
    model_config = ConfigDict(extra="ignore")

    stages: dict[str, _Block] = {}


class After:
    """The work tree as it will be: the disk, with some files' hashes replaced (None: gone)."""

    def __init__(self, root: Path, changes: Mapping[str, str | None], params: bytes) -> None:
        self._root = root
        self._changes = changes
        self.params: object = plain(params) or {}
        self._hashes: dict[str, str] = {}

    def md5(self, path: str) -> str | None:
        """Return the hash DVC would give a file or a folder there, or None when there is neither."""
        if path not in self._hashes:
            found = self._files(path)
            if set(found) == {""}:
                self._hashes[path] = found[""]
            elif found:
                self._hashes[path] = folder_md5(found)
        return self._hashes.get(path)

    def _files(self, path: str) -> dict[str, str]:
        on_disk = [file for file in self._listed(path) if file.relative_to(self._root).as_posix() not in self._changes]
        found = {file.relative_to(self._root).as_posix(): md5 for file, md5 in disk.md5s(self._root, on_disk).items()}
        inside = {name: md5 for name, md5 in self._changes.items() if name == path or name.startswith(f"{path}/")}
        found |= {name: md5 for name, md5 in inside.items() if md5 is not None}
        return {name[len(path) + 1 :]: md5 for name, md5 in found.items()}

    def _listed(self, path: str) -> list[Path]:
        start = self._root / path
        if start.is_file():
            return [start]
        walked = self._walk(str(start)) if start.is_dir() else []
        return [Path(folder, name) for folder, _below, names in walked for name in names]

    @cached_property
    def _walk(self) -> Callable[[str], Iterable[tuple[str, list[str], list[str]]]]:
        """Return what walks a folder and leaves out what ``.dvcignore`` names."""
        from dvc.fs import localfs
        from dvc.ignore import DvcIgnoreFilter

        return partial(DvcIgnoreFilter(localfs, str(self._root)).walk, localfs)


def find(root: Path, lock: Lock, after: After) -> tuple[Moved, ...]:
    """Return the stages of today's pipeline that ``lock`` does not describe, in its order, and why."""
    found = []
    for stage, deps in _declared(root, after.params):
        known = lock.deps.get(stage)
        if known is None:
            found.append(Moved(stage, ("dvc.lock",)))
            continue
        paths = dict.fromkeys([*deps, *known])
        why = [path for path in paths if path not in known or path not in deps or after.md5(path) != known[path]]
        why += _parameters(lock.params.get(stage, {}), after.params)
        if why:
            found.append(Moved(stage, tuple(why)))
    return tuple(found)


def _parameters(known: Mapping[str, JsonValue], params: object) -> list[str]:
    return [f"{places.PARAMS}:{key}" for key, old in known.items() if value(params, key.split(".")) != (True, old)]


def _declared(root: Path, params: object) -> list[tuple[str, list[str]]]:
    """Return the stages that today's dvc.yaml gives with these parameters, and the paths each depends on.

    Nothing when it cannot be read; always-changed ones are left out.
    """
    try:
        content = plain((root / "dvc.yaml").read_bytes())
        blocks = _Pipeline.model_validate(content or {}).stages
    except (OSError, yaml.YAMLError, ValidationError):
        return []
    found = []
    for name, block in blocks.items():
        stage = block.do or block
        for item, fields in _items(block, params) if block.do else [("", {})]:
            if not stage.always_changed:
                deps = [_filled(next(iter(dep)) if isinstance(dep, dict) else str(dep), fields) for dep in stage.deps]
                found.append((f"{name}@{item}" if item else name, deps))
    return found


def _items(block: _Block, params: object) -> list[tuple[str, dict[str, str]]]:
    """Return the instances of a ``foreach``: name and what ``${…}`` stands for in each."""
    over = block.foreach
    if isinstance(over, str) and (found := _FIELD.fullmatch(over)):
        over = value(params, found[1].split("."))[1]  # type: ignore[assignment]
    if isinstance(over, list):
        return [(str(item), {"item": str(item)}) for item in over]
    if not isinstance(over, dict):
        return []
    return [
        (str(key), {"key": str(key)} | {f"item.{name}": str(text) for name, text in _fields(item)})
        for key, item in over.items()
    ]


def _fields(item: object) -> list[tuple[str, object]]:
    return list(item.items()) if isinstance(item, dict) else []


def _filled(text: str, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: fields.get(found[1], found[0]), text)
