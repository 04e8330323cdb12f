"""The state of every declared dataset: what its last ingest read, and which version of it is here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from observatudo import checks, config, freshness, paths, snapshots
from observatudo.checks import LastCheck
from observatudo.errors import ObservatudoError
from observatudo.freshness import Freshness
from observatudo.i18n import _
from observatudo.yamlfile import parse

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class DatasetState:
    """One dataset. Counts are rows of the published files; ``rows`` are those of the result.

    ``version`` is the content hash DVC holds for the output; it and all counts are null before the
    first ``dvc repro``. ``null_rate`` is the share of the result that is empty. ``snapshot`` is the provenance of the
    bytes in ``data/raw``, ``freshness`` its age at ``now``, ``last_check`` what its source had when it was last asked.
    """

    dataset: str
    title: str
    kind: str
    rows_read: int | None
    rows_kept: int | None
    rows_rejected: int | None
    rejected_by_reason: dict[str, int]
    rows: int | None
    match_rate: float | None
    null_rate: float | None
    warnings: list[str]
    version: str | None
    snapshot: dict[str, object]
    freshness: Freshness
    last_check: LastCheck | None = None

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo datasets --json`` prints of the dataset."""
        return asdict(self)


def states(root: Path, now: datetime | None = None) -> list[DatasetState]:
    """Return the state of every declared dataset, in the order of params.yaml.

    Raises ConfigError for a wrong declaration and SnapshotError for a sidecar that cannot be read.
    """
    versions = _versions(root)
    when = now or datetime.now(UTC)
    declared = list(config.declared(root))
    asked = checks.last(root, declared, when)
    return [replace(_state(root, key, versions.get(key), when), last_check=asked.get(key)) for key in declared]


def _state(root: Path, key: str, version: str | None, now: datetime) -> DatasetState:
    dataset = config.load_dataset(root, key)
    report = _report(root / paths.INGESTED / key / "relatorio.json")
    failed = [check for check in _list(report.get("checks")) if isinstance(check, dict) and not check["passed"]]
    snapshot = snapshots.read(root, key)
    return DatasetState(
        dataset=key,
        title=dataset.title,
        kind=dataset.kind,
        rows_read=_int(report.get("rows_read")),
        rows_kept=_int(report.get("rows_kept")),
        rows_rejected=_int(report.get("rows_rejected")),
        rejected_by_reason=_counts(report.get("rejected_by_reason")),
        rows=_int(report.get("rows")),
        match_rate=_float(report.get("match_rate")),
        null_rate=_float(report.get("null_rate")),
        warnings=[f"{check['check']} {check['column'] or ''}: {'; '.join(check['sample'])}" for check in failed],
        version=version,
        snapshot={
            "sha256": snapshot.sha256,
            "fetched_at": snapshot.fetched_at,
            "connector": snapshot.connector,
            "publisher": snapshot.publisher,
            "license": snapshot.license,
            "citation": snapshot.citation,
            "source": snapshot.source,
        },
        freshness=freshness.of(snapshot.fetched_at, dataset.frequency, now),
    )


def _report(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise ObservatudoError(
            _("the report of an ingest is not what ingest wrote: {error}").format(error=error),
            where=str(path),
            next_step="dvc checkout --force",
        ) from None
    return content if isinstance(content, dict) else {}


def _versions(root: Path) -> dict[str, str]:
    """Return the content hash of each dataset's output, from dvc.lock in the work tree."""
    lock = root / "dvc.lock"
    if not lock.is_file():
        return {}
    content, _lines = parse(lock)
    stages = content.get("stages", {}) if isinstance(content, dict) else {}
    found = {}
    for name, stage in stages.items():
        verb, _at, key = name.partition("@")
        for out in stage.get("outs", []):
            if verb == "ingest" and out["path"] == (paths.INGESTED / key).as_posix():
                found[key] = str(out["md5"])
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _counts(value: object) -> dict[str, int]:
    return {str(k): int(v) for k, v in value.items()} if isinstance(value, dict) else {}
