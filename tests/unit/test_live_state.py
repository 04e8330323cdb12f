"""What is at work now, from the real journal of real processes: at work, ended, failed, killed."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from observatudo import journal
from observatudo.live import expected
from observatudo.live.state import LiveRun, State
from observatudo.live.watch import Watch
from observatudo.runs import identity

SOURCE = Path(__file__).parents[2]
LONG_S = 120
# stands in for `dvc repro`: a process of that name that starts one stage after the other
DVC = """\
import subprocess, sys
for code in sys.argv[2:]:
    subprocess.run([sys.executable, "-c", "from observatudo import journal\\n" + code])
"""
# a stage that does what it is told, line by line, and says when it has
TOLD = """\
import sys
with journal.stage("ingest", "a/um") as log:
    print("ready", flush=True)
    for told in sys.stdin:
        eval(told)
        print("done", flush=True)
"""
WHOLE = "with journal.stage('join') as log: log.count(rows_read=3)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OBSERVATUDO_LANG", "en")
    (tmp_path / "dvc.yaml").write_text("stages: {ingest: {foreach: '${sets}', do: {cmd: x}}, join: {cmd: x}}")
    (tmp_path / "params.yaml").write_text("sets: {a/um: {}, b/dois: {}}")
    (tmp_path / "dvc").write_text(DVC)
    return tmp_path


@contextmanager
def repro(home: Path, *stages: str, command: str = "repro") -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, str(home / "dvc"), command, *stages]
    with subprocess.Popen(
        words,
        cwd=home,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def tell(process: subprocess.Popen[str], code: str = "") -> None:
    """Have the stage at work do something (nothing: wait until it is ready), and wait until it has."""
    assert process.stdin is not None
    assert process.stdout is not None
    if code:
        process.stdin.write(f"{code}\n")
        process.stdin.flush()
    assert process.stdout.readline()


def current(watch: Watch) -> LiveRun:
    watch.read()
    run = watch.state.current()
    assert run is not None
    return run


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + LONG_S
    while identity.process(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_run_is_followed_from_its_first_stage_to_its_end(home: Path) -> None:
    with Watch(home) as watch, repro(home, TOLD, WHOLE) as process:
        assert watch.read() == []
        assert watch.state.current() is None
        tell(process)
        tell(process, "(log.progress(3, 12), log.count(rows_read=12), log.warn('odd'))")
        run = current(watch)
        (stage,) = run.in_order()
        assert (run.kind, run.status, run.is_over, run.host) == ("repro", "running", False, platform.node())
        assert run.run_id.endswith(f"-{process.pid}")
        assert run.command[-3] == "repro"
        assert (stage.name, stage.dataset, stage.status) == ("ingest@a/um", "a/um", "running")
        assert (stage.done, stage.total, stage.rows, stage.warnings) == (3, 12, {"rows_read": 12}, ("odd",))
        assert run.processes() == {"ingest@a/um": (stage.pid, stage.process_started)}
        assert watch.sample()["ingest@a/um"].memory_mb > 1
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        run = current(watch)
        first, second = run.in_order()
        assert (first.status, second.status, second.rows) == ("success", "success", {"rows_read": 3})
        assert (first.ended > first.started, first.wall_s is not None) == (True, True)
        assert (run.processes(), watch.sample()) == ({}, {})


def test_a_stage_that_fails_tells_why_with_its_traceback(home: Path) -> None:
    code = (
        "from observatudo.errors import DataError\n"
        "with journal.stage('ingest'): raise DataError('bad', where='f:1', next_step='mend f')"
    )
    program = [sys.executable, "-c", f"from observatudo import journal\n{code}"]
    done = subprocess.run(program, cwd=home, env=os.environ | {"PYTHONPATH": str(SOURCE)}, check=False)
    assert done.returncode == 1
    with Watch(home) as watch:
        run = current(watch)
        assert (run.kind, run.status) == ("hand", "failed")
        assert run.error is not None
        assert (run.error["message"], run.error["where"], run.error["next_step"]) == ("bad", "f:1", "mend f")
        assert run.traceback.startswith("Traceback")
        assert [stage.status for stage in run.in_order()] == ["failed"]


def test_a_run_that_is_killed_is_told_as_interrupted(home: Path) -> None:
    with Watch(home) as watch, repro(home, TOLD) as process:
        tell(process)
        run = current(watch)
        ((pid, _started),) = run.processes().values()
        process.kill()
        process.wait()
        run = current(watch)
        assert run.status == "running"  # its stage still is
        os.kill(pid, signal.SIGKILL)
        until_gone(pid)
        run = current(watch)
        assert (run.status, run.is_over, run.processes()) == ("interrupted", True, {})
        assert [stage.status for stage in run.in_order()] == ["interrupted"]


def test_a_stage_that_is_killed_is_interrupted_while_the_run_goes_on(home: Path) -> None:
    with Watch(home) as watch, repro(home, TOLD, TOLD.replace("a/um", "b/dois")) as process:
        tell(process)
        ((pid, _started),) = current(watch).processes().values()
        os.kill(pid, signal.SIGKILL)
        tell(process)
        run = current(watch)
        assert run.status == "running"
        assert [stage.status for stage in run.in_order()] == ["interrupted", "running"]


def test_the_stage_that_closes_its_run_is_at_work_until_it_ends(home: Path) -> None:
    close = (
        "journal.append(log.home, 'closed', log.run_id, status='success', ended='2026-11-23T10:00:00+00:00', "
        "dirty=False)"
    )
    with Watch(home) as watch, repro(home, TOLD.replace('"ingest", "a/um"', '"record"')) as process:
        tell(process)
        tell(process, close)
        run = current(watch)
        assert (run.status, run.is_over) == ("success", True)
        assert [stage.status for stage in run.in_order()] == ["running"]
        ((pid, _started),) = run.processes().values()
        os.kill(pid, signal.SIGKILL)
        process.wait()
        assert [stage.status for stage in current(watch).in_order()] == ["interrupted"]


def test_what_ended_between_two_looks_is_never_told_as_interrupted(home: Path) -> None:
    """Its last lines are read after its process is found gone, not before."""
    with Watch(home) as watch, repro(home, TOLD) as process:
        tell(process)
        assert current(watch).status == "running"
        read = watch.follower.read

        def slow() -> list[object]:  # the stage ends right after the log was read
            found = read()
            if not process.stdin or process.stdin.closed:
                return [*found]
            process.stdin.close()
            process.wait()
            return [*found]

        watch.follower.read = slow  # type: ignore[assignment]
        assert [stage.status for stage in current(watch).in_order()] == ["success"]


def test_the_newest_run_at_work_comes_before_newer_ones_that_have_ended(home: Path) -> None:
    with Watch(home) as watch, repro(home, TOLD) as process:
        tell(process)
        at_work = current(watch).run_id
        time.sleep(1.1)  # ids name seconds
        with repro(home, WHOLE) as newer:
            newer.wait()
        assert current(watch).run_id == at_work
        process.kill()
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        until_gone(next(iter(current(watch).stages.values())).pid)
        assert current(watch).run_id > at_work


def test_a_run_whose_beginning_is_lost_is_known_by_its_id(home: Path) -> None:
    with Watch(home) as watch, repro(home, TOLD) as process:
        tell(process)
        (log,) = (home / "logs").iterdir()
        log.write_bytes(b"")
        tell(process, "(log.progress(1, 2), log.warn('late'))")
        run = current(watch)
        assert (run.status, run.host) == ("running", "")
        process.kill()
        process.wait()
        assert current(watch).status == "interrupted"


def test_a_run_of_another_machine_ends_by_silence_and_comes_back_with_its_next_stage(home: Path) -> None:
    other: journal.Json = {"pid": 4_000_000, "started": 1.0}
    start: dict[str, journal.Json] = {"event": "start", "process": other, "owner": other, "host": "elsewhere"}
    run = LiveRun("20261101T100000Z-1")
    run.fold(start | {"stage": "one", "time": "2026-11-01T10:00:00+00:00"})
    assert run.look()
    assert (run.status, [stage.status for stage in run.in_order()]) == ("interrupted", ["interrupted"])
    run.fold(start | {"stage": "two", "time": "9999-01-01T00:00:00+00:00"})
    assert not run.is_over  # what is over is not looked at again
    run.look()
    assert (run.status, run.processes()) == ("running", {})


def test_runs_that_ended_are_forgotten_one_by_one(home: Path) -> None:
    state = State(kept=3)
    with Watch(home) as watch:
        for number in range(10):
            run = f"20261123T10000{number}Z-1"
            journal.append(home, "closed", run, status="success", ended="2026-11-23T10:00:00+00:00", dirty=None)
        for event in watch.read():
            state.fold(event)
    assert [run.run_id[14] for run in state] == ["9", "8", "7"]


def test_the_stages_a_run_may_come_to_are_known_for_whole_runs_only(home: Path) -> None:
    with Watch(home) as watch:
        run = LiveRun("20261123T100000Z-1", kind="repro", command=["dvc", "repro"])
        assert watch.expected(run) == ["ingest@a/um", "ingest@b/dois", "join"]
        run.command.append("join")
        assert watch.expected(run) is None
        assert watch.expected(LiveRun("20261123T100000Z-1", kind="hand")) is None


def test_expected_stages_follow_the_files(home: Path) -> None:
    names = expected.Expected(home)
    assert names.names() == ["ingest@a/um", "ingest@b/dois", "join"]
    (home / "params.yaml").write_text("sets: {a/um: {}}")
    assert names.names() == ["ingest@a/um", "join"]
    (home / "dvc.yaml").unlink()
    assert names.names() is None


PIPELINE = """\
stages:
  one: {foreach: [x, 2, true], do: {cmd: echo}}
  two: {foreach: '${deep.list}', do: {cmd: echo}}
  three: {foreach: {k: 1, j: 2}, do: {cmd: echo}}
  four: {cmd: echo}
  five: {foreach: '${deep.map}', do: {cmd: echo}}
"""


def test_expected_stages_are_those_of_dvc(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("deep: {list: [{a: 1}, {a: 2}], map: {a/b: 1, c_d: 2}}")
    dvc = Path(sys.executable).parent / "dvc"
    subprocess.run([dvc, "init", "-q", "--no-scm"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [dvc, "stage", "list", "--name-only"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found = expected.stages(tmp_path)
    assert found is not None
    assert sorted(found) == sorted(done.stdout.split())
    assert len(found) == 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stages: [",
        "stages: 3",
        "stages: {a: 1}",
        "stages: {a: {matrix: {x: [1]}, cmd: x}}",
        "stages: {a: {foreach: '${none}', do: {cmd: x}}}",
        "stages: {a: {foreach: ['${x}'], do: {cmd: x}}}",
        "\x00",
        "{" * 5000,
    ],
)
def test_where_stages_cannot_be_told_nobody_guesses(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    assert expected.stages(tmp_path) is None


def test_following_imports_nothing_heavy() -> None:
    code = "import sys, observatudo.live.watch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"psutil", "yaml", "pydantic", "git", "dvc", "duckdb", "pyarrow", "pandas", "mlflow", "dbt", "textual"}
    assert not loaded & heavy
