"""The log followed: whole lines, once, in order, whatever becomes of the files meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from observatudo import journal
from observatudo.live import follow
from observatudo.live.follow import Follower

SOURCE = Path(__file__).parents[2]
RUN = "20261123T100000Z-77"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def line(number: int, run: str = RUN, kind: str = "counts", **fields: journal.Json) -> bytes:
    content = {"time": NOON.isoformat(), "event": kind, "run": run, "stage": "x", "n": number, **fields}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def log_of(home: Path, day: int = 23) -> Path:
    path = journal.log_file(home, NOON + timedelta(days=day - 23))
    path.parent.mkdir(exist_ok=True)
    return path


def write(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def numbers(follower: Follower) -> list[object]:
    """Read until there is no more."""
    found: list[object] = [event.fields["n"] for event in follower.read()]
    while follower.more:
        found += [event.fields["n"] for event in follower.read()]
    return found


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    with Follower(tmp_path) as opened:
        yield opened


def test_a_folder_that_comes_later(tmp_path: Path, follower: Follower) -> None:
    assert follower.read() == []
    write(log_of(tmp_path), line(1) + line(2))
    assert numbers(follower) == [1, 2]
    assert follower.read() == []
    assert (follower.problem, follower.unreadable) == ("", 0)


def test_a_half_line_waits_for_its_end(tmp_path: Path, follower: Follower) -> None:
    path, whole = log_of(tmp_path), line(2, text="ação")
    cut = whole.index("ç".encode()) + 1  # inside a character
    write(path, line(1) + whole[:cut])
    assert numbers(follower) == [1]
    assert numbers(follower) == []
    write(path, whole[cut:] + line(3))
    assert numbers(follower) == [2, 3]
    assert follower.unreadable == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"{half",
        b"[]",
        b"null",
        b'{"event":"start"}',
        b'{"time":"yesterday","event":"counts","run":"20261123T100000Z-77"}',
        b"\xff\xfe{}",
        b'{"time":"2026-11-23T12:00:00+00:00","event":"warning","run":"20261123T100000Z-77","message":"\xe7"}',
        b"[" * 100_000,
        b"\0" * 70,
    ],
)
def test_a_line_that_is_no_event_is_counted(tmp_path: Path, follower: Follower, bad: bytes) -> None:
    write(log_of(tmp_path), line(1) + bad + b"\n\n" + line(2))
    assert numbers(follower) == [1, 2]
    assert follower.unreadable == 1


def test_a_line_longer_than_any_event_is_counted_and_passed(tmp_path: Path, follower: Follower) -> None:
    path = log_of(tmp_path)
    write(path, line(1) + b"x" * (40 << 20))
    assert numbers(follower) == [1]
    write(path, b"\n" + line(2, text="y" * (5 << 20)) + line(3))
    assert numbers(follower) == [2, 3]
    assert follower.unreadable == 1


def test_ten_thousand_lines_come_in_bounded_helpings(tmp_path: Path, follower: Follower) -> None:
    write(log_of(tmp_path), b"")
    assert follower.read() == []
    write(log_of(tmp_path), b"".join(line(n) for n in range(10_000)))
    found, helpings = [event.fields["n"] for event in follower.read()], 1
    while follower.more:
        found += [event.fields["n"] for event in follower.read()]
        helpings += 1
    assert found == list(range(10_000))
    assert helpings == 10_000 // follow.MOST


def test_midnight_loses_nothing_and_keeps_the_order(tmp_path: Path, follower: Follower) -> None:
    write(log_of(tmp_path, 23), line(1))
    assert numbers(follower) == [1]
    write(log_of(tmp_path, 23), line(2))
    write(log_of(tmp_path, 24), line(3))
    assert numbers(follower) == [2, 3]
    write(log_of(tmp_path, 23), line(4))  # by a process that named its file before midnight
    assert numbers(follower) == [4]
    for day in range(25, 30):
        write(log_of(tmp_path, day), line(day))
    assert numbers(follower) == [25, 26, 27, 28, 29]
    for _again in range(3):
        assert numbers(follower) == []
    assert len(follower._tails) == 2


def test_a_renamed_log_is_read_to_its_end_first(tmp_path: Path, follower: Follower) -> None:
    path = log_of(tmp_path)
    write(path, line(1))
    assert numbers(follower) == [1]
    with path.open("ab") as held:  # opened before the rename, written after
        path.rename(path.with_suffix(".jsonl.1"))
        held.write(line(2))
    write(path, line(3))
    assert numbers(follower) == [2, 3]
    path.unlink()
    write(path, line(4))
    assert numbers(follower) == [4]


def test_a_process_may_write_to_a_renamed_log_after_it_was_read(tmp_path: Path, follower: Follower) -> None:
    path = log_of(tmp_path)
    with path.open("ab") as held:
        held.write(line(1))
        held.flush()
        assert numbers(follower) == [1]
        path.rename(path.with_suffix(".jsonl.1"))
        assert numbers(follower) == []
        held.write(line(2))
    assert numbers(follower) == [2]


@pytest.mark.parametrize("rest", [b"", line(5), line(5) + line(6) + line(7)])
def test_a_log_that_is_emptied_is_read_from_its_beginning(tmp_path: Path, follower: Follower, rest: bytes) -> None:
    path = log_of(tmp_path)
    write(path, line(1) + line(2))
    assert numbers(follower) == [1, 2]
    path.write_bytes(rest)  # the same inode; as long as before or longer, too
    assert numbers(follower) == [json.loads(each)["n"] for each in rest.splitlines()]


def test_a_log_that_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path, follower: Follower) -> None:
    log_of(tmp_path, 22).mkdir(parents=True)
    write(log_of(tmp_path, 23), line(1))
    assert numbers(follower) == [1]
    assert str(log_of(tmp_path, 22)) in follower.problem
    log_of(tmp_path, 22).rmdir()
    assert numbers(follower) == []
    assert follower.problem == ""


def test_other_files_are_no_logs(tmp_path: Path, follower: Follower) -> None:
    folder = log_of(tmp_path).parent
    for name in ("pipeline_20261123.jsonl.1", "pipeline_2026.jsonl", "x.jsonl", "pipeline_20261123.jsonl.gz"):
        write(folder / name, line(1))
    assert numbers(follower) == []


def test_the_beginning_is_five_hundred_lines_when_the_newest_run_is_shorter(tmp_path: Path, follower: Follower) -> None:
    write(
        log_of(tmp_path, 22),
        b"".join(
            line(n, f"20261122T10{n:04}Z-1", "closed", status="success", ended=NOON.isoformat())
            for n in range(1_000)
            if n % 100 < 60
        ),
    )
    write(log_of(tmp_path, 23), b"".join(line(n) for n in range(2_000, 2_100)))
    found = numbers(follower)
    assert len(found) == 500
    assert found[-100:] == list(range(2_000, 2_100))


def test_the_beginning_is_the_newest_run_when_it_is_longer_also_across_midnight(
    tmp_path: Path, follower: Follower
) -> None:
    old = "20261121T100000Z-5"
    write(log_of(tmp_path, 21), line(0, old) + line(0, old, "closed", status="success", ended=NOON.isoformat()))
    run = "20261122T235900Z-7"
    write(log_of(tmp_path, 22), line(1, old) + b"".join(line(n, run) for n in range(10, 1_000)))
    write(log_of(tmp_path, 23), b"".join(line(n, run) for n in range(1_000, 3_000)))
    assert numbers(follower) == list(range(10, 3_000))


def test_the_beginning_holds_a_run_that_is_still_open_behind_a_newer_one(tmp_path: Path, follower: Follower) -> None:
    newer = "20261123T110000Z-9"
    path = log_of(tmp_path)
    write(path, line(1) + b"".join(line(n, newer) for n in range(10, 1_000)) + line(2))
    assert numbers(follower) == [1, *range(10, 1_000), 2]


def test_the_beginning_is_the_newest_run_also_when_it_has_ended(tmp_path: Path, follower: Follower) -> None:
    end = line(1_000, kind="closed", status="success", ended=NOON.isoformat())
    write(log_of(tmp_path), line(0, "20261123T090000Z-1") + b"".join(line(n) for n in range(1, 1_000)) + end)
    assert numbers(follower) == list(range(1, 1_001))


def test_processes_that_append_at_once_are_all_read(tmp_path: Path, follower: Follower) -> None:
    body = (
        "from pathlib import Path\nimport sys\nfrom observatudo import journal\n"
        "for n in range(400): journal.append(Path.cwd(), 'counts', sys.argv[1], stage='x', n=n, text='ã' * 2000)"
    )
    runs = [f"20261123T10000{number}Z-{number}" for number in range(3)]
    assert follower.read() == []  # begun before they are
    started = [
        subprocess.Popen([sys.executable, "-c", body, run], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(SOURCE)})
        for run in runs
    ]
    found = []
    while any(process.poll() is None for process in started):
        found += follower.read()
    found += follower.read()
    while follower.more:
        found += follower.read()
    assert [process.wait() for process in started] == [0, 0, 0]
    for run in runs:
        assert [event.fields["n"] for event in found if event.run == run] == list(range(400))
    assert follower.unreadable == 0


@settings(max_examples=60, deadline=None)
@given(before=st.lists(st.integers(0, 900), max_size=3), most=st.sampled_from([1, 7, 500, 2_000]))
def test_where_it_begins_the_newest_run_is_whole(before: list[int], most: int) -> None:
    """Runs of some lengths, each a day, all but the last closed: what is read is a whole end of the log."""
    with tempfile.TemporaryDirectory() as name:
        home, written = Path(name), []
        for number, length in enumerate(before):
            run = f"202611{10 + number}T100000Z-7"
            lines = [line(number * 10_000 + n, run) for n in range(length)]
            if number < len(before) - 1:
                end = line(number * 10_000 + length, run, "closed", status="success", ended=NOON.isoformat())
                lines.append(end)
            write(log_of(home, 10 + number), b"".join(lines))
            written += [json.loads(each)["n"] for each in lines]
        with Follower(home, most) as follower:
            found = numbers(follower)
        newest = before[-1] or (before[-2] + 1 if len(before) > 1 else 0) if before else 0
        assert found == written[len(written) - len(found) :]
        assert len(found) == min(len(written), max(500, newest))


class AnyOrder(RuleBasedStateMachine):
    """Lines written in chunks of any size while the log is read, renamed, emptied, deleted and left at midnight."""

    @initialize(most=st.sampled_from([1, 3, 1_000]))
    def begin(self, most: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.follower = Follower(self.home, most)
        self.day, self.turned = 1, 0
        self.waiting = b""  # of the line being written
        self.file: int | None = None  # held open until its line is whole, as by a process that is slow to write
        self.next = 0
        self.written: list[int] = []
        self.found: list[object] = []
        self.read()

    @property
    def path(self) -> Path:
        return log_of(self.home, self.day)

    @rule(length=st.integers(1, 400), width=st.integers(0, 200))
    def write_some(self, length: int, width: int) -> None:
        if not self.waiting:
            self.waiting = line(self.next, text="ã" * width)
            self.file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        assert self.file is not None
        os.write(self.file, self.waiting[:length])
        self.waiting = self.waiting[length:]
        if not self.waiting:
            os.close(self.file)
            self.file = None
            self.written.append(self.next)
            self.next += 1

    @rule(count=st.integers(1, 30))
    @precondition(lambda self: not self.waiting)
    def write_whole(self, count: int) -> None:
        write(self.path, b"".join(line(n) for n in range(self.next, self.next + count)))
        self.written += range(self.next, self.next + count)
        self.next += count

    @rule(times=st.integers(1, 4))
    def read(self, times: int = 1) -> None:
        for _time in range(times):
            self.found += [event.fields["n"] for event in self.follower.read()]

    @rule()
    def rename(self) -> None:
        if self.path.exists():
            self.read()  # what comes and goes between two calls, nobody who asks by name can see
            self.turned += 1
            self.path.rename(self.path.with_suffix(f".jsonl.{self.turned}"))

    @rule()
    def midnight(self) -> None:
        self.day += 1

    @rule(is_deleted=st.booleans())
    @precondition(lambda self: not self.waiting)
    def lose(self, is_deleted: bool) -> None:
        self.catch_up()
        if self.path.exists():
            self.path.unlink() if is_deleted else os.truncate(self.path, 0)

    def catch_up(self) -> None:
        self.read()
        while self.follower.more:
            self.read()

    @invariant()
    def only_what_was_written_in_order(self) -> None:
        assert self.found == self.written[: len(self.found)]

    def teardown(self) -> None:
        if self.file is not None:
            os.write(self.file, self.waiting)
            os.close(self.file)
            self.written.append(self.next)
        self.catch_up()
        assert self.found == self.written
        assert self.follower.unreadable == 0
        self.follower.close()
        self.folder.cleanup()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
