"""Disks that are full or read-only, wherever a run writes to: it says so, and goes on once there is room."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import copied
from tests.faults.disks import disk, fill, freeze, read_only, thaw
from tests.faults.record import Recorder, said
from tests.faults.repository import GOOD, KEY, Small

KEPT = "The last good output stays, byte for byte"
ROOM = f"{KEPT}; with room again, `dvc repro` goes on and gives what it would have given."

UNKEPT = (
    "The new output is made, and DVC exits with 0, but its cache does not hold it; "
    "with room again, `dvc repro` runs the stage once more and keeps it."
)


@pytest.fixture
def on_disk(waiting: Small, tmp_path: Path) -> Iterator[Small]:
    """The repository that waits for a run, on a disk of its own."""
    with disk(tmp_path / "disk", 40) as mounted:
        yield copied(waiting, mounted / "repository")


def fails(repo: Small) -> str:
    """Run ``dvc repro``, which must fail and leave all outputs as they were; return what it said."""
    before = repo.outputs()
    done = repo.run("dvc", "repro")
    assert done.returncode != 0, done.stdout
    assert repo.outputs() == before
    return said(done, done.returncode)


def goes_on(repo: Small, expected: dict[str, bytes]) -> None:
    """Hold that the next ``dvc repro`` gives what it would have given at once."""
    said(repo.run("dvc", "repro"), 0)
    assert repo.outputs() == expected


def test_full_while_ingest_writes(on_disk: Small, expected: dict[str, bytes]) -> None:
    filler = fill(on_disk.root.parent, leave=150_000)
    shown = fails(on_disk)
    told = shown[shown.index("the system refused") :].splitlines()[:3]  # then, what else found no room
    Recorder(on_disk).row("Full disk while ingest writes", "\n".join(told), ROOM)
    filler.unlink()
    goes_on(on_disk, expected)


def test_full_under_the_log(waiting: Small, expected: dict[str, bytes]) -> None:
    shutil.rmtree(waiting.root / "logs")
    with disk(waiting.root / "logs", 1) as logs:
        filler = fill(logs)
        Recorder(waiting).row("Full disk under the log", fails(waiting), ROOM)
        filler.unlink()
        goes_on(waiting, expected)


def test_full_under_the_cache(waiting: Small, expected: dict[str, bytes]) -> None:
    """DVC names the files it could not keep, yet exits with 0; it must not take them for kept afterwards."""
    cache = waiting.root / ".dvc/cache"
    kept = waiting.root / ".observatudo/cache"
    shutil.move(cache, kept)
    with disk(cache, 1) as mounted:
        shutil.copytree(kept, mounted, dirs_exist_ok=True)
        filler = fill(mounted)
        shown = said(waiting.run("dvc", "repro"), 0)
        told = [line for line in shown.splitlines() if "No space left on device" in line]
        assert told
        assert waiting.outputs() == expected
        Recorder(waiting).row("Full disk under DVC's cache", _one_of(told), UNKEPT)
        filler.unlink()
        goes_on(waiting, expected)
        shutil.rmtree(waiting.root / "data/ingested")
        said(waiting.run("dvc", "checkout"), 0)
        assert waiting.outputs() == {**expected}


def _one_of(told: list[str]) -> str:
    """Return one of DVC's lines, without the hashes and the name of its draft, which differ each time."""
    (line,) = [line for line in told if "teste_valor" in line][:1]
    return re.sub(r"transfer '\w+'", "transfer 'HASH'", re.sub(r"\.dvc/cache/\S+'", ".dvc/cache/…'", line))


def test_full_while_a_snapshot_is_taken(on_disk: Small, tmp_path: Path) -> None:
    local = tmp_path / "a.csv"
    local.write_text(GOOD * 1000)
    raw = on_disk.root / "data/raw" / KEY
    before = {path.name: path.read_bytes() for path in raw.iterdir()}
    filler = fill(on_disk.root.parent, leave=8192)
    fetch = ("python", "-m", "observatudo.cli.app", "fetch", KEY, "--from", str(local))
    shown = said(on_disk.run(*fetch), 1)
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == before
    Recorder(on_disk).row("Full disk while a snapshot is taken", shown, "The last snapshot stays, byte for byte.")
    filler.unlink()
    said(on_disk.run(*fetch), 0)
    assert (raw / "a.csv").read_bytes() == local.read_bytes()


def test_read_only_repository(on_disk: Small, expected: dict[str, bytes]) -> None:
    freeze(on_disk.root.parent)
    Recorder(on_disk).row("Read-only repository", fails(on_disk), f"{KEPT}.")
    thaw(on_disk.root.parent)
    goes_on(on_disk, expected)


def test_read_only_outputs(waiting: Small, expected: dict[str, bytes]) -> None:
    with read_only(waiting.root / "data/ingested"):
        shown = re.sub(r"(ingested/x/y)/[^']+", r"\1/…", fails(waiting))  # which file comes first is the disk's choice
        Recorder(waiting).row("Read-only outputs", shown, f"{KEPT}.")
    goes_on(waiting, expected)


def test_outputs_that_cannot_be_replaced_are_not_lost(waiting: Small) -> None:
    """Outputs on another disk cannot be put in place in one step; the old ones must not be gone by then."""
    before = waiting.outputs()
    with read_only(waiting.root / "data/ingested"):
        thaw(waiting.root / "data/ingested")
        shown = said(waiting.stage(), 1)
        assert "the system refused: Invalid cross-device link" in shown
        assert waiting.outputs() == before
