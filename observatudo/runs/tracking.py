"""MLflow's view of the runs: one parent per run, one child per stage and dataset, sent in batches.

Run as a process (``python -m observatudo.runs.tracking HOME``), because importing MLflow takes seconds
and because whatever goes wrong in it must not reach the pipeline. Sending a run again changes nothing.

Artifacts of the database in ``mlruns/`` are addressed relative to the server (``mlflow-artifacts:``),
not by an absolute path, so that a clone that was moved or copied keeps them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock

from observatudo.runs import outbox
from observatudo.runs.model import Record, StageRun, to_text

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_Entity = TypeVar("_Entity")

EXPERIMENT = "observatudo"
DATABASE, ARTIFACTS = Path("mlruns/mlflow.db"), Path("mlruns/artifacts")
RUN_TAG, RECORD_TAG = "observatudo.run_id", "observatudo.record_sha256"
_BATCH = 100  # what MLflow takes at once of params and tags (of metrics, 1000)
_LONGEST_VALUE = 500
_STATUS = {"success": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def send_waiting(home: Path) -> None:
    """Send every run in the outbox, oldest first. Raises what MLflow raises; what is sent is sent.

    A lock lets one process at a time in: two that create the database at once break it.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    (home / DATABASE).parent.mkdir(exist_ok=True)
    with FileLock(home / DATABASE.with_suffix(".lock")):
        folders = outbox.waiting(home)
        if not folders:
            return
        client, experiment = _open(home)
        for folder in folders:
            _send(client, experiment, home, folder)
            shutil.rmtree(folder)


def _is_own_database() -> bool:
    return not os.environ.get("MLFLOW_TRACKING_URI")


def _open(home: Path) -> tuple[MlflowClient, str]:
    from mlflow import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(home / DATABASE).resolve()}"
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return client, str(found.experiment_id)
    location = f"mlflow-artifacts:/{EXPERIMENT}" if _is_own_database() else None
    return client, str(client.create_experiment(EXPERIMENT, artifact_location=location))


def _send(client: MlflowClient, experiment: str, home: Path, folder: Path) -> None:
    parcel = outbox.Parcel.model_validate_json((folder / "run.json").read_text(encoding="utf-8"))
    record = parcel.record
    digest = hashlib.sha256(to_text(record).encode()).hexdigest()
    earlier = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{record.run_id}'")
    if any(run.data.tags.get(RECORD_TAG) == digest for run in earlier):
        return
    for run in earlier:  # cut off while sending, or told before the run was over (--keep-going)
        client.delete_run(run.info.run_id)
    parent = _create(client, experiment, record, record.experiment or record.run_id, _parent_tags(record))
    everything = {key: value for numbers in parcel.metrics.values() for key, value in numbers.items()}
    everything["duration_s"] = record.duration_s
    _log(client, parent, parcel.params, everything, _milliseconds(record.ended))
    _keep_artifacts(client, parent, home, folder / "artifacts")
    for name, stage in record.stages.items():
        _send_stage(client, experiment, parent, record, name, stage, parcel.metrics.get(name, {}))
    client.set_tag(parent.info.run_id, RECORD_TAG, digest)  # last: a parent with it is complete
    client.set_terminated(parent.info.run_id, _STATUS[record.status], _milliseconds(record.ended))


def _parent_tags(record: Record) -> dict[str, str]:
    return {
        RUN_TAG: record.run_id,
        "status": record.status,
        "dirty": str(record.dirty).lower(),
        "command": record.command[:_LONGEST_VALUE],
        "host": record.where.host,
        "mlflow.user": record.who.name or record.who.login or "",
        "mlflow.source.name": "observatudo",
    } | ({"mlflow.source.git.commit": record.commit} if record.commit else {})


def _create(client: MlflowClient, experiment: str, record: Record, name: str, tags: dict[str, str]) -> Run:
    return client.create_run(experiment, _milliseconds(record.started), tags, run_name=name)


def _send_stage(
    client: MlflowClient,
    experiment: str,
    parent: Run,
    record: Record,
    name: str,
    stage: StageRun,
    metrics: dict[str, float],
) -> None:
    tags = {
        "mlflow.parentRunId": parent.info.run_id,
        RUN_TAG: record.run_id,
        "stage": name.partition("@")[0],
        "dataset": stage.dataset or "",
        "status": stage.status,
    }
    ended = stage.ended or record.ended
    child = client.create_run(experiment, _milliseconds(stage.started), tags, run_name=name)
    costs = {"wall_s": stage.wall_s, "cpu_s": stage.cpu_s, "peak_mb": stage.peak_mb}
    numbers = {key: float(value) for key, value in (costs | stage.rows).items() if value is not None}
    _log(client, child, {}, numbers | metrics, _milliseconds(ended))
    client.set_terminated(child.info.run_id, _STATUS[stage.status], _milliseconds(ended))


def _log(client: MlflowClient, run: Run, params: dict[str, str], metrics: dict[str, float], when: int) -> None:
    from mlflow.entities import Metric, Param

    numbers = [Metric(_key(key), value, when, 0) for key, value in metrics.items()]
    words = [Param(_key(key), value[:_LONGEST_VALUE]) for key, value in params.items()]
    for few in _batches(numbers):
        client.log_batch(run.info.run_id, metrics=few)
    for some in _batches(words):
        client.log_batch(run.info.run_id, params=some)


def _batches(items: list[_Entity]) -> Iterable[list[_Entity]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _keep_artifacts(client: MlflowClient, run: Run, home: Path, folder: Path) -> None:
    if not _is_own_database():
        client.log_artifacts(run.info.run_id, str(folder))
        return
    place = str(run.info.artifact_uri).removeprefix("mlflow-artifacts:/")
    shutil.copytree(folder, home / ARTIFACTS / place, dirs_exist_ok=True)


def _key(name: str) -> str:
    """Return the name with what MLflow refuses replaced."""
    return re.sub(r"[^\w\-./ :]", "_", name)


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


if __name__ == "__main__":
    send_waiting(Path(sys.argv[1]))
