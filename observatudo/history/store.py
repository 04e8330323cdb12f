"""The index of the history: an SQLite file in WAL mode that readers and several writers share.

Only a cache. It is rebuilt when deleted, damaged, or made by another version of this module; where it cannot be
written, one in memory takes its place. Work is written in short transactions, so that nobody waits long.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")
Tell = Callable[[str, int, int], None]
FILE = Path(".observatudo/history.sqlite")
LOCK = Path(".observatudo/history.lock")
VERSION = 4  # of this module's tables: another one is made anew
_WAIT_S = 30.0
_POLL_S = 0.002
_BATCH_S = 0.05
_DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH)
_SCHEMA = f"""
CREATE TABLE run (
    id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, source TEXT NOT NULL, shown INTEGER NOT NULL,
    status TEXT, started TEXT, ended TEXT, duration_s REAL, "commit" TEXT, dirty INTEGER, kind TEXT, experiment TEXT,
    host TEXT, stages TEXT, who TEXT, branch TEXT, rows_kept INTEGER, rows_rejected INTEGER, touched TEXT, words TEXT,
    UNIQUE (run_id, source)
);
CREATE INDEX run_started ON run (shown, started, run_id);
CREATE INDEX run_status ON run (shown, status, started, run_id);
CREATE INDEX run_duration ON run (shown, duration_s, started, run_id);
CREATE INDEX run_kept ON run (shown, rows_kept, started, run_id);
CREATE INDEX run_rejected ON run (shown, rows_rejected, started, run_id);
CREATE INDEX run_who ON run (shown, who, started, run_id);
CREATE INDEX run_branch ON run (shown, branch, started, run_id);
CREATE INDEX run_open ON run (run_id) WHERE source = 'log' AND status = 'running';
CREATE TABLE detail (id INTEGER PRIMARY KEY, datasets TEXT NOT NULL);
CREATE TABLE month (path TEXT PRIMARY KEY, mtime_ns INTEGER) WITHOUT ROWID;
CREATE TABLE record_file (
    path TEXT PRIMARY KEY, month TEXT, mtime_ns INTEGER, size INTEGER, run_id TEXT, reason TEXT
) WITHOUT ROWID;
CREATE INDEX record_month ON record_file (month);
CREATE INDEX record_damaged ON record_file (path) WHERE reason IS NOT NULL;
CREATE TABLE log_file (path TEXT PRIMARY KEY, read_to INTEGER) WITHOUT ROWID;
CREATE TABLE version (
    id INTEGER PRIMARY KEY, sha TEXT NOT NULL UNIQUE, parents TEXT, first_parent TEXT, author TEXT, email TEXT,
    time INTEGER, date TEXT, subject TEXT, changed TEXT, kind TEXT, level INTEGER, words TEXT
);
CREATE INDEX version_time ON version (time, level, sha);
CREATE TABLE ref (name TEXT, kind TEXT, sha TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE INDEX ref_sha ON ref (sha);
CREATE TABLE tip (sha TEXT PRIMARY KEY, done INTEGER) WITHOUT ROWID;
CREATE TABLE version_run (run_id TEXT, sha TEXT, merge INTEGER, PRIMARY KEY (run_id, sha)) WITHOUT ROWID;
CREATE INDEX version_run_sha ON version_run (sha);
CREATE TABLE measure (path TEXT, sha TEXT, is_csv INTEGER, blob TEXT, PRIMARY KEY (path, sha)) WITHOUT ROWID;
CREATE INDEX measure_sha ON measure (sha);
CREATE TABLE content (is_csv INTEGER, blob TEXT, text TEXT, PRIMARY KEY (is_csv, blob)) WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody of the progress."""


def use(home: Path, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Return what ``work`` makes of the index; it opens its own transactions where it writes.

    An index that turns out to be damaged is deleted; one in memory answers then, and where writing is impossible.
    """
    try:
        with opened(home) as connection:
            return work(connection)
    except PermissionError:  # a folder that one may only read
        return _in_memory(work)
    except (sqlite3.DatabaseError, ValueError) as error:  # ValueError: what was read back is not what was stored
        if is_damage(error):
            delete(home)
        return _in_memory(work)


@contextmanager
def opened(home: Path) -> Iterator[sqlite3.Connection]:
    """Open the index, made first where it is none. Raises OSError or sqlite3.Error when that cannot be."""
    with _shared(home), closing(_opened(home)) as connection:
        yield connection


def is_damage(error: Exception) -> bool:
    """Say whether the error shows that the file is damaged, rather than locked, full or not writable."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return (code & 0xFF) in _DAMAGE


def _in_memory(work: Callable[[sqlite3.Connection], Answer]) -> Answer:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _make(connection)
        return work(connection)


@contextmanager
def _shared(home: Path) -> Iterator[None]:
    """Hold the lock that keeps others from deleting the index while it is open."""
    path = home / LOCK
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(home: Path, what: str) -> Iterator[bool]:
    """Say whether no other process is at this work, and keep others from it meanwhile."""
    try:
        descriptor = os.open(home / f".observatudo/history.{what}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:  # nobody can write here
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def delete(home: Path) -> bool:
    """Delete the index unless somebody has it open; say whether it is gone.

    SQLite would delete the *new* index's journal when the last user of an unlinked one closes it.
    """
    try:
        descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                (home / f"{FILE}{suffix}").unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _opened(home: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(home / FILE, timeout=0, isolation_level=None)
    try:
        _patiently(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        if _version(connection) != VERSION:
            with transaction(connection):
                if _version(connection) != VERSION:
                    _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make(connection: sqlite3.Connection) -> None:
    for kind, name in connection.execute("SELECT type, name FROM sqlite_master WHERE sql NOT NULL").fetchall():
        quoted = name.replace('"', '""')
        connection.execute(f'DROP {kind} IF EXISTS "{quoted}"')
    for statement in filter(str.strip, _SCHEMA.split(";")):
        connection.execute(statement)


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute a statement that needs a lock, as soon as the other writers leave a gap.

    SQLite itself looks every 0.1 s only and would miss the gaps between another's batches.
    """
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            connection.execute(statement).fetchall()
            return
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_S)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock; what was written is kept unless an error ends it."""
    _patiently(connection, "BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


Item = TypeVar("Item")


def in_batches(
    connection: sqlite3.Connection,
    items: list[Item],
    work: Callable[[Item], None],
    told: Callable[[int], None] = lambda _done: None,
) -> None:
    """Do ``work`` for each item, in transactions of some 50 ms with a gap for others between them."""
    done = 0
    while done < len(items):
        if done:
            time.sleep(_POLL_S * 2)
        with transaction(connection):
            until = time.monotonic() + _BATCH_S
            while done < len(items) and time.monotonic() < until:
                work(items[done])
                done += 1
        told(done)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return the text as it is searched: without case and accents."""
    if text.isascii():
        return text.lower()
    clean = text.encode("utf-8", "replace").decode("utf-8")
    parts = unicodedata.normalize("NFD", clean.casefold())  # NFKD makes a blank, which is everywhere, of a lone cedilla
    return "".join(letter for letter in parts if unicodedata.category(letter) != "Mn")


def one_per_line(names: tuple[str, ...]) -> str:
    """Return several names as one text, from which ``lines`` makes them again."""
    return "\n".join(name.replace("\n", " ") for name in names)


def lines(text: str) -> tuple[str, ...]:
    """Return the names in a text of one name a line."""
    return tuple(text.split("\n")) if text else ()


def get(connection: sqlite3.Connection, key: str) -> str:
    """Return a value that was put; empty when none was."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", [key]).fetchone()
    return str(row[0]) if row else ""


def put(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a value under a key."""
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", [key, value])
