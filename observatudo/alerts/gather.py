"""What a repository's records, logs, outputs and declarations say, as the figures that rules look at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, corrections, history, paths, snapshots
from observatudo.alerts.content import Contents
from observatudo.alerts.facts import Check, DatasetFacts, Disk, History, RunFacts, Source
from observatudo.alerts.ledger import Ledger
from observatudo.errors import ObservatudoError
from observatudo.figures import printable
from observatudo.runs import log as runlog

if TYPE_CHECKING:
    from observatudo.history import Run
    from observatudo.runs.model import Dataset, Record

_CHECKS_OF = timedelta(days=800)  # twice the longest frequency, and a little
_MARK = b'"event":"fetched"'
_RESULTS = ("new", "same", "refused", "failed")


def gather(home: Path, ledger: Ledger, now: datetime, runs: int) -> History:
    """Return the newest runs, ``runs`` and at most twice as many, and all that goes with them.

    The oldest of them stays the same for ``runs`` runs: were it another after each, an alert that stands would begin
    anew with each run, under another id, and be told again although somebody acknowledged it. What is damaged is left
    out: others tell of it.
    """
    contents = Contents(home)
    every = history.runs(home)
    newest = every[: runs + len(every) % runs]
    ended = [run for run in newest if run.status != runlog.RUNNING and run.experiment is None]
    facts = [_run(home, contents, run) for run in reversed(ended) if run.kind != "hand"]
    return History(
        runs=tuple(one for one in facts if one is not None),
        checks=tuple(_checks(home, now)),
        verified=tuple(ledger.verified),
        disk=(*ledger.disk, Disk(now.isoformat(), shutil.disk_usage(home).free)),
        sources=_sources(home),
    )


def _run(home: Path, contents: Contents, run: Run) -> RunFacts | None:
    try:
        record = history.record(home, run)
    except ObservatudoError:
        return None
    if record is None:
        return RunFacts(run.run_id, run.ended, run.status)
    labels = record.outputs.get(paths.LABELS.as_posix())
    failed, warned = record.dbt.get("tests_failed"), record.dbt.get("tests_warned")
    return RunFacts(
        run_id=record.run_id,
        ended=record.ended,
        status=record.status,
        failed_in=record.error.stage if record.error else "",
        error=printable(record.error.message) if record.error else "",
        datasets=dict(_datasets(contents, record)),
        labels=labels.md5 if labels else None,
        axes=contents.axes(labels.md5) if labels else {},
        dbt_failed=failed if isinstance(failed, int) else None,
        dbt_warned=warned if isinstance(warned, int) else None,
    )


def _datasets(contents: Contents, record: Record) -> Iterator[tuple[str, DatasetFacts]]:
    for key, counts in record.datasets.items():
        output = record.outputs.get((paths.INGESTED / key).as_posix())
        if output is not None and counts.status in ("success", "unchanged"):
            files = (config.dataset_path(key), corrections.path(key))
            declared = "+".join(record.configs.get(file.as_posix(), "") for file in files)
            yield key, _dataset(contents, output.md5, declared, counts)


def _dataset(contents: Contents, md5: str, declared: str, counts: Dataset) -> DatasetFacts:
    figures = contents.figures(md5)
    return DatasetFacts(
        output=md5,
        config=declared,
        rows_read=counts.rows_read,
        rows_kept=counts.rows_kept,
        rows_rejected=counts.rows_rejected,
        match_rate=counts.match_rate,
        null_rate=figures.null_rate if figures else None,
        municipalities=figures.municipalities if figures else None,
        periods=figures.periods if figures else None,
        indicators=figures.indicators if figures else {},
    )


def _checks(home: Path, now: datetime) -> Iterator[Check]:
    """Yield what the logs say of sources that were asked, oldest first."""
    first = f"pipeline_{(now - _CHECKS_OF).astimezone(UTC):%Y%m%d}"
    for path in runlog.files(home):
        if path.stem < first:
            continue
        with path.open("rb") as lines:
            yield from (found for line in lines if _MARK in line and (found := _check(line)))


def _check(line: bytes) -> Check | None:
    try:
        event = json.loads(line)
        dataset, result = event["dataset"], event["result"]
        datetime.fromisoformat(event["time"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(dataset, str) or result not in _RESULTS:
        return None
    message = printable(str(event.get("message") or ""))
    return Check(dataset, event["time"], result, message, only_asked=event.get("checked") is True)


def _sources(home: Path) -> dict[str, Source]:
    found = {}
    for key in _declared(home):
        try:
            dataset = config.load_dataset(home, key)
            found[key] = Source(dataset.frequency, None)
            found[key] = Source(dataset.frequency, snapshots.read(home, key).fetched_at)
        except ObservatudoError:  # check and the next run say what is wrong with it
            continue
    return found


def _declared(home: Path) -> list[str]:
    try:
        return config.declared(home)
    except ObservatudoError:
        return []
