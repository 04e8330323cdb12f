"""The outputs of a run: what DVC's lock says of them, and what their bytes say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from observatudo import paths
from observatudo.runs.inputs import file_sha256, listing_sha256
from observatudo.runs.model import Output


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class LockedFile(_Lenient):
    """One dependency or output in dvc.lock."""

    path: str
    md5: str = ""


class LockedStage(_Lenient):
    """One stage in dvc.lock."""

    deps: list[LockedFile] = []
    outs: list[LockedFile] = []


class _Lock(_Lenient):
    stages: dict[str, LockedStage] = {}


class _Declared(_Lenient):
    stages: dict[str, object] = {}


class _Params(_Lenient):
    datasets: dict[str, object] = {}


@dataclass(frozen=True)
class Pipeline:
    """The declared stages that DVC's lock knows, the datasets, and the parameters as they are."""

    stages: dict[str, LockedStage]
    datasets: list[str]
    params: dict[str, object] = field(default_factory=dict)


def pipeline(root: Path) -> Pipeline:
    """Read dvc.yaml, params.yaml and dvc.lock. What the lock keeps of removed datasets is left out."""
    declared = _Declared.model_validate(_yaml(root / "dvc.yaml")).stages
    params = _yaml(root / paths.PARAMS)
    datasets = list(_Params.model_validate(params).datasets)
    lock = _Lock.model_validate(_yaml(root / "dvc.lock")).stages
    stages = {name: stage for name, stage in lock.items() if _is_declared(name, declared, datasets)}
    return Pipeline(stages, datasets, params)


def _is_declared(name: str, declared: Mapping[str, object], datasets: list[str]) -> bool:
    verb, _at, key = name.partition("@")
    return verb in declared and (not key or not datasets or key in datasets)


def _yaml(path: Path) -> dict[str, object]:
    from ruamel.yaml import YAML

    content = YAML(typ="safe").load(path) if path.is_file() else None
    return content if isinstance(content, dict) else {}


def describe(root: Path, stage: str, locked: LockedFile, rows: int | None) -> Output | None:
    """Return what an output is, or None when it is not there; ``rows`` is what its stage said."""
    path = root / locked.path
    if not path.exists():
        return None
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    hashes = {file.relative_to(path).as_posix(): file_sha256(file) for file in files}
    counts = _row_counts(path, files)
    return Output(
        stage=stage,
        md5=locked.md5,
        sha256=listing_sha256(hashes) if path.is_dir() else hashes["."],
        size=sum(file.stat().st_size for file in files),
        files=len(files),
        rows=sum(counts.values()) if counts else rows,
        tables=dict(sorted(counts.items())) if path.is_dir() else {},
    )


def _row_counts(path: Path, files: list[Path]) -> Counter[str]:
    """Return rows by table, from the Parquet files' own footers; a folder of them is one table."""
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    for file in files:
        if file.suffix == ".parquet":
            inside = file.relative_to(path).parts if path.is_dir() else (file.name,)
            counts[inside[0].removesuffix(".parquet")] += pq.read_metadata(file).num_rows
    return counts


def versions(root: Path) -> dict[str, list[str]]:
    """Return the classifier, taxonomy, model and prompt versions that the labels name, each sorted."""
    import pyarrow.parquet as pq

    path = root / paths.LABELS
    if not path.is_file():
        return {}
    columns = {
        "versao_classificador": "classifier",
        "versao_modelo": "model",
        "versao_prompt": "prompt",
        "versao_taxonomia": "taxonomy",
    }
    present = [name for name in pq.read_schema(path).names if name in columns]
    table = pq.read_table(path, columns=present)
    return {
        columns[name]: sorted(str(value) for value in table[name].unique().to_pylist() if value is not None)
        for name in sorted(present)
    }


def json_file(path: Path) -> dict[str, object]:
    """Return the object in a JSON file, or an empty one when there is no such file."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}
