"""Seconds that the history takes over 100,000 runs and 10,000 commits. Informational; RUNS and COMMITS say how many.

Targets: one new run indexed in 50 ms; ``observatudo runs -n 50`` within 0.3 s over ``python -c pass``; ``run_ids``
within 0.3 s. Wall and processor time side by side, since a busy machine stretches the first.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from observatudo.history import logs, records, store, versions
from observatudo.history.view import View
from observatudo.journal import record_file
from tests.bench import many_runs
from tests.conftest import ROOT

RUNS = int(os.environ.get("RUNS", "100000"))
COMMITS = int(os.environ.get("COMMITS", "10000"))
TRIALS = 7
LIST = [sys.executable, "-P", "-m", "observatudo.cli.app", "runs", "-n", "50"]
NOTHING = [sys.executable, "-c", "pass"]
WORDS = ("", "ana", "status:failed -branch:main", "sidra", "none-has-this")


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds, those of child processes included."""
    before, began = os.times(), time.perf_counter()
    work()
    wall, after = time.perf_counter() - began, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def show(name: str, trials: list[tuple[float, float]]) -> None:
    wall, cpu = (statistics.median(values) for values in zip(*trials, strict=True))
    print(f"  {name:<52} {wall:9.4f} {cpu:9.4f}", flush=True)


def several(work: Callable[[], object]) -> list[tuple[float, float]]:
    work()
    return [spent(work) for _trial in range(TRIALS)]


def refresh(home: Path) -> None:
    with store.opened(home) as connection:
        logs.take_in(connection, home)
        records.take_in(connection, home)


def read_git(home: Path) -> None:
    with store.opened(home) as connection:
        versions.take_in(connection, home)


def new_run(home: Path, number: int) -> tuple[float, float]:
    """Return what it takes until one more record is in the index."""
    run_id, text = next(many_runs.texts(1))
    run_id, text = f"{run_id[:-4]}{number}", text.replace(run_id, f"{run_id[:-4]}{number}")
    path = record_file(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return spent(lambda: refresh(home))


def run(home: Path, command: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=home, env=environment, stdout=subprocess.DEVNULL, check=True)


def commands(home: Path) -> None:
    """Time the command and an interpreter that does nothing in turns, so that a noisy minute falls on both."""
    trials: dict[str, list[tuple[float, float]]] = {"python -c pass": [], "observatudo runs -n 50": []}
    for _trial in range(TRIALS):
        for name, command in zip(trials, (NOTHING, LIST), strict=True):
            trials[name].append(spent(lambda command=command: run(home, command)))  # type: ignore[misc]
    for name, values in trials.items():
        show(name, values)


def reads(home: Path) -> None:
    view = View(home)
    for words in WORDS:
        show(f"run_ids({words!r})", several(lambda words=words: view.run_ids(words)))  # type: ignore[misc]
        show(f"first page of {words!r}", several(lambda words=words: view.runs(view.first_runs(50, words))))  # type: ignore[misc]
    for sort in ("status", "duration", "who"):
        show(f"run_ids by {sort}", several(lambda sort=sort: view.run_ids("", sort)))  # type: ignore[misc]
    show("version_ids('changed:data')", several(lambda: view.version_ids("changed:data")))
    show("measures of transform.json", several(lambda: view.measures("data/metrics/transform.json", 1000)))


def watched(home: Path) -> None:
    """Say what the watching process costs while nothing happens."""
    command = [sys.executable, "-P", "-m", "observatudo.history.watch", "--read-only"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=home, env=environment, stdin=pipe, stdout=pipe) as process:
        assert process.stdin and process.stdout
        while json.loads(process.stdout.readline())["event"] != "idle":
            continue
        time.sleep(3)
        before = _ticks(process.pid)
        time.sleep(10)
        print(f"  {'watching, idle: share of one core':<52} {(_ticks(process.pid) - before) / 1000:9.2%}")
        print(f"  {'watching: resident memory, MB':<52} {_resident(process.pid):9.0f}")
        process.stdin.close()


def _ticks(pid: int) -> int:
    """Return hundredths of a second of processor time, children included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) * 100 // os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        many_runs.put_repository(home, RUNS, COMMITS)
        print(f"history of {RUNS:,} runs and {COMMITS:,} commits, seconds (median of {TRIALS}): wall, processor")
        show("runs, from scratch (once)", [spent(lambda: refresh(home))])
        show("commits, from scratch (once)", [spent(lambda: read_git(home))])
        time.sleep(3)  # so that folders just written are old enough to be trusted
        refresh(home)
        show("nothing new", several(lambda: refresh(home)))
        show("one new run", [new_run(home, 7000 + trial) for trial in range(TRIALS)])
        commands(home)
        reads(home)
        watched(home)


if __name__ == "__main__":
    main()
