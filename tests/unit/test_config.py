"""Declarations: a wrong one says file, line, key, what was expected, and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo import config
from observatudo.errors import ConfigError
from observatudo.yamlfile import load, parse
from tests.builder import LONG, Repository, changed

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "configs/datasets/registro_civil/obito.yaml").read_text(encoding="utf-8")


def line_of(text: str, fragment: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), start=1) if fragment in line)


WRONG = {
    ("kind: observacao", "kind: observacoes"): "kind: found 'observacoes', expected 'observacao', 'referencia'",
    ("frequency: mensal", "frequencia: mensal"): "frequencia: unknown key; did you mean “frequency”?",
    ("    type: integer", "    typo: integer"): "fields.0.typo: unknown key; did you mean “type”?",
    ("    type: integer", "    type: intger"): "or 'date'; did you mean “integer”?",
    ("    format: csv", "    format: xls"): "format: found 'xls', expected 'csv', 'json', 'text', 'xlsx' or 'parquet'",
    ("minimum: {param: min_rows}", "mininum: {param: min_rows}"): "rows.mininum: unknown key; did you mean “minimum”?",
    ("{check: rows,", "{check: row,"): "did you mean “rows”?",
    ("version: 1.4.0", "version: 1.4"): "version: found 1.4, expected: Input should be a valid string",
    ("    value: obitos", "    value: obito"): "names the field “obito”, which is not declared under fields; did you",
}


@pytest.mark.parametrize(("before", "after", "expected"), [(*edit, text) for edit, text in WRONG.items()])
def test_a_wrong_key_is_explained(tmp_path: Path, before: str, after: str, expected: str) -> None:
    path = tmp_path / "d.yaml"
    text = GOOD.replace(before, after, 1)
    assert text != GOOD
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(path, config.Dataset)
    assert expected in error.value.message
    if "names the field" not in expected:  # a rule over the whole file has no single line
        assert f"{path}:{line_of(text, after)}: " in error.value.message


def test_a_key_given_twice_names_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(ConfigError, match="“a” stands twice, first on line 1") as error:
        parse(path)
    assert error.value.where == f"{path}:3"


@pytest.mark.parametrize("text", ["a: [1", "a: {b: 1", "a: 'x", "\ta: 1", "a: !!python/object:os.system x"])
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="not valid YAML") as error:
        parse(path)
    assert error.value.where.startswith(f"{path}:")


def test_a_key_is_text_as_written(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("NO: 1\n11: 2\n")
    assert parse(path)[0] == {"NO": 1, "11": 2}


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "obito.yaml").write_text("{}")
    with pytest.raises(ConfigError, match="not there") as error:
        load(tmp_path / "obitos.yaml", config.Dataset)
    assert "obito.yaml" in error.value.next_step


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"- 1\n"])
def test_a_file_of_another_shape_is_a_config_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "d.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load(path, config.Dataset)


def test_an_unknown_dataset_names_the_nearest() -> None:
    params = config.load_params(ROOT)
    with pytest.raises(ConfigError, match="did you mean “registro_civil/obito”"):
        params.dataset("registro_civil/obitos")


def test_a_param_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="“min_rows” is missing or not a number"):
        config.resolve(config.ParamRef(param="min_rows"), {"min_rows": "many"}, "x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  siconfi/ente:", "  ../ente:"),
        ("  siconfi/ente:", "  siconfi/en'te:"),
        ("  siconfi/ente:", "  siconfi:"),
        ("lista: data/ingested/ibge/municipio", "lista: /etc/passwd"),
        ("lista: data/ingested/ibge/municipio", "lista: data/../../x"),
        ("params: siconfi.ente", "params: siconfi"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, before: str, after: str) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "params.yaml").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"params\.yaml:\d+: datasets\."):
        config.load_params(tmp_path)


@pytest.mark.parametrize("name", ["../data.csv", "/data.csv", ".data.csv", "a/b.csv"])
def test_a_snapshot_file_is_a_plain_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(GOOD.replace("data_2015.csv:", f"{name}:"), encoding="utf-8")
    with pytest.raises(ConfigError, match="members"):
        load(path, config.Dataset)


def refusal(folder: Path, text: str, before: str, after: str) -> str:
    """Return why the declaration is refused once ``before`` stands as ``after``."""
    assert before in text
    path = folder / "d.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(path, config.Dataset)
    return error.value.message


CONTRADICTIONS = {
    ("prefix: {of: id_municipio,", "prefix: {of: id_municipo,"): "did you mean “id_municipio”",
    ("lookup: {of: id_uf,", "lookup: {of: capital,"): "needs the field “capital”, which must be declared before it",
    (r"pattern: '\d{7}'", r"pattern: '(?=\d)\d{7}'"): "look-around and back-references are not possible here",
    (r"pattern: '\d{7}'", r"pattern: '(\d{7}'"): "fields.id_municipio.constraints.pattern is no regular expression",
    ("type: boolean", "type: boolean\n    constraints: {minimum: 1}"): "a number bounds numbers, a date bounds dates",
    ("primaryKey: [id_municipio]", "primaryKey: [id_municipo]"): "did you mean “id_municipio”",
    ("primaryKey: [id_municipio]", "primaryKey: []"): "kind referencia needs primaryKey",
    ("maximum: 0.001", "maximum: .nan"): "finite number",
    ("{check: rows, level: fatal, minimum: {param: min_rows}}", "{check: match_rate, level: warn, minimum: 1}"): (
        "checks.match_rate needs locality"
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), [(*edit, text) for edit, text in CONTRADICTIONS.items()])
def test_a_declaration_that_contradicts_itself_is_explained(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    text = (ROOT / "configs/datasets/ibge/municipio.yaml").read_text(encoding="utf-8")
    assert expected in refusal(tmp_path, text, before, after)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("  - name: ano\n    type: integer", "  - name: ano\n    type: number", "period.year: the field “ano” must be"),
        ("within: [ano, mes]", "within: []", "must name the fields of the period"),
        ("locality:\n  name: municipio\n  state: sigla_uf\n", "locality:\n  code: municipio\n", "found by name"),
        ("kind: observacao", "kind: catalogo", "kind catalogo needs the fields id_indicador and nome"),
    ],
)
def test_observations_that_contradict_themselves(tmp_path: Path, before: str, after: str, expected: str) -> None:
    text = GOOD.replace("  exceptions: configs/tabelas/municipio_excecao.csv\n", "")
    assert expected in refusal(tmp_path, text, before, after)


@pytest.mark.parametrize("text", ["a: 2020-13-45", "a: !!int abc", "a: &x [*x]", "a: " + "9" * 5000])
def test_a_value_yaml_cannot_make_is_an_error_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        parse(path)
    assert str(path) in error.value.where


def field(name: str, kind: str = "string", **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def with_fields(*fields: dict[str, object], **more: object) -> dict[str, object]:
    """Return a declaration of observations with these fields besides (or instead of) its own."""
    own: list[dict[str, object]] = LONG["fields"]  # type: ignore[assignment]
    named = {each["name"] for each in fields}
    return changed(LONG, **({"fields": [*(each for each in own if each["name"] not in named), *fields]} | more))


def indicator(**more: object) -> dict[str, object]:
    return {"id": "a_b", "name": "A", "value": "quantidade", "unit": "u"} | more


def catalogue(*fields: dict[str, object]) -> dict[str, object]:
    kept = {key: value for key, value in LONG.items() if key == "resources"}
    return kept | {"kind": "catalogo", "fields": [*fields, field("nome")]}


YEARS = {"pattern": r"(\d{4})", "variable": "ano", "value": "quantidade"}
TABLE = {"table": "configs/tabelas/t.csv", "key": "k", "value": "v"}
BY_YEAR, BY_TOWN = TABLE | {"of": "ano"}, TABLE | {"of": "cidade"}
MUST_BE_TEXT = "the field “ano” must be of type string"
REFUSED: list[tuple[str, dict[str, object]]] = [
    ("indicators: the id “a_b” stands twice", with_fields(indicators=[indicator(), indicator(name="B")])),
    ("fields.quantidade: with this factor", with_fields(field("quantidade", "integer", factor=0.5))),
    ("use type: number", with_fields(field("quantidade", "integer", factor=BY_TOWN))),
    ("fields.x: a derived number is", with_fields(field("x", "number", derive={"constant": "1"}, decimalChar=","))),
    ("fields.x: a derived number is", with_fields(field("x", "number", derive={"constant": "1"}, groupChar=","))),
    ("fields.x.format: %z and %Z would move the day", with_fields(field("x", "date", format="%Y-%m-%dT%H%z"))),
    ("take the day out with derive.extract", with_fields(field("x", "date", format="%Y %Z"))),
    ("fields.x.constraints.pattern: \\W, \\w knows no", with_fields(field("x", constraints={"pattern": r"\w+|\W"}))),
    (r"write [\p{L}\d_]", with_fields(field("x", derive={"extract": {"of": "cidade", "pattern": r"\b.+"}}))),
    ("derive.extract.pattern: \\B", with_fields(field("x", derive={"extract": {"of": "cidade", "pattern": r"\B."}}))),
    (
        "indicators.a_b.value: the field “x” must be a number",
        with_fields(field("x", "date"), indicators=[indicator(value="x")]),
    ),
    ("must be a number or a text", with_fields(field("x", "boolean"), indicators=[indicator(value="x")])),
    (
        "indicator_columns.value: the field “x” must be",
        with_fields(
            field("x", "boolean"),
            indicators=[],
            indicator_columns={"id": "cidade", "name": "cidade", "value": "x"},
        ),
    ),
    (
        f"fields.x.derive.prefix.of: {MUST_BE_TEXT}",
        with_fields(field("x", derive={"prefix": {"of": "ano", "length": 1}})),
    ),
    (
        f"fields.x.derive.extract.of: {MUST_BE_TEXT}",
        with_fields(field("x", derive={"extract": {"of": "ano", "pattern": "."}})),
    ),
    (f"fields.x.derive.lookup.of: {MUST_BE_TEXT}", with_fields(field("x", derive={"lookup": BY_YEAR}))),
    (f"fields.x.factor.of: {MUST_BE_TEXT}", with_fields(field("x", "number", factor=BY_YEAR))),
    ("the field “por_mil” must be of type boolean", catalogue(field("id_indicador"), field("por_mil"))),
    ("the field “id_indicador” must be of type string", catalogue(field("id_indicador", "integer"))),
    (
        "fields.x: the column “2020” matches melt.pattern and becomes rows",
        with_fields(field("x", "number", source=["outra", "2020"]), melt=YEARS),
    ),
    ("melt.pattern is no regular expression", with_fields(melt=YEARS | {"pattern": "("})),
]


@pytest.mark.parametrize(("expected", "content"), REFUSED)
def test_what_would_be_misread_is_refused(tmp_path: Path, expected: str, content: dict[str, object]) -> None:
    made = Repository(tmp_path)
    made.declare("x/y", content)
    with pytest.raises(ConfigError) as error:
        config.load_dataset(tmp_path, "x/y")
    assert expected in error.value.message


@pytest.mark.parametrize(
    "content",
    [
        with_fields(field("quantidade", "integer", factor=1000)),
        with_fields(field("quantidade", "number", factor=BY_TOWN, decimalChar=",")),
        with_fields(field("x", "date", format="%d%%z")),
        with_fields(field("x", constraints={"pattern": r"[\p{L}\d_]+\\w\pL\P{Lu}"})),
        with_fields(field("x", derive={"extract": {"of": "cidade", "pattern": r"^([\p{L}\d_]+)"}})),
        with_fields(melt=YEARS | {"pattern": r"(?<!x)\b(\w+)_\d(?=\d)"}),
        with_fields(field("x", source="total"), melt=YEARS),
        catalogue(field("id_indicador"), field("por_mil", "boolean")),
    ],
)
def test_what_can_be_read_is_taken(tmp_path: Path, content: dict[str, object]) -> None:
    made = Repository(tmp_path)
    made.declare("x/y", content)
    assert config.load_dataset(tmp_path, "x/y").fields
