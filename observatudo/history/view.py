"""What screens read: the index as it is now, through read-only connections, one for each thread.

Nothing here waits or writes: what cannot be read gives empty answers, and ``problem`` says why.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from observatudo.history import records, runtable, store, wanted
from observatudo.history.model import Damaged, DatasetRun, Measure, Run, VersionRow
from observatudo.i18n import _
from observatudo.runs.inputs import blob_of

if TYPE_CHECKING:
    from observatudo.journal import Json

__all__ = ["Damaged", "DatasetRun", "Measure", "Run", "VersionRow", "View"]

Answer = TypeVar("Answer")
_WAIT_S = 0.2
_METRICS = "data/metrics/"
_ALL = -1
_RUN_ORDER = {
    "started": ("started", "run_id"),
    "status": ("status", "started", "run_id"),
    "duration": ("duration_s", "started", "run_id"),
    "rows_kept": ("rows_kept", "started", "run_id"),
    "rows_rejected": ("rows_rejected", "started", "run_id"),
    "who": ("who", "started", "run_id"),
    "branch": ("branch", "started", "run_id"),
}  # as the indexes are, so that nothing is sorted
_VERSION_ORDER = {"date": ("time", "level", "sha"), "author": ("author", "time", "level", "sha")}
RUN_SORTS, VERSION_SORTS = tuple(_RUN_ORDER), tuple(_VERSION_ORDER)
_PICK = "FROM json_each(?) AS wanted CROSS JOIN {table} ON {table}.id = wanted.value ORDER BY wanted.key"
_VERSION = """
SELECT sha, parents, author, date, subject,
    (SELECT group_concat(name, char(10)) FROM (
        SELECT name FROM ref WHERE ref.sha = version.sha ORDER BY ref.kind <> 'head', ref.kind, name)),
    (SELECT group_concat(run_id, char(10)) FROM (SELECT run_id FROM version_run AS own WHERE own.sha = version.sha
        AND (NOT merge OR NOT EXISTS (SELECT 1 FROM version_run WHERE run_id = own.run_id AND NOT merge))
        ORDER BY run_id)),
    changed, kind, email
"""
_MEASURES = """
WITH RECURSIVE line (sha, n) AS (
    SELECT sha, 0 FROM ref WHERE kind = 'head'
    UNION ALL SELECT first_parent, n + 1 FROM line JOIN version USING (sha) WHERE first_parent <> ''
)
SELECT line.sha, version.date, version.subject, content.text, measure.blob
FROM line JOIN measure ON measure.path = ? AND measure.sha = line.sha
JOIN version ON version.sha = line.sha
LEFT JOIN content ON content.is_csv = measure.is_csv AND content.blob = measure.blob ORDER BY line.n LIMIT ?
"""


class View:
    """The index of one repository, for reading. Safe to use from several threads.

    ``problem`` says in one sentence why the last answer is empty, or is empty itself.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.problem = ""
        self._path = home / store.FILE
        self._local = threading.local()
        self._lock = threading.Lock()
        self._watched: sqlite3.Connection | None = None
        self._seen: tuple[int, int] | None = None
        self._generation = 0

    def generation(self) -> int:
        """Return a number that is another whenever somebody has changed the index. Costs some microseconds."""
        with self._lock:
            try:
                found = self._stamp()
            except (OSError, sqlite3.Error):
                found = None
            if found != self._seen:
                self._seen = found
                self._generation += 1
            return self._generation

    def _stamp(self) -> tuple[int, int]:
        inode = self._path.stat().st_ino
        if self._watched is None or self._seen is None or self._seen[0] != inode:
            if self._watched is not None:
                self._watched.close()
            self._watched = None
            self._watched = self._connected()
        (version,) = self._watched.execute("PRAGMA data_version").fetchone()
        return inode, int(version)

    def run_ids(self, wanted: str = "", sort: str = "started", descending: bool = True) -> array[int]:
        """Return the numbers of the runs that have the words, in order; give some of them to ``runs``.

        What the words are: ``history.wanted``. An unknown ``sort`` is ``started``; see ``RUN_SORTS``.
        """
        return self._ask(lambda connection: _run_ids(connection, wanted, sort, descending, _ALL)) or array("q")

    def first_runs(self, n: int, wanted: str = "", sort: str = "started", descending: bool = True) -> list[int]:
        """Return the first ``n`` of ``run_ids``, sooner."""
        return list(self._ask(lambda connection: _run_ids(connection, wanted, sort, descending, n)) or ())

    def runs(self, ids: Iterable[int]) -> list[Run]:
        """Return the runs with these numbers, in this order; those that are gone meanwhile are left out."""
        select = f"SELECT {runtable.NAMES}"
        return self._ask(lambda connection: _pick(connection, select, "run", ids, runtable.made)) or []

    def run(self, run_id: str) -> Run | None:
        """Return the run with this id."""
        found = self._ask(lambda connection: list(runtable.read(connection, "AND run_id = ?", run_id)))
        return found[0] if found else None

    def datasets(self, run_id: str) -> list[DatasetRun]:
        """Return what a run did to each dataset, in order of key."""
        return self._ask(lambda connection: runtable.datasets(connection, run_id)) or []

    def version_ids(self, wanted: str = "", sort: str = "date", descending: bool = True) -> array[int]:
        """Return the numbers of the versions that have the words, in order; see ``VERSION_SORTS``."""
        return self._ask(lambda connection: _version_ids(connection, wanted, sort, descending, _ALL)) or array("q")

    def first_versions(self, n: int, wanted: str = "", sort: str = "date", descending: bool = True) -> list[int]:
        """Return the first ``n`` of ``version_ids``, sooner."""
        return list(self._ask(lambda connection: _version_ids(connection, wanted, sort, descending, n)) or ())

    def versions(self, ids: Iterable[int]) -> list[VersionRow]:
        """Return the versions with these numbers, in this order; those that are gone meanwhile are left out."""
        return self._ask(lambda connection: _pick(connection, _VERSION, "version", ids, _version)) or []

    def version(self, commit: str) -> VersionRow | None:
        """Return the version of this commit (all 40 digits)."""
        asked = f"{_VERSION} FROM version WHERE sha = ?"
        found = self._ask(lambda connection: [_version(row) for row in connection.execute(asked, [commit])])
        return found[0] if found else None

    def measures(self, path: str, limit: int = 100) -> list[Measure]:
        """Return a file of ``data/metrics`` as HEAD's versions left it, newest first, by first parents.

        The work tree's comes first, without commit, where it is another. ``path`` is relative to the repository.
        """
        rows = self._ask(lambda connection: connection.execute(_MEASURES, [path, limit]).fetchall()) or []
        found = [Measure(commit, date, subject, _content(text)) for commit, date, subject, text, _blob in rows]
        own = self._uncommitted(path, rows[0][-1] if rows else "")
        return [*own, *found][:limit]

    def _uncommitted(self, path: str, committed: str) -> list[Measure]:
        from observatudo.history.metrics import is_metrics, parsed

        if not is_metrics(path) or ".." in Path(path).parts:
            return []
        try:
            content = (self.home / path).read_bytes()
            changed = datetime.fromtimestamp(int((self.home / path).stat().st_mtime), UTC).isoformat()
        except OSError:
            return []
        return [] if blob_of(content) == committed else [Measure("", changed, "", _content(parsed(path, content)))]

    def metrics(self) -> list[str]:
        """Return the paths of all metrics files that any version had, in order."""
        asked = "SELECT DISTINCT path FROM measure ORDER BY path"
        return self._ask(lambda connection: [row[0] for row in connection.execute(asked)]) or []

    def damaged(self) -> list[Damaged]:
        """Return the records that cannot be read, in order of path."""
        return self._ask(records.damaged) or []

    def note(self) -> str:
        """Return what there is to say of the repository's versions: no Git, no commit, a shallow clone; else empty."""
        return _note(self._ask(lambda connection: store.get(connection, "git")) or "")

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()

    def _ask(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        try:
            answer = work(self._connection())
        except (OSError, sqlite3.Error, ValueError, TypeError) as error:  # the last two: not what was stored
            self.problem = _why(error)
            with suppress(sqlite3.Error):
                self.close()
            return None
        self.problem = ""
        return answer

    def _connection(self) -> sqlite3.Connection:
        inode = self._path.stat().st_ino
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None or self._local.inode != inode:
            self.close()
            found = self._local.connection = self._connected()
            self._local.inode = inode
        return found

    def _connected(self) -> sqlite3.Connection:
        address = f"{self._path.resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        connection.create_function("fold", 1, store.fold, deterministic=True)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != store.VERSION:
            connection.close()
            raise FileNotFoundError(self._path)  # being made, or another program's: the one who keeps it will make it
        return connection


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return _("the index of the history is not made yet")
    if isinstance(error, sqlite3.OperationalError) and not store.is_damage(error):
        return _("the index of the history cannot be read now: {reason}").format(reason=error)
    return _("the index of the history is damaged: {reason}").format(reason=error)


def _note(word: str) -> str:
    notes = {
        "none": _("this is no Git repository: there are no versions"),
        "empty": _("there is no commit yet"),
        "shallow": _("this clone has a part of the history only (git fetch --unshallow brings the rest)"),
    }
    return notes.get(word, word)


def _order(columns: tuple[str, ...], descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    return "ORDER BY " + ", ".join(f"{column} {direction}" for column in columns) + " LIMIT ?"


def _run_ids(connection: sqlite3.Connection, words: str, sort: str, descending: bool, limit: int) -> array[int]:
    where, values = wanted.condition(words, wanted.RUN_FIELDS, wanted.RUN_TEXT)
    order = _order(_RUN_ORDER.get(sort, _RUN_ORDER["started"]), descending)
    rows = connection.execute(f"SELECT id FROM run WHERE shown = 1{where} {order}", [*values, limit])
    return array("q", [row[0] for row in rows])


def _version_ids(connection: sqlite3.Connection, words: str, sort: str, descending: bool, limit: int) -> array[int]:
    where, values = wanted.condition(words, wanted.VERSION_FIELDS, wanted.VERSION_TEXT)
    order = _order(_VERSION_ORDER.get(sort, _VERSION_ORDER["date"]), descending)
    rows = connection.execute(f"SELECT id FROM version WHERE 1{where} {order}", [*values, limit])
    return array("q", [row[0] for row in rows])


def _pick(
    connection: sqlite3.Connection,
    select: str,
    table: str,
    ids: Iterable[int],
    made: Callable[[tuple[object, ...]], Answer],
) -> list[Answer]:
    rows = connection.execute(f"{select} {_PICK.format(table=table)}", [json.dumps(list(ids))])
    return [made(row) for row in rows]


def _version(row: tuple[object, ...]) -> VersionRow:
    commit, parents, author, date, subject, refs, runs, changed, kind, email = (str(value or "") for value in row)
    return VersionRow(
        commit=commit,
        parents=tuple(parents.split()),
        author=author,
        date=date,
        subject=subject,
        refs=store.lines(refs),
        runs=store.lines(runs),
        changed=tuple(changed.split()),
        kind=kind,
        email=email,
    )


def _content(text: str | None) -> dict[str, Json]:
    content = json.loads(text) if text else {}
    return content if isinstance(content, dict) else {}
