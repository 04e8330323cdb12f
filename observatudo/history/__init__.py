"""Runs read back: from their records in ``audit/runs`` and, where there is none, from the log.

Both are kept in an index, ``.observatudo/history.sqlite``, which only makes them fast: it is brought up
to date on every read from what is new in the log and in the folders of records, and it can be
deleted at any time. Standard library only, because ``record`` asks here on every ``dvc repro``.
Screens read the same index through ``history.view``, while ``history.watch`` keeps it up to date.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TextIO

from observatudo.errors import ObservatudoError
from observatudo.history import records, runtable, store
from observatudo.history.model import Damaged, DatasetRun, Run
from observatudo.i18n import _
from observatudo.readonly import is_read_only

if TYPE_CHECKING:  # what only some of the functions need is imported in them: the dashboard's first row waits for none
    import sqlite3
    from pathlib import Path

    from observatudo.runs import log as runlog
    from observatudo.runs.model import Record

__all__ = [
    "CSV_COLUMNS", "Damaged", "DatasetRun", "Run", "close_interrupted", "damaged", "datasets", "find", "logged",
    "record", "runs", "traceback", "write_csv",
]  # fmt: skip

LAST = "last"
_RUN_COLUMNS = ("run_id", "kind", "experiment", "started", "ended", "duration_s", "commit", "dirty", "host")
_DATASET_COLUMNS = tuple(field.name for field in fields(DatasetRun))
CSV_COLUMNS = ("run_id", "run_status", *_RUN_COLUMNS[1:], *_DATASET_COLUMNS)
_LIKELY = 1000  # so many of the newest runs are searched for a name that was mistyped


def runs(home: Path, limit: int | None = None) -> list[Run]:
    """Return the runs, newest first. Those whose record is damaged are in ``damaged`` instead."""
    return store.use(home, lambda connection: _newest(connection, home, limit))


def damaged(home: Path) -> list[Damaged]:
    """Return the records that cannot be read, in order of path."""
    return store.use(home, lambda connection: _damaged(connection, home))


def _damaged(connection: sqlite3.Connection, home: Path) -> list[Damaged]:
    _refresh(connection, home)  # an index in memory knows nothing yet
    return records.damaged(connection)


def _newest(connection: sqlite3.Connection, home: Path, limit: int | None) -> list[Run]:
    _refresh(connection, home)
    return list(runtable.read(connection, "ORDER BY run_id DESC LIMIT ?", -1 if limit is None else limit))


def find(home: Path, name: str) -> Run:
    """Return the run with this id, or with this beginning of one, or the newest for ``last``.

    Raises ObservatudoError, with the nearest ids, when there is no such run or more than one, and when the
    record that the name means is damaged.
    """
    found, newest, unread = store.use(home, lambda connection: _named(connection, home, name))
    is_one = len(found) == 1 or (found and name in (LAST, found[0].run_id))
    for item in unread:
        run_id = PurePosixPath(item.path).stem
        if run_id == found[0].run_id if is_one else not found and run_id.startswith(name):
            raise records.broken(home / item.path, item.reason)
    if is_one:
        return found[0]
    raise _not_one(name, [run.run_id for run in found], [run.run_id for run in newest])


def _named(connection: sqlite3.Connection, home: Path, name: str) -> tuple[list[Run], list[Run], list[Damaged]]:
    """Return the runs that the name may mean, the newest ones for when it does not mean one, and damaged records."""
    newest = _newest(connection, home, _LIKELY)
    where = "" if name == LAST else "AND substr(run_id, 1, length(?1)) = ?1"
    values = [] if name == LAST else [name]
    found = list(runtable.read(connection, f"{where} ORDER BY run_id DESC LIMIT 10", *values))
    return found, newest, records.damaged(connection)


def _not_one(name: str, found: list[str], newest: list[str]) -> ObservatudoError:
    if found:
        return ObservatudoError(
            _("more than one run begins with {name}: {runs}").format(name=name, runs=", ".join(found)),
            next_step=f"observatudo show {found[0]}",
        )
    if not newest:
        return ObservatudoError(_("there is no run yet"), next_step="dvc repro")
    import difflib

    near = difflib.get_close_matches(name, newest, n=1, cutoff=0.5)
    return ObservatudoError(
        _("there is no run {name}").format(name=name),
        where=_("nearest: {run}").format(run=near[0]) if near else "",
        next_step=f"observatudo show {near[0]}" if near else "observatudo runs",
    )


def record(home: Path, run: Run) -> Record | None:
    """Return the run's record, or None for a run that has none (experiment, no-op, by hand, running)."""
    from observatudo import journal

    return records.load(journal.record_file(home, run.run_id)) if run.source == "record" else None


def logged(home: Path, run: Run) -> runlog.RunLog | None:
    """Return what this machine's log says of the run, or None when it says nothing."""
    from observatudo.runs import log

    return log.read(home, run.run_id)


def traceback(home: Path, run_id: str) -> str:
    """Return the traceback of the run's last error, empty when this machine's log has none."""
    from observatudo.runs import log

    found = [event.get("traceback") for event in log.events(home, run_id) if event.get("event") == "error"]
    return str(found[-1] or "") if found else ""


def write_csv(home: Path, target: TextIO, limit: int | None = None) -> None:
    """Write the consolidated record of executions: one line per run and dataset, newest run first."""
    import csv

    lines = csv.writer(target, lineterminator="\n")
    lines.writerow(CSV_COLUMNS)
    for run, found in store.use(home, lambda connection: _with_datasets(connection, home, limit)):
        own = asdict(run)
        start = [run.run_id, run.status, *(own[name] for name in _RUN_COLUMNS[1:])]
        for dataset in found:
            lines.writerow(_cell(value) for value in [*start, *asdict(dataset).values()])


def _with_datasets(connection: sqlite3.Connection, home: Path, limit: int | None) -> list[tuple[Run, list[DatasetRun]]]:
    return [(run, runtable.datasets(connection, run.run_id)) for run in _newest(connection, home, limit)]


def _cell(value: str | float | bool | None) -> str | float | None:
    return str(value).lower() if isinstance(value, bool) else value


def close_interrupted(home: Path) -> list[str]:
    """Close the runs that were cut off (killed, or out of power); return their ids, oldest first.

    A run is cut off when it has no end and none of its processes is there any more. Closing one writes its record:
    where all is read-only, none is closed.
    """
    from observatudo.runs import close, log

    if is_read_only():
        return []
    found = [log.read(home, run_id) for run_id in store.use(home, lambda c: _still_open(c, home))]
    cut_off = [run for run in found if run is not None and run.closed is None and not run.is_alive()]
    for run in cut_off:
        close.afterwards(home, run)
    if any(run.kind != "hand" for run in cut_off):
        close.tell_mlflow(home)
    return [run.run_id for run in cut_off]


def _still_open(connection: sqlite3.Connection, home: Path) -> list[str]:
    from observatudo.history import logs
    from observatudo.runs import log

    logs.take_in(connection, home)
    which = "AND source = 'log' AND status = ? ORDER BY run_id"
    return [run.run_id for run in runtable.read(connection, which, log.RUNNING)]


def _refresh(connection: sqlite3.Connection, home: Path) -> None:
    from observatudo.history import logs

    logs.take_in(connection, home)
    records.take_in(connection, home)


def datasets(home: Path, run: Run) -> list[DatasetRun]:
    """Return what the run did to each dataset, in order of key."""
    return store.use(home, lambda connection: _datasets(connection, home, run))


def _datasets(connection: sqlite3.Connection, home: Path, run: Run) -> list[DatasetRun]:
    _refresh(connection, home)  # an index in memory knows nothing yet
    return runtable.datasets(connection, run.run_id)
