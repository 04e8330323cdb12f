"""Any CSV with a column nome: read as it comes, its own columns kept, its faults explained."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.classify import table
from observatudo.classify.labels import Label
from observatudo.errors import ObservatudoError

CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=20)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6)
LABEL = Label("0", "Saude", 0.5, "regra")


def _read(folder: Path, content: bytes) -> table.Table:
    path = folder / "in.csv"
    path.write_bytes(content)
    return table.read(path)


@given(rows=ROWS, delimiter=st.sampled_from(",;"), mark=st.booleans(), lines=st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_reads_back_with_the_labels_behind(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str, mark: bool, lines: str
) -> None:
    folder = tmp_path_factory.mktemp("table")
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=lines)
    writer.writerows([("fonte, outra", "nome", "Descrição"), *rows])
    read = _read(folder, text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    assert read.delimiter == delimiter
    assert read.texts() == [(name, description) for _first, name, description in rows]
    table.write(folder / "out.csv", read, [LABEL] * len(rows))
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file, delimiter=delimiter))
    assert found[0] == ["fonte, outra", "nome", "Descrição", "eixo", "confianca", "origem"]
    assert found[1:] == [[*row, "Saude", "0.5000", "regra"] for row in rows]


def test_short_rows_are_filled_and_blank_lines_left_out(tmp_path: Path) -> None:
    read = _read(tmp_path, b"\nNome;x\n\nRoubos\n;\n")
    assert read.rows == [["Roubos", ""], ["", ""]]


def test_columns_with_the_names_of_labels_are_kept_under_another(tmp_path: Path) -> None:
    read = _read(tmp_path, b"nome,eixo\nRoubos,antes\n")
    table.write(tmp_path / "out.csv", read, [LABEL])
    assert (tmp_path / "out.csv").read_text() == (
        "nome,eixo_entrada,eixo,confianca,origem\nRoubos,antes,Saude,0.5000,regra\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n \n", "empty"),
        (b"codigo,titulo\n1,a\n", "codigo, titulo"),
        ("nome\nEducação\n".encode("latin-1"), "WINDOWS-1252"),
        ("nome\nEducação\n".encode("utf-16"), "UTF-16"),
        (b"nome,descricao\na,b,c\n", "in.csv:2"),
        (b"nome\n" + b"a" * 200_000, "in.csv:2"),
        (b"a" * 200_000, "in.csv:1"),
        (b'nome\nRoubos\n"Furtos\nLeitos\nEscolas\n', "in.csv:3"),
        (b'nome,x\n"Furtos" de carros,1\n', "in.csv:2"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ObservatudoError) as caught:
        _read(tmp_path, content)
    assert message in str(caught.value)
    assert str(tmp_path) in caught.value.where


def test_a_missing_file_and_a_folder_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ObservatudoError, match="not there"):
        table.read(tmp_path / "none.csv")
    with pytest.raises(ObservatudoError, match="cannot be read"):
        table.read(tmp_path)


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    read = _read(tmp_path, b"nome\nRoubos\n")
    for out in (tmp_path / "none" / "out.csv", tmp_path):
        with pytest.raises(ObservatudoError, match="cannot be written"):
            table.check_writable(out)
        with pytest.raises(ObservatudoError, match="cannot be written"):
            table.write(out, read, [LABEL])
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_link_is_written_through_and_stays_a_link(tmp_path: Path) -> None:
    read = _read(tmp_path, b"nome\nRoubos\n")
    (tmp_path / "folder").mkdir()
    link = tmp_path / "out.csv"
    link.symlink_to("folder/real.csv")
    for _again in range(2):  # its target is made, then replaced
        table.write(link, read, [LABEL])
        assert link.is_symlink()
        assert "Saude" in (tmp_path / "folder/real.csv").read_text()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["real.csv"]


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    read = _read(tmp_path, b"nome\nRoubos\n")
    pipe, link, circle = (tmp_path / name for name in ("pipe", "link", "circle"))
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    circle.symlink_to(circle)
    for out in (pipe, link, circle):
        with pytest.raises(ObservatudoError, match="cannot be written"):
            table.check_writable(out)
        with pytest.raises(ObservatudoError, match="cannot be written"):
            table.write(out, read, [LABEL])
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert circle.is_symlink()
