"""A snapshot is what its sidecar promises, or it is refused with its name and the way to mend it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from observatudo import snapshots
from observatudo.errors import SnapshotError
from observatudo.runs.inputs import file_sha256

KEY = "fonte/dataset"


def install(root: Path, files: dict[str, bytes], when: str = "2026-01-02T03:04:05Z") -> snapshots.Changes:
    with snapshots.staging(root) as staged:
        for name, content in files.items():
            (staged / name).write_bytes(content)
        snapshot = snapshots.Snapshot(
            dataset=KEY,
            connector="package",
            source={"packages": []},
            publisher="Editora",
            license="MIT",
            citation="Editora, 2026",
            fetched_at=when,
            files={name: snapshots.describe(staged / name, "pypi:x@1") for name in files},
        )
        return snapshots.install(root, snapshot, staged)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    install(tmp_path, {"a.csv": b"1;2\n", "b.csv": b"\xff\r\n"})
    return tmp_path


def test_a_whole_snapshot_is_returned_with_its_provenance(repository: Path) -> None:
    snapshot = snapshots.verify(repository, KEY)
    assert sorted(snapshot.files) == ["a.csv", "b.csv"]
    assert snapshot.files["b.csv"].bytes == 3
    assert snapshot.fetched_at == "2026-01-02T03:04:05Z"
    assert (repository / "data/raw" / KEY / "b.csv").read_bytes() == b"\xff\r\n"


def test_one_changed_byte_is_refused_with_both_hashes_and_the_way_back(repository: Path) -> None:
    path = repository / "data/raw" / KEY / "a.csv"
    promised = file_sha256(path)
    path.write_bytes(b"1;3\n")
    with pytest.raises(SnapshotError) as caught:
        snapshots.verify(repository, KEY)
    assert promised in caught.value.message
    assert file_sha256(path) in caught.value.message
    assert caught.value.where == f"data/raw/{KEY}/a.csv"
    assert f"git checkout -- data/raw/{KEY}" in caught.value.next_step
    assert f"observatudo fetch {KEY}" in caught.value.next_step


@pytest.mark.parametrize(
    ("harm", "where", "why"),
    [
        (lambda here: (here / "a.csv").unlink(), "a.csv", "missing"),
        (lambda here: (here / "c.csv").touch(), "c.csv", "does not know"),
        (lambda here: (here / "snapshot.json").write_text("{"), "snapshot.json", "cannot be read"),
        (lambda here: (here / "snapshot.json").write_text('{"dataset": 1}'), "snapshot.json", "dataset"),
        (lambda here: (here / "snapshot.json").unlink(), "snapshot.json", "no snapshot"),
    ],
)
def test_every_other_damage_is_refused_by_name(repository: Path, harm, where: str, why: str) -> None:  # type: ignore[no-untyped-def]
    harm(repository / "data/raw" / KEY)
    with pytest.raises(SnapshotError) as caught:
        snapshots.verify(repository, KEY)
    assert caught.value.where == f"data/raw/{KEY}/{where}"
    assert why in caught.value.message


def test_a_sidecar_of_another_dataset_is_refused(repository: Path) -> None:
    (repository / "data/raw" / KEY).rename(repository / "data/raw/fonte/outro")
    with pytest.raises(SnapshotError, match="another dataset"):
        snapshots.verify(repository, "fonte/outro")


def test_a_hidden_file_of_an_editor_is_no_part_of_the_snapshot(repository: Path) -> None:
    (repository / "data/raw" / KEY / ".a.csv.swp").touch()
    assert snapshots.verify(repository, KEY)


def test_the_same_files_again_change_nothing_and_keep_the_time(repository: Path) -> None:
    here = repository / "data/raw" / KEY
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in here.iterdir()}
    changes = install(repository, {"a.csv": b"1;2\n", "b.csv": b"\xff\r\n"}, when="2027-01-01T00:00:00Z")
    assert not changes
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in here.iterdir()} == before


def test_a_new_version_says_what_was_added_changed_and_removed(repository: Path) -> None:
    changes = install(repository, {"b.csv": b"new", "c.csv": b"c"}, when="2027-01-01T00:00:00Z")
    assert (changes.added, changes.changed, changes.removed) == (["c.csv"], ["b.csv"], ["a.csv"])
    assert snapshots.verify(repository, KEY).fetched_at == "2027-01-01T00:00:00Z"


def test_taking_it_again_mends_a_damaged_file_without_a_new_time(repository: Path) -> None:
    (repository / "data/raw" / KEY / "a.csv").write_bytes(b"damaged")
    changes = install(repository, {"a.csv": b"1;2\n", "b.csv": b"\xff\r\n"}, when="2027-01-01T00:00:00Z")
    assert changes.changed == ["a.csv"]
    assert snapshots.verify(repository, KEY).fetched_at == "2026-01-02T03:04:05Z"


def test_the_hash_of_a_snapshot_depends_on_names_and_bytes_alone(repository: Path) -> None:
    first = snapshots.read(repository, KEY)
    sidecar = repository / "data/raw" / KEY / "snapshot.json"
    content = json.loads(sidecar.read_text())
    content["citation"] = "another"
    sidecar.write_text(json.dumps(content))
    assert snapshots.read(repository, KEY).sha256 == first.sha256
    install(repository, {"a.csv": b"1;2\n", "c.csv": b"\xff\r\n"})
    assert snapshots.read(repository, KEY).sha256 != first.sha256
