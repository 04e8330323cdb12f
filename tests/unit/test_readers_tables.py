"""Sheets and Parquet: typed cells become the text their field's grammar expects, each with its row."""

from __future__ import annotations

import datetime
import gzip
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.ingest.readers import LINE
from observatudo.ingest.readers.native import cell
from tests.reading import Declared, number, read, refused
from tests.workbook import Cell, CellError, Formula, Sheet, write

REAL = Path(__file__).resolve().parents[3] / "shared" / "real"
A_SHEET = Sheet("Dados", [["código", "valor"], [3550308.0, 0.5], [None, None], ["x", None]])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "a.xlsx"


def test_typed_cells_become_text(book: Path) -> None:
    rows: list[list[Cell]] = [
        ["a", "b", "c", "d", "e", 2010.0],
        [3550308, 0.1 + 0.2, True, datetime.date(2020, 6, 18), CellError("#N/A"), 1e-9],
        [12345678901234567890.0, -2.5, False, " texto ", CellError("#DIV/0!"), 1e22],
    ]
    source, found = read(write(book, Sheet("S", rows)), format="xlsx")
    assert source.columns == ["a", "b", "c", "d", "e", "2010"]
    assert [[value for key, value in row.items() if key != LINE] for row in found] == [
        [number("3550308"), number("0.30000000000000004"), "true", "2020-06-18", "#N/A", number("0.000000001")],
        [number("12345678901234567000"), number("-2.5"), "false", " texto ", "#DIV/0!", number("1" + "0" * 22)],
    ]


def test_empty_rows_inside_count_and_those_at_the_end_do_not(book: Path) -> None:
    rows: list[list[Cell]] = [*A_SHEET.rows, [None, ""], ["", ""]]  # type: ignore[list-item]
    _source, found = read(write(book, Sheet("S", rows)), format="xlsx")
    assert [(row["código"], row["valor"], row[LINE]) for row in found] == [
        (number("3550308"), number("0.5"), 2),
        (None, None, 3),
        ("x", None, 4),
    ]


def test_a_table_that_does_not_start_in_the_corner(book: Path) -> None:
    rows: list[list[Cell]] = [[], [], [None, "a", "b"], [None, 1, CellError("#REF!")]]
    source, found = read(write(book, Sheet("S", rows)), format="xlsx", dialect={"headerRows": [3]})
    assert source.columns == ["coluna_1", "a", "b"]
    assert found == [{"coluna_1": None, "a": number("1"), "b": "#REF!", LINE: 4}]


def test_a_formula_nobody_has_worked_out_is_its_text(book: Path) -> None:
    """What has a value keeps it, an empty text included; nothing is lost at the edges of the sheet either."""
    rows: list[list[Cell]] = [
        ["a", "b", Formula('"c"')],
        [Formula("1+1", 2.0), Formula('IF(1<2,"","x")', ""), Formula("A2&B2", "2x")],
        [Formula("SUM(A1:A2)"), CellError("#N/A"), Formula("A2>1")],
        [None, None, None],
        [None, None, Formula("SUM(C1:C4)")],
    ]
    source, found = read(write(book, Sheet("S", rows)), format="xlsx")
    assert source.columns == ["a", "b", '="c"']
    assert [list(row.values()) for row in found] == [
        [number("2"), None, "2x", 2],
        ["=SUM(A1:A2)", "#N/A", "=A2>1", 3],
        [None, None, None, 4],
        [None, None, "=SUM(C1:C4)", 5],
    ]


def test_a_sheet_of_nothing_but_formulas(book: Path) -> None:
    source, found = read(write(book, Sheet("S", [[Formula("A9")], [Formula("A8")]])), format="xlsx")
    assert (source.columns, found) == (["=A9"], [{"=A9": "=A8", LINE: 2}])


def test_a_text_of_a_sheet_that_looks_marked_is_refused(book: Path) -> None:
    error = refused(write(book, Sheet("S", [["a"], ["x"], [number("1")]])), format="xlsx")
    assert "U+E000" in error.message
    assert error.where.endswith(":3")


def test_merged_headers_cover_their_cells(book: Path) -> None:
    rows: list[list[Cell]] = [
        ["Relatório de 2019", None, None, None],
        ["Município", "Indicador 1", None, "Nota\nfinal"],
        [None, "valor", "nota", None],
        ["São Paulo", 1, "A", "B"],
    ]
    sheet = Sheet("S", rows, merged=["A1:D1", "A2:A3", "B2:C2", "D2:D3"])
    source, found = read(
        write(book, sheet), format="xlsx", dialect={"headerRows": [2, 3]}, preamble=r"Relatório de (?P<ano>\d{4})"
    )
    assert source.columns == ["Município", "Indicador 1 valor", "Indicador 1 nota", "Nota final", "ano"]
    assert list(found[0].values()) == ["São Paulo", number("1"), "A", "B", "2019", 4]
    assert source.constant == {"ano"}


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [({"sheetName": "Leia"}, "z"), ({"sheetNumber": 2}, "z"), ({"sheetNumber": 1}, "código")],
)
def test_a_sheet_by_name_or_number(book: Path, dialect: dict[str, object], expected: str) -> None:
    write(book, A_SHEET, Sheet("Leia", [["z"], [1]]))
    assert read(book, format="xlsx", dialect=dialect)[0].columns[0] == expected


def test_errors_are_those_of_the_sheet_that_is_read(book: Path) -> None:
    write(book, Sheet("A", [["a"], [1]]), Sheet("B", [["a"], [CellError("#NUM!")]]))
    assert read(book, format="xlsx", dialect={"sheetName": "A"})[1][0]["a"] == number("1")
    assert read(book, format="xlsx", dialect={"sheetName": "B"})[1][0]["a"] == "#NUM!"


def test_the_only_visible_sheet_needs_no_name(book: Path) -> None:
    write(book, Sheet("Listas", [["z"], [1]], state="hidden"), A_SHEET)
    assert read(book, format="xlsx")[0].columns == ["código", "valor"]


@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        ({}, "has 2 sheets"),
        ({"sheetName": "dados"}, "no sheet “dados”"),
        ({"sheetNumber": 3}, "no sheet “3”"),
        ({"sheetNumber": 1, "headerRows": [9]}, "ends before the row of its header"),
    ],
)
def test_which_sheet_is_not_guessed(book: Path, dialect: dict[str, object], message: str) -> None:
    error = refused(write(book, A_SHEET, Sheet("Leia", [["z"]])), format="xlsx", dialect=dialect)
    assert message in error.message
    assert "Dados, Leia" in error.next_step or "headerRows" in error.next_step


def test_sheets_that_cannot_be_read(book: Path) -> None:
    assert "sheet “S” is empty" in refused(write(book, Sheet("S", [])), format="xlsx").message
    assert "twice: a" in refused(write(book, Sheet("S", [["a", "a"], [1, 2]])), format="xlsx").message
    whole = write(book, A_SHEET).read_bytes()
    for data in (whole[:-100], b"a,b\n1,2\n", gzip.compress(b"x")):
        book.write_bytes(data)
        assert "damaged" in refused(book, format="xlsx").message
    book.write_bytes(b"<html>erro</html>")
    assert "HTML page" in refused(book, format="xlsx").message
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("a.txt", "x")
    assert "no XLSX workbook" in refused(book, format="xlsx").message


def test_a_workbook_in_a_zip(tmp_path: Path, book: Path) -> None:
    write(book, A_SHEET)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(book, "pasta/a.xlsx")
        archive.writestr("b.txt", "x")
    _source, rows = read(tmp_path / "a.zip", format="xlsx", innerpath="pasta/a.xlsx", constants={"ano": "2018"})
    assert rows[0] == {"código": number("3550308"), "valor": number("0.5"), "ano": "2018", LINE: 2}


def test_a_workbook_declared_as_csv_is_named(book: Path) -> None:
    assert "XLSX" in refused(write(book, A_SHEET)).message


@pytest.mark.parametrize("path", sorted((REAL / "capag").glob("*.xlsx")), ids=lambda path: path.name)
def test_the_real_ratings(path: Path) -> None:
    source, rows = read(path, format="xlsx")
    assert len(rows) == 5569
    assert source.columns[:4] == ["Instituição", "Cod.IBGE", "UF", "População"]
    assert all(re.fullmatch(number(r"\d{7}"), str(row["Cod.IBGE"])) for row in rows)
    assert rows[-1][LINE] == 5570


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_its_text(value: float) -> None:
    text = cell(value)
    assert text is not None
    mark, digits = text[:1], text[1:]
    assert (number(""), value) == (mark, float(digits))
    assert not set(digits) - set("-0123456789.")
    assert not digits.endswith(".0")


TYPED = pa.table(
    {
        "inteiro": pa.array([1, None], pa.int32()),
        "real": pa.array([3550308.0, 0.1 + 0.2]),
        "curto": pa.array([0.1, 1e-9], pa.float32()),
        "grande": pa.array([1e22, -5.0]),
        "decimal": pa.array([Decimal("10.50"), Decimal("2.00")], pa.decimal128(10, 2)),
        "logico": pa.array([True, False]),
        "dia": pa.array([datetime.date(2020, 6, 18), None]),
        "hora": pa.array([datetime.datetime(2020, 6, 18, 12), None], pa.timestamp("s")),
        "texto": pa.array(["1.5", "e é"]),
        "lista": pa.array(["x", None]).dictionary_encode(),
        "nada": pa.nulls(2),
        "nenhum": pa.array([float("nan"), float("-inf")]),
    }
)
EXPECTED = [
    {"inteiro": number("1"), "real": number("3550308"), "curto": number("0.1"), "grande": number("1" + "0" * 22)}
    | {"decimal": number("10.50"), "logico": "true", "dia": "2020-06-18", "hora": "2020-06-18T12:00:00"}
    | {"texto": "1.5", "lista": "x", "nada": None, "nenhum": "nan", LINE: 1},
    {"inteiro": None, "real": number("0.30000000000000004"), "curto": number("0.000000001"), "grande": number("-5")}
    | {"decimal": number("2"), "logico": "false", "dia": None, "hora": None}
    | {"texto": "e é", "lista": None, "nada": None, "nenhum": "-inf", LINE: 2},
]


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_becomes_text(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(TYPED, path, row_group_size=1)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert read(path, format="parquet")[1] == EXPECTED


def test_a_text_of_parquet_that_looks_marked_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array(["x", number("1")]).dictionary_encode()}), tmp_path / "a.parquet")
    error = refused(tmp_path / "a.parquet", format="parquet")
    assert "U+E000" in error.message
    assert error.where.endswith(":2")


@pytest.mark.parametrize("values", [[[1]], [{"x": 1}], [b"\xff"], [datetime.timedelta(1)]])
def test_columns_that_are_no_cells(tmp_path: Path, values: list[object]) -> None:
    pq.write_table(pa.table({"a": values}), tmp_path / "a.parquet")
    assert "the column “a” is of type" in refused(tmp_path / "a.parquet", format="parquet").message


def test_parquet_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [str(n) for n in range(10_000)]}), path)
    data = path.read_bytes()
    middle = len(data) // 4
    extra: Declared = {"format": "parquet"}
    for broken in (data[:-20], b"a,b\n1,2\n", data[:middle] + b"\xff" * middle + data[2 * middle :]):
        path.write_bytes(broken)
        assert "no Parquet file, or a damaged one" in refused(path, **extra).message
