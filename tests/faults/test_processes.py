"""A run that is stopped, or that another is in the way of: nothing is lost, and the next one works."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.builder import LONG, changed
from tests.faults.record import Recorder, said
from tests.faults.repository import KEY, Small

YEARS = range(1500, 2500)
STATES = (("SP", 35), ("RJ", 33), ("MG", 31))
TOWNS = [(uf, f"{prefix}{number:05}", f"Lugar {number}") for uf, prefix in STATES for number in range(60)]


@pytest.fixture
def slow(repo: Small) -> Small:
    """A repository whose next ingest of ``x/y`` takes seconds: 180,000 rows that wait to be read."""
    known = (repo.root / "data/raw/ibge/municipio/a.csv").read_text(encoding="utf-8")
    repo.snapshot("ibge/municipio", "a.csv", known + "".join(f"{code},{name}\n" for _uf, code, name in TOWNS))
    fields = [{"name": "ano", "type": "integer"}, *_fields()[1:]]
    repo.declare(KEY, changed(LONG, fields=fields))
    rows = (f"{year},{uf},{name},{year % 97}\n" for year in YEARS for uf, _code, name in TOWNS)
    repo.snapshot(KEY, "a.csv", "ano,uf,cidade,quantidade\n" + "".join(rows))
    said(repo.run("dvc", "repro", "-q", "ingest@ibge/municipio"), 0)
    return repo


def _fields() -> list[object]:
    fields = LONG["fields"]
    assert isinstance(fields, list)
    return list(fields)


def started(repo: Small) -> subprocess.Popen[str]:
    """Start ``dvc repro`` and return when the stage of ``x/y`` is at work."""
    before = sum(event["event"] == "start" for event in repo.events())
    process = repo.start("dvc", "repro")
    repo.wait_for_start(before + 1, process)
    return process


def ends_well(repo: Small) -> None:
    """Hold that the next ``dvc repro`` simply does what is left to do."""
    said(repo.run("dvc", "repro"), 0)
    assert repo.report()["rows_read"] == repo.report()["rows_kept"] == len(YEARS) * len(TOWNS)


@pytest.mark.parametrize(("name", "sent", "code"), [("Ctrl-C", signal.SIGINT, 130), ("SIGTERM", signal.SIGTERM, 143)])
def test_interrupted(slow: Small, fault: Recorder, name: str, sent: signal.Signals, code: int) -> None:
    before = slow.outputs()
    process = started(slow)
    os.killpg(process.pid, sent)
    out = process.communicate(timeout=240)[0]
    assert process.returncode not in (None, 0)
    assert f"ingest@{KEY}: interrupted" in out
    assert slow.outputs() == before
    assert [event["status"] for event in slow.events() if event["event"] == "end"][-1] == "interrupted"
    assert slow.last_run()["status"] == "interrupted"
    fault.row(
        name,
        out,
        "The last good output stays, byte for byte; the run is recorded as `interrupted`. `dvc repro` goes on.",
    )
    ends_well(slow)


def test_killed(slow: Small, fault: Recorder) -> None:
    before = slow.outputs()
    process = started(slow)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=240)
    assert slow.outputs() == before
    assert slow.last_run()["status"] == "interrupted"
    done = slow.run("dvc", "repro")
    (shown, *_more) = [line for line in said(done, 0).splitlines() if f"ingested/{KEY}' had been killed" in line]
    data = "The last good output stays, byte for byte; what reads the history next records the run as `interrupted`."
    fault.row("SIGKILL or a power cut", shown, data)
    ends_well(slow)


def test_two_at_once(slow: Small, fault: Recorder) -> None:
    """The first is held still while the second starts, so that it cannot end before."""
    first = started(slow)
    pid = stage_of(slow)
    os.kill(pid, signal.SIGSTOP)
    try:
        shown = said(slow.run("dvc", "repro"), 255)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "is busy" in shown
    out = first.communicate(timeout=240)[0]
    assert first.returncode == 0, out
    assert slow.report()["rows_kept"] == len(YEARS) * len(TOWNS)
    fault.row("Two dvc repro at once", shown, "The second exits with 255 and touches nothing; the first is unharmed.")
    assert "up to date" in said(slow.run("dvc", "repro"), 0)


def stage_of(repo: Small) -> int:
    """Return the process of the stage that was started last."""
    (last,) = [event for event in repo.events() if event["event"] == "start"][-1:]
    process = last["process"]
    assert isinstance(process, dict)
    return int(process["pid"])
