"""What was found out about versions, kept in ``.observatudo/versions.sqlite`` because it can never change.

Everything is keyed by content (a Git blob, an MD5) or by a commit. It is only a cache: deleted, damaged, made by
another version of this module or on a disk that may only be read, it costs time and nothing else. Several
processes may use it at once: each write is a transaction of its own, and who writes second writes the same.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

FILE = Path(".observatudo/versions.sqlite")
_VERSION = 1
_WAIT_S = 10
_AT_ONCE = 500  # keys in one query; SQLite's own bound on parameters may be as low as 999
_SCHEMA = "CREATE TABLE known (kind TEXT, key TEXT, value BLOB, PRIMARY KEY (kind, key))"


class Cache:
    """Texts by kind and key. ``path`` None keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection = _opened(path)

    def get(self, kind: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the texts that are known, by key; a damaged one is not known."""
        wanted = sorted(set(keys))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            found |= self._texts(f"SELECT key, value FROM known WHERE kind = ? AND key IN ({marks})", kind, *some)
        return found

    def all(self, kind: str) -> dict[str, str]:
        """Return every text of one kind, by key."""
        return self._texts("SELECT key, value FROM known WHERE kind = ?", kind)

    def put(self, kind: str, texts: Mapping[str, str]) -> None:
        """Keep texts; where that cannot be done (disk full, locked for long) they are found out again next time."""
        rows = [(kind, key, zlib.compress(text.encode(), 1)) for key, text in texts.items()]
        if not rows:
            return
        try:
            with _transaction(self._connection):
                self._connection.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError:
            return
        except sqlite3.DatabaseError:
            self._start_over()

    def close(self) -> None:
        self._connection.close()

    def _texts(self, query: str, *values: str) -> dict[str, str]:
        try:
            return dict(_whole(self._connection.execute(query, values).fetchall()))
        except sqlite3.OperationalError:
            return {}
        except sqlite3.DatabaseError:
            self._start_over()
            return {}

    def _start_over(self) -> None:
        """Delete a damaged file; this process goes on in memory."""
        self._connection.close()
        if self._path is not None:
            _delete(self._path)
        self._path = None
        self._connection = _opened(None)


@contextmanager
def opened(root: Path) -> Iterator[Cache]:
    """Give the cache of the repository at ``root``."""
    cache = Cache(root / FILE)
    try:
        yield cache
    finally:
        cache.close()


def _whole(rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str]]:
    for key, value in rows:
        with suppress(zlib.error, TypeError, UnicodeDecodeError):  # its own checksum tells a damaged one
            yield key, zlib.decompress(value).decode()


def _opened(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _prepared(":memory:")
    try:
        path.parent.mkdir(exist_ok=True)
        return _prepared(str(path))
    except (OSError, sqlite3.OperationalError):  # a folder that one may only read
        return _prepared(":memory:")
    except sqlite3.DatabaseError:
        _delete(path)
        return _prepared(":memory:")


def _delete(path: Path) -> None:
    for suffix in ("", "-journal"):
        with suppress(OSError):
            Path(f"{path}{suffix}").unlink()


def _prepared(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        if _version(connection) != _VERSION:
            with _transaction(connection):
                if _version(connection) != _VERSION:  # another process may have been faster
                    connection.execute("DROP TABLE IF EXISTS known")
                    connection.execute(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
