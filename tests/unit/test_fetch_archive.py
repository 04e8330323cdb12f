"""Archives made to do harm: nothing escapes, nothing swells without end, nothing ambiguous is taken."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest

from observatudo.errors import SnapshotError
from observatudo.sources import archive

CSV = b"a;b\n1;2\n"
MB = 1_000_000


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def tarred(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=9) as packed:
        for entry, content in entries:
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry, b""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_of_any_way_of_packing_arrives(tmp_path: Path, target: Path, compression: int) -> None:
    archive.extract(zipped(tmp_path / "x.zip", {"d/a.csv": CSV}, compression), {"a.csv": "d/a.csv"}, target)
    assert (target / "a.csv").read_bytes() == CSV


def test_names_in_the_archive_choose_no_place(tmp_path: Path, target: Path) -> None:
    for name in ("../../a.csv", "/a.csv"):
        archive.extract(zipped(tmp_path / "x.zip", {name: CSV}), {"b.csv": name}, target)
        archive.extract(tarred(tmp_path / "x.tgz", [(tarfile.TarInfo(name), CSV)]), {"c.csv": name}, target)
    assert sorted(path.name for path in tmp_path.rglob("*.csv")) == ["b.csv", "c.csv"]


def test_a_bomb_in_a_zip_is_stopped_on_its_way(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_RATIO_FROM", 4 * MB)
    bomb = zipped(tmp_path / "x.zip", {"a.csv": b"0" * 64 * MB})
    with pytest.raises(SnapshotError, match="more than it can honestly hold"):
        archive.extract(bomb, {"a.csv": "a.csv"}, target)
    assert (target / "a.csv").stat().st_size < 20 * MB


def test_what_is_larger_than_the_limit_is_refused_all_members_together(tmp_path: Path, target: Path) -> None:
    parts = {f"{n}.bin": os.urandom(MB) for n in range(3)}
    packed = zipped(tmp_path / "x.zip", parts)
    archive.extract(packed, {name: name for name in parts}, target, limit=3 * MB)
    with pytest.raises(SnapshotError, match="more than"):
        archive.extract(packed, {name: name for name in parts}, target, limit=2 * MB)


def test_a_size_that_lies_does_not_help_a_bomb(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_RATIO_FROM", 4 * MB)
    path = zipped(tmp_path / "x.zip", {"a.csv": b"0" * 64 * MB})
    content = path.read_bytes().replace((64 * MB).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(content)
    with pytest.raises(SnapshotError):
        archive.extract(path, {"a.csv": "a.csv"}, target)
    assert (target / "a.csv").stat().st_size < 20 * MB


def test_a_bomb_in_a_tar_is_stopped_before_its_list_is_read(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_RATIO_FROM", 4 * MB)
    entries = [(tarfile.TarInfo("zeros"), b"\0" * 32 * MB), (tarfile.TarInfo("a.csv"), CSV)]
    with pytest.raises(SnapshotError, match="more than it can honestly hold"):
        archive.extract(tarred(tmp_path / "x.tgz", entries), {"a.csv": "a.csv"}, target)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_absurdly_many_files_are_refused(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(archive, "_MAX_ENTRIES", 50)
    names = [f"{number}.csv" for number in range(51)]
    path = tmp_path / f"x.{kind}"
    if kind == "zip":
        zipped(path, dict.fromkeys(names, CSV))
    else:
        tarred(path, [(tarfile.TarInfo(name), CSV) for name in names])
    with pytest.raises(SnapshotError, match="more than 50 files"):
        archive.extract(path, {"a.csv": "1.csv"}, target)


def test_an_encrypted_member_is_named_as_such(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.csv": CSV})
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(SnapshotError, match="encrypted"):
        archive.extract(path, {"a.csv": "a.csv"}, target)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_and_devices_of_a_tar_are_no_files(tmp_path: Path, target: Path, kind: bytes) -> None:
    entries = [special("a.csv", kind, "/etc/passwd"), (tarfile.TarInfo("b.csv"), CSV)]
    with pytest.raises(SnapshotError, match=r"holds no file “a\.csv”"):
        archive.extract(tarred(tmp_path / "x.tgz", entries), {"a.csv": "a.csv"}, target)


def test_a_link_of_a_zip_is_no_file(tmp_path: Path, target: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(SnapshotError, match="holds no file"):
        archive.extract(path, {"a.csv": "a.csv"}, target)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_member_that_is_there_twice_is_refused(tmp_path: Path, target: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("a.csv", CSV)
            packed.writestr("a.csv", b"other")
    else:
        tarred(path, [(tarfile.TarInfo("a.csv"), CSV), (tarfile.TarInfo("a.csv"), b"other")])
    with pytest.raises(SnapshotError, match="twice"):
        archive.extract(path, {"a.csv": "a.csv"}, target)


def broken(kind: str, path: Path) -> bytes:
    whole = zipped(path, {"a.csv": os.urandom(100_000)}, zipfile.ZIP_DEFLATED).read_bytes()
    packed = tarred(path, [(tarfile.TarInfo("a.csv"), os.urandom(100_000))]).read_bytes()
    return {
        "cut-zip": whole[:50_000],
        "flipped-zip": whole[:1000] + b"\xff" * 500 + whole[1500:],
        "cut-tar": packed[:50_000],
        "flipped-tar": packed[:1000] + b"\xff" * 500 + packed[1500:],
        "unknown-method": whole.replace(b"PK\x03\x04\x14\0\0\0\x08\0", b"PK\x03\x04\x14\0\0\0\x63\0").replace(
            b"PK\x01\x02\x14\x03\x14\0\0\0\x08\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0"
        ),
        "text": b"not an archive",
        "gzip-of-text": gzip.compress(CSV),
        "bz2-cut": bz2.compress(packed)[:400],
        "zlib": zlib.compress(CSV),
        "empty": b"",
    }[kind]


@pytest.mark.parametrize("size", [100_000, 100_352, 100_353, 3_000_000])
def test_bytes_changed_in_a_packed_tar_are_seen_by_its_checksum_wherever_they_stand(
    tmp_path: Path, target: Path, size: int
) -> None:
    """What cannot be packed lies there as it is, so that no decompressor stumbles: only the checksum tells."""
    for compress in (gzip.compress, lambda content: lzma.compress(content, check=lzma.CHECK_CRC64)):
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as packed:
            entry = tarfile.TarInfo("a.csv")
            entry.size = size
            packed.addfile(entry, io.BytesIO(Random(size).randbytes(size)))
        content = bytearray(compress(plain.getvalue()))
        content[size // 2] ^= 1
        (tmp_path / "x.tgz").write_bytes(content)
        with pytest.raises(SnapshotError, match="cannot be read"):
            archive.extract(tmp_path / "x.tgz", {"a.csv": "a.csv"}, target)


@pytest.mark.parametrize(
    "kind",
    ["cut-zip", "flipped-zip", "cut-tar", "flipped-tar", "unknown-method", "text", "gzip-of-text", "bz2-cut", "zlib",
     "empty"],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_that_names_the_archive(tmp_path: Path, target: Path, kind: str) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(broken(kind, path))
    with pytest.raises(SnapshotError) as raised:
        archive.extract(path, {"a.csv": "a.csv"}, target)
    assert "x.zip" in str(raised.value)
