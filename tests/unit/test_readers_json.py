"""JSON as services publish it: every step of ``records``, and what does not fit it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from observatudo.ingest.readers import LINE
from observatudo.resource import Resource
from tests.reading import Rows, number, read, refused

Content = dict[str, object] | list[object] | str


def given(path: Path, content: Content) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.json"


def records(path: Path, way: str) -> Rows:
    return read(path, format="json", records=way)[1]


def place(code: str, **serie: str) -> dict[str, object]:
    return {"localidade": {"id": code, "nivel": {"id": "N6"}, "nome": "x"}, "serie": serie}


SIDRA: list[object] = [
    {
        "id": "37",
        "variavel": "PIB",
        "unidade": "Mil Reais",
        "resultados": [{"classificacoes": [], "series": [place("11", **{"2021": "1", "2022": "..."}), place("12")]}],
    }
]


def test_aggregates_of_sidra(file: Path) -> None:
    common = {"id": "37", "variavel": "PIB", "unidade": "Mil Reais"}
    where = {"localidade.id": "11", "localidade.nivel.id": "N6", "localidade.nome": "x"}
    assert records(given(file, SIDRA), "[].resultados.[].series.[].serie.{ano:valor}") == [
        {**common, **where, "ano": "2021", "valor": "1", LINE: 1},
        {**common, **where, "ano": "2022", "valor": "...", LINE: 2},
    ]


def test_aggregates_of_sidra_by_edition(file: Path) -> None:
    way = ".[].resultados.[].series.[].serie.{ano:valor}"
    given(file, {"2006": SIDRA, "2008": SIDRA})
    assert [row["ano"] for row in records(file, "*" + way)] == ["2021", "2022"] * 2
    assert [row["edicao"] for row in records(file, "{edicao}" + way)] == ["2006", "2006", "2008", "2008"]


def test_values_of_sidra_whose_first_record_is_the_header(file: Path) -> None:
    given(file, [{"NC": "Nível (Código)", "V": "Valor"}, {"NC": "6", "V": "10"}])
    _source, rows = read(file, format="json", records="[]", dialect={"headerRows": [1]})
    assert rows == [{"Nível (Código)": "6", "Valor": "10", LINE: 2}]


def test_lists_that_are_columns(file: Path) -> None:
    given(file, {"dados": {"ano": 2012, "uf": [11, 35], "iptu": [1.5, None]}})
    assert records(file, "dados.columns()") == [
        {"ano": number("2012"), "uf": number("11"), "iptu": number("1.5"), LINE: 1},
        {"ano": number("2012"), "uf": number("35"), "iptu": None, LINE: 2},
    ]
    assert (
        "not of one length: a: 1, b: 2"
        in refused(given(file, {"a": [1], "b": [1, 2]}), format="json", records="columns()").message
    )


def test_the_outer_keeps_its_name(file: Path) -> None:
    """In the whole file, even where a mapping on the way does not have what another has."""
    given(file, {"AC": {"code": "12", "cities": [{"code": "1"}]}, "SP": {"cities": [{"code": "2", "sigla": "z"}]}})
    assert records(file, "{sigla}.cities.[]") == [
        {"sigla": "AC", "code": "12", "cities.code": "1", "cities.sigla": None, LINE: 1},
        {"sigla": "SP", "code": None, "cities.code": "2", "cities.sigla": "z", LINE: 2},
    ]


def test_numbers_are_written_plainly_and_marked(file: Path) -> None:
    given(file, '[{"a": 0.50, "b": 3550308.0, "c": 1.5e3, "d": 1E-7, "e": true, "f": -0.0, "g": "1.5", "h": NaN}]')
    (row,) = records(file, "[]")
    assert row == {
        **{"a": number("0.50"), "b": number("3550308"), "c": number("1500"), "d": number("0.0000001")},
        **{"e": "true", "f": number("-0"), "g": "1.5", "h": "NaN", LINE: 1},
    }


def test_keys_are_text_and_what_they_hold_is_not(file: Path) -> None:
    given(file, {"2020": {"11": 0.5, "12": "0,5"}})
    assert records(file, "{ano}.{uf:valor}") == [
        {"ano": "2020", "uf": "11", "valor": number("0.5"), LINE: 1},
        {"ano": "2020", "uf": "12", "valor": "0,5", LINE: 2},
    ]


@pytest.mark.parametrize("way", ["[]", "[].x"])
def test_a_text_that_looks_marked_is_refused(file: Path, way: str) -> None:
    given(file, [{"a": "x", "x": {}}, {"a": number("1"), "x": {}}])
    assert "U+E000" in refused(file, format="json", records=way).message


def test_a_number_too_long_to_write_out_stays_as_it_is(file: Path) -> None:
    given(file, '[{"a": 1e999999999, "b": 12345678901234567890123}]')
    (row,) = records(file, "[]")
    assert row == {"a": number("1e999999999"), "b": number("12345678901234567890123"), LINE: 1}


def test_lists_in_a_record_stay_json(file: Path) -> None:
    given(file, '[{"a": ["x", "é\\"", null, true], "b": {}, "c": {"d": {"e": 1}}, "f": [1, 2.50, {"g": [1e3]}, NaN]}]')
    assert records(file, "[]") == [
        {"a": '["x", "é\\"", null, true]', "c.d.e": number("1"), "f": '[1, 2.50, {"g": [1e3]}, NaN]', LINE: 1}
    ]
    given(file, '{"f": [[1, 2.50], {"g": 0.10}]}')
    assert [row["f"] for row in records(file, "columns()")] == ["[1, 2.50]", '{"g": 0.10}']


@pytest.mark.parametrize(
    ("content", "way", "message"),
    [
        ([1], "[]", "at “{}” it holds a "),
        ({"a": 1}, "[]", "at “[]” it holds a dict"),
        ({"a": {}}, "b.[]", "at “b” it holds a dict"),
        ([], "*.[]", "at “*” it holds a list"),
        ([{"s": {"2020": {"x": 1}}}], "[].s.{ano:valor}", "at “{ano:valor}” it holds a dict"),
        ('{"a": 1, "a": 2}', "[]", "has a key twice: a"),
        ('[{"a.b": 1, "a": {"b": 2}}]', "[]", "would be called a.b"),
        ('[{"a": 1, "A": 2}]', "[]", "names a column twice: A, a"),
        ('[{"_linha": 1}]', "[]", "taken by Observatudo itself"),
        ("[]", "[]", "names no column"),
        ('[\n{"a": }]', "[]", "not valid JSON"),
        ("[" * 100_000, "[]", "nested too deeply"),
        ('[{"a": ' + "[" * 900 + "]" * 900 + "}]", "[]", "nested too deeply"),
    ],
)
def test_what_does_not_fit(file: Path, content: Content, way: str, message: str) -> None:
    assert message in refused(given(file, content), format="json", records=way).message


@pytest.mark.parametrize("way", ["columns().[]", "[].{ano:valor}.[]"])
def test_the_last_steps_are_last(way: str) -> None:
    with pytest.raises(ValidationError, match="can only be the last step"):
        Resource(path="a", format="json", records=way)


def test_utf_16_and_the_encoding_found(file: Path) -> None:
    file.write_bytes('[{"a": "é"}]'.encode("utf-16"))
    source, rows = read(file, format="json", records="[]")
    assert (source.encoding, rows) == ("utf-16-le", [{"a": "é", LINE: 1}])


def test_text_by_a_pattern(file: Path) -> None:
    given(file, "x=1;y=é;z;")
    source, rows = read(file, format="text", pattern=r"(?P<nome>\w)(=(?P<valor>\w))?;", constants={"fonte": "f"})
    assert source.constant == {"fonte"}
    assert rows == [
        {"nome": "x", "valor": "1", "fonte": "f", LINE: 1},
        {"nome": "y", "valor": "é", "fonte": "f", LINE: 2},
        {"nome": "z", "valor": None, "fonte": "f", LINE: 3},
    ]
