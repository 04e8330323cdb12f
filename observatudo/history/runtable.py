"""The table of runs: how a run is stored in the index, and read back."""

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING

from observatudo.history.model import DatasetRun, Run
from observatudo.history.store import fold, lines, one_per_line

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

COLUMNS = (
    "run_id", "status", "started", "ended", "duration_s", "commit", "dirty", "kind", "experiment", "host", "stages",
    "source", "who", "branch", "rows_kept", "rows_rejected", "touched",
)  # fmt: skip
NAMES = ", ".join(f'run."{name}"' for name in COLUMNS)
_DETAIL = attrgetter(*(field.name for field in fields(DatasetRun)))
_LARGEST = 2**63 - 1
_STORED = (*COLUMNS, "words", "shown")
_STORE = f"""
INSERT INTO run ({", ".join(f'"{name}"' for name in _STORED)}) VALUES ({", ".join("?" * len(_STORED))})
ON CONFLICT (run_id, source) DO UPDATE SET {", ".join(f'"{name}" = excluded."{name}"' for name in _STORED)}
RETURNING id
"""
_HIDE = "UPDATE run SET shown = ? WHERE run_id = ? AND source = 'log'"


def store(connection: sqlite3.Connection, run: Run, datasets: Iterable[DatasetRun]) -> None:
    """Store a run in place of what was known of it from the same source; a record hides what the log says."""
    if run.source == "record":
        connection.execute(_HIDE, [0, run.run_id])
        shown = 1
    else:
        known = connection.execute("SELECT 1 FROM run WHERE run_id = ? AND source = 'record'", [run.run_id])
        shown = 0 if known.fetchone() else 1
    values = {name: getattr(run, name) for name in COLUMNS}
    values |= {name: one_per_line(values[name]) for name in ("stages", "touched")}
    row = [*values.values(), _words(run), shown]
    (number,) = connection.execute(_STORE, row).fetchone()
    detail = json.dumps([_DETAIL(dataset) for dataset in datasets], ensure_ascii=False, separators=(",", ":"))
    connection.execute("INSERT OR REPLACE INTO detail VALUES (?, ?)", [number, detail])


def _words(run: Run) -> str:
    """Return the text that words are searched in; a dataset is in the name of its stage as a rule."""
    stages = one_per_line(run.stages)
    rest = [name for name in run.touched if name not in stages]
    single = (run.run_id, run.status, run.kind, run.experiment, run.commit, run.branch, run.who, run.host)
    return "\n".join(fold(text or "") for text in (*single, stages, *rest))  # apart: what is ASCII is folded at once


def forget(connection: sqlite3.Connection, run_id: str, source: str) -> None:
    """Take out what one source said of a run."""
    which = "SELECT id FROM run WHERE run_id = ? AND source = ?"
    connection.execute(f"DELETE FROM detail WHERE id IN ({which})", [run_id, source])
    connection.execute("DELETE FROM run WHERE run_id = ? AND source = ?", [run_id, source])
    if source == "record":
        connection.execute(_HIDE, [1, run_id])


def read(connection: sqlite3.Connection, rest: str = "", *values: object) -> Iterator[Run]:
    """Yield the runs that are shown; ``rest`` is the SQL behind its WHERE."""
    # the plus keeps SQLite from an index that helps to order by other columns only
    for row in connection.execute(f"SELECT {NAMES} FROM run WHERE +shown = 1 {rest}", values):
        yield made(row)


def made(row: tuple[object, ...]) -> Run:
    """Return the run in a row of ``NAMES``."""
    content = dict(zip(COLUMNS, row, strict=True))
    dirty = content["dirty"]
    content["dirty"] = None if dirty is None else bool(dirty)
    content["stages"], content["touched"] = lines(str(content["stages"])), lines(str(content["touched"]))
    return Run(**content)  # type: ignore[arg-type]  # as they were stored


def datasets(connection: sqlite3.Connection, run_id: str) -> list[DatasetRun]:
    """Return what a run did to each dataset, in order of key."""
    found = "SELECT datasets FROM detail WHERE id = (SELECT id FROM run WHERE +shown = 1 AND run_id = ?)"
    row = connection.execute(found, [run_id]).fetchone()
    return [DatasetRun(*dataset) for dataset in json.loads(row[0])] if row else []


def total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of what was counted, None when nothing was; at most what SQLite can hold."""
    known = [count for count in counts if count is not None]
    return max(-_LARGEST, min(sum(known), _LARGEST)) if known else None
