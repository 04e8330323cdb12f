"""Encodings are proven or declared, never guessed; what is packed is unpacked; what is wrong is said with its line."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zipfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatudo.ingest.readers import LINE, encoding
from tests.reading import Declared, read, refused

HEADER = ["código", "nome", "valor"]
WESTERN = "aZ9 ç ã É º ,;|\t\"'.\n"
# how a file is written → what has to be declared, and what is found
ENCODINGS = {
    "utf-8": (None, "utf-8"),
    "utf-8-sig": (None, "utf-8"),
    "utf-16": (None, "utf-16-le"),  # with a mark
    "utf-16-le": (None, "utf-16-le"),
    "utf-16-be": (None, "utf-16-be"),
    "latin-1": ("latin-1", "latin-1"),
    "cp1252": ("cp1252", "cp1252"),
}
# without a mark UTF-16 is known by its null bytes, which a table of nothing but symbols does not have
ALPHABETS = {"latin-1": WESTERN, "utf-16-le": WESTERN, "utf-16-be": WESTERN, "cp1252": WESTERN + "–€“"}
CELL = "São Paulo"


def packed(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data)
    if how == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("dentro.csv", data)
        return buffer.getvalue()
    return data


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    name = draw(st.sampled_from(sorted(ENCODINGS)))
    cells = st.text(st.sampled_from(ALPHABETS.get(name, WESTERN + "–€😀")), max_size=6)
    return name, draw(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=12))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=tables(),
    delimiter=st.sampled_from(";,\t|"),
    packing=st.sampled_from(["", "gzip", "zip"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    chunk=st.sampled_from([101, 1000, 4 << 20]),
)
def test_a_table_is_read_back_as_it_was_written(
    tmp_path: Path, table: tuple[str, list[list[str]]], delimiter: str, packing: str, newline: str, chunk: int
) -> None:
    name, rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerow(HEADER)
    lines = []
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    path = tmp_path / "a.csv"
    path.write_bytes(packed(text.getvalue().encode(name), packing))
    declared: Declared = {"dialect": {"delimiter": delimiter}}
    needed, found = ENCODINGS[name]
    if needed:
        declared["encoding"] = needed
    with mock.patch.object(encoding, "CHUNK_BYTES", chunk):
        source, got = read(path, **declared)
    assert source.encoding == found
    assert source.columns == HEADER
    assert [[row[column] for column in HEADER] for row in got] == rows
    assert [row[LINE] for row in got] == lines
    assert not source.malformed


def write(path: Path, text: str, name: str) -> Path:
    path.write_bytes(text.encode(name))
    return path


TEXT = f"a,b\n1,x\n2,{CELL}\n3,y\n"


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16", "latin-1", "cp1252"])
def test_the_right_declaration_is_accepted(tmp_path: Path, name: str) -> None:
    _source, rows = read(write(tmp_path / "a.csv", TEXT, name), encoding=name)
    assert [row["b"] for row in rows] == ["x", CELL, "y"]


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_characters_outside_its_first_plane(tmp_path: Path, name: str) -> None:
    with mock.patch.object(encoding, "CHUNK_BYTES", 21):  # tears pairs apart
        _source, rows = read(write(tmp_path / "a.csv", "a,b\n" + "1,x😀y\n" * 30, name))
    assert {row["b"] for row in rows} == {"x😀y"}


@pytest.mark.parametrize(
    ("text", "suggested"), [(TEXT, "encoding: latin-1"), (TEXT.replace("y", "“y”"), "encoding: cp1252")]
)
def test_single_byte_text_is_not_guessed(tmp_path: Path, text: str, suggested: str) -> None:
    error = refused(write(tmp_path / "a.csv", text, "cp1252"))
    assert "not utf-8 text: byte 0xE3 on line 3, which reads as Windows-1252: “2,São Paulo”" in error.message
    assert error.where.endswith("a.csv:3")
    assert suggested in error.next_step


def test_the_line_of_a_wrong_byte_far_inside_is_right(tmp_path: Path) -> None:
    with mock.patch.object(encoding, "CHUNK_BYTES", 64):
        error = refused(write(tmp_path / "a.csv", "a,b\n" + "1,x\n" * 500 + f"2,{CELL}\n", "latin-1"))
    assert "on line 502" in error.message


@pytest.mark.parametrize(
    ("written", "declared", "message", "step"),
    [
        ("utf-8", "latin-1", "valid UTF-8", "encoding: utf-8"),
        ("utf-8", "cp1252", "valid UTF-8", "encoding: utf-8"),
        ("utf-8-sig", "utf-16", "byte-order mark says otherwise", "encoding: utf-8"),
        ("utf-8-sig", "latin-1", "byte-order mark says otherwise", "encoding: utf-8"),
        ("utf-16", "utf-8", "byte-order mark says otherwise", "encoding: utf-16-le"),
        ("utf-16-le", "utf-16-be", "null bytes says otherwise", "encoding: utf-16-le"),
        ("utf-16-be", "utf-16-le", "null bytes says otherwise", "encoding: utf-16-be"),
        ("utf-16-be", "latin-1", "null bytes says otherwise", "encoding: utf-16-be"),
        ("utf-8", "utf-16-le", "hardly a null byte", "delete “encoding”"),
        ("latin-1", "utf-16", "hardly a null byte", "delete “encoding”"),
        ("latin-1", "utf-8", "byte 0xE3 on line 3", "encoding: latin-1"),
        ("latin-1", "ascii", "byte 0xE3 on line 3 is no character in ascii", "correct “encoding”"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, written: str, declared: str, message: str, step: str) -> None:
    error = refused(write(tmp_path / "a.csv", TEXT, written), encoding=declared)
    assert message in error.message
    assert step in error.next_step


def test_plain_ascii_fits_a_single_byte_declaration(tmp_path: Path) -> None:
    source, rows = read(write(tmp_path / "a.csv", "a,b\n1,x\n", "ascii"), encoding="latin-1")
    assert (source.encoding, len(rows)) == ("latin-1", 1)


def test_windows_quotes_in_declared_latin_1(tmp_path: Path) -> None:
    error = refused(write(tmp_path / "a.csv", TEXT.replace("3,y", "3,“y”"), "cp1252"), encoding="latin-1")
    assert "byte 0x93 on line 4 is no character in latin-1; the line reads as Windows-1252: “3,“y””" in error.message
    assert "encoding: cp1252" in error.next_step


def test_a_byte_windows_1252_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,\xe3\n2,\x81\n")
    assert "byte 0x81 on line 3 is no character in cp1252" in refused(tmp_path / "a.csv", encoding="cp1252").message


@pytest.mark.parametrize(
    "data", [b"a,b\n1,x\n2,\0\0\n", b"a,b\n1,x\n2,\0\xff\xfe\xe3" + bytes(range(256)), b"a,b\n1,\xe3\n2,\0\n"]
)
@pytest.mark.parametrize("declared", [None, "latin-1"])
def test_binary_junk_is_called_so(tmp_path: Path, data: bytes, declared: str | None) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    extra: Declared = {"encoding": declared} if declared else {}
    error = refused(tmp_path / "a.csv", **extra)
    assert "junk on line" in error.message or "no character in latin-1" in error.message


def test_utf_16_that_is_cut_short(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT.encode("utf-16-le")[:-1])
    assert "no character in utf-16-le" in refused(tmp_path / "a.csv").message


def test_a_lone_surrogate_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("a,b\n1,x\n2,".encode("utf-16-le") + b"\x00\xd8" + "y\n3,z\n".encode("utf-16-le"))
    assert "on line 3" in refused(tmp_path / "a.csv").message


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8, gzip.compress(b"", mtime=0), packed(b"", "zip")])
def test_an_empty_file_is_said_to_be(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    assert refused(tmp_path / "a.csv").message == "the file is empty"


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.csv").next_step == "observatudo fetch"


@pytest.mark.parametrize("how", ["gzip", "zip"])
def test_a_packed_file_cut_short(tmp_path: Path, how: str) -> None:
    rows = "".join(f"{n},{n * n}\n" for n in range(20_000))
    data = packed(f"a,b\n{rows}".encode(), how)
    (tmp_path / "a.csv").write_bytes(data[: len(data) // 2])
    error = refused(tmp_path / "a.csv")
    assert "damaged or cut short" in error.message
    assert "observatudo fetch" in error.next_step


@pytest.mark.parametrize("how", ["gzip", "zip"])
def test_a_packed_file_with_one_wrong_byte(tmp_path: Path, how: str) -> None:
    rows = "".join(f"{n},{n * n}\n" for n in range(20_000))
    data = bytearray(packed(f"a,b\n{rows}".encode(), how))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.csv").write_bytes(data)
    assert "damaged or cut short" in refused(tmp_path / "a.csv").message


def test_a_bomb_is_not_unpacked_to_the_end(tmp_path: Path) -> None:
    from observatudo.ingest.readers import raw

    (tmp_path / "a.csv").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000))
    with mock.patch.object(raw, "_HARMLESS", 1000), mock.patch.object(raw, "_MOST_TIMES", 2):
        assert "more than 2 times its size" in refused(tmp_path / "a.csv").message


def several(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("leia-me.txt", "x")
        archive.writestr("pasta/dados.csv", "a,b\n1,2\n")
        archive.writestr("__MACOSX/._dados.csv", "y")
    return path


def test_a_zip_of_several_members_needs_innerpath(tmp_path: Path) -> None:
    error = refused(several(tmp_path / "a.zip"))
    assert "2 members" in error.message
    assert "leia-me.txt, pasta/dados.csv" in error.next_step
    _source, rows = read(tmp_path / "a.zip", innerpath="pasta/dados.csv")
    assert rows == [{"a": "1", "b": "2", LINE: 2}]
    assert "no member “dados.csv”" in refused(tmp_path / "a.zip", innerpath="dados.csv").message


def test_innerpath_of_what_is_no_zip(tmp_path: Path) -> None:
    assert "is no zip" in refused(write(tmp_path / "a.csv", TEXT, "utf-8"), innerpath="x.csv").message


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_an_html_page_is_recognised(tmp_path: Path, name: str, kind: str) -> None:
    page = "\n <!DOCTYPE HTML>\n<html><body>Serviço indisponível</body></html>"
    extra: Declared = {"format": kind, "records": "[]"} if kind == "json" else {"format": kind}
    error = refused(write(tmp_path / "a.csv", page, name), **extra)
    assert f"HTML page where {kind.upper()} is expected" in error.message


@pytest.mark.parametrize(("magic", "kind"), [(b"%PDF-1.7\n", "PDF"), (b"PAR1xx", "Parquet"), (b"7z\xbc\xaf", "7z")])
def test_another_format_is_named(tmp_path: Path, magic: bytes, kind: str) -> None:
    (tmp_path / "a.csv").write_bytes(magic)
    assert f"of the format {kind}" in refused(tmp_path / "a.csv").message
