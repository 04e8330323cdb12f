"""From the log into the index: the runs that have no record, and those that are at work."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from observatudo.history import runtable, store
from observatudo.history.model import DatasetRun, Run
from observatudo.runs import log

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_NOT_NEEDED = (
    b'"event":"progress"', b'"event":"counts"', b'"event":"output"',
    b'"event":"fetched"',  # of no run of the pipeline
)  # fmt: skip
_EVENT_ENDS = 80  # bytes into a line, behind its time and its event
_AT_ONCE = 4_000_000  # bytes of the log that are read in one transaction


def take_in(connection: sqlite3.Connection, home: Path, tell: store.Tell = store.silent) -> bool:
    """Bring the index up to date with what the log has gained; say whether there was something.

    Starts over if the log has lost something.
    """
    read_to = _read_to(connection)
    sizes = _sizes(home)
    has_lost = _lost(read_to, sizes)
    if not has_lost and all(sizes[name] == read_to.get(name, 0) for name in sizes):
        return False
    total = sum(size - read_to.get(name, 0) for name, size in sizes.items())
    done = 0
    while True:
        with store.transaction(connection):
            read = _step(connection, home)
        done += read
        if not read:
            return has_lost or done > 0
        tell("log", min(done, total), total)


def _read_to(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT path, read_to FROM log_file").fetchall())


def _sizes(home: Path) -> dict[str, int]:
    """Return name → bytes of the logs."""
    try:
        with os.scandir(home / "logs") as entries:
            names = [entry for entry in entries if entry.name.startswith("pipeline_") and entry.name.endswith(".jsonl")]
            return {entry.name: entry.stat().st_size for entry in names if entry.name.isascii() and entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _lost(read_to: dict[str, int], sizes: dict[str, int]) -> bool:
    return any(sizes.get(name, -1) < end for name, end in read_to.items())


def _step(connection: sqlite3.Connection, home: Path) -> int:
    """Take in the next few megabytes; return how many bytes, 0 when there is nothing whole left to read."""
    read_to, sizes = _read_to(connection), _sizes(home)
    if _lost(read_to, sizes):
        connection.execute("DELETE FROM log_file")
        connection.execute("DELETE FROM detail WHERE id IN (SELECT id FROM run WHERE source = 'log')")
        connection.execute("DELETE FROM run WHERE source = 'log'")
        read_to = {}
    touched: dict[str, log.RunLog] = {}
    read = 0
    for name in sorted(sizes):
        start = read_to.get(name, 0)
        if sizes[name] > start and read < _AT_ONCE:
            end = _fold_new(home / "logs" / name, start, _AT_ONCE - read, touched)
            connection.execute("INSERT OR REPLACE INTO log_file VALUES (?, ?)", [name, end])
            read += end - start
    for run_id, fresh in touched.items():
        known = connection.execute("SELECT 1 FROM run WHERE run_id = ? AND source = 'log'", [run_id])
        run = log.read(home, run_id) if known.fetchone() else fresh
        runtable.store(connection, _from_log(run or fresh), _datasets_from_log(run or fresh))
    return read


def _fold_new(path: Path, start: int, most: int, touched: dict[str, log.RunLog]) -> int:
    """Fold the lines from ``start`` on into ``touched``, some ``most`` bytes; return where the last of them ends."""
    end = start
    with path.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            if not line.endswith(b"\n") or end - start > most:  # still being written, or enough
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
    ran = [stage for stage in run.work.values() if stage.dataset]
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
        who=run.who,
        branch=run.branch,
        rows_kept=runtable.total(stage.rows.get("rows_kept") for stage in ran),
        rows_rejected=runtable.total(stage.rows.get("rows_rejected") for stage in ran),
        touched=tuple(sorted({stage.dataset for stage in ran if stage.dataset})),
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
