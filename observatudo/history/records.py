"""From the records in ``audit/runs`` into the index: what is new, changed or gone since it last looked.

A month's folder is looked into when its own time has changed: adding, replacing and deleting files change it, and Git
does nothing else. A record edited in place is found by ``verify``.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.history import runtable, store
from observatudo.history.model import Damaged, DatasetRun, Run
from observatudo.i18n import _

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from observatudo.runs.model import Record

_RACY_NS = 2_000_000_000  # a folder changed so shortly before it was read may change again at the same time
_IN_DOUBT = -1


class Month(NamedTuple):
    """A folder of records: its path from the home and its time in ns; None when it is gone."""

    path: str
    mtime_ns: int | None


class Stamp(NamedTuple):
    mtime_ns: int
    size: int


def take_in(
    connection: sqlite3.Connection, home: Path, tell: store.Tell = store.silent, newest: int | None = None
) -> bool:
    """Bring the index up to date with the records that are there; say whether it changed.

    A damaged record is kept as such and stops nothing. ``newest``: of so many months only.
    """
    looked = time.time_ns()
    months = changed_months(connection, home)[:newest]
    scanned = [(month, _scan(connection, home, month)) for month in months]
    total = sum(len(todo) for _month, todo in scanned)
    before = 0
    for month, todo in scanned:
        if todo:
            told = partial(_tell_sum, tell, before, total)
            store.in_batches(connection, todo, partial(_bring, connection, home, month.path), told)
            before += len(todo)
        _settle(connection, month, looked)
    return total > 0


def _tell_sum(tell: store.Tell, before: int, total: int, done: int) -> None:
    tell("records", before + done, total)


def changed_months(connection: sqlite3.Connection, home: Path) -> list[Month]:
    """Return the folders that are not as the index saw them last, the newest first."""
    known = dict(connection.execute("SELECT path, mtime_ns FROM month").fetchall())
    present = month_times(home)
    changed = [Month(path, mtime) for path, mtime in present.items() if known.get(path) != mtime]
    gone = [Month(path, None) for path in known.keys() - present.keys()]
    mended = [Month(path, present[path]) for path in _mended(connection, home) if path in present]
    return sorted({month.path: month for month in [*mended, *changed, *gone]}.values(), reverse=True)


def month_times(home: Path) -> dict[str, int]:
    """Return each month's folder (relative to the home) with its time of change in ns."""
    found = {}
    for year in _folders(home / paths.AUDIT_RUNS):
        for month in _folders(Path(year.path)):
            name = f"{paths.AUDIT_RUNS.as_posix()}/{year.name}/{month.name}"
            found[name] = month.stat().st_mtime_ns
    return found


def _folders(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return [entry for entry in entries if entry.name[:1].isdigit() and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _mended(connection: sqlite3.Connection, home: Path) -> set[str]:
    """Return the months of damaged records that are not what they were: those may be mended in place."""
    rows = connection.execute("SELECT path, month, mtime_ns, size FROM record_file WHERE reason IS NOT NULL").fetchall()
    return {month for path, month, *stamp in rows if _stamp(home / path) != tuple(stamp)}


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_mtime_ns, found.st_size)


def _scan(connection: sqlite3.Connection, home: Path, month: Month) -> list[str]:
    """Return the paths in a month that are new, changed or gone, the newest first."""
    known = {
        path: (mtime_ns, size)
        for path, mtime_ns, size in connection.execute(
            "SELECT path, mtime_ns, size FROM record_file WHERE month = ?", [month.path]
        ).fetchall()
    }
    present = {} if month.mtime_ns is None else dict(_files(home, month.path))
    changed = [path for path, stamp in present.items() if known.get(path) != stamp]
    return sorted([*changed, *(known.keys() - present.keys())], reverse=True)


def _files(home: Path, month: str) -> Iterator[tuple[str, Stamp]]:
    try:
        with os.scandir(home / month) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and entry.name.isascii() and entry.is_file():
                    found = entry.stat()
                    yield f"{month}/{entry.name}", Stamp(found.st_mtime_ns, found.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return


def _bring(connection: sqlite3.Connection, home: Path, month: str, path: str) -> None:
    """Take in one file as it is now, or forget it."""
    old = connection.execute("SELECT run_id, mtime_ns, size FROM record_file WHERE path = ?", [path]).fetchone()
    stamp = _stamp(home / path)
    if old and old[1:] == stamp:
        return  # another process was here
    run_id, reason = None, None
    if stamp is not None:
        try:
            record = load(home / path)
        except ObservatudoError as error:
            reason = error.message
        else:
            runtable.store(connection, from_record(record), datasets_from_record(record))
            run_id = record.run_id
    if old and old[0] not in (None, run_id):
        runtable.forget(connection, old[0], "record")
    if stamp is None:
        connection.execute("DELETE FROM record_file WHERE path = ?", [path])
    else:
        row = [path, month, *stamp, run_id, reason]
        connection.execute("INSERT OR REPLACE INTO record_file VALUES (?, ?, ?, ?, ?, ?)", row)


def _settle(connection: sqlite3.Connection, month: Month, looked: int) -> None:
    """Keep the time at which the month was read; one that may change again without showing it is read again."""
    if month.mtime_ns is None:
        with store.transaction(connection):
            connection.execute("DELETE FROM month WHERE path = ?", [month.path])
        return
    read = month.mtime_ns if looked - month.mtime_ns > _RACY_NS else _IN_DOUBT
    if connection.execute("SELECT mtime_ns FROM month WHERE path = ?", [month.path]).fetchone() != (read,):
        with store.transaction(connection):
            connection.execute("INSERT OR REPLACE INTO month VALUES (?, ?)", [month.path, read])


def damaged(connection: sqlite3.Connection) -> list[Damaged]:
    """Return the records that cannot be read, in order of path."""
    rows = connection.execute("SELECT path, reason FROM record_file WHERE reason IS NOT NULL ORDER BY path")
    return [Damaged(*row) for row in rows.fetchall()]


def load(path: Path) -> Record:
    """Return the record in a file. Raises ObservatudoError when it is not a whole and valid one."""
    from observatudo.runs.model import Record

    try:
        record = Record.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise broken(path, " ".join(str(error).split())) from error
    if record.run_id != path.stem:
        raise broken(path, _("it is not the record of the run that its name says"))
    return record


def broken(path: Path, reason: str) -> ObservatudoError:
    return ObservatudoError(
        _("a run's record cannot be read: {reason}").format(reason=reason),
        where=str(path),
        next_step=f"git checkout HEAD -- {path}",
    )


def from_record(record: Record) -> Run:
    """Return the run as its record tells it."""
    ran = {key: dataset for key, dataset in record.datasets.items() if dataset.status != "unchanged"}
    return Run(
        run_id=record.run_id,
        status=record.status,
        started=record.started,
        ended=record.ended,
        duration_s=record.duration_s,
        commit=record.commit,
        dirty=record.dirty,
        kind="repro",
        experiment=record.experiment,
        host=record.where.host,
        stages=tuple(sorted(record.stages)),
        source="record",
        who=record.who.name or record.who.login,
        branch=record.branch,
        rows_kept=runtable.total(dataset.rows_kept for dataset in ran.values()),
        rows_rejected=runtable.total(dataset.rows_rejected for dataset in ran.values()),
        touched=tuple(sorted(ran)),
    )


def datasets_from_record(record: Record) -> list[DatasetRun]:
    """Return what a run did to each dataset, in order of key."""
    found = []
    for key, dataset in sorted(record.datasets.items()):
        output = record.outputs.get(f"{paths.INGESTED.as_posix()}/{key}")
        stage = record.stages.get(f"ingest@{key}")
        found.append(
            DatasetRun(
                dataset=key,
                status=dataset.status,
                rows_read=dataset.rows_read,
                rows_kept=dataset.rows_kept,
                rows_rejected=dataset.rows_rejected,
                match_rate=dataset.match_rate,
                snapshot_sha256=dataset.snapshot_sha256,
                output_md5=output.md5 if output else None,
                output_sha256=output.sha256 if output else None,
                wall_s=stage.wall_s if stage else None,
                cpu_s=stage.cpu_s if stage else None,
                peak_mb=stage.peak_mb if stage else None,
            )
        )
    return found
