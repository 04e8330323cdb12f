"""Records, lines of the log and commits for tests of the history."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path

from observatudo import journal
from observatudo.history import logs, records, store, versions
from observatudo.history.view import View
from observatudo.runs import log as runlog
from observatudo.runs.model import Record, to_text

BLOB, SHA256 = "a" * 40, "b" * 64
ONE, TWO, THREE = (f"2026010{day}T000000Z-1" for day in (1, 2, 3))
LONG_AGO = 1_700_000_000_000_000_000


def a_record(run_id: str, **changes: object) -> Record:
    """A record of one dataset's run, with what a test wants to differ."""
    began = runlog.began(run_id).isoformat()
    stage = {"dataset": "a/um", "status": "success", "started": began, "ended": began, "wall_s": 1.5, "cpu_s": 1.0}
    counts = {"rows_read": 3, "rows_kept": 2, "rows_rejected": 1, "match_rate": 0.5, "snapshot_sha256": SHA256}
    output = {"stage": "ingest@a/um", "md5": "c", "sha256": SHA256, "size": 1, "files": 1, "rows": 2, "tables": {}}
    content: dict[str, object] = {
        "run_id": run_id,
        "status": "success",
        "started": began,
        "ended": began,
        "duration_s": 2.5,
        "command": "dvc repro",
        "experiment": None,
        "commit": BLOB,
        "dirty": False,
        "changed": [],
        "who": {"name": "Ana", "email": None, "login": None},
        "where": {"host": "h", "system": "Linux", "python": "3.11", "lock_sha256": None},
        "stages": {"ingest@a/um": stage | {"peak_mb": None, "warnings": 0, "rows": {}}},
        "datasets": {"a/um": counts | {"status": "success"}},
        "outputs": {"data/ingested/a/um": output},
        "error": None,
    }
    empty: dict[str, object] = {name: {} for name in ("writers", "versions", "configs", "evidence", "code", "dbt")}
    return Record.model_validate(empty | content | changes)


def keep(home: Path, record: Record) -> Path:
    """Write a record: a new one whole, as the product does, for somebody may be watching; an old one in place."""
    path = journal.record_file(home, record.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.write_text(to_text(record))
    else:
        draft = path.with_suffix(".draft")
        draft.write_text(to_text(record))
        draft.replace(path)
    return path


def log_start(home: Path, run_id: str, stage: str, *, pid: int = 2**22 + 1, kind: str = "repro", **more: str) -> None:
    """Log the start of a stage; by default its processes are not there any more."""
    process: journal.Json = {"pid": pid, "started": 1.0}
    owner: journal.Json = {"pid": pid, "started": 1.0, "command": ["dvc", "repro", *more.pop("targets", "").split()]}
    dataset = stage.partition("@")[2] or None
    host = more.pop("host", os.uname().nodename)
    journal.append(
        home, "start", run_id, stage=stage, kind=kind, dataset=dataset, process=process, owner=owner, host=host
    )


def log_end(home: Path, run_id: str, stage: str, status: str = "success") -> None:
    journal.append(home, "end", run_id, stage=stage, status=status, wall_s=1.0, rows={"rows_read": 7})


def quiet(folder: Path, seconds: int = 0) -> None:
    """Have a folder look as if it had not been changed for long."""
    os.utime(folder, ns=(0, LONG_AGO + seconds * 10**9))


def git(root: Path, *words: str, when: int = 1_700_000_000) -> str:
    """Run Git in ``root`` as somebody, at a time; return what it prints."""
    stamp = f"{when} +0000"
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in NAMES.items()}
    environment = {**os.environ, **who, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    done = subprocess.run(["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


NAMES = {"NAME": "Zoë Ávila", "EMAIL": "zoe@example.org"}


def repository(root: Path) -> Path:
    """Make a Git repository with a pipeline of no stages, without a commit."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text("datasets: {}\n")
    (root / ".gitignore").write_text("/.observatudo\n/logs\n")
    return root


def measured(root: Path, number: int) -> None:
    """Write a metrics file, and a CSV, that hold a number."""
    (root / "data/metrics").mkdir(parents=True, exist_ok=True)
    (root / "data/metrics/load.json").write_text(json.dumps({"rows": number}))
    (root / "data/metrics/volumetria.csv").write_text(f"dataset,linhas\na/um,{number}\n")


def commit(root: Path, message: str, when: int = 1_700_000_000) -> str:
    """Commit everything; return the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message, when=when)
    return git(root, "rev-parse", "HEAD")


def refresh(home: Path) -> bool | None:
    """Bring the index up to date as the watching process does; say whether Git had something new."""
    with store.opened(home) as connection:
        logs.take_in(connection, home)
        records.take_in(connection, home)
        return versions.take_in(connection, home)


def told(home: Path) -> dict[str, object]:
    """Return everything that screens can learn from the index."""
    view = View(home)
    with closing(view):
        runs = view.runs(view.run_ids())
        rows = view.versions(view.version_ids())
        found = {
            "runs": runs,
            "datasets": [view.datasets(run.run_id) for run in runs],
            "damaged": view.damaged(),
            "versions": rows,
            "measures": [view.measures(path) for path in view.metrics()],
            "words": {word: list(view.runs(view.run_ids(word))) for word in ("failed", "-ana", "dataset:um")},
            "note": view.note(),
        }
        assert view.problem == ""
    return found
