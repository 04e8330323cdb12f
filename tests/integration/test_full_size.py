"""The whole pipeline over a synthetic observatory: every value arrives, and no stage holds more than it may."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.bench import bench_full_size as bench
from tests.bench import full_size, watch
from tests.bench.full_size import Size

STAGES = {"classify", "load", "transform", "record", "ingest@sintetico/largo_01", "ingest@sintetico/longo_03"}


def _passes(clone: Path, size: Size) -> None:
    measured = bench.measure(clone, size)
    told = bench.table(measured)
    assert measured.wrong == [], told
    assert {line.name for line in measured.lines} >= STAGES, told
    assert [line.name for line in measured.lines if line.peak_mb > bench.TARGET_MB] == [], told
    assert all(line.cpu_s > 0 and line.peak_mb > 0 for line in [*measured.lines, measured.limit]), told
    sys.stdout.write(f"\n{told}\n")


def test_a_small_one(built: Path) -> None:
    _passes(built, full_size.SMALL)


@pytest.mark.drill
def test_the_whole_country(clone: Path) -> None:
    assert full_size.FULL.values == 33_420_000
    _passes(clone, full_size.FULL)


def test_a_process_that_becomes_a_stage_is_known_as_one(tmp_path: Path) -> None:
    """As each does that a shell or Python starts: between the two it has its parent's name."""
    stage = tmp_path / "stages/ingest.py"
    stage.parent.mkdir()
    stage.write_text("import time; time.sleep(1)")
    becomes = 'sleep 1; exec "$0" -m stages.ingest a/b'
    cost = watch.run(["sh", "-c", f"sh -c '{becomes}' \"$0\"; true", sys.executable], tmp_path, os.environ)
    assert set(cost.stages) == {"ingest@a/b"}


def test_memory_of_a_stage_is_that_of_all_its_processes_together(tmp_path: Path) -> None:
    hold = "import time; held = bytearray(100 * 1024 * 1024); time.sleep(1)"
    stage = tmp_path / "stages/ingest.py"
    stage.parent.mkdir()
    (stage.parent / "__init__.py").touch()
    stage.write_text(f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {hold!r}])\n{hold}\n")
    started = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'stages.ingest', 'a/b'], check=True)"
    cost = watch.run([sys.executable, "-c", started], tmp_path, os.environ)
    assert set(cost.stages) == {"ingest@a/b"}
    assert 200 < cost.stages["ingest@a/b"] < cost.peak_mb
    assert 0 < cost.own_mb < 100 < cost.peak_mb
    assert cost.wall_s > 1
    with pytest.raises(RuntimeError, match="boom"):
        watch.run([sys.executable, "-c", "raise SystemExit('boom')"], tmp_path, os.environ)
