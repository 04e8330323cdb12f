"""What real files ask of a declaration: dates, labelled gaps, units, two number grammars, indicators named by rows."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path

import pytest

from observatudo.errors import ConfigError, DataError
from tests.builder import LONG, Repository, changed, repository

Rows = list[dict[str, object]]
CODED = {"code": "codigo"}
CODE = {"name": "codigo", "type": "string"}
YEAR = {"name": "ano", "type": "integer"}
VALUE = {"name": "valor", "type": "number", "constraints": {"minimum": -1000}}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def declaration(*fields: Mapping[str, object], **more: object) -> dict[str, object]:
    """Return a declaration by code and year, with one indicator over the field ``valor``."""
    named = {str(field["name"]) for field in fields}
    common = [field for field in (CODE, YEAR, VALUE) if field["name"] not in named]
    indicator = {"id": "x_valor", "name": "X", "value": "valor", "unit": "u"}
    content: dict[str, object] = {"fields": [*common, *fields], "locality": CODED, "indicators": [indicator]}
    return changed(LONG, **(content | more))


def values(repo: Repository, column: str = "valor") -> list[object]:
    return [row[column] for row in repo.rows("x/y", "observacao/x_valor.parquet")]


def rejects(repo: Repository) -> list[tuple[object, ...]]:
    found = repo.rows("x/y", "rejeitado.parquet")
    return [(row["linha"], row["coluna"], row["texto"], row["motivo"]) for row in found]


def warnings(repo: Repository, content: dict[str, object], text: str) -> dict[str, list[str]]:
    report = repo.ingest("x/y", content, text)
    return {check.title(): check.sample for check in report.checks if not check.passed}


@pytest.mark.parametrize("code", ["3550308", "355030", "3550308.0", "355030.0"])
def test_a_code_is_known_in_each_of_its_spellings(repo: Repository, code: str) -> None:
    repo.ingest("x/y", declaration(), f"codigo,ano,valor\n{code},2020,1\n")
    assert values(repo, "id_municipio") == ["3550308"]


def test_codes_that_are_none_are_told_apart(repo: Repository) -> None:
    text = (
        "codigo,ano,valor\n3550308,2020,1\n350000,2020,1\n3599999,2020,1\n35503,2020,1\n35,2020,1\n3550308.5,2020,1\n"
    )
    repo.ingest("x/y", declaration(), text)
    unknown = "codigo_desconhecido"
    assert rejects(repo) == [
        (3, "codigo", "350000", "municipio_ignorado"),
        (4, "codigo", "3599999", unknown),
        (5, "codigo", "35503", unknown),
        (6, "codigo", "35", unknown),
        (7, "codigo", "3550308.5", unknown),
    ]


def test_places_sort_as_their_codes_do(repo: Repository) -> None:
    levels = declaration(locality={"code": "codigo", "levels": ["municipio", "uf", "pais"]})
    repo.ingest("x/y", levels, "codigo,ano,valor\n53,2020,1\n5300108,2020,2\n1,2020,3\n3304557,2020,4\n33,2020,5\n")
    assert values(repo, "id_municipio") == ["1", "33", "3304557", "53", "5300108"]


def test_a_date_is_a_period_cut_to_its_frequency(repo: Repository) -> None:
    date = {"name": "data", "type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": datetime.date(2000, 1, 1)}}
    content = declaration(date, period={"date": "data"}, frequency="mensal")
    content["fields"] = [field for field in content["fields"] if field["name"] != "ano"]  # type: ignore[attr-defined]
    text = "codigo,data,valor\n3550308,17/03/2020,1\n3550308,29/02/2020,2\n3550308,30/02/2021,3\n3550308,31/12/1999,4\n"
    repo.ingest("x/y", content, text)
    assert values(repo, "data_referencia") == [datetime.date(2020, 2, 1), datetime.date(2020, 3, 1)]
    assert rejects(repo) == [(4, "data", "30/02/2021", "nao_data"), (5, "data", "31/12/1999", "abaixo_do_minimo")]


def test_a_gap_says_why_and_a_recoded_text_is_typed(repo: Repository) -> None:
    missing: list[object] = ["", {"value": "...", "label": "não disponível"}, {"value": "X", "label": "omitido"}]
    value = {"name": "valor", "type": "number", "missingValues": missing, "recode": {"-": "0"}}
    text = "codigo,ano,valor\n3550308,2019,...\n3550308,2020,X\n3550308,2021,-\n3550308,2022,\n"
    repo.ingest("x/y", declaration(value), text)
    assert values(repo) == [None, None, 0.0, None]
    assert values(repo, "valor_original") == ["...", "X", "-", None]
    assert values(repo, "justificativa") == ["não disponível", "omitido", None, None]


def test_numbers_written_both_ways_are_read_where_only_one_reading_is_possible(repo: Repository) -> None:
    value = {"name": "valor", "type": "number", "decimalChar": "any"}
    texts = ["2.021,00", "2021.5", "1,50", "1.50", "0.123", "1.234.567", "1,234.5", "12", "1.234", "1,234", "1.234,5.6"]
    rows = "".join(f'3550308,{2000 + i},"{text}"\n' for i, text in enumerate(texts))
    repo.ingest("x/y", declaration(value), "codigo,ano,valor\n" + rows)
    assert values(repo) == [2021.0, 2021.5, 1.5, 1.5, 0.123, 1_234_567.0, 1234.5, 12.0]
    assert [(text, reason) for _line, _column, text, reason in rejects(repo)] == [
        ("1.234", "numero_ambiguo"),
        ("1,234", "numero_ambiguo"),
        ("1.234,5.6", "nao_numero"),
    ]


def test_zero_before_a_group_is_no_thousand(repo: Repository) -> None:
    value = {"name": "valor", "type": "number", "decimalChar": ",", "groupChar": "."}
    repo.ingest("x/y", declaration(value), 'codigo,ano,valor\n3550308,2020,0.123\n3550308,2021,"1.123,5"\n')
    assert (values(repo), rejects(repo)) == ([1123.5], [(2, "valor", "0.123", "nao_numero")])


def units(repo: Repository) -> dict[str, object]:
    (repo.root / "configs/tabelas/unidade.csv").write_text("unidade,base,fator\nMil Reais,real,1000\nReais,real,1\n")
    lookup = {"of": "unidade", "table": "configs/tabelas/unidade.csv", "key": "unidade", "value": "fator"}
    return declaration({"name": "unidade", "type": "string"}, {"name": "valor", "type": "number", "factor": lookup})


def test_a_factor_is_looked_up_by_the_unit_of_the_row(repo: Repository) -> None:
    rows = ["2019,Mil Reais,1.5", "2020,Reais,7", "2021,Dólares,1", "2022,,"]
    text = "codigo,ano,unidade,valor\n" + "".join(f"3550308,{row}\n" for row in rows)
    repo.ingest("x/y", units(repo), text)
    assert values(repo) == [1500.0, 7.0, None]
    assert rejects(repo) == [(4, "valor", "1", "unidade_desconhecida")]


def test_texts_are_values_with_a_column_and_checks_of_their_own(repo: Repository) -> None:
    value = {"name": "valor", "type": "string", "missingValues": ["n.d."], "constraints": {"enum": ["A", "B", "Z"]}}
    accepted = {"check": "accepted_values", "level": "warn", "field": "valor", "values": ["A", "B"]}
    text = "codigo,ano,valor\n3550308,2019,A\n3550308,2020,n.d.\n3550308,2021,Z\n3550308,2022,?\n"
    found = warnings(repo, declaration(value, checks=[accepted]), text)
    assert (values(repo), values(repo, "valor_texto")) == ([None] * 3, ["A", None, "Z"])
    assert rejects(repo) == [(5, "valor", "?", "fora_da_lista")]
    assert found == {"accepted_values valor": ["Z ×1"]}


def named(*, note: bool = False) -> dict[str, object]:
    fields: list[dict[str, object]] = [
        {"name": "conta", "type": "string"},
        {"name": "numero", "type": "string", "derive": {"extract": {"of": "conta", "pattern": r"^(\d+)"}}},
        {"name": "id", "type": "string", "derive": {"slug": "Conta {numero} / {conta}"}},
        {"name": "palavra", "type": "string", "source": "valor", "constraints": {"pattern": r"\D*"}},
        {"name": "obs", "type": "string", "constraints": {}},
    ]
    columns = {"id": "id", "name": "conta", "value": "valor", "text": "palavra"} | ({"note": "obs"} if note else {})
    return declaration(*fields, indicators=[], indicator_columns=columns)


def test_rows_name_their_own_indicator(repo: Repository) -> None:
    head = "codigo,ano,conta,valor,obs\n"
    text = head + "3550308,2020,10 Saúde,5,\n3304557,2020,10 Saúde,sim,dito\n3550308,2020,12 Educação,1e3,\n"
    report = repo.ingest("x/y", named(note=True), text)
    assert [row["id_indicador"] for row in repo.rows("x/y", "indicador.parquet")] == [
        "conta_10_10_saude",
        "conta_12_12_educacao",
    ]
    health = repo.rows("x/y", "observacao/conta_10_10_saude.parquet")
    assert [(row["valor"], row["valor_texto"], row["justificativa"]) for row in health] == [
        (None, "sim", "dito"),
        (5.0, None, None),
    ]
    assert repo.rows("x/y", "observacao/conta_12_12_educacao.parquet") == []
    assert rejects(repo) == [(4, "valor", "1e3", "nao_numero")]
    assert (report.rows_read, report.rows_kept, report.rows_rejected) == (3, 2, 1)


def test_an_indicator_with_two_names_is_told(repo: Repository) -> None:
    content = named()
    content["fields"] = [
        f if f["name"] != "id" else {"name": "id", "type": "string", "derive": {"slug": "c {numero}"}}
        for f in content["fields"]  # type: ignore[attr-defined]
    ]
    found = warnings(repo, content, "codigo,ano,conta,valor,obs\n3550308,2020,10 A,1,\n3304557,2020,10 B,2,\n")
    assert found == {"indicator_name": ["c_10: 10 A ≠ 10 B"]}


def test_an_id_that_is_no_file_name_rejects_the_row(repo: Repository) -> None:
    content = named()
    content["fields"] = [
        f if f["name"] != "id" else {"name": "id", "type": "string", "source": "conta"}
        for f in content["fields"]  # type: ignore[attr-defined]
    ]
    report = repo.ingest("x/y", content, "codigo,ano,conta,valor,obs\n3550308,2020,../fora,1,\n3550308,2020,b,2,\n")
    assert rejects(repo) == [(2, "id", "../fora", "id_invalido")]
    assert (report.rows_read, report.rows_kept, report.rows_rejected) == (2, 1, 1)
    assert not (repo.root / "data/ingested/x/fora.parquet").exists()


def test_rows_that_all_fail_leave_an_empty_dataset_that_can_be_read(repo: Repository) -> None:
    report = repo.ingest("x/y", named(), "codigo,ano,conta,valor,obs\n3550308,0,10 A,1,\n")
    assert (report.rows_read, report.rows_kept, report.match_rate) == (1, 0, None)
    assert repo.rows("x/y", "observacao/sem_linhas.parquet") == []


def test_a_column_nobody_expects_is_told_and_a_known_one_is_not(repo: Repository) -> None:
    text = "codigo,ano,valor,novo,velho\n3550308,2020,1,x,y\n"
    assert warnings(repo, declaration(ignore=["ve*"]), text) == {"unknown_column": ["a.csv: novo"]}


def test_a_value_column_without_any_value_stops_the_stage(repo: Repository) -> None:
    repo.ingest("x/y", declaration(), "codigo,ano,valor\n3550308,2020,1\n")
    with pytest.raises(DataError, match="empty_column valor"):
        repo.ingest("x/y", declaration(), "codigo,ano,valor\n3550308,2020,\n3304557,2020,\n")
    assert values(repo) == [1.0]


def test_duplicates_of_many_rows_are_rejected_across_batches(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key twice, in batches of three rows and a sorted pass of five: each pair is found."""
    from observatudo.ingest import collect, observations

    monkeypatch.setattr(collect, "_ROWS", 3)
    monkeypatch.setattr(observations, "_BATCH", 5)
    body = "".join(f"3550308,{year},{year}\n" for year in range(1990, 2020))
    with pytest.raises(DataError, match="unique_key: 60 failing"):
        repo.ingest("x/y", declaration(), "codigo,ano,valor\n" + body + body)
    report = repo.ingest("x/y", declaration(), "codigo,ano,valor\n" + body)
    assert (report.rows, values(repo)) == (30, [float(year) for year in range(1990, 2020)])


def test_every_name_asked_for_is_kept_with_where_it_led(repo: Repository) -> None:
    text = "ano,uf,cidade,quantidade\n2020,SP,SAO PAULO,1\n2021,SP,SAO PAULO,1\n2020,SP,Nenhures,1\n"
    repo.ingest("x/y", LONG, text)
    assert repo.rows("x/y", "casamento.parquet") == [
        {
            "sigla_uf": "SP",
            "nome": name,
            "id_municipio": code,
            "relacao": relation,
            "motivo": reason,
            "linhas": count,
        }
        for name, code, relation, reason, count in (
            ("Nenhures", None, None, "municipio_nao_encontrado", 1),
            ("SAO PAULO", "3550308", "oficial", None, 2),
        )
    ]


CONTRADICTIONS: dict[str, dict[str, object]] = {
    "indicators.x_valor.text: the field “codigo2”": {
        "indicators": [{"id": "x_valor", "name": "X", "value": "valor", "text": "codigo2", "unit": "u"}]
    },
    "give either date, or year": {"period": {"year": "ano", "date": "ano"}},
    "period.date: the field “ano” must be of type date": {"period": {"date": "ano"}},
    "give either indicators or indicator_columns": {
        "indicator_columns": {"id": "codigo", "name": "codigo", "value": "valor"}
    },
}


@pytest.mark.parametrize("expected", CONTRADICTIONS)
def test_a_declaration_that_contradicts_itself_is_explained(repo: Repository, expected: str) -> None:
    extra = {"name": "codigo2", "type": "integer"}
    with pytest.raises(ConfigError) as error:
        repo.ingest("x/y", declaration(extra, **CONTRADICTIONS[expected]), "codigo,ano,valor\n")
    assert expected in error.value.message
