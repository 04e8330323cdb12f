"""The process that keeps the index up to date: what it says, what it follows, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from observatudo import journal
from observatudo.history import store
from observatudo.history.view import View
from tests.conftest import ROOT
from tests.histories import ONE, THREE, TWO, a_record, commit, keep, log_end, log_start, measured, repository

WAIT_S = 120
Event = dict[str, object]


class Watching:
    """A watching process, its words line by line."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home = home
        command = [sys.executable, "-P", "-m", "observatudo.history.watch", *words]
        pipe = subprocess.PIPE
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, cwd=home, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)
        self.said: list[Event] = []

    def until(self, is_it: Callable[[Event], bool]) -> Event:
        assert self.process.stdout
        for line in self.process.stdout:
            event: Event = json.loads(line)
            self.said.append(event)
            if is_it(event):
                return event
        raise AssertionError(f"ended, having said {self.said}")

    def idle(self) -> Watching:
        self.until(lambda event: event["event"] == "idle")
        return self

    def changed(self, what: str) -> None:
        self.until(lambda event: event == {"event": "changed", "what": [what]})

    def end(self) -> tuple[int, str]:
        """Close its stdin; return its exit code and what it wrote to stderr."""
        _out, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, err.decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return repository(tmp_path / "r")


@pytest.fixture
def watch(home: Path) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(*words: str) -> Watching:
        started.append(Watching(home, *words))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


Start = Callable[..., Watching]


def comes(is_so: Callable[[], bool]) -> bool:
    """Wait until it is so: an event may be of something earlier, and be said once more."""
    until = time.monotonic() + WAIT_S
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


def test_what_comes_is_in_the_index_and_said(home: Path, watch: Start) -> None:
    keep(home, a_record(ONE))
    one = watch().idle()
    with closing(View(home)) as view:
        assert len(view.run_ids()) == 1
        keep(home, a_record(TWO))
        one.changed("records")
        assert comes(lambda: len(view.run_ids()) == 2)
        log_start(home, THREE, "load", host="another machine")
        one.changed("log")
        assert comes(lambda: len(view.run_ids("status:running")) == 1)
        commit(home, "um")
        one.changed("versions")
        assert comes(lambda: len(view.version_ids()) == 1)
        measured(home, 3)
        one.changed("metrics")
        assert view.measures("data/metrics/load.json")[0].content == {"rows": 3}
    assert one.end() == (0, "")
    assert [event for event in one.said if event["event"] == "problem"] == []


def test_progress_is_told(home: Path, watch: Start) -> None:
    for number in range(28):
        keep(home, a_record(f"202601{number + 1:02d}T000000Z-1"))
        keep(home, a_record(f"202603{number + 1:02d}T000000Z-1"))
        keep(home, a_record(f"202602{number + 1:02d}T000000Z-1"))
    commit(home, "tudo")
    one = watch().idle()
    told = {event["what"]: (event["done"], event["total"]) for event in one.said if event["event"] == "progress"}
    assert told["versions"] == (1, 1)
    done, total = told["records"]
    assert done == total


def test_runs_that_were_cut_off_are_closed_unless_only_reading(home: Path, watch: Start) -> None:
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-77"
    log_start(home, run_id, "ingest@a/um", kind="hand")
    reader = watch("--read-only").idle()
    time.sleep(1.5)
    with closing(View(home)) as view:
        assert [run.status for run in view.runs(view.run_ids())] == ["running"]
        one = watch().idle()
        one.changed("log")
        reader.changed("log")
        assert comes(lambda: [run.status for run in view.runs(view.run_ids())] == ["interrupted"])
    assert one.end()[0] == 0
    assert reader.end()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to(watch: Start, number: int) -> None:
    one = watch().idle()
    one.process.send_signal(number)
    assert one.process.wait(WAIT_S) == 0
    assert one.process.stderr
    assert one.process.stderr.read() == b""


def test_it_ends_when_the_one_who_started_it_is_gone(home: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'observatudo.history.watch'],"
        " stdin=int(sys.argv[1]), stdout=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.stdout.readline()\n"
        "time.sleep(60)\n"
    )
    reading, writing = os.pipe()  # a stdin that stays open whoever ends
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(reading)]
    with subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, pass_fds=[reading]) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    assert comes(lambda: not Path(f"/proc/{pid}").exists())
    os.close(writing)
    os.close(reading)


@pytest.mark.parametrize("damage", [None, b"no database " * 1000])
def test_an_index_that_goes_or_breaks_is_made_anew(home: Path, watch: Start, damage: bytes | None) -> None:
    keep(home, a_record(ONE))
    one = watch().idle()
    assert comes(lambda: store.delete(home))  # not while it is open
    if damage:
        (home / store.FILE).write_bytes(damage)
    one.changed("records")
    with closing(View(home)) as view:
        assert comes(lambda: len(view.run_ids()) == 1)
    assert one.end() == (0, "")


def test_an_index_that_cannot_be_made_is_told_once_and_made_when_it_can(home: Path, watch: Start) -> None:
    keep(home, a_record(ONE))
    (home / ".observatudo").write_text("in the way")
    one = watch()
    one.until(lambda event: event["event"] == "problem" and bool(event["message"]))
    (home / ".observatudo").unlink()
    one.idle()
    assert [event["message"] for event in one.said if event["event"] == "problem"][1:] == [""]
    assert one.end() == (0, "")


def test_outside_a_repository_it_says_so_and_ends(tmp_path: Path) -> None:
    one = Watching(tmp_path)
    assert "not an Observatudo repository" in str(one.until(lambda event: True)["message"])
    assert one.end() == (1, "")


def test_two_at_once_and_a_run_meanwhile_end_with_the_same_index(home: Path, watch: Start) -> None:
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-77"
    first, second = watch("--read-only"), watch("--read-only")
    for number in range(1, 29):
        keep(home, a_record(f"202601{number:02d}T000000Z-1"))
        log_start(home, run_id, f"ingest@a/{number}", host="another machine")
        log_end(home, run_id, f"ingest@a/{number}")
        if number % 9 == 0:
            commit(home, str(number))
    journal.append(home, "closed", run_id, status="noop", ended="2026-01-03T00:00:00+00:00", dirty=None)
    with closing(View(home)) as view:
        assert comes(lambda: (len(view.run_ids()), len(view.version_ids())) == (29, 3))
        assert comes(lambda: len(view.run_ids("status:noop")) == 1)
    for one in (first, second):
        assert one.end() == (0, "")
