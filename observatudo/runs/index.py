"""The index of runs: what the records and the log say, in SQLite, brought up to date from what is new.

Only a cache. It is rebuilt when deleted, damaged, or made by another version of this module.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs import log

if TYPE_CHECKING:
    from observatudo.runs.model import Record

Answer = TypeVar("Answer")
FILE = Path(".observatudo/history.sqlite")
_VERSION = 1
_WAIT_S = 30
_NOT_NEEDED = (b'"event":"progress"', b'"event":"counts"', b'"event":"output"')
_EVENT_ENDS = 80  # bytes into a line, behind its time and its event


@dataclass(frozen=True)
class Run:
    """One run in the history.

    ``status`` is ``success``, ``failed``, ``interrupted``, ``noop`` or ``running``; ``kind`` is ``repro``,
    ``experiment`` or ``hand``; times are ISO 8601 in UTC; ``stages`` leaves out ``record`` unless it went
    wrong; ``dirty`` is None where nobody looked; ``source`` is ``record`` or ``log``.
    """

    run_id: str
    status: str
    started: str
    ended: str
    duration_s: float
    commit: str | None
    dirty: bool | None
    kind: str
    experiment: str | None
    host: str
    stages: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class DatasetRun:
    """What one run did to one dataset; ``status`` is ``unchanged`` when its ingest had no need to run."""

    dataset: str
    status: str
    rows_read: int | None = None
    rows_kept: int | None = None
    rows_rejected: int | None = None
    match_rate: float | None = None
    snapshot_sha256: str | None = None
    output_md5: str | None = None
    output_sha256: str | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_mb: float | None = None


_COLUMNS = [field.name for field in fields(Run)]
_SCHEMA = f"""
CREATE TABLE run ({", ".join(f'"{name}"' for name in _COLUMNS)}, datasets, PRIMARY KEY (run_id, source));
CREATE TABLE record_file (path PRIMARY KEY, mtime_ns, size, run_id);
CREATE TABLE log_file (path PRIMARY KEY, read_to);
CREATE VIEW history AS SELECT * FROM run AS r WHERE source = 'record'
    OR NOT EXISTS (SELECT 1 FROM run WHERE run_id = r.run_id AND source = 'record');
PRAGMA user_version = {_VERSION};
"""


def use(home: Path, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Return what ``work`` makes of the index, whose lock it holds meanwhile; what it wrote is kept.

    An index that turns out to be damaged is deleted, and this once another in memory answers.
    """
    try:
        return _with(_opened(home), work)
    except (sqlite3.DatabaseError, ValueError):  # ValueError: what was read back is not what was stored
        _delete(home)
        return _with(_prepared(":memory:"), work)


def _with(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
    with closing(connection), connection:
        return work(connection)


def _opened(home: Path) -> sqlite3.Connection:
    path = home / FILE
    try:
        path.parent.mkdir(exist_ok=True)
        return _prepared(str(path))
    except (PermissionError, sqlite3.OperationalError):  # a folder that one may only read
        return _prepared(":memory:")
    except sqlite3.DatabaseError:  # damaged: it is only a cache
        _delete(home)
        return _prepared(str(path))


def _delete(home: Path) -> None:
    for suffix in ("", "-journal"):
        with suppress(OSError):
            (home / f"{FILE}{suffix}").unlink()


def _prepared(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        for kind, name in connection.execute("SELECT type, name FROM sqlite_master WHERE sql NOT NULL").fetchall():
            connection.execute(f'DROP {kind} IF EXISTS "{name}"')
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
    return connection


def _store(connection: sqlite3.Connection, run: Run, datasets: Iterable[DatasetRun]) -> None:
    values = [*astuple(run), json.dumps([asdict(dataset) for dataset in datasets])]
    values[_COLUMNS.index("stages")] = json.dumps(run.stages)
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT OR REPLACE INTO run VALUES ({marks})", values)


def read(connection: sqlite3.Connection, rest: str = "", *values: object) -> Iterator[Run]:
    """Yield runs; ``rest`` is the SQL after FROM."""
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    for row in connection.execute(f"SELECT {names} FROM history {rest}", values):
        content = dict(zip(_COLUMNS, row, strict=True))
        content["stages"] = tuple(json.loads(content["stages"]))
        content["dirty"] = None if content["dirty"] is None else bool(content["dirty"])
        yield Run(**content)


def datasets(connection: sqlite3.Connection, run_id: str) -> list[DatasetRun]:
    """Return what a run did to each dataset, in order of key."""
    row = connection.execute("SELECT datasets FROM history WHERE run_id = ?", [run_id]).fetchone()
    return [DatasetRun(**dataset) for dataset in json.loads(row[0])] if row else []


# --- from the log


def take_in_log(connection: sqlite3.Connection, home: Path) -> None:
    """Bring the index up to date with what the log has gained; start over if the log has lost something."""
    files = log.files(home)
    read_to: dict[str, int] = dict(connection.execute("SELECT path, read_to FROM log_file").fetchall())
    sizes = {path.name: path.stat().st_size for path in files}
    if any(sizes.get(name, -1) < end for name, end in read_to.items()):
        connection.execute("DELETE FROM log_file")
        connection.execute("DELETE FROM run WHERE source = 'log'")
        read_to = {}
    touched: dict[str, log.RunLog] = {}
    for path in files:
        start = read_to.get(path.name, 0)
        if sizes[path.name] > start:
            end = _fold_new(path, start, touched)
            connection.execute("INSERT OR REPLACE INTO log_file VALUES (?, ?)", [path.name, end])
    for run_id, fresh in touched.items():
        known = connection.execute("SELECT 1 FROM run WHERE run_id = ? AND source = 'log'", [run_id])
        run = log.read(home, run_id) if known.fetchone() else fresh
        _store(connection, _from_log(run or fresh), _datasets_from_log(run or fresh))


def _fold_new(path: Path, start: int, touched: dict[str, log.RunLog]) -> int:
    """Fold the lines from ``start`` on into ``touched``; return where the last whole line ends."""
    end = start
    with path.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            if not line.endswith(b"\n"):  # still being written
                break
            end += len(line)
            if any(event in line[:_EVENT_ENDS] for event in _NOT_NEEDED):
                continue
            event = log.parse(line)
            if event is not None:
                run_id = str(event["run"])
                touched.setdefault(run_id, log.RunLog(run_id)).fold(event)
    return end


def _from_log(run: log.RunLog) -> Run:
    ended = run.ended or run.last
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(run.started)).total_seconds()
    is_over = run.kind == "hand" and all(stage.status != log.RUNNING for stage in run.stages.values())
    return Run(
        run_id=run.run_id,
        status=run.closed or (run.outcome() if is_over else log.RUNNING),
        started=run.started,
        ended=datetime.fromisoformat(ended).isoformat(timespec="seconds"),
        duration_s=round(max(seconds, 0.0), 1),
        commit=run.commit,
        dirty=run.dirty,
        kind=run.kind,
        experiment=run.experiment,
        host=run.host,
        stages=tuple(sorted(run.work)),
        source="log",
    )


def _datasets_from_log(run: log.RunLog) -> list[DatasetRun]:
    return [
        DatasetRun(
            dataset=stage.dataset,
            status=stage.status,
            rows_read=stage.rows.get("rows_read"),
            rows_kept=stage.rows.get("rows_kept"),
            rows_rejected=stage.rows.get("rows_rejected"),
            wall_s=stage.wall_s,
            cpu_s=stage.cpu_s,
            peak_mb=stage.peak_mb,
        )
        for _name, stage in sorted(run.stages.items())
        if stage.dataset
    ]


# --- from the records


def take_in_records(connection: sqlite3.Connection, home: Path) -> None:
    """Bring the index up to date with the records that are there. Raises ObservatudoError for a broken one."""
    known = {
        path: (mtime, size)
        for path, mtime, size in connection.execute("SELECT path, mtime_ns, size FROM record_file").fetchall()
    }
    present = dict(_record_files(home))
    for path in known.keys() - present.keys():
        _forget(connection, path)
    for path, stamp in present.items():
        if known.get(path) != stamp:
            record = load_record(Path(path))
            _store(connection, _from_record(record), _datasets_from_record(record))
            row = [path, *stamp, record.run_id]
            connection.execute("INSERT OR REPLACE INTO record_file VALUES (?, ?, ?, ?)", row)


def _forget(connection: sqlite3.Connection, path: str) -> None:
    """Take out a record that another version of the repository does not have."""
    which = "SELECT run_id FROM record_file WHERE path = ?"
    connection.execute(f"DELETE FROM run WHERE source = 'record' AND run_id IN ({which})", [path])
    connection.execute("DELETE FROM record_file WHERE path = ?", [path])


def _record_files(home: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for month in sorted((home / paths.AUDIT_RUNS).glob("[0-9]*/[0-9]*")):
        if not month.is_dir():
            continue
        with os.scandir(month) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and entry.is_file():
                    found = entry.stat()
                    yield entry.path, (found.st_mtime_ns, found.st_size)


def load_record(path: Path) -> Record:
    """Return the record in a file. Raises ObservatudoError when it is not a whole and valid one."""
    from observatudo.runs.model import Record

    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise _broken(path, " ".join(str(error).split())) from error
    if record.run_id != path.stem:
        raise _broken(path, _("it is not the record of the run that its name says"))
    return record


def _broken(path: Path, reason: str) -> ObservatudoError:
    return ObservatudoError(
        _("a run's record cannot be read: {reason}").format(reason=reason),
        where=str(path),
        next_step=f"git checkout HEAD -- {path}",
    )


def _from_record(record: Record) -> Run:
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
    )


def _datasets_from_record(record: Record) -> list[DatasetRun]:
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
