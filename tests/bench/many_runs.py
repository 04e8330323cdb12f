"""Makes any number of runs out of the real ones in ``audit/runs``: ids, times and ends moved, over five years.

``python -m tests.bench.many_runs FOLDER [RUNS [COMMITS]]`` makes a repository with them: the records as files, the
commits by ``git fast-import``, each with a record, another dvc.lock, and every tenth with other metrics.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

from observatudo.journal import record_file
from tests.conftest import ROOT

END = datetime(2026, 11, 1, tzinfo=UTC)
YEARS = 5
ENDS = ("success",) * 17 + ("failed", "success", "interrupted")
PEOPLE = ("Ana Lúcia", "João", "Zoë", "maria")
BRANCHES = ("main", "main", "main", "dados/sidra", None)
MOVED = ("run_id", "status", "started", "ended", "duration_s", "branch", "who", "error")
ERROR = {"stage": "load", "type": "OSError", "message": "no space left", "where": "", "next_step": ""}


def originals() -> list[dict[str, object]]:
    """Return the real records of this repository, oldest first."""
    return [json.loads(path.read_text()) for path in sorted((ROOT / "audit/runs").glob("*/*/*.json"))]


def texts(number: int) -> Iterator[tuple[str, str]]:
    """Yield (run id, text of its record), oldest first."""
    step = timedelta(days=365 * YEARS) / number
    rests = [_lines({name: value for name, value in record.items() if name not in MOVED}) for record in originals()]
    for count, rest in enumerate(islice(cycle(rests), number)):
        began = (END - step * (number - count)).replace(microsecond=0)
        run_id = f"{began:%Y%m%dT%H%M%SZ}-{1000 + count % 60000}"
        status = ENDS[count % len(ENDS)]
        head = {
            "run_id": run_id,
            "status": status,
            "started": began.isoformat(),
            "ended": (began + timedelta(seconds=30 + count % 500)).isoformat(),
            "duration_s": 30.0 + count % 500,
            "branch": BRANCHES[count % len(BRANCHES)],
            "who": {"name": PEOPLE[count % len(PEOPLE)], "email": None, "login": "root"},
            "error": None if status == "success" else ERROR,
        }
        yield run_id, f"{{{_lines(head)},{rest}\n}}\n"


def _lines(content: dict[str, object]) -> str:
    """Return a mapping's lines without its braces."""
    return json.dumps(content, indent=2, ensure_ascii=False)[1:-2]


def put_runs(home: Path, number: int) -> str:
    """Write so many records; return the newest id."""
    made: set[Path] = set()
    run_id = ""
    for run_id, text in texts(number):
        path = record_file(home, run_id)
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_text(text, encoding="utf-8")
    return run_id


def put_commits(home: Path, number: int) -> None:
    """Make so many commits on ``main``, the work tree left as it is."""
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=home, check=True)
    stream = b"".join(_commits(number))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=home, input=stream, check=True)
    subprocess.run(["git", "reset", "-q", "main"], cwd=home, check=True)


def _commits(number: int) -> Iterator[bytes]:
    lock = (ROOT / "dvc.lock").read_text()
    metrics = (ROOT / "data/metrics/transform.json").read_text()
    for count, (run_id, text) in enumerate(texts(number)):
        began = int((END - timedelta(days=365 * YEARS) / number * (number - count)).timestamp())
        message = f"Versão {count}".encode()
        yield b"commit refs/heads/main\ncommitter Maria <m@example.org> %d +0000\n" % (began + 60)
        yield b"data %d\n%b\n" % (len(message), message)
        if count == 0:
            yield _file("dvc.yaml", "stages: {}\n")
        yield _file("dvc.lock", f"# {count}\n{lock}")
        yield _file(record_file(Path(), run_id).as_posix(), text)
        if count % 10 == 0:
            yield _file("data/metrics/transform.json", metrics.replace(": 22", f": {22 + count}"))


def _file(path: str, text: str) -> bytes:
    content = text.encode()
    return b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(content), content)


def put_repository(home: Path, runs: int, commits: int = 0) -> None:
    """Make a repository that the commands take for one, with so many runs and commits."""
    for name, text in {"dvc.yaml": "stages: {}\n", "params.yaml": "datasets: {}\n"}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    if commits:
        put_commits(home, commits)
    put_runs(home, runs)


if __name__ == "__main__":
    put_repository(Path(sys.argv[1]), *map(int, sys.argv[2:4] or ["100000"]))
