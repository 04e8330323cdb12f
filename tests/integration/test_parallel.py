"""``observatudo repro -j N`` leaves what ``dvc repro`` leaves, however its stages end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import once
from tests.integration.parallel_repository import Parallel, command, plain, with_runs

KEYS = ["a", "b", "c", "d"]
UM, DOIS, TRES = "a/um", "b/dois", "c/tres"


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Parallel:
    """The plain repository after ``dvc repro``. Read it only."""
    folder = once(tmp_path_factory, "serial", lambda folder: plain(folder / "repo", KEYS).repro())
    return Parallel(folder / "repo")


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Parallel:
    """The repository with runs after its first one, committed. Copy it; do not change it."""

    def make(folder: Path) -> None:
        repository = with_runs(folder / "repo", [UM, DOIS, TRES])
        repository.observatudo("repro", "-j", "2")
        repository.commit("first run")

    return Parallel(once(tmp_path_factory, "ran_parallel", make) / "repo")


@pytest.fixture
def ran(ran_once: Parallel, tmp_path: Path) -> Parallel:
    """A copy, of one's own, of the repository after its first run."""
    return Parallel(Path(shutil.copytree(ran_once.root, tmp_path / "repo", symlinks=True)))


def most_at_once(spans: list[tuple[str, float, float]]) -> int:
    changes = sorted([(began, 1) for _name, began, _ended in spans] + [(ended, -1) for _name, _began, ended in spans])
    now = most = 0
    for _when, change in changes:
        now += change
        most = max(most, now)
    return most


def check_equal(repository: Parallel, serial: Parallel) -> None:
    """Check that dvc.lock has the serial run's bytes, that the cache is whole, and that DVC has nothing left to do."""
    assert (repository.root / "dvc.lock").read_bytes() == (serial.root / "dvc.lock").read_bytes()
    assert repository.uncached() == []
    before = len(repository.spans())
    assert "Running stage" not in repository.repro()
    assert len(repository.spans()) == before


@pytest.mark.parametrize("jobs", [2, 3, 8])
def test_the_lock_has_the_bytes_of_a_serial_run(serial: Parallel, tmp_path: Path, jobs: int) -> None:
    repository = plain(tmp_path / "repo", KEYS)
    printed = repository.observatudo("repro", "-j", str(jobs))
    assert 2 <= most_at_once(repository.spans()) <= jobs
    ends = {name: ended for name, _began, ended in repository.spans()}
    begins = {name: began for name, began, _ended in reversed(repository.spans())}
    assert all(begins[key] > ends["places"] for key in KEYS)
    assert begins["join"] > max(ended for name, ended in ends.items() if name != "join")
    assert "Stage 'work@a' is complete" in printed
    check_equal(repository, serial)


@pytest.mark.drill
def test_thirty_trials_lose_nothing(serial: Parallel, tmp_path: Path) -> None:
    chance = random.Random(7)
    for trial in range(30):
        repository = plain(tmp_path / f"repo{trial}", KEYS)
        pauses = {"PAUSE_" + name: str(round(chance.random() / 3, 2)) for name in [*KEYS, "free", "places"]}
        repository.run(*command("repro", "-j", str(chance.choice([2, 3, 6]))), extra=pauses)
        check_equal(repository, serial)
        shutil.rmtree(repository.root)


def test_one_job_is_the_serial_run(serial: Parallel, tmp_path: Path) -> None:
    repository = plain(tmp_path / "repo", KEYS)
    printed = repository.observatudo("repro", "-j", "1")
    assert [name for name, _began, _ended in repository.spans()] == [name for name, _began, _ended in serial.spans()]
    assert most_at_once(repository.spans()) == 1
    assert " | " not in printed
    check_equal(repository, serial)


def test_only_what_changed_runs_and_a_result_known_from_before_is_taken(tmp_path: Path) -> None:
    repository = plain(tmp_path / "repo", KEYS)
    repository.observatudo("repro", "-j", "2")
    lock = (repository.root / "dvc.lock").read_bytes()
    done = len(repository.spans())
    (repository.root / "in/b").write_text("other")
    repository.edit("work.py", "0.1", "0.2")
    repository.observatudo("repro", "-j", "2")
    assert len(repository.spans()) == 2 * done - 1  # the same outputs come of it: join has nothing to do
    done = len(repository.spans())
    (repository.root / "in/b").write_text("b")
    repository.edit("work.py", "0.2", "0.1")
    printed = repository.observatudo("repro", "-j", "2")
    assert "Stage 'free' is cached" in printed
    assert {name for name, _began, _ended in repository.spans()[done:]} == set(KEYS)  # what persists is never cached
    assert (repository.root / "dvc.lock").read_bytes() == lock


def test_targets_bring_what_they_need_and_nothing_else(tmp_path: Path) -> None:
    repository = plain(tmp_path / "repo", KEYS)
    (repository.root / "sub").mkdir()
    repository.run("sh", "-c", f"cd sub && {' '.join(command('repro', 'work@b', 'work@c', '-j', '2'))}")
    assert {name for name, _began, _ended in repository.spans()} == {"places", "b", "c"}
    told = repository.observatudo("repro", "no-such-stage", code=255)
    assert "no-such-stage" in told
    assert "Traceback" not in told


def test_a_run_is_one_run_with_one_record_closed_by_record(ran_once: Parallel) -> None:
    (record,) = ran_once.records()
    assert (record.status, record.command.split()[:2]) == ("success", ["observatudo", "repro"])
    assert set(record.stages) == {f"ingest@{UM}", f"ingest@{DOIS}", f"ingest@{TRES}", "join"}
    assert {stage.status for stage in record.stages.values()} == {"success"}
    assert len(record.outputs) == 7
    assert len({event["run"] for event in ran_once.events()}) == 1
    events = [(event["event"], event.get("stage")) for event in ran_once.events()]
    assert events[-2:] == [("closed", None), ("end", "record")]


def test_nothing_to_do_is_in_the_log_only(ran: Parallel) -> None:
    lock = (ran.root / "dvc.lock").read_bytes()
    printed = ran.observatudo("repro")
    assert printed.count("didn't change, skipping") == 4
    assert (ran.root / "dvc.lock").read_bytes() == lock
    assert ran.git_status() == ""
    assert ran.events()[-2]["status"] == "noop"


def test_a_failure_is_told_and_recorded_once_and_the_others_are_kept(ran: Parallel) -> None:
    for key, mode in ((UM, "fail"), (DOIS, "newer"), (TRES, "newer")):
        ran.mode(key, mode)
    printed = ran.observatudo("repro", "-j", "2", code=255)
    assert f"ingest@{UM} | rows are missing\ningest@{UM} |   @ x.csv:3\n" in printed
    assert f"ingest@{DOIS} | reading\n" in printed
    assert f"failed: ingest@{UM}\nnot run because of that: join, record\n" in printed
    assert "Traceback" not in printed
    _first, record = ran.records()
    assert record.error is not None
    assert (record.status, record.error.stage, record.error.message) == ("failed", f"ingest@{UM}", "rows are missing")
    assert {name: stage.status for name, stage in record.stages.items()} == {
        f"ingest@{UM}": "failed",
        f"ingest@{DOIS}": "success",
        f"ingest@{TRES}": "success",
    }
    assert {f"data/ingested/{DOIS}", f"data/ingested/{TRES}"} <= set(record.outputs)
    assert f"data/ingested/{UM}" not in record.outputs
    assert [event["event"] for event in ran.events()].count("closed") == 2  # the first run's, and this one's last word
    assert ran.events()[-1]["event"] == "closed"
    ran.mode(UM, "mended")
    printed = ran.observatudo("repro", "-j", "2")
    assert f"Stage 'ingest@{DOIS}' didn't change" in printed
    assert f"Stage 'ingest@{TRES}' didn't change" in printed
    assert (ran.root / "data/joined.txt").read_text() == f"{UM}mended{DOIS}newer{TRES}newer"
    assert ran.records()[-1].status == "success"


@pytest.mark.parametrize(
    ("mode", "said"),
    [("killed", "ended with exit code 137"), ("forget", f"output 'data/ingested/{UM}' does not exist")],
)
def test_what_a_stage_cannot_say_itself_is_recorded_for_it(ran: Parallel, mode: str, said: str) -> None:
    ran.mode(UM, mode)
    ran.mode(DOIS, "newer")
    assert said in ran.observatudo("repro", "-j", "2", code=255)
    record = ran.records()[-1]
    assert record.error is not None
    assert (record.status, record.error.stage) == ("failed", f"ingest@{UM}")
    assert said in record.error.message
    assert record.stages[f"ingest@{UM}"].status == "failed"
    assert f"data/ingested/{UM}" not in record.outputs
    assert f"data/ingested/{DOIS}" in record.outputs
    assert f"Stage 'ingest@{DOIS}' didn't change" in ran.observatudo("repro", "-j", "2", code=255)


def test_missing_input_fails_its_stage_only(tmp_path: Path) -> None:
    repository = plain(tmp_path / "repo", KEYS)
    (repository.root / "in/c").unlink()
    printed = repository.observatudo("repro", "-j", "2", code=255)
    assert "in/c" in printed
    assert "failed: work@c\nnot run because of that: join" in printed
    assert repository.locked() == {"places", "free", "work@a", "work@b", "work@d"}


def wait_for(path: Path, process: subprocess.Popen[str]) -> int:
    """Wait for a stage's note that it sleeps; return its process id."""
    for _attempt in range(6000):
        if path.is_file() and path.read_text():
            return int(path.read_text())
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    raise AssertionError("the stage never came to sleep")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_stages_and_is_recorded(ran: Parallel, number: signal.Signals, code: int) -> None:
    ran.mode(UM, "newer")
    ran.mode(DOIS, "sleep")
    process = ran.start(*command("repro", "-j", "2"))
    sleeper = wait_for(ran.root / "sleep", process)
    while "ingest@a/um' is complete" not in (line := process.stdout.readline() if process.stdout else ""):
        assert line
    os.kill(process.pid, number)
    assert process.wait(timeout=300) == code
    assert not psutil.pid_exists(sleeper)
    record = ran.records()[-1]
    assert (record.status, record.stages[f"ingest@{DOIS}"].status) == ("interrupted", "interrupted")
    assert record.stages[f"ingest@{UM}"].status == "success"
    ran.mode(DOIS, "fine")
    after = ran.run("dvc", "repro", f"ingest@{UM}")
    assert f"Stage 'ingest@{UM}' didn't change" in after.stdout
    assert after.stderr == ""  # no word of a lock that somebody left behind


@pytest.mark.parametrize("other", [("dvc", "repro"), tuple(command("repro")), ("dvc", "repro", "-s", f"ingest@{DOIS}")])
def test_a_second_run_at_the_same_time_is_refused(ran: Parallel, other: tuple[str, ...]) -> None:
    ran.mode(DOIS, "sleep")
    process = ran.start(*command("repro", "-j", "2"))
    wait_for(ran.root / "sleep", process)
    done = ran.run(*other, code=255)
    assert "is busy" in done.stderr
    assert "Traceback" not in done.stderr
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=300) == 143


def test_a_run_is_refused_while_dvc_is_at_work(ran: Parallel) -> None:
    ran.mode(DOIS, "sleep")
    process = ran.start("dvc", "repro", f"ingest@{DOIS}")
    wait_for(ran.root / "sleep", process)
    printed = ran.observatudo("repro", "-j", "2", code=255)
    assert "is busy" in printed
    assert "then type: observatudo repro" in printed
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_stages_named_on_the_command_line_are_a_whole_run(ran: Parallel) -> None:
    ran.mode(UM, "newer")
    ran.observatudo("repro", "-j", "2", f"ingest@{UM}")
    ran.observatudo("runs")
    record = ran.records()[-1]
    assert (record.status, list(record.stages)) == ("success", [f"ingest@{UM}"])
    assert record.command == f"observatudo repro -j 2 ingest@{UM}"
