"""What a rollback is about to do, written down before it does it, so that whoever comes after can finish or undo it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from observatudo.audit.rollback.model import Blob, FileChange, HeldFile
from observatudo.audit.rollback.unfinished import FINISH, INTENT
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

FOLDER = Path(".observatudo/rollback")
_ASIDE, _FRESH, _INDEX = FOLDER / "old", FOLDER / "new", FOLDER / "index"


class Intent(BaseModel):
    """``commit`` is made already, but no branch leads to it. ``caches`` are files of the warehouse that were there.

    ``files`` are Git's, the rollback's own record among them; ``records`` those of runs, on disk before and after;
    ``held`` are single files of outputs. Content that is to come waits in ``fresh``; what goes is kept in ``aside``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    rollback_id: str
    when: str
    branch: str
    start: str
    commit: str
    target: str
    files: tuple[FileChange, ...]
    records: dict[str, Blob]
    held: tuple[HeldFile, ...]
    warehouse: Literal["untouched", "rebuilt", "dropped"]
    caches: tuple[str, ...]


def aside(root: Path, path: str) -> Path:
    return root / _ASIDE / path


def fresh(root: Path, path: str) -> Path:
    return root / _FRESH / path


def index(root: Path, name: str) -> Path:
    """Return where an index of a rollback's own is: that of the ``old`` or of the ``new`` commit."""
    return root / _INDEX / name


def write(root: Path, intent: Intent) -> None:
    """Write the intent to the disk itself, whole or not at all."""
    path = root / INTENT
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(intent.model_dump_json(indent=2))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(root: Path) -> Intent | None:
    """Return the intent of a rollback that was cut off, or None. Raises ObservatudoError for one that is damaged."""
    path = root / INTENT
    if not path.is_file():
        return None
    try:
        return Intent.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ObservatudoError(
            _("what a rollback wrote down about itself cannot be read: {why}").format(
                why=" ".join(str(error).split())[:120]
            ),
            where=str(INTENT),
            next_step=_("remove this file, then look at git status and dvc status"),
        ) from None


def refuse_another(root: Path) -> None:
    """Raise ObservatudoError while a rollback waits to be finished or undone."""
    if (root / INTENT).is_file():
        raise ObservatudoError(_("a rollback was cut off here"), where=str(INTENT), next_step=FINISH)


def forget(root: Path, step: Callable[[str], None] = lambda _name: None) -> None:
    """Remove the intent, and then what was kept for it."""
    (root / INTENT).unlink(missing_ok=True)
    step("clean up")
    shutil.rmtree(root / FOLDER, ignore_errors=True)
