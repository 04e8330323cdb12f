"""How many stages a whole run has: the stages of dvc.yaml as DVC makes them of its templates, without DVC."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[tuple[int, int], ...]
_REFERENCE = re.compile(r"\$\{([\w.]+)\}", re.ASCII)
_DVC, _PARAMS = "dvc.yaml", "params.yaml"


class Expected:
    """The names of the pipeline's stages below ``root``; read again when dvc.yaml or params.yaml changes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stamp: Stamp | None = None
        self._names: list[str] | None = None

    def names(self) -> list[str] | None:
        """Return them in the order of dvc.yaml; None when it cannot be read or uses more than is understood here."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp, self._names = stamp, stages(self._root)
        return self._names

    def _stamp_now(self) -> Stamp:
        found = []
        for name in (_DVC, _PARAMS):
            try:
                status = (self._root / name).stat()
            except OSError:
                continue
            found.append((status.st_mtime_ns, status.st_size))
        return tuple(found)


def stages(root: Path) -> list[str] | None:
    """Return the names of the stages of dvc.yaml in its order, ``foreach`` spelled out over a list or mapping.

    None when a file cannot be read, or names cannot be told without DVC (``matrix``, vars of other files).
    """
    pipeline, params = _read(root / _DVC), _read(root / _PARAMS)
    blocks = pipeline.get("stages") if isinstance(pipeline, dict) else None
    if not isinstance(blocks, dict):
        return None
    found: list[str] = []
    for name, block in blocks.items():
        items = _items(block, params)
        if items is None:
            return None
        found += [f"{name}@{item}" if item else str(name) for item in items]
    return found


def _items(block: object, params: object) -> list[str] | None:
    """Return what a stage is made for, one empty name for a stage that is just one."""
    if not isinstance(block, dict) or "matrix" in block:
        return None
    if "foreach" not in block:
        return [""]
    values = block["foreach"]
    if isinstance(values, str):
        reference = _REFERENCE.fullmatch(values.strip())
        values = _value(params, reference[1].split(".")) if reference else None
    if isinstance(values, list) and any(isinstance(value, dict | list) for value in values):
        return [str(number) for number in range(len(values))]
    names = [_word(value) for value in values] if isinstance(values, dict | list) else None
    return None if names is None or any("${" in name for name in names) else names


def _word(value: object) -> str:
    """Return a value as DVC puts it in a stage's name."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(content: object, names: list[str]) -> object:
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _read(path: Path) -> object:
    import yaml  # yamlfile.plain would do, and bring pydantic into the dashboard's process

    try:
        text = path.read_bytes()
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 a safe loader
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
