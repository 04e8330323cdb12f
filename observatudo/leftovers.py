"""What datasets that are no longer on the list in params.yaml left behind.

A folder under ``data/`` is only taken for a dataset's when something says so: dvc.lock (as it stands, or
as last committed), or what ``ingest`` and ``generate`` wrote into it themselves.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from observatudo import config, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = "relatorio.json"
INGEST_METRICS = paths.METRICS / "ingest"
STAGING = Path("dbt/models/staging")
LOCK = Path("dvc.lock")
_INGEST = "ingest@"
_MODEL = re.compile(r"\{\{ stg_\w+\('(\w+)', '(\w+)'")
_KEY: TypeAdapter[str] = TypeAdapter(config.DatasetKey)


def find(root: Path) -> list[str]:
    """Return the keys of datasets that left something behind and are not on the list, sorted.

    Raises ConfigError when params.yaml cannot be read. A declaration or a snapshot alone is no leftover:
    a dataset may be declared and wait.
    """
    listed = set(config.declared(root))
    found = {*locked(root), *_locked_before(root), *_reported(root), *_measured(root), *_modelled(root)}
    return sorted(key for key in found - listed if is_key(key))


def is_key(text: str) -> bool:
    """Say whether a text is ``fonte/dataset``, and nothing that leads elsewhere."""
    try:
        _KEY.validate_python(text)
    except ValidationError:
        return False
    return True


def locked(root: Path) -> list[str]:
    """Return the datasets that dvc.lock, as it stands, holds a stage of."""
    lock = root / LOCK
    return _stages(lock.read_text(encoding="utf-8", errors="replace") if lock.is_file() else "")


def rows(folder: Path) -> int | None:
    """Return how many rows the last ingest into this folder made, if it is one of ingest's."""
    found = _json(folder / REPORT).get("rows")
    return found if isinstance(found, int) else None


def _locked_before(root: Path) -> Iterator[str]:
    """Yield the datasets of the last commit's dvc.lock whose output still stands."""
    candidates = {path.relative_to(root / paths.INGESTED).as_posix() for path in _folders(root)}
    listed = set(config.declared(root))
    if candidates - listed:  # Git is asked only when there is something to ask about
        yield from candidates.intersection(_stages(_committed_lock(root)))


def _stages(text: str) -> list[str]:
    return re.findall(rf"^  {_INGEST}(\S+):$", text, re.MULTILINE)


def _committed_lock(root: Path) -> str:
    from git import Repo
    from git.exc import GitCommandError, InvalidGitRepositoryError

    try:
        return str(Repo(root).git.show(f"HEAD:{LOCK}"))
    except (InvalidGitRepositoryError, GitCommandError):  # no Git, no commit, or none with a lock
        return ""


def _folders(root: Path) -> list[Path]:
    return [path for path in (root / paths.INGESTED).glob("*/*") if path.is_dir()]


def _reported(root: Path) -> Iterator[str]:
    for folder in _folders(root):
        if "rows_read" in _json(folder / REPORT):
            yield folder.relative_to(root / paths.INGESTED).as_posix()


def _measured(root: Path) -> Iterator[str]:
    for path in (root / INGEST_METRICS).glob("*/*.json"):
        source, name = path.parent.name, path.stem
        inner = _json(path).get(source)
        if isinstance(inner, dict) and name in inner:
            yield f"{source}/{name}"


def _modelled(root: Path) -> Iterator[str]:
    for path in (root / STAGING).glob("stg_*.sql"):
        named = _MODEL.search(path.read_text(encoding="utf-8", errors="replace"))
        if named:
            yield f"{named[1]}/{named[2]}"


def _json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # what cannot be read is not known to be ours
    return content if isinstance(content, dict) else {}
