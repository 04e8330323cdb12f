"""Files that are not what they should be stop the stage before anything is changed."""

from __future__ import annotations

from tests.faults.record import Recorder
from tests.faults.repository import HEADER, KEY, Small

RAW = f"data/raw/{KEY}"


def test_no_snapshot(repo: Small, fault: Recorder) -> None:
    for path in (repo.root / RAW).iterdir():
        path.unlink()
    fault.stops("No snapshot yet", says=f"observatudo fetch {KEY}")


def test_missing_file(repo: Small, fault: Recorder) -> None:
    (repo.root / RAW / "a.csv").unlink()
    fault.stops("A file of the snapshot is missing", says=f"@ {RAW}/a.csv")


def test_damaged_file(repo: Small, fault: Recorder) -> None:
    path = repo.root / RAW / "a.csv"
    path.write_bytes(path.read_bytes().replace(b"10", b"99"))
    fault.stops("A file of the snapshot was edited or damaged", says="git checkout -- " + RAW)


def test_stranger(repo: Small, fault: Recorder) -> None:
    (repo.root / RAW / "b.csv").write_text(HEADER)
    fault.stops("A file nobody took stands in the snapshot", says=f"@ {RAW}/b.csv")


def test_damaged_sidecar(repo: Small, fault: Recorder) -> None:
    (repo.root / RAW / "snapshot.json").write_text('{"dataset": "x/')
    fault.stops("The sidecar is damaged", says=f"@ {RAW}/snapshot.json")


def test_empty_file(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", b"")
    fault.stops("An empty file", says="the file is empty")
