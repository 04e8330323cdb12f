"""Runs that wait to be shown in MLflow: one folder each, so that a server that is away delays, not loses.

``.observatudo/outbox/<run_id>/`` holds ``run.json`` (the record, parameters and metrics) and
``artifacts/`` (the record, the configuration as it was, and the patch when an input was changed).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from observatudo import paths
from observatudo.runs import gitstate, outputs
from observatudo.runs.model import Record, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTBOX = Path(".observatudo/outbox")
_MOST_WAITING = 50
_CONFIGS = (paths.PARAMS, Path("dvc.yaml"))


class Parcel(BaseModel):
    """What MLflow is told of one run; ``metrics`` by metrics file, then by key."""

    record: Record
    params: dict[str, str]
    metrics: dict[str, dict[str, float]]


def put(home: Path, root: Path | None, record: Record) -> None:
    """Leave a run to be sent. ``root`` is where it worked, None when that is no longer as it was."""
    folder = home / OUTBOX / record.run_id
    drafts = home / OUTBOX / f".{record.run_id}"
    shutil.rmtree(drafts, ignore_errors=True)
    (drafts / "artifacts").mkdir(parents=True)
    (drafts / "artifacts/run.json").write_text(to_text(record), encoding="utf-8")
    params, metrics = (_params(root), _metrics(root, record)) if root else ({}, {})
    parcel = Parcel(record=record, params=params, metrics=metrics)
    (drafts / "run.json").write_text(parcel.model_dump_json(), encoding="utf-8")
    if root:
        _copy_inputs(root, record, drafts / "artifacts")
    shutil.rmtree(folder, ignore_errors=True)
    drafts.rename(folder)
    for old in waiting(home)[:-_MOST_WAITING]:
        shutil.rmtree(old, ignore_errors=True)


def waiting(home: Path) -> list[Path]:
    """Return the folders of the runs that wait, oldest first."""
    return sorted(path for path in (home / OUTBOX).glob("[0-9]*") if (path / "run.json").is_file())


def _copy_inputs(root: Path, record: Record, artifacts: Path) -> None:
    repo = gitstate.open_repository(root)
    names = {name: artifacts / "config" / name for name in record.configs}
    if record.dirty:
        new = gitstate.new_files(repo, root, record.changed)
        names |= {name: artifacts / "new" / name for name in new if name not in record.configs}
        text = gitstate.patch(repo, record.commit, record.changed)
        if text:
            (artifacts / "inputs.patch").write_text(text, encoding="utf-8", errors="surrogateescape")
    for name, target in names.items():
        if (root / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)


def _params(root: Path) -> dict[str, str]:
    return {key: str(value) for key, value in _leaves(outputs.pipeline(root).params)}


def _metrics(root: Path, record: Record) -> dict[str, dict[str, float]]:
    """Return the numbers in the metrics files that the run's own outputs include."""
    found: dict[str, dict[str, float]] = {}
    for path, output in record.outputs.items():
        name = Path(path)
        if name.is_relative_to(paths.METRICS) and name.suffix == ".json":
            verb = name.relative_to(paths.METRICS).parts[0].removesuffix(".json")
            numbers = {
                f"{verb}.{key}": float(value)
                for key, value in _leaves(outputs.json_file(root / name))
                if isinstance(value, int | float)
            }
            found.setdefault(output.stage, {}).update(numbers)
    return found


def _leaves(tree: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted key and the value of every leaf of nested mappings and lists."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _leaves(value, f"{prefix}.{index}")
    elif tree is not None:
        yield prefix, tree
