"""What processes take, of real ones: at work, with children, gone, buried, replaced, out of reach."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from observatudo.live import sample
from observatudo.live.sample import Sample, Sampler, _Share
from observatudo.runs import identity

LONG_S = 120
BUSY = "print(1, flush=True)\nwhile True: pass"
HOLDS = "x = bytearray(b'x') * (100 << 20)\nprint(1, flush=True)\nimport time; time.sleep(600)"
PARENT = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = "import time\nwhile time.process_time() < 0.5: pass"  # of CPU time, in seconds
ON_DEMAND = """\
import subprocess, sys
print(1, flush=True)
for _line in sys.stdin:
    subprocess.run([sys.executable, "-c", sys.argv[1]])
    print(1, flush=True)
"""


@contextmanager
def started(*words: str) -> Iterator[tuple[subprocess.Popen[str], tuple[int, float]]]:
    """Start Python with these words, and wait for its first line."""
    process = subprocess.Popen([sys.executable, "-c", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        own = identity.process(process.pid)
        assert own is not None
        yield process, (own.pid, own.started)
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


def busiest(sampler: Sampler, pids: dict[str, tuple[int, float]], name: str, percent: float) -> dict[str, Sample]:
    """Sample until the stage is at least so busy, or long enough; return the last sample."""
    deadline = time.monotonic() + LONG_S
    while True:
        time.sleep(0.2)
        found = sampler.sample(pids)
        if found[name].cpu_percent >= percent or time.monotonic() > deadline:
            return found


def test_a_busy_process_is_told_from_an_idle_one() -> None:
    sampler = Sampler()
    with started(BUSY) as (_busy, busy), started(HOLDS) as (_idle, idle):
        pids = {"busy": busy, "idle": idle}
        first = sampler.sample(pids)
        assert (first["busy"].cpu_percent, first["idle"].cpu_percent) == (0, 0)
        assert sampler.machine is not None
        assert sampler.machine.cpu_percent == 0
        last = busiest(sampler, pids, "busy", 20)
        assert last["idle"].cpu_percent < 20 <= last["busy"].cpu_percent
        assert last["idle"].memory_mb > 100 > last["busy"].memory_mb
        assert 0 < sampler.machine.cpu_percent <= 100
        assert 0 < sampler.machine.memory_percent < 100
        assert list(sampler.stages["busy"].cpu)[-1] == last["busy"].cpu_percent
        assert len(sampler.cpu) == len(sampler.memory) == len(sampler.stages["busy"].memory)


def test_children_count() -> None:
    sampler = Sampler()
    with started(PARENT, HOLDS) as (_holder, holder), started(PARENT, BUSY) as (_worker, worker):
        pids = {"holder": holder, "worker": worker}
        assert sampler.sample(pids)["holder"].memory_mb > 100
        assert busiest(sampler, pids, "worker", 20)["worker"].cpu_percent >= 20


def test_a_child_that_came_and_went_between_two_samples_counts() -> None:
    sampler = Sampler()
    with started(ON_DEMAND, CHILD) as (process, own):
        before = time.monotonic()
        sampler.sample({"x": own})
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        found = sampler.sample({"x": own})["x"].cpu_percent
        assert found / 100 * (time.monotonic() - before) > 0.4


def test_what_is_gone_waits_to_be_buried_or_is_another_by_now_is_left_out() -> None:
    sampler = Sampler()
    with started(HOLDS) as (process, own):
        pids = {
            "own": own,
            "reused": (own[0], own[1] - 60),
            "none": (2**22 + 1, 1.0),
            "zero": (0, 0.0),
            "odd": (-1, 0.0),
        }
        assert set(sampler.sample(pids)) == {"own"}
        process.kill()
        deadline = time.monotonic() + LONG_S
        while psutil.Process(own[0]).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sampler.sample(pids) == {}
        process.wait()
        assert sampler.sample(pids) == {}
        assert len(sampler.stages["own"].cpu) == 1  # kept as long as it is asked for
        sampler.sample({})
        assert sampler.stages == {}


def test_a_process_out_of_reach_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_process: psutil.Process) -> None:
        raise psutil.AccessDenied

    with started(HOLDS) as (_process, own):
        monkeypatch.setattr(psutil.Process, "memory_info", denied)
        assert Sampler().sample({"x": own}) == {}
        monkeypatch.setattr(psutil.Process, "ppid", denied)
        assert Sampler().sample({"x": own}) == {}


def test_a_share_is_of_the_time_between_two_readings() -> None:
    share = _Share()
    assert share.read(10, 500) == 0
    assert share.read(12, 501) == 0.5
    assert share.read(12.01, 502) == 0.5  # too soon to tell
    assert share.read(14, 505) == 2
    assert share.read(16, 400) == 0  # a child that left its parent took its time along
    assert share.read(17, 400.25) == 0.25


def test_histories_are_bounded() -> None:
    sampler = Sampler()
    for _number in range(sample.KEPT + 5):
        sampler.sample({})
    assert len(sampler.cpu) == len(sampler.memory) == sample.KEPT
