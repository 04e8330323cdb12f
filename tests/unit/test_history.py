"""The history: what the index makes of the records and of the log, and what it does when they change."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from observatudo import history, journal
from observatudo.errors import ObservatudoError
from observatudo.history import store
from observatudo.runs import log as runlog
from observatudo.runs.model import Record, schema_text, to_text
from tests.histories import ONE, THREE, TWO, a_record, keep, log_end, log_start, quiet, repository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def today() -> str:
    """The id of a run that began now, so that its log is found."""
    from datetime import UTC, datetime

    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-77"


def test_runs_come_newest_first_from_records_and_log(tmp_path: Path, today: str) -> None:
    keep(tmp_path, a_record(ONE))
    keep(tmp_path, a_record(TWO, status="failed", dirty=True))
    log_start(tmp_path, today, "record")
    journal.append(tmp_path, "closed", today, status="noop", ended=runlog.began(today).isoformat(), dirty=None)
    found = history.runs(tmp_path)
    assert [(run.run_id, run.status, run.dirty) for run in found] == [
        (today, "noop", None),
        (TWO, "failed", True),
        (ONE, "success", False),
    ]
    assert found[2].stages == ("ingest@a/um",)
    assert [run.run_id for run in history.runs(tmp_path, limit=1)] == [today]


def test_index_follows_records_that_change_come_and_go(tmp_path: Path) -> None:
    path = keep(tmp_path, a_record(ONE))
    assert len(history.runs(tmp_path)) == 1
    keep(tmp_path, a_record(ONE, status="failed", duration_s=123.0))
    keep(tmp_path, a_record(TWO))
    assert [run.status for run in history.runs(tmp_path)] == ["success", "failed"]
    path.unlink()
    assert [run.run_id for run in history.runs(tmp_path)] == [TWO]


@pytest.mark.parametrize("damage", [None, b"", b"not a database at all, but long enough to look at" * 100])
def test_index_is_rebuilt_when_deleted_or_damaged(tmp_path: Path, damage: bytes | None, today: str) -> None:
    keep(tmp_path, a_record(ONE))
    log_start(tmp_path, today, "ingest@a/um")
    before = history.runs(tmp_path)
    file = tmp_path / store.FILE
    file.unlink()
    if damage is not None:
        file.write_bytes(damage)
    assert history.runs(tmp_path) == before


def test_a_damaged_page_is_noticed_at_work_and_the_index_made_anew(tmp_path: Path) -> None:
    for day in range(1, 29):
        keep(tmp_path, a_record(f"202601{day:02d}T000000Z-1"))
    before = history.runs(tmp_path)
    file = tmp_path / store.FILE
    content = bytearray(file.read_bytes())
    assert len(content) > 5 * 4096
    content[4096:] = b"\x99" * (len(content) - 4096)  # the first page still opens
    for ask in (history.runs, lambda home: [history.find(home, run.run_id) for run in before]):
        file.write_bytes(content)
        assert ask(tmp_path) == before
        assert history.datasets(tmp_path, before[0])
        assert history.runs(tmp_path) == before


def test_what_is_no_record_is_passed_over(tmp_path: Path) -> None:
    path = keep(tmp_path, a_record(ONE))
    (path.parent / "d.json").mkdir()
    (path.parents[1] / "99").write_text("not a folder")
    (path.parent / "gone.json").symlink_to("nowhere")
    assert [run.run_id for run in history.runs(tmp_path)] == [ONE]


@pytest.mark.parametrize("time", ["yesterday", "2026-01-01T00:00:00", ""])
def test_a_record_whose_times_are_none_is_named(tmp_path: Path, time: str) -> None:
    path = keep(tmp_path, a_record(ONE))
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"started": time}))
    assert [item.path for item in history.damaged(tmp_path)] == [path.relative_to(tmp_path).as_posix()]


def test_index_starts_over_when_the_log_was_cut(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um")
    log_end(tmp_path, today, "ingest@a/um")
    assert len(history.runs(tmp_path)) == 1
    (log,) = runlog.files(tmp_path)
    log.write_text("")
    assert history.runs(tmp_path) == []


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um")
    (log,) = runlog.files(tmp_path)
    with log.open("a") as lines:
        lines.write('{"time":"2026-01-01T00:00:00+00:00","event":"end","run":"' + today + '","sta\n')
    log_end(tmp_path, today, "ingest@a/um", "failed")
    run = runlog.read(tmp_path, today)
    assert run is not None
    assert run.outcome() == "failed"
    assert len(history.runs(tmp_path)) == 1


PROCESS: object = {"pid": 2**22 + 1, "started": 1.0}


@pytest.mark.parametrize(
    "odd",
    [
        {"run": "x"},
        {"run": 7},
        {"run": ["a"]},
        {"run": "../../x"},
        {"run": "20269999T000000Z-1"},
        {"run": "99991231T000000Z-1"},
        {"time": "yesterday"},
        {"time": "2026-01-01T00:00:00"},
        {"time": None},
        {"event": "start"},
        {"event": "start", "process": PROCESS, "owner": {}},
        {"event": "start", "process": PROCESS, "owner": {"pid": "1", "started": 1.0}},
        {"event": "start", "process": PROCESS, "owner": {"pid": 10**300, "started": 1.0}},
        {"event": "end", "stage": "load", "status": "odd"},
        {"event": "closed", "status": "success", "ended": "soon"},
        {"event": "end", "stage": "load", "status": "success", "rows": {"a": float("inf")}, "wall_s": 10**400},
        {"event": "start", "process": PROCESS, "owner": PROCESS, "host": "\ud800", "stage": "load"},
    ],
)
def test_an_odd_line_in_the_log_stops_nothing(tmp_path: Path, today: str, odd: dict[str, object]) -> None:
    keep(tmp_path, a_record(ONE))
    log_start(tmp_path, today, "ingest@a/um", kind="hand")
    (log,) = runlog.files(tmp_path)
    usual: dict[str, object] = {
        "time": "2026-01-01T00:00:00+00:00",
        "event": "warning",
        "run": "20260101T000000Z-5",
        "kind": "hand",
    }
    with log.open("a") as lines:
        lines.write(json.dumps(usual | odd, separators=(",", ":")) + "\n")
    log_end(tmp_path, today, "ingest@a/um")
    history.close_interrupted(tmp_path)
    assert {run.run_id: run.status for run in history.runs(tmp_path)}.items() >= {
        (today, "success"),
        (ONE, "success"),
    }
    history.write_csv(tmp_path, io.StringIO())


def test_a_record_that_is_damaged_is_named_and_stops_nothing(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    path = keep(tmp_path, a_record(TWO))
    assert len(history.runs(tmp_path)) == 2
    path.write_text(path.read_text()[:-10])
    path.parent.touch()  # its time may have been taken for quiet: it is, two seconds after a record came
    assert [run.run_id for run in history.runs(tmp_path)] == [ONE]
    for name in (TWO, TWO[:8]):
        with pytest.raises(ObservatudoError) as caught:
            history.find(tmp_path, name)
        assert caught.value.where == str(path)
    assert history.find(tmp_path, "last").run_id == ONE
    path.write_text(to_text(a_record(THREE)))
    assert "not the record of the run" in history.damaged(tmp_path)[0].reason
    path.write_text(to_text(a_record(TWO)))
    assert history.damaged(tmp_path) == []
    assert history.find(tmp_path, TWO).run_id == TWO


def test_a_run_in_the_log_whose_record_is_damaged_is_listed_and_not_shown(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um")
    path = keep(tmp_path, a_record(today))
    path.write_text("{")
    assert [run.source for run in history.runs(tmp_path)] == ["log"]
    with pytest.raises(ObservatudoError):
        history.find(tmp_path, "last")


def test_a_damaged_record_that_is_mended_in_place_in_a_quiet_folder_is_noticed(tmp_path: Path) -> None:
    path = keep(tmp_path, a_record(ONE))
    path.write_text("{")
    quiet(path.parent)
    assert len(history.damaged(tmp_path)) == 1
    path.write_text(to_text(a_record(ONE)))
    quiet(path.parent)
    assert history.damaged(tmp_path) == []
    assert len(history.runs(tmp_path)) == 1


def test_a_folder_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    path = keep(tmp_path, a_record(ONE))
    quiet(path.parent)
    assert len(history.runs(tmp_path)) == 1
    path.write_text(to_text(a_record(ONE, status="failed")))  # in place: what only verify finds
    quiet(path.parent)
    assert [run.status for run in history.runs(tmp_path)] == ["success"]
    path.parent.touch()
    assert [run.status for run in history.runs(tmp_path)] == ["failed"]


def test_what_a_run_kept_and_who_started_it_where_is_told(tmp_path: Path, today: str) -> None:
    keep(tmp_path, a_record(ONE, branch="main"))
    log_start(tmp_path, today, "ingest@a/um")
    (at_work, done) = history.runs(tmp_path)
    assert (done.who, done.branch, done.rows_kept, done.rows_rejected, done.touched) == ("Ana", "main", 2, 1, ("a/um",))
    assert (at_work.rows_kept, at_work.touched) == (None, ("a/um",))


def test_the_traceback_of_an_error_is_kept_readable(tmp_path: Path, today: str) -> None:
    assert history.traceback(tmp_path, today) == ""
    log_start(tmp_path, today, "ingest@a/um")
    journal.append(tmp_path, "error", today, stage="ingest@a/um", type="E", message="m", traceback="Traceback\n  x")
    assert history.traceback(tmp_path, today) == "Traceback\n  x"


def test_an_index_of_the_first_version_is_made_anew(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    (tmp_path / store.FILE).parent.mkdir()
    with closing(sqlite3.connect(tmp_path / store.FILE)) as old:
        old.executescript(
            "CREATE TABLE run (run_id); CREATE VIEW history AS SELECT * FROM run; PRAGMA user_version = 1"
        )
    assert len(history.runs(tmp_path)) == 1
    with closing(sqlite3.connect(tmp_path / store.FILE)) as new:
        assert new.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_locked_index_is_neither_deleted_nor_waited_for_to_read(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    before = history.runs(tmp_path)
    with closing(sqlite3.connect(tmp_path / store.FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert history.runs(tmp_path) == before
        assert (tmp_path / store.FILE).is_file()


def test_a_run_is_found_by_id_beginning_or_last(tmp_path: Path) -> None:
    for run_id in (ONE, TWO, THREE):
        keep(tmp_path, a_record(run_id))
    assert history.find(tmp_path, "last").run_id == THREE
    assert history.find(tmp_path, TWO[:8]).run_id == TWO
    with pytest.raises(ObservatudoError, match="more than one"):
        history.find(tmp_path, "2026")
    with pytest.raises(ObservatudoError) as caught:
        history.find(tmp_path, "20260102T000000Z-9")
    assert caught.value.next_step == f"observatudo show {TWO}"
    with pytest.raises(ObservatudoError, match="no run %"):
        history.find(tmp_path, "%")


def test_without_a_run_the_next_step_is_to_run(tmp_path: Path) -> None:
    with pytest.raises(ObservatudoError) as caught:
        history.find(tmp_path, "last")
    assert caught.value.next_step == "dvc repro"


def test_csv_has_one_line_per_run_and_dataset(tmp_path: Path) -> None:
    keep(tmp_path, a_record(ONE))
    keep(tmp_path, a_record(TWO))
    target = io.StringIO()
    history.write_csv(tmp_path, target)
    lines = list(csv.DictReader(io.StringIO(target.getvalue())))
    assert tuple(lines[0]) == history.CSV_COLUMNS
    assert [(line["run_id"], line["dataset"], line["rows_kept"]) for line in lines] == [
        (TWO, "a/um", "2"),
        (ONE, "a/um", "2"),
    ]
    assert (lines[0]["dirty"], lines[0]["wall_s"], lines[0]["peak_mb"]) == ("false", "1.5", "")


def test_hand_runs_are_over_when_their_stage_is(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um", kind="hand")
    log_end(tmp_path, today, "ingest@a/um", "failed")
    (run,) = history.runs(tmp_path)
    assert (run.status, run.kind) == ("failed", "hand")


def test_a_hand_run_that_was_cut_off_is_closed_in_the_log(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um", kind="hand")
    assert history.runs(tmp_path)[0].status == "running"
    assert history.close_interrupted(tmp_path) == [today]
    assert history.runs(tmp_path)[0].status == "interrupted"
    assert history.close_interrupted(tmp_path) == []
    assert not (tmp_path / "audit").exists()


def test_runs_that_may_be_at_work_are_left_alone(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um", host="another machine")
    assert history.close_interrupted(tmp_path) == []
    assert history.runs(tmp_path)[0].status == "running"


@pytest.mark.parametrize(
    ("targets", "status"), [("", "interrupted"), ("-f", "interrupted"), ("ingest@a/um", "success")]
)
def test_a_run_without_record_was_cut_off_unless_only_some_stages_were_asked_for(
    tmp_path: Path, today: str, targets: str, status: str
) -> None:
    log_start(tmp_path, today, "ingest@a/um", targets=targets)
    log_end(tmp_path, today, "ingest@a/um")
    run = runlog.read(tmp_path, today)
    assert run is not None
    assert run.outcome() == status


def test_progress_does_not_slow_the_index_and_changes_nothing(tmp_path: Path, today: str) -> None:
    log_start(tmp_path, today, "ingest@a/um")
    before = history.runs(tmp_path)
    journal.append(tmp_path, "progress", today, stage="ingest@a/um", done=1, total=2)
    assert history.runs(tmp_path) == before


def test_record_text_is_stable_and_its_schema_is_published(tmp_path: Path) -> None:
    record = a_record(ONE)
    text = to_text(record)
    assert Record.model_validate_json(text) == record
    assert to_text(Record.model_validate_json(text)) == text
    assert text.endswith("}\n")
    assert (ROOT / "configs/schema/run.json").read_text() == schema_text()
    assert json.loads(schema_text())["properties"]["status"]["enum"] == ["success", "failed", "interrupted"]


def test_the_command_lists_the_rest_beside_a_damaged_record(tmp_path: Path) -> None:
    home = repository(tmp_path)
    keep(home, a_record(ONE))
    path = keep(home, a_record(TWO))
    path.write_text("{")
    command = [sys.executable, "-P", "-m", "observatudo.cli.app"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OBSERVATUDO_LANG": "en"}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words], cwd=home, env=environment, capture_output=True, text=True, check=False
        )

    listed = typed("runs")
    assert (listed.returncode, ONE in listed.stdout, TWO in listed.stdout) == (0, True, False)
    (warning,) = listed.stderr.splitlines()
    assert warning.startswith(f"warning: audit/runs/2026/01/{TWO}.json cannot be read")
    shown = typed("show", TWO)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert f"git checkout HEAD -- {path}" in shown.stderr
