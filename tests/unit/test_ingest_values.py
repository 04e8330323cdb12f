"""Values at the edge: numbers a file holds as numbers, texts beside numbers, dates, factors, parts, melted columns."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from observatudo.errors import DataError
from tests.builder import LONG, Repository, changed, repository
from tests.unit.test_ingest_breadth import CODE, CODED, YEAR, declaration, rejects, units, values, warnings


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def in_json(content: dict[str, object]) -> dict[str, object]:
    return content | {"resources": [{"path": "*.json", "format": "json", "records": "[]"}]}


@pytest.mark.parametrize("decimal", [{"decimalChar": ",", "groupChar": "."}, {"decimalChar": "any"}, {}])
def test_a_number_of_the_file_is_that_number_whatever_is_declared(repo: Repository, decimal: dict[str, str]) -> None:
    field = {"name": "valor", "type": "number"} | decimal
    text = '[{"codigo": 3550308, "ano": 2020, "valor": 1.234}, {"codigo": 3550308, "ano": 2021, "valor": 12.125}]'
    repo.ingest("x/y", in_json(declaration(field)), text, "a.json")
    assert (values(repo), rejects(repo)) == ([1.234, 12.125], [])
    assert values(repo, "valor_original") == ["1.234", "12.125"]


def test_texts_and_numbers_of_a_file_keep_their_grammars_when_melted(repo: Repository) -> None:
    melt = {"pattern": r"pop (\d+)", "variable": "ano", "value": "valor"}
    field = {"name": "valor", "type": "number", "decimalChar": ",", "groupChar": "."}
    text = '[{"codigo": "3550308", "pop 2020": 1.234, "pop 2021": "1.234", "pop 2022": "1,5"}]'
    repo.ingest("x/y", in_json(declaration(field, melt=melt)), text, "a.json")
    assert (values(repo), rejects(repo)) == ([1.234, 1234.0, 1.5], [])


def test_the_filter_and_texts_see_numbers_without_their_mark(repo: Repository) -> None:
    content = in_json(declaration())
    content["resources"][0]["filter"] = {"tipo": ["1", ""]}  # type: ignore[index]
    rows = '{"codigo":3550308,"ano":2020,"valor":1,"tipo":1},{"codigo":3550308,"ano":2021,"valor":2,"tipo":2},'
    rows += '{"codigo":3550308,"ano":2022,"valor":3,"tipo":null}'
    repo.ingest("x/y", content, f"[{rows}]", "a.json")
    assert values(repo) == [1.0, 3.0]
    assert rejects(repo) == [(2, "tipo", "2", "fora_do_filtro")]


def test_a_text_excuses_what_is_no_number_and_nothing_else(repo: Repository) -> None:
    word = {"name": "palavra", "type": "string", "constraints": {"enum": ["sim", "não"]}}
    value = {"name": "valor", "type": "number", "constraints": {"minimum": 0}}
    indicator = {"id": "x_valor", "name": "X", "value": "valor", "text": "palavra", "unit": "u"}
    rows = ["2017,-5,sim", "2018,x,sim", "2019,x,talvez", "2020,,talvez", "2021,,não", "2022,7,talvez"]
    text = "codigo,ano,valor,palavra\n" + "".join(f"3550308,{row}\n" for row in rows)
    repo.ingest("x/y", declaration(value, word, indicators=[indicator]), text)
    assert list(zip(values(repo), values(repo, "valor_texto"), strict=True)) == [
        (None, "sim"),
        (None, "não"),
        (7.0, None),
    ]
    assert rejects(repo) == [
        (2, "valor", "-5", "abaixo_do_minimo"),
        (4, "valor", "x", "nao_numero"),
        (5, "palavra", "talvez", "fora_da_lista"),
    ]


@pytest.mark.parametrize("text", ["epoch", "infinity", "-infinity", "0000-01-01", "20-1-5", "2020-02-30", "2020-1-5"])
def test_what_is_no_date_of_the_format_is_a_reject(repo: Repository, text: str) -> None:
    content = declaration({"name": "data", "type": "date"}, period={"date": "data"}, frequency="unica")
    content["fields"] = [field for field in content["fields"] if field["name"] != "ano"]  # type: ignore[attr-defined]
    repo.ingest("x/y", content, f"codigo,data,valor\n3550308,{text},1\n3550308,2020-12-31,2\n")
    assert rejects(repo) == [(2, "data", text, "nao_data")]
    assert values(repo, "data_referencia") == [datetime.date(2020, 12, 31)]


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [("anual", (1, 1)), ("semestral", (7, 1)), ("trimestral", (10, 1)), ("bimestral", (11, 1)), ("mensal", (12, 1))],
)
def test_a_date_stands_for_its_whole_period(repo: Repository, frequency: str, expected: tuple[int, int]) -> None:
    content = declaration({"name": "data", "type": "date"}, period={"date": "data"}, frequency=frequency)
    content["fields"] = [field for field in content["fields"] if field["name"] != "ano"]  # type: ignore[attr-defined]
    repo.ingest("x/y", content, "codigo,data,valor\n3550308,2020-12-31,2\n")
    assert values(repo, "data_referencia") == [datetime.date(2020, *expected)]


def test_a_factor_leaves_no_noise_and_no_silent_rounding(repo: Repository) -> None:
    text = (
        "codigo,ano,unidade,valor\n3550308,2019,Mil Reais,1.005\n3550308,2020,Mil Reais,0.57\n3550308,2021,Reais,0.1\n"
    )
    repo.ingest("x/y", units(repo), text)
    assert values(repo) == [1005.0, 570.0, 0.1]
    whole = {"name": "valor", "type": "integer", "factor": 1000}
    rows = "3550308,2019,3\n3550308,2020,9223372036854775807\n3550308,2021,9223372036854775808\n"
    repo.ingest("x/y", declaration(whole), "codigo,ano,valor\n" + rows)
    assert values(repo) == [3000.0]
    assert [row[3] for row in rejects(repo)] == ["nao_inteiro"] * 2


def test_a_lookup_is_not_confused_by_a_field_of_the_tables_names(repo: Repository) -> None:
    (repo.root / "configs/tabelas/nomes.csv").write_text("chave,valor\na,1\nvalor,2\nb,3\n")
    fields = [CODE, YEAR]
    for name in ("valor", "chave", "nome"):
        lookup = {"of": name, "table": "configs/tabelas/nomes.csv", "key": "chave", "value": "valor"}
        content = changed(LONG, locality=CODED)
        content["fields"] = [
            *fields,
            {"name": name, "type": "string"},
            {"name": "achado", "type": "string", "derive": {"lookup": lookup}},
        ]
        content["indicators"] = [{"id": "x_valor", "name": "X", "value": "achado", "unit": "u"}]
        repo.ingest("x/y", content, f"codigo,ano,{name}\n3550308,2020,a\n3550308,2021,b\n")
        assert values(repo, "valor_texto") == ["1", "3"]


def test_a_recoded_text_may_mean_missing_and_a_missing_one_a_value(repo: Repository) -> None:
    field = {"name": "valor", "type": "number", "recode": {"": "0", "sem": "n.d."}, "missingValues": ["", "n.d."]}
    text = "codigo,ano,valor\n3550308,2020,\n3550308,2021,sem\n3550308,2022,n.d.\n3550308,2023,4\n"
    repo.ingest("x/y", declaration(field), text)
    assert (values(repo), rejects(repo)) == ([0.0, None, None, 4.0], [])


def parts(repo: Repository) -> dict[str, object]:
    path = repo.root / "configs/tabelas/excecao.csv"
    path.write_text("sigla_uf,nome,id_municipio,relacao,motivo\nDF,Gama,5300108,parte,x\nDF,Guará,5300108,parte,x\n")
    locality = {"name": "cidade", "state": "uf", "exceptions": "configs/tabelas/excecao.csv"}
    return changed(LONG, locality=locality)


@pytest.mark.parametrize("other", ["x", ""])
def test_a_sum_of_parts_without_one_of_them_is_no_value(repo: Repository, other: str) -> None:
    body = f"2020,DF,Gama,20\n2020,DF,Guará,{other}\n2021,DF,Gama,1\n2021,DF,Guará,2\n2022,DF,Gama,5\n"
    report = repo.ingest("x/y", parts(repo), "ano,uf,cidade,quantidade\n" + body)
    found = [(row["valor"], row["justificativa"]) for row in repo.rows("x/y", "observacao/teste_valor.parquet")]
    assert found == [(None, "falta o valor de uma das 2 partes"), (3.0, "soma de 2 linhas"), (5.0, None)]
    assert (report.rows_read, report.rows_kept, report.rows_rejected) == (5, 5 - bool(other), int(bool(other)))


def test_parts_that_say_different_texts_have_no_text(repo: Repository) -> None:
    content = parts(repo)
    content["fields"] = [f | {"type": "string"} if f["name"] == "quantidade" else f for f in content["fields"]]  # type: ignore[attr-defined]
    for field in content["fields"]:  # type: ignore[attr-defined]
        field["constraints"] = {key: v for key, v in field.get("constraints", {}).items() if key == "required"}
    body = "2020,DF,Gama,A\n2020,DF,Guará,C\n2021,DF,Gama,B\n2021,DF,Guará,B\n"
    repo.ingest("x/y", content, "ano,uf,cidade,quantidade\n" + body)
    found = [row["valor_texto"] for row in repo.rows("x/y", "observacao/teste_valor.parquet")]
    assert found == [None, "B"]


@pytest.mark.parametrize("taken", ["valor", "Ano"])
def test_a_column_that_bears_a_melted_name_is_refused(repo: Repository, taken: str) -> None:
    melt = {"pattern": r"pop_(\d+)", "variable": "ano", "value": "valor"}
    with pytest.raises(DataError, match=f"“{taken}”"):
        repo.ingest("x/y", declaration(melt=melt), f"codigo,{taken},pop_2020\n3550308,1999,1\n")


def test_melted_names_are_cut_as_python_matches_them(repo: Repository) -> None:
    melt = {"pattern": r"(\w+) total", "variable": "nome", "value": "valor"}
    content = declaration(
        {"name": "nome", "type": "string"},
        {"name": "id", "type": "string", "derive": {"slug": "{nome}"}},
        melt=melt,
        indicators=[],
        indicator_columns={"id": "id", "name": "nome", "value": "valor"},
    )
    repo.ingest("x/y", content, "codigo,ano,População total,Educação total\n3550308,2020,1,2\n")
    assert [row["id_indicador"] for row in repo.rows("x/y", "indicador.parquet")] == ["educacao", "populacao"]


def test_a_row_of_blanks_is_a_blank_line(repo: Repository) -> None:
    content = declaration()
    content["resources"] = [{"path": "*.csv", "format": "csv", "constants": {"edicao": "1"}}]
    repo.ingest("x/y", content | {"ignore": ["edicao"]}, "codigo,ano,valor\n , ,\n\n3550308,2020,1\n")
    assert [(row[0], row[3]) for row in rejects(repo)] == [(2, "linha_vazia"), (3, "linha_vazia")]


def test_a_pattern_may_name_letters(repo: Repository) -> None:
    extract = {"of": "nome", "pattern": r"([\p{L}\d]+)"}
    cut = {"name": "valor", "type": "string", "derive": {"extract": extract}}
    repo.ingest(
        "x/y", declaration({"name": "nome", "type": "string"}, cut), "codigo,ano,nome\n3550308,2020,Água Branca\n"
    )
    assert values(repo, "valor_texto") == ["Água"]


def test_a_number_cut_from_a_text_is_read_as_its_source_writes(repo: Repository) -> None:
    extract = {"of": "preco", "pattern": r"R\$ (.+)"}
    money = {"name": "valor", "type": "number", "decimalChar": ",", "groupChar": ".", "derive": {"extract": extract}}
    repo.ingest(
        "x/y", declaration({"name": "preco", "type": "string"}, money), 'codigo,ano,preco\n3550308,2020,"R$ 1.234,50"\n'
    )
    assert values(repo) == [1234.5]


def test_a_catalogue_takes_no_id_that_is_no_name(repo: Repository) -> None:
    fields = [{"name": name, "type": "string"} for name in ("id_indicador", "nome")]
    content: dict[str, object] = {
        "kind": "catalogo",
        "resources": [{"path": "*.csv", "format": "csv"}],
        "fields": fields,
    }
    repo.ingest("x/y", content, "id_indicador,nome\n../x,a\nbom,b\n")
    assert rejects(repo) == [(2, "id_indicador", "../x", "id_invalido")]


def test_rows_of_one_indicator_in_two_units_are_told(repo: Repository) -> None:
    fields: list[dict[str, object]] = [{"name": name, "type": "string"} for name in ("id", "unidade")]
    columns = {"id": "id", "name": "id", "value": "valor", "unit": "unidade"}
    content = declaration(*fields, indicators=[], indicator_columns=columns)
    text = "codigo,ano,id,unidade,valor\n3550308,2020,a,R$,1\n3550308,2021,a,R$ mil,2\n"
    assert warnings(repo, content, text) == {"indicator_unit": ["a: R$ ≠ R$ mil"]}
