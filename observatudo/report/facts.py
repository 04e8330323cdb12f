"""What the report says, as facts: read from the work tree, the records of runs, and the metrics of versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from observatudo import datasets, gitread, history, paths
from observatudo.errors import ObservatudoError
from observatudo.history import store, versions
from observatudo.history.view import View
from observatudo.report import moved
from observatudo.runs import inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from observatudo.alerts.model import State
    from observatudo.datasets import DatasetState
    from observatudo.history.model import Measure, Run, VersionRow
    from observatudo.journal import Json
    from observatudo.report.moved import Moved

_RUNS = 10
_VERSIONS = 200  # of metrics that are looked at
_LOCK = "dvc.lock"


@dataclass(frozen=True)
class Point:
    """A dataset's rows as one version left them."""

    commit: str
    date: str
    kept: int | None
    rejected: int | None


@dataclass(frozen=True)
class Change:
    """A version, and what it did to each dataset that it changed."""

    version: VersionRow
    rows: tuple[Moved, ...]


@dataclass(frozen=True)
class Facts:
    """All of it. ``at`` is the time that ages are measured at; ``volumes`` go from the oldest version to the newest."""

    at: datetime
    commit: str | None
    committed: str | None
    is_dirty: bool
    lock: str | None
    datasets: tuple[DatasetState, ...]
    volumes: Mapping[str, tuple[Point, ...]]
    labels: Mapping[str, Json]
    tests: Mapping[str, Json]
    changes: tuple[Change, ...]
    runs: tuple[Run, ...]
    alerts: State | None
    problems: tuple[str, ...]


def gather(root: Path, at: datetime) -> Facts:
    """Return the facts of the repository at ``root``; ``at`` needs a zone.

    Raises ConfigError for a wrong declaration and SnapshotError for a sidecar that cannot be read.
    """
    states = tuple(datasets.states(root, at))
    keys = [state.dataset for state in states]
    store.use(root, lambda connection: versions.take_in(connection, root))
    view = View(root)
    volumes = {key: tuple(_points(view, key)) for key in keys}
    commit = inputs.head_commit(root)
    own = view.version(commit) if commit else None
    alerts, problem = _alerts(root, at)
    found = Facts(
        at=at,
        commit=commit,
        committed=own.date if own else None,
        is_dirty=bool(commit) and _is_dirty(root),
        lock=inputs.file_sha256(root / _LOCK) if (root / _LOCK).is_file() else None,
        datasets=states,
        volumes=volumes,
        labels=_now(view, paths.METRICS / "classify.json", "classify"),
        tests=_now(view, paths.METRICS / "transform.json", "transform"),
        changes=tuple(_changes(root, view, volumes)) if commit else (),
        runs=tuple(run for run in history.runs(root, _RUNS) if datetime.fromisoformat(run.started) <= at),
        alerts=alerts,
        problems=tuple(filter(None, (problem, view.problem))),
    )
    view.close()
    return found


def _is_dirty(root: Path) -> bool:
    return bool(gitread.ask(root, "status", "--porcelain", "--untracked-files=no").stdout.strip())


def _alerts(root: Path, at: datetime) -> tuple[State | None, str]:
    from observatudo.alerts import state

    try:
        return state.of(root, at), ""
    except ObservatudoError as error:
        return None, error.message


def _points(view: View, key: str) -> Iterator[Point]:
    source, _slash, name = key.partition("/")
    for measure in reversed(view.measures(f"data/metrics/ingest/{key}.json", _VERSIONS)):
        counted = _mapping(_mapping(measure.content.get(source)).get(name))
        read, rejected = _whole(counted.get("rows_read")), _whole(counted.get("rows_rejected"))
        kept = None if read is None or rejected is None else read - rejected
        if measure.commit:
            yield Point(measure.commit, measure.date, kept, rejected)


def _now(view: View, path: Path, section: str) -> Mapping[str, Json]:
    found: list[Measure] = view.measures(path.as_posix(), 1)
    return _mapping(found[0].content.get(section)) if found else {}


def _changes(root: Path, view: View, volumes: Mapping[str, tuple[Point, ...]]) -> Iterator[Change]:
    kept = {key: {point.commit: point.kept for point in points} for key, points in volumes.items()}
    for commit, rows in moved.versions(root, kept):
        version = view.version(commit)
        if version is not None:
            yield Change(version, rows)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
