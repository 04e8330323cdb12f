"""Files that are not what they should be stop the stage before anything is changed."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from tests.builder import LONG, changed
from tests.faults.record import Recorder
from tests.faults.repository import GOOD, HEADER, KEY, Small
from tests.workbook import Sheet, write

RAW = f"data/raw/{KEY}"


def take(repo: Small, content: bytes | str, name: str = "a.csv", **resource: object) -> None:
    """Declare ``x/y`` to be read so, with this file as its only one."""
    for path in (repo.root / RAW).iterdir():
        path.unlink()
    repo.declare(KEY, changed(LONG, resources=[{"path": name, "format": "csv", **resource}]))
    repo.snapshot(KEY, name, content)


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
    fault.stops("A file of the snapshot was edited or damaged", says=f"git checkout -- {RAW}")


def test_stranger(repo: Small, fault: Recorder) -> None:
    (repo.root / RAW / "b.csv").write_text(HEADER)
    fault.stops("A file nobody took stands in the snapshot", says=f"@ {RAW}/b.csv")


def test_damaged_sidecar(repo: Small, fault: Recorder) -> None:
    (repo.root / RAW / "snapshot.json").write_text('{"dataset": "x/')
    fault.stops("The sidecar is damaged", says=f"@ {RAW}/snapshot.json")


def test_empty_file(repo: Small, fault: Recorder) -> None:
    take(repo, b"")
    fault.stops("An empty file", says="the file is empty")


def test_header_only(repo: Small, fault: Recorder) -> None:
    take(repo, HEADER)
    checks = [{"check": "rows", "level": "fatal", "minimum": 1}]
    repo.declare(KEY, changed(LONG, checks=checks))
    fault.stops("A header and no rows", says="found 0, limit 1")


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_truncated_gzip(repo: Small, fault: Recorder, keep: float) -> None:
    rows = "".join(f"{year},SP,São Paulo,{year * 7919 % 10_007}\n" for year in range(1900, 2101))
    packed = gzip.compress((HEADER + rows).encode(), mtime=0)
    take(repo, packed[: int(len(packed) * keep)], "a.csv.gz")
    fault.stops("Truncated gzip", says="the packed file is damaged or cut short")


def test_zip_of_several(repo: Small, fault: Recorder) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name in ("2019.csv", "2020.csv"):
            out.writestr(zipfile.ZipInfo(name), GOOD)
    take(repo, packed.getvalue(), "a.zip")
    fault.stops("A zip with several files and none named", says="2019.csv, 2020.csv")


def test_wrong_encoding(repo: Small, fault: Recorder) -> None:
    take(repo, GOOD.encode("latin-1"), encoding="utf-8")
    fault.stops("Another encoding than the declared one", says="not utf-8 text: byte 0xE3 on line 2")


def test_encoding_nobody_declared(repo: Small, fault: Recorder) -> None:
    take(repo, GOOD.encode("cp1252"))
    fault.stops("Neither UTF-8 nor a declared encoding", says="encoding: latin-1")


def test_binary_junk(repo: Small, fault: Recorder) -> None:
    take(repo, random.Random(7).randbytes(100_000))
    fault.stops("Binary junk", says="binary junk on line 1")


def test_binary_junk_in_the_middle(repo: Small, fault: Recorder) -> None:
    take(repo, GOOD.encode() + b"2021,SP,\0\1\2,7\n")
    fault.stops("A null character in a text", says="a.csv:4")


def test_html(repo: Small, fault: Recorder) -> None:
    take(repo, "<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n")
    fault.stops("A server's error page in place of a file", says="this is an HTML page")


def test_open_quote(repo: Small, fault: Recorder) -> None:
    take(repo, HEADER + '2020,SP,"São Paulo,10\n2020,RJ,Rio de Janeiro,7\n')
    fault.stops("A quote that is never closed", says="line 2 and never closed")


def test_huge_field(repo: Small, fault: Recorder) -> None:
    take(repo, GOOD + f"2020,MG,{'x' * 100_000_000},1\n")
    fault.stops("A huge field", says="a field is huge")


def test_invalid_json(repo: Small, fault: Recorder) -> None:
    take(repo, '[{"ano": 2020,\n {"uf": "SP"}]', "a.json", format="json", records="[]")
    fault.stops("Invalid JSON", says="a.json:2")


def test_no_such_sheet(repo: Small, fault: Recorder, tmp_path: Path) -> None:
    book = write(tmp_path / "a.xlsx", Sheet("Dados 2020", [["ano", "uf"]]), Sheet("Notas", [["x"]]))
    take(repo, book.read_bytes(), "a.xlsx", format="xlsx", dialect={"sheetName": "Dados"})
    fault.stops("An XLSX without the declared sheet", says="Dados 2020")
