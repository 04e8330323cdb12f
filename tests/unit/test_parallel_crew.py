"""Commands side by side: what they print is told apart, and none outlives being stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from observatudo.parallel import crew as crews
from observatudo.parallel.crew import Command, Crew, Ended

SOURCE = Path(__file__).parents[2]
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
STUBBORN = IGNORES + "; print('up', flush=True); time.sleep(600)"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stage here is slow to stop, but the machine may be."""
    monkeypatch.setattr(crews, "_GRACE_S", 300.0)


def command(code: str, folder: Path) -> Command:
    return Command([sys.executable, "-c", code], f"python {code[:10]}", folder, dict(os.environ))


def wait(crew: Crew) -> Ended:
    ended = crew.wait()
    assert ended is not None
    return ended


def test_lines_carry_the_name_of_their_stage_and_streams_stay_apart(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "_LEFTOVER_OUTPUT_S", 120.0)  # nothing is left behind here: no line may be missed
    crew = Crew()
    code = "import sys; print('one\\ntwo'); sys.stderr.write('no end'); sys.stdout.buffer.write(b'\\xff\\n')"
    with crew.heeding_signals():
        crew.start("ingest@a/um", [command(code, tmp_path)], alone=False)
        crew.start("alone", [command("print('mine')", tmp_path)], alone=True)
        assert {wait(crew).stage, wait(crew).stage} == {"ingest@a/um", "alone"}
    told = capfdbinary.readouterr()
    lines = told.out.splitlines()
    assert [line for line in lines if line.startswith(b"ingest")] == [
        b"ingest@a/um | one",
        b"ingest@a/um | two",
        b"ingest@a/um | \xff",
    ]
    assert b"mine" in lines
    assert told.err == b"ingest@a/um | no end\n"


def test_commands_of_a_stage_follow_each_other_until_one_fails(tmp_path: Path) -> None:
    crew = Crew()
    codes = ["open('first', 'w')", "raise SystemExit(3)", "open('never', 'w')"]
    with crew.heeding_signals():
        crew.start("s", [command(code, tmp_path) for code in codes], alone=False)
        ended = wait(crew)
    assert (ended.stage, ended.code, ended.shown) == ("s", 3, "python raise Syst")
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert crew.at_work == set()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["sh", "-c", "kill -9 $$"], 137), (["no-such-program"], 127)],
)
def test_a_command_that_is_killed_or_cannot_start_has_failed(tmp_path: Path, words: list[str], code: int) -> None:
    crew = Crew()
    with crew.heeding_signals():
        crew.start("s", [Command(words, "s", tmp_path, dict(os.environ))], alone=False)
        assert wait(crew).code == code


def test_a_process_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    crew = Crew()
    began = time.monotonic()
    with crew.heeding_signals():
        crew.start("s", [Command(["sh", "-c", "sleep 120 & echo on"], "s", tmp_path, dict(os.environ))], alone=False)
        assert wait(crew).code == 0
    assert time.monotonic() - began < 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_stages_with_all_they_started(tmp_path: Path, number: signal.Signals) -> None:
    crew = Crew()
    sleeper = Command(["sh", "-c", "echo $$ >group; sleep 60; true"], "sleep", tmp_path, dict(os.environ))
    before = signal.getsignal(number)
    with crew.heeding_signals():
        crew.start("s", [sleeper, sleeper], alone=False)
        while not (tmp_path / "group").is_file() or not (tmp_path / "group").read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), number)
        assert crew.wait() is None
        assert crew.stopped == number
        assert wait(crew).code in (143, 128 + signal.SIGTERM)
    group = int((tmp_path / "group").read_text())
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    assert signal.getsignal(number) == before


def test_the_second_signal_kills_what_did_not_stop(tmp_path: Path) -> None:
    crew = Crew()
    code = STUBBORN.replace("print('up', flush=True)", "open('up', 'w')")
    with crew.heeding_signals():
        crew.start("s", [command(code, tmp_path)], alone=False)
        while not (tmp_path / "up").is_file():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)
        assert crew.wait() is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert crew.wait() is None
        assert wait(crew).code == 137


def test_no_stage_outlives_the_block_whatever_ends_it(tmp_path: Path) -> None:
    body = f"""
import os, sys
from pathlib import Path
from observatudo.parallel.crew import Command, Crew
with Crew().heeding_signals() as crew:
    crew.start("s", [Command([sys.executable, "-c", {STUBBORN!r}], "s", Path("."), dict(os.environ))], alone=True)
    input()
    raise ZeroDivisionError
"""
    process = subprocess.Popen(
        [sys.executable, "-c", body],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    _rest, errors = process.communicate("\n", timeout=300)  # to the end of the stage's output: it has ended
    assert "ZeroDivisionError" in errors
