"""Hashes of files' bytes, remembered with the marks a file has while nobody writes to it. Only a cache.

An edit in place changes a file's change time, which no ordinary call can set back; so a file whose inode, size and
times are as before is not read again, unless ``fresh`` says that everything is to be read.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

FILE = Path(".observatudo/verified.sqlite")
_VERSION = 1
_BLOCK = 1 << 20
_WORTH_THREADS = 16  # files
_SETTLED_S = 1.0  # a file changed less than this ago may be changed again under the same time
_SCHEMA = f"""
DROP TABLE IF EXISTS file; DROP TABLE IF EXISTS blob;
CREATE TABLE file (path PRIMARY KEY, inode, size, mtime, ctime, md5, sha256) WITHOUT ROWID;
CREATE TABLE blob (sha PRIMARY KEY, md5, sha256, size) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True)
class Hashes:
    """MD5 and SHA-256 (hex) and size in bytes."""

    md5: str
    sha256: str
    size: int


def of_stream(stream: BinaryIO) -> Hashes:
    """Read to the end, a block at a time."""
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    while block := stream.read(_BLOCK):
        md5.update(block)
        sha256.update(block)
        size += len(block)
    return Hashes(md5.hexdigest(), sha256.hexdigest(), size)


def of_bytes(content: bytes) -> Hashes:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Hashes(md5, hashlib.sha256(content).hexdigest(), len(content))


def of_file(path: Path) -> Hashes:
    """Return the file's hashes. Raises OSError when it cannot be read."""
    with path.open("rb") as stream:
        return of_stream(stream)


@dataclass
class Memory:
    """The memory of the repository at ``root``; with ``fresh``, files are read whatever it holds."""

    root: Path
    fresh: bool = False
    progress: Callable[[int], None] | None = None
    _files: dict[str, tuple[object, ...]] = field(default_factory=dict)
    _blobs: dict[str, Hashes] = field(default_factory=dict)
    _new_blobs: dict[str, Hashes] = field(default_factory=dict)

    def files(self, paths: Iterable[Path]) -> dict[Path, Hashes | None]:
        """Return each file's hashes, None for one that is not there or cannot be read; those unread are read."""
        wanted = list(dict.fromkeys(paths))
        known = {} if self.fresh else self._known(wanted)
        unread = [path for path in wanted if path not in known]
        for path, hashes in zip(unread, self._read_all(unread), strict=True):
            known[path] = hashes
            if self.progress and hashes:
                self.progress(hashes.size)
        return known

    def _read_all(self, paths: list[Path]) -> Iterator[Hashes | None]:
        if len(paths) < _WORTH_THREADS:
            yield from map(self._read, paths)
            return
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            yield from pool.map(self._read, paths)

    def _read(self, path: Path) -> Hashes | None:
        try:
            mark = _mark(path)
            hashes = of_file(path)
        except OSError:
            return None
        if time.time() - max(mark[2], mark[3]) / 1e9 > _SETTLED_S and mark == _mark(path):
            self._files[str(path)] = (*mark, hashes.md5, hashes.sha256)
        return hashes

    def _known(self, paths: list[Path]) -> dict[Path, Hashes | None]:
        found: dict[Path, Hashes | None] = {}
        with suppress(sqlite3.Error, OSError), closing(self._open()) as connection:
            for path in paths:
                row = connection.execute("SELECT * FROM file WHERE path = ?", [str(path)]).fetchone()
                if row and _is_as_before(path, row[1:5]):
                    found[path] = Hashes(row[5], row[6], row[2])
        return found

    def blobs(self, shas: Iterable[str], read: Callable[[list[str]], Iterator[tuple[str, bytes]]]) -> dict[str, Hashes]:
        """Return the hashes of Git blobs by their names; ``read`` gives the content of those not yet known."""
        wanted = set(shas) - self._blobs.keys()
        if wanted:
            with suppress(sqlite3.Error, OSError), closing(self._open()) as connection:
                for sha in wanted:
                    row = connection.execute("SELECT md5, sha256, size FROM blob WHERE sha = ?", [sha]).fetchone()
                    if row:
                        self._blobs[sha] = Hashes(*row)
            unread = sorted(wanted - self._blobs.keys())
            new = {sha: of_bytes(content) for sha, content in read(unread)} if unread else {}
            self._blobs |= new
            self._new_blobs |= new
        return self._blobs

    def save(self) -> None:
        """Keep what was read for the next time; a disk that cannot be written to has no memory."""
        files = [(path, *values) for path, values in self._files.items()]
        if not files and not self._new_blobs:
            return
        with suppress(sqlite3.Error, OSError), closing(self._open()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", files)
            connection.executemany("INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?)", _rows(self._new_blobs))
        self._files.clear()
        self._new_blobs.clear()

    def _open(self) -> sqlite3.Connection:
        path = self.root / FILE
        path.parent.mkdir(exist_ok=True)
        connection = sqlite3.connect(path, timeout=5)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            path.unlink(missing_ok=True)
            raise
        return connection


def _rows(hashes: dict[str, Hashes]) -> list[tuple[object, ...]]:
    return [(sha, found.md5, found.sha256, found.size) for sha, found in hashes.items()]


def _mark(path: Path) -> tuple[int, int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _is_as_before(path: Path, mark: tuple[int, ...]) -> bool:
    try:
        return _mark(path) == tuple(mark)
    except OSError:
        return False
