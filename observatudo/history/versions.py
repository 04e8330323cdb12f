"""From Git into the index: the versions, the runs whose records they added, and the metrics files they changed.

Only what is new since it last looked is read: commits that new tips lead to and known ones do not. Commits that nothing
leads to any more are taken out. All of it is in Git: a version is read once and never changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from observatudo import gitread, paths
from observatudo.history import metrics, refs, store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_AT_ONCE = 250  # versions in one transaction
_START = "\x02"
_FORMAT = "%x02%H%x00%P%x00%an%x00%ae%x00%ct%x00%cI%x00%s"
_LOG = (
    "log", "-z", "--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent", "--relative", "--encoding=UTF-8",
    "--no-show-signature", "--no-notes", f"--format={_FORMAT}", "--stdin",
)  # fmt: skip
_RECORD = re.compile(rf"{paths.AUDIT_RUNS.as_posix()}/\d+/\d+/(\d{{8}}T\d{{6}}Z-\d+)\.json", re.ASCII)
_CONFIG = ("params.yaml", "dvc.yaml", "configs/")
_CODE = ("observatudo/", "stages/", "dbt/", "tui/", "pyproject.toml", "requirements.lock")
_LOCK = "versions"


@dataclass
class Found:
    """One commit as Git lists it: its fields, and what it changed (a merge: on its first parent)."""

    sha: str
    parents: str
    author: str
    email: str
    time: int
    date: str
    subject: str
    changed: set[str] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)
    measures: dict[str, str] = field(default_factory=dict)  # path → blob


def take_in(connection: sqlite3.Connection, home: Path, tell: store.Tell = store.silent) -> bool | None:
    """Bring the index up to date with Git; say whether it changed, or None when another process is at it.

    No Git, no commit, a shallow clone or what Git complained of is kept under ``git``.
    """
    with store.alone(home, _LOCK) as is_alone:
        return _take_in(connection, home, tell) if is_alone else None


def _take_in(connection: sqlite3.Connection, home: Path, tell: store.Tell) -> bool:
    now = refs.read(home)
    noted = _note(connection, now.note)
    if now.note not in ("", "none", "empty", "shallow"):
        return noted  # a reference that leads nowhere, as after a crash: what was known stays
    begun = dict(connection.execute("SELECT sha, done FROM tip").fetchall())
    restarted = _restart(connection, now, begun)
    if not restarted and begun == dict.fromkeys(now.tips, 1) and _refs(connection) == now.refs:
        return noted
    begun = {} if restarted else begun
    gone = _gone(home, begun, now.tips)
    if gone is None:  # known commits are not in Git any more
        _clear(connection)
        begun, gone = {}, []
    _begin(connection, now)
    store.in_batches(connection, gone, lambda sha: _forget(connection, sha))
    done = [sha for sha, is_done in begun.items() if is_done]
    _walk(connection, home, now, done, tell)
    _finish(connection, home, now)
    return True


def _note(connection: sqlite3.Connection, note: str) -> bool:
    if store.get(connection, "git") == note:
        return False
    with store.transaction(connection):
        store.put(connection, "git", note)
    return True


def _restart(connection: sqlite3.Connection, now: refs.Refs, begun: dict[str, int]) -> bool:
    """Empty the tables when a version would be read otherwise than it was: deepened clone, moved root."""
    frame = " ".join([now.prefix, *sorted(now.cut)])
    if store.get(connection, "frame") == frame:
        return False
    with store.transaction(connection):
        store.put(connection, "frame", frame)
    if begun:
        _clear(connection)
    return True


def _clear(connection: sqlite3.Connection) -> None:
    with store.transaction(connection):
        for table in ("version", "ref", "tip", "version_run", "measure"):
            connection.execute(f"DELETE FROM {table}")


def _refs(connection: sqlite3.Connection) -> frozenset[refs.Ref]:
    return frozenset(refs.Ref(*row) for row in connection.execute("SELECT name, kind, sha FROM ref"))


def _gone(home: Path, old: Iterable[str], new: set[str]) -> list[str] | None:
    """Return the commits that old tips lead to and new ones do not; None when Git lacks some of them."""
    before = [sha for sha in old if sha not in new]
    if not before:
        return []
    sent = _lines(before, [f"^{sha}" for sha in new])
    done = gitread.ask(home, "rev-list", "--stdin", sent=sent)
    return None if done.returncode else done.stdout.decode().split()


def _listed(home: Path, *options: str, sent: bytes) -> list[str]:
    """Return what ``git rev-list`` prints. Raises OSError, with its words, when it fails."""
    done = gitread.ask(home, "rev-list", *options, "--stdin", sent=sent)
    if done.returncode:
        raise OSError(" ".join(done.stderr.decode(errors="replace").split()))
    return done.stdout.decode().split()


def _lines(*names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for some in names for name in some).encode()


def _begin(connection: sqlite3.Connection, now: refs.Refs) -> None:
    """Keep the names, and that their tips are being read: if this is cut off, the next time finds out what is left."""
    with store.transaction(connection):
        connection.execute("DELETE FROM ref")
        connection.executemany("INSERT INTO ref (name, kind, sha) VALUES (?, ?, ?)", sorted(now.refs))
        connection.executemany("INSERT OR IGNORE INTO tip VALUES (?, 0)", [(sha,) for sha in now.tips])


def _forget(connection: sqlite3.Connection, sha: str) -> None:
    for table in ("version", "version_run", "measure"):
        connection.execute(f"DELETE FROM {table} WHERE sha = ?", [sha])


def _walk(connection: sqlite3.Connection, home: Path, now: refs.Refs, done: list[str], tell: store.Tell) -> None:
    """Read the versions that are new, newest first, and store them by the hundred."""
    sent = _lines(now.tips, [f"^{sha}" for sha in done])
    total = int(_listed(home, "--count", sent=sent)[0]) if now.tips else 0
    if not total:
        return
    count, batch = 0, []
    with gitread.fields(home, *_LOG, sent=sent) as found:
        for commit in _commits(found):
            batch.append(commit)
            count += 1
            if len(batch) == _AT_ONCE:
                _store(connection, home, batch, now.cut)
                batch = []
                tell("versions", count, max(total, count))
    _store(connection, home, batch, now.cut)
    tell("versions", count, count)


def _commits(found: Iterator[str]) -> Iterator[Found]:
    commit: Found | None = None
    for word in found:
        if word.startswith(_START):
            if commit:
                yield commit
            parents, author, email, time, date, subject = (next(found) for _field in range(6))
            commit = Found(word[1:], parents, author, email, int(time), date, subject)
        elif commit and ":" in word[:2]:
            _change(commit, word.split(), next(found))
    if commit:
        yield commit


def _change(commit: Found, words: list[str], path: str) -> None:
    blob, status = words[3], words[4]
    if part := part_of(path):
        commit.changed.add(part)
    record = _RECORD.fullmatch(path)
    if record and status == "A":
        commit.runs.append(record[1])
    if metrics.is_metrics(path) and status != "D":
        commit.measures[path] = blob


def part_of(path: str) -> str:
    """Return which part of a version a path belongs to: data, config, code, records; empty for others."""
    if path.startswith("audit/"):
        return "records"
    if path.startswith(_CONFIG):
        return "config"
    if path.startswith("data/") or path == "dvc.lock":
        return "data"
    return "code" if path.startswith(_CODE) else ""


def _store(connection: sqlite3.Connection, home: Path, batch: list[Found], cut: frozenset[str]) -> None:
    wanted = {(path.endswith(".csv"), blob): path for commit in batch for path, blob in commit.measures.items()}
    known = set(connection.execute("SELECT is_csv, blob FROM content").fetchall()) if wanted else set()
    fresh = {key: path for key, path in wanted.items() if key not in known}
    contents = dict(gitread.blobs(home, {blob for _is_csv, blob in fresh}))
    parsed = [(*key, metrics.parsed(path, contents[key[1]])) for key, path in fresh.items() if key[1] in contents]
    with store.transaction(connection):
        connection.executemany("INSERT OR IGNORE INTO content VALUES (?, ?, ?)", parsed)
        for commit in batch:
            _store_one(connection, commit, is_cut=commit.sha in cut)


def _store_one(connection: sqlite3.Connection, commit: Found, *, is_cut: bool) -> None:
    """Store a version; of one at which a shallow clone ends, Git cannot say what it changed."""
    parents = commit.parents.split()
    text = store.fold("\n".join((commit.sha, commit.author, commit.email, commit.subject)))
    row = [
        commit.sha, commit.parents, parents[0] if parents else "", commit.author, commit.email, commit.time,
        commit.date, commit.subject, "" if is_cut else " ".join(sorted(commit.changed)), text,
    ]  # fmt: skip
    connection.execute(
        "INSERT OR IGNORE INTO version (sha, parents, first_parent, author, email, time, date, subject, changed, words,"
        " kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'commit')",
        row,
    )
    if not is_cut:
        runs = [(run, commit.sha, len(parents) > 1) for run in commit.runs]
        connection.executemany("INSERT OR IGNORE INTO version_run VALUES (?, ?, ?)", runs)
    measures = [(path, commit.sha, path.endswith(".csv"), blob) for path, blob in commit.measures.items()]
    connection.executemany("INSERT OR IGNORE INTO measure VALUES (?, ?, ?, ?)", measures)


def _finish(connection: sqlite3.Connection, home: Path, now: refs.Refs) -> None:
    """Say which versions are experiments', give the new ones their level, and keep that all tips are read."""
    sent = _lines(now.tips, [f"^{sha}" for sha in now.usual])
    experiments = _listed(home, sent=sent) if now.tips else []
    levels = _levels(connection)
    with store.transaction(connection):
        connection.execute("UPDATE version SET kind = 'commit' WHERE kind <> 'commit'")
        connection.executemany("UPDATE version SET kind = 'experiment' WHERE sha = ?", [(sha,) for sha in experiments])
        connection.executemany("UPDATE version SET level = ? WHERE sha = ?", [(n, sha) for sha, n in levels.items()])
        connection.execute("DELETE FROM content WHERE (is_csv, blob) NOT IN (SELECT is_csv, blob FROM measure)")
        connection.execute("DELETE FROM tip")
        connection.executemany("INSERT INTO tip VALUES (?, 1)", [(sha,) for sha in now.tips])


def _levels(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the level of each version that has none yet: one more than its highest parent's.

    It orders versions of the same second.
    """
    fresh = dict(connection.execute("SELECT sha, parents FROM version WHERE level IS NULL").fetchall())
    known: dict[str, int] = {}
    if fresh:
        known = dict(connection.execute("SELECT sha, level FROM version WHERE level IS NOT NULL").fetchall())
    levels: dict[str, int] = {}
    waiting = list(fresh)
    while waiting:
        sha = waiting[-1]
        parents = [parent for parent in fresh[sha].split() if parent in fresh and parent not in levels]
        if sha in levels or not parents:
            own = (levels.get(parent, known.get(parent, 0)) for parent in fresh[sha].split())
            levels[sha] = 1 + max(own, default=0)
            waiting.pop()
        else:
            waiting += parents
    return levels
