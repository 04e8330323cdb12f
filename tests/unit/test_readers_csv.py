"""CSV: headers, preambles, malformed records, and the physical line of every row."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from observatudo.ingest.readers import LINE, csv_reader, encoding
from tests.reading import Declared, Rows, read, refused


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def lines(rows: Rows) -> list[object]:
    return [row[LINE] for row in rows]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


MIXED = (
    "a,b\r\n"
    '1,"x\r\ny"\r\n'  # 2
    "2\r\n"  # 4: malformed
    "3,z\r\n"  # 5
    '"4\r\n\r\n",w,"\r\n"\r\n'  # 6: malformed, four lines
    "5,v\r\n"  # 10
    "\r\n"  # 11: blank
    '6,"\n\n\n"\r\n'  # 12
    "7,u\r\n8,t"  # 16
)


@pytest.mark.parametrize("chunk", [*range(21, 120), 4 << 20])
def test_lines_are_right_wherever_a_block_ends(file: Path, chunk: int) -> None:
    write(file, MIXED)
    with mock.patch.object(encoding, "CHUNK_BYTES", chunk):
        source, rows = read(file)
    assert [row["a"] for row in rows] == ["1", "3", "5", "", "6", "7", "8"]
    assert lines(rows) == [2, 5, 10, 11, 12, 16, 17]
    assert [(bad.line, bad.found) for bad in source.malformed] == [(4, 1), (6, 3)]
    assert source.malformed[0].text == "2"


@pytest.mark.parametrize("chunk", [16, 64, 4 << 20])
def test_only_malformed_records(file: Path, chunk: int) -> None:
    write(file, "a,b\n" + "1\n" * 40)
    with mock.patch.object(encoding, "CHUNK_BYTES", chunk):
        source, rows = read(file)
    assert not rows
    assert [bad.line for bad in source.malformed] == list(range(2, 42))


def test_lines_ending_as_on_old_macs(file: Path) -> None:
    with mock.patch.object(encoding, "CHUNK_BYTES", 10):
        _source, rows = read(write(file, "a,b\r1,x\r2,y\r3,z\r"))
    assert [row["b"] for row in rows] == ["x", "y", "z"]


def test_one_column_keeps_its_blank_rows(file: Path) -> None:
    _source, rows = read(write(file, "a\n1\n\n2\n"))
    assert [(row["a"], row[LINE]) for row in rows] == [("1", 2), ("", 3), ("2", 4)]


def test_a_header_alone_has_no_rows(file: Path) -> None:
    assert read(write(file, "a,b"))[1] == []


def test_a_blank_name_is_numbered_and_a_line_break_in_one_is_a_blank(file: Path) -> None:
    source, rows = read(write(file, 'a,"b\n(%)",\n1,2,\n'))
    assert source.columns == ["a", "b (%)", "coluna_3"]
    assert lines(rows) == [3]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a,A", "names a column twice: A, a"),
        ("a,_linha", "taken by Observatudo itself: _linha"),
        (",", "names no column"),
    ],
)
def test_headers_that_cannot_be(file: Path, header: str, message: str) -> None:
    assert message in refused(write(file, f"{header}\n1,2\n")).message


@pytest.mark.parametrize(("delimiter", "written"), [(";", '";"'), ("\t", '"\\t"'), ("|", '"|"')])
def test_the_right_delimiter_is_suggested(file: Path, delimiter: str, written: str) -> None:
    error = refused(write(file, f"a{delimiter}b\n1{delimiter}2\n"))
    assert f"dialect: {{delimiter: {written}}}" in error.next_step


PREAMBLE = 'Exercício: 2013\nEscopo: Municípios; "todos\nTabela\na;b\n1;x\n2;y\n'


def test_a_preamble_that_is_not_declared_is_seen(file: Path) -> None:
    error = refused(write(file, PREAMBLE.replace("; ", ", ")), dialect={"delimiter": ";"})
    assert "most lines below it have 2" in error.message
    assert "headerRows: [4]" in error.next_step


def test_a_preamble_gives_a_column(file: Path) -> None:
    source, rows = read(
        write(file, PREAMBLE),
        dialect={"delimiter": ";", "headerRows": [4]},
        preamble=r"Exercício: (?P<ano>\d{4})",
        constants={"fonte": "STN"},
    )
    assert source.preamble == {"ano": "2013"}
    assert source.constant == {"ano", "fonte"}
    assert read(file, dialect={"delimiter": ";", "headerRows": [4]})[0].constant == frozenset()
    assert rows == [
        {"a": "1", "b": "x", "ano": "2013", "fonte": "STN", LINE: 5},
        {"a": "2", "b": "y", "ano": "2013", "fonte": "STN", LINE: 6},
    ]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"preamble": "Ano: (?P<ano>.*)"}, "“preamble” is not found above the header, which is: Exercício: 2013"),
        ({"preamble": "(?P<B>Tabela)"}, "the file itself has columns of these names: B"),
        ({"constants": {"a": "x"}}, "the file itself has columns of these names: a"),
        ({"constants": {"_r": "x"}}, "taken by Observatudo itself: _r"),
    ],
)
def test_constants_that_cannot_be(file: Path, extra: Declared, message: str) -> None:
    declared: Declared = {"dialect": {"delimiter": ";", "headerRows": [4]}}
    declared.update(extra)
    error = refused(write(file, PREAMBLE), **declared)
    assert message in error.message


def test_several_header_rows_are_joined(file: Path) -> None:
    text = "Título\nIndicador,Nota,\n1,1,1\nUF,Nota,x\nSP,A,9\n"
    source, rows = read(write(file, text), dialect={"headerRows": [2, 4], "headerJoin": "/"})
    assert source.columns == ["Indicador/UF", "Nota", "x"]
    assert lines(rows) == [5]


def test_a_header_below_the_end(file: Path) -> None:
    assert "ends before the line of its header" in refused(write(file, "a,b\n"), dialect={"headerRows": [3]}).message


def test_a_quote_never_closed_at_the_end(file: Path) -> None:
    error = refused(write(file, 'a,b\n1,x\n2,"y\n3,z\n'))
    assert "record of line 3 and never closed" in error.message


@pytest.mark.parametrize("rows", [1, 100_000])
def test_a_quote_never_closed_in_the_header(file: Path, rows: int) -> None:
    error = refused(write(file, 'a,"b\n' + "1,x\n" * rows))
    assert "opened in the header and never closed" in error.message


def test_a_quote_never_closed_that_swallows_blocks(file: Path) -> None:
    text = "a,b\n" + "1,x\n" * 50 + '2,"y\n' + "3,z\n" * 200
    with mock.patch.object(encoding, "CHUNK_BYTES", 64):
        error = refused(write(file, text))
    assert "a quote is never closed there, or a field is huge" in error.message
    line = int(error.where.rpartition(":")[2])
    assert 30 < line <= 52


def test_a_huge_field_without_a_newline(file: Path) -> None:
    with mock.patch.object(csv_reader, "LONGEST_LINE", 1000), mock.patch.object(encoding, "CHUNK_BYTES", 64):
        error = refused(write(file, "a,b\n1," + "x" * 5000 + "\n"))
    assert "a record after line 1 " in error.message


def test_a_field_of_some_megabytes_is_read(file: Path) -> None:
    long = "é" * 1_500_000
    _source, rows = read(write(file, f'a,b\n1,"{long}\n"\n2,y\n'))
    assert rows[0]["b"] == long + "\n"
    assert lines(rows) == [2, 4]
