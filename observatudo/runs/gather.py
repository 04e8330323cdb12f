"""Builds the record of a run: at its end from the repository, later from what the log kept."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.runs import gitstate, outputs
from observatudo.runs.identity import typed
from observatudo.runs.inputs import EVIDENCE
from observatudo.runs.log import FAILED, INTERRUPTED, RUNNING, SUCCESS, RunLog, StageLog
from observatudo.runs.model import Dataset, Failure, Output, Record, StageRun, Where

if TYPE_CHECKING:
    from git import Repo

_WRITERS = ("duckdb", "pyarrow")
_CONFIGS = ("params.yaml", "dvc.yaml", "configs")
_SIDECARS = ("snapshot.json",)


def at_end(root: Path, run: RunLog, status: str) -> Record:
    """Return the record of a run that ends now, in the folder ``root`` that it worked in."""
    repo = gitstate.open_repository(root)
    line = outputs.pipeline(root)
    state = gitstate.state(repo, root, run.commit, _used(run))
    done = _finished(run, line, status)
    ended = datetime.now(UTC)
    return Record.model_validate(
        _common(run, status, ended, repo)
        | {
            "dirty": bool(state.changed) or run.commit is None,
            "changed": state.changed,
            "where": _where(root, run),
            "versions": outputs.versions(root) if "classify" in done else {},
            "configs": _only(state.now, _CONFIGS),
            "evidence": _evidence(state.now),
            "code": _code_of_stages(run, line, state.now),
            "datasets": _datasets(root, run, line, done),
            "outputs": _outputs(root, run, line, done),
            "dbt": _dbt(root) if "transform" in done else {},
        }
    )


def afterwards(home: Path, run: RunLog) -> Record:
    """Return the record of a run that was cut off: what the log kept, nothing of today's files."""
    repo = gitstate.open_repository(home)
    used = _used(run)
    changed = gitstate.differing(used, gitstate.committed(repo, run.commit), gone=False)
    ended = datetime.fromisoformat(run.last)
    return Record.model_validate(
        _common(run, run.outcome(), ended, repo)
        | {
            "dirty": bool(changed) or run.commit is None,
            "changed": changed,
            "configs": _only(used, _CONFIGS),
            "evidence": _evidence(used),
            "code": _logged_code(run),
            "datasets": {stage.dataset: _dataset(stage) for stage in run.work.values() if stage.dataset},
        }
    )


def _common(run: RunLog, status: str, ended: datetime, repo: Repo | None) -> dict[str, object]:
    """Return the fields that are known of every run, whenever it is closed; the others are empty."""
    began = datetime.fromisoformat(run.started)
    unknown = ("versions", "configs", "evidence", "code", "datasets", "outputs", "dbt")
    return {name: {} for name in unknown} | {
        "run_id": run.run_id,
        "status": status,
        "started": run.started,
        "ended": ended.isoformat(timespec="seconds"),
        "duration_s": round(max((ended - began).total_seconds(), 0.0), 1),
        "command": " ".join(typed(tuple(run.command))),
        "experiment": run.experiment,
        "commit": run.commit,
        "branch": run.branch,
        "who": gitstate.who(repo),
        "where": Where(host=run.host, system=platform.system(), python=run.python, lock_sha256=None),
        "writers": {name: metadata.version(name) for name in _WRITERS},
        "stages": {name: _stage(stage) for name, stage in sorted(run.work.items())},
        "error": Failure(**run.error) if run.error and status != SUCCESS else None,
    }


def _dbt(root: Path) -> object:
    """Return what transform's metrics say of dbt: models, tests, rows."""
    return outputs.json_file(root / paths.METRICS / "transform.json").get("transform", {})


def _where(root: Path, run: RunLog) -> Where:
    lock = root / "requirements.lock"
    sha256 = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None
    return Where(host=run.host, system=platform.system(), python=run.python, lock_sha256=sha256)


def _stage(stage: StageLog) -> StageRun:
    return StageRun.model_validate(
        {
            "dataset": stage.dataset,
            "status": _settled(stage),
            "started": stage.started,
            "ended": stage.ended or None,
            "wall_s": stage.wall_s,
            "cpu_s": stage.cpu_s,
            "peak_mb": stage.peak_mb,
            "warnings": stage.warnings,
            "rows": dict(sorted(stage.rows.items())),
        }
    )


def _settled(stage: StageLog) -> str:
    """Return the stage's status in a run that is over: what never ended was cut off."""
    return INTERRUPTED if stage.status == RUNNING else stage.status


def _used(run: RunLog) -> dict[str, str]:
    """Return path → blob hash of what the stages themselves saw, the first to see it first."""
    seen: dict[str, str] = {}
    for stage in run.stages.values():
        seen = stage.inputs | stage.code | seen
    return seen


def _only(blobs: dict[str, str], places: tuple[str, ...]) -> dict[str, str]:
    def under(path: str) -> bool:
        return any(path == place or path.startswith(f"{place}/") for place in places)

    return {path: blob for path, blob in sorted(blobs.items()) if under(path)}


def _evidence(blobs: dict[str, str]) -> dict[str, str]:
    sidecars = {path: blob for path, blob in blobs.items() if path.endswith((*_SIDECARS, ".dvc"))}
    return dict(sorted((_only(blobs, EVIDENCE) | _only(sidecars, (gitstate.SNAPSHOTS,))).items()))


def _logged_code(run: RunLog) -> dict[str, dict[str, str]]:
    code: dict[str, dict[str, str]] = {}
    for name, stage in run.stages.items():
        code.setdefault(name.partition("@")[0], {}).update(stage.code)
    return _in_order(code)


def _code_of_stages(run: RunLog, line: outputs.Pipeline, now: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the code of every stage: its declared code, and what those that ran really loaded."""
    code = _logged_code(run)
    for name, locked in line.stages.items():
        places = tuple(dep.path for dep in locked.deps if dep.path not in _CONFIGS)
        declared = {path: blob for path, blob in _only(now, places).items() if _is_code(path)}
        own = code.setdefault(name.partition("@")[0], {})
        own.update({path: blob for path, blob in declared.items() if path not in own})
    return _in_order(code)


def _in_order(code: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {verb: dict(sorted(blobs.items())) for verb, blobs in sorted(code.items()) if blobs}


def _is_code(path: str) -> bool:
    return path.partition("/")[0] in gitstate.CODE


def _finished(run: RunLog, line: outputs.Pipeline, status: str) -> set[str]:
    """Return the stages whose outputs belong to this run.

    After a success, all of them: those that did not run had no need to. After a failure, those that
    ended well; of the others nobody knows whether they are up to date.
    """
    if status == SUCCESS:
        return set(line.stages)
    return {name for name, stage in run.stages.items() if stage.status == SUCCESS}


def _outputs(root: Path, run: RunLog, line: outputs.Pipeline, done: set[str]) -> dict[str, Output]:
    found: dict[str, Output] = {}
    for name in sorted(done & line.stages.keys()):
        logged = run.stages[name].outputs if name in run.stages else {}
        for locked in line.stages[name].outs:
            output = outputs.describe(root, name, locked, logged.get(locked.path))
            if output is not None:
                found[locked.path] = output
    return dict(sorted(found.items()))


def _datasets(root: Path, run: RunLog, line: outputs.Pipeline, done: set[str]) -> dict[str, Dataset]:
    ran = {stage.dataset: _dataset(stage) for stage in run.work.values() if stage.dataset}
    found = {key: ran[key] for key in ran if ran[key].status in (FAILED, INTERRUPTED)}
    for key in line.datasets:
        report = outputs.json_file(root / paths.INGESTED / key / "relatorio.json")
        if key not in found and report and f"ingest@{key}" in done:
            found[key] = _reported(report, "success" if key in ran else "unchanged")
    return dict(sorted(found.items()))


def _dataset(stage: StageLog) -> Dataset:
    counts = {name: stage.rows.get(name) for name in ("rows_read", "rows_kept", "rows_rejected")}
    return Dataset.model_validate({"status": _settled(stage), **counts, "match_rate": None, "snapshot_sha256": None})


def _reported(report: dict[str, object], status: str) -> Dataset:
    names = ("rows_read", "rows_kept", "rows_rejected", "match_rate")
    snapshot = report.get("snapshot")
    sha256 = snapshot.get("sha256") if isinstance(snapshot, dict) else None
    counts = {name: report.get(name) for name in names}
    return Dataset.model_validate({"status": status, **counts, "snapshot_sha256": sha256})
