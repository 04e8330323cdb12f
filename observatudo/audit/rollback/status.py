"""What DVC says of the pipeline after a rollback."""

from __future__ import annotations

import os
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

from pydantic import JsonValue, TypeAdapter

from observatudo.audit.rollback.moved import ALWAYS
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

_STATUS: TypeAdapter[dict[str, list[JsonValue]]] = TypeAdapter(dict[str, list[JsonValue]])


def changed(root: Path) -> dict[str, list[str]]:
    """Return stage → what changed of it, as ``dvc status`` has it; stages that always run are left out.

    Raises ObservatudoError when DVC cannot read the pipeline (a dvc.yaml that does not suit the parameters).
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # DVC names stages and files as seen from the working directory
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere), chdir(root):
        try:
            with Repo(str(root)) as repo:
                found = _STATUS.validate_python(repo.status())
        except DvcException as error:
            raise ObservatudoError(
                _("DVC cannot read the pipeline: {why}").format(why=" ".join(str(error).split())[:200]),
                where="dvc.yaml",
                next_step="dvc status",
            ) from None
    named = {stage: [name for part in parts for name in _names(part)] for stage, parts in found.items()}
    return {stage: names for stage, names in named.items() if names}


def _names(part: JsonValue) -> list[str]:
    """Return what a part of the status names: ``{"changed deps": {"a.py": "modified"}}`` names a.py."""
    if isinstance(part, str):
        return [] if part == ALWAYS else [part]
    if not isinstance(part, dict):
        return []
    return [str(name) for inner in part.values() for name in (inner if isinstance(inner, dict) else [inner])]
