"""Ingest on small files: every row is accounted for, every reject says where and why, nothing is guessed."""

from __future__ import annotations

import copy
import datetime
from pathlib import Path

import pytest

from observatudo import snapshots
from observatudo.errors import ConfigError, DataError, SnapshotError
from observatudo.ingest.pipeline import ingest
from tests.builder import LONG, Repository, changed, repository

HEADER = "ano,uf,cidade,quantidade\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def test_long_rows_become_observations(repo: Repository) -> None:
    report = repo.ingest("x/y", LONG, HEADER + "2020,SP,SAO PAULO,10\n2020,RJ,Rio de  Janeiro,7\n")
    assert (report.rows_read, report.rows_kept, report.rows_rejected, report.match_rate) == (2, 2, 0, 1.0)
    assert repo.rows("x/y", "observacao/teste_valor.parquet") == [
        {
            "id_indicador": "teste_valor",
            "id_municipio": code,
            "data_referencia": datetime.date(2020, 1, 1),
            "periodicidade": "anual",
            "valor": value,
            "valor_texto": None,
            "valor_original": text,
            "justificativa": None,
        }
        for code, value, text in (("3304557", 7.0, "7"), ("3550308", 10.0, "10"))
    ]


def test_progress_is_told_in_bytes_to_the_last(repo: Repository) -> None:
    repo.ingest("x/y", LONG, HEADER + "2020,SP,São Paulo,1\n")
    told: list[tuple[int, int]] = []
    ingest(repo.root, "x/y", lambda done, total: told.append((done, total)))
    size = (repo.root / "data/raw/x/y/a.csv").stat().st_size
    assert told == [(size, size)]


def test_every_reject_keeps_its_place_and_text(repo: Repository) -> None:
    rows = [
        '2020,SP,"São\nPaulo",x1',  # lines 2-3: the newline inside shifts the lines after it
        "2020,SP,Atlântida,1",
        "20x0,SP,São Paulo,2",
        "1899,SP,São Paulo,3",
        "2020,SP,São Paulo",
        "2020,SP,São Paulo,-4",
        "",
        "2021,SP,São Paulo,5",
    ]
    report = repo.ingest("x/y", LONG, HEADER + "\n".join(rows) + "\n")
    found = [(r["linha"], r["coluna"], r["texto"], r["motivo"]) for r in repo.rows("x/y", "rejeitado.parquet")]
    assert found == [
        (2, "quantidade", "x1", "nao_inteiro"),
        (4, "cidade", "Atlântida", "municipio_nao_encontrado"),
        (5, "ano", "20x0", "nao_inteiro"),
        (6, "ano", "1899", "abaixo_do_minimo"),
        (7, "3/4", "2020,SP,São Paulo", "numero_de_colunas"),
        (8, "quantidade", "-4", "abaixo_do_minimo"),
        (9, "", "", "linha_vazia"),
    ]
    assert (report.rows_read, report.rows_kept, report.rows_rejected) == (8, 1, 7)
    assert sum(report.rejected_by_reason.values()) == 7


def test_a_missing_value_is_kept_as_null(repo: Repository) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[3]["missingValues"] = ["", "N.D."]
    report = repo.ingest("x/y", declaration, HEADER + "2020,SP,São Paulo,N.D.\n2021,SP,São Paulo,1\n")
    missing, _there = repo.rows("x/y", "observacao/teste_valor.parquet")
    assert report.rows_kept == 2
    assert (missing["valor"], missing["valor_original"]) == (None, "N.D.")


def test_the_same_name_in_another_state_is_another_place(repo: Repository) -> None:
    report = repo.ingest("x/y", LONG, HEADER + "2020,PB,Santarém,1\n2020,PA,Santarém,2\n")
    assert report.rejected_by_reason == {"municipio_nao_encontrado": 1}
    assert [r["id_municipio"] for r in repo.rows("x/y", "observacao/teste_valor.parquet")] == ["1506807"]


def exceptions(repo: Repository, *rows: str) -> dict[str, object]:
    path = repo.root / "configs/tabelas/excecao.csv"
    path.write_text("sigla_uf,nome,id_municipio,relacao,motivo\n" + "".join(f"{row}\n" for row in rows))
    locality = {"name": "cidade", "state": "uf", "exceptions": "configs/tabelas/excecao.csv"}
    return changed(LONG, locality=locality)


def test_exceptions_name_a_place_and_parts_add_up(repo: Repository) -> None:
    declaration = exceptions(repo, "MT,Poxoréo,5107008,grafia,x", "DF,Gama,5300108,parte,y", "DF,Guará,5300108,parte,z")
    body = "2020,DF,Brasília,100\n2020,DF,Gama,20\n2020,DF,Guará,3\n2020,MT,Poxoreo,4\n"
    report = repo.ingest("x/y", declaration, HEADER + body)
    values = [(r["valor"], r["justificativa"]) for r in repo.rows("x/y", "observacao/teste_valor.parquet")]
    assert values == [(4.0, None), (123.0, "soma de 3 linhas")]
    assert (report.rows_kept, report.rows) == (4, 2)


def test_an_exception_of_another_state_is_refused(repo: Repository) -> None:
    with pytest.raises(ConfigError, match="PB/Santarém/1506807"):
        repo.ingest("x/y", exceptions(repo, "PB,Santarém,1506807,grafia,x"), HEADER + "2020,SP,São Paulo,1\n")


def test_a_name_of_two_municipalities_is_not_guessed(repo: Repository) -> None:
    declaration = exceptions(repo, "SP,Sampa,3550308,grafia,x", "SP,sampa,3503307,grafia,y")
    report = repo.ingest("x/y", declaration, HEADER + "2020,SP,Sampa,1\n")
    assert report.rejected_by_reason == {"nome_ambiguo": 1}


def test_duplicate_keys_are_named_and_stop_the_stage(repo: Repository) -> None:
    repo.ingest("x/y", LONG, HEADER + "2020,SP,São Paulo,1\n")
    before = repo.rows("x/y", "observacao/teste_valor.parquet")
    with pytest.raises(DataError, match=r"teste_valor/3550308/2020-01-01 \(a.csv:2, a.csv:4\)"):
        repo.ingest("x/y", LONG, HEADER + "2020,SP,São Paulo,1\n2020,RJ,Rio de Janeiro,1\n2020,SP,Sao Paulo,2\n")
    assert repo.rows("x/y", "observacao/teste_valor.parquet") == before


def block(state_a: str, names_a: list[str], state_b: str, names_b: list[str], values: list[int]) -> str:
    rows = [(state_a, n, v) for n, v in zip(names_a, values, strict=True)]
    rows += [(state_b, n, v) for n, v in zip(names_b, values, strict=True)]
    return HEADER + "".join(f"2020,{uf},{name},{value}\n" for uf, name, value in rows)


BLOCK = changed(
    LONG,
    checks=[{"check": "repeated_block", "level": "warn", "field": "quantidade", "within": ["ano"], "minimum": 4}],
)


def test_a_copied_block_is_rejected_where_the_names_do_not_belong(repo: Repository) -> None:
    # Araras is also a town of SP: the copy under RJ holds one name that matches by chance elsewhere
    names = ["São Paulo", "Araras", "Campinas", "Santos"]
    report = repo.ingest("x/y", BLOCK, block("SP", names, "RJ", ["Rio de Janeiro", *names[1:]], [5, 8, 2, 9]))
    # SP: two of four names are in the list; RJ: one of four, which is why it is the copy
    assert report.rejected_by_reason == {"bloco_repetido": 4, "municipio_nao_encontrado": 2}
    assert [r["id_municipio"] for r in repo.rows("x/y", "observacao/teste_valor.parquet")] == ["3503307", "3550308"]
    (check,) = [c for c in report.checks if c.check == "repeated_block"]
    assert check.sample == ["2020: RJ (4) = RJ+SP"]


def test_a_block_nobody_can_tell_apart_is_rejected_on_both_sides(repo: Repository) -> None:
    names = ["a", "b", "c", "d"]
    report = repo.ingest("x/y", BLOCK, block("SP", names, "RJ", names, [5, 8, 2, 9]))
    assert report.rejected_by_reason == {"bloco_repetido": 8}


@pytest.mark.parametrize("values", [[1, 1, 1, 1], [1, 2, 1, 2]])
def test_a_monotonous_run_proves_nothing(repo: Repository, values: list[int]) -> None:
    report = repo.ingest("x/y", BLOCK, block("SP", ["a", "b", "c", "d"], "RJ", ["e", "f", "g", "h"], values))
    assert "bloco_repetido" not in report.rejected_by_reason


def test_wide_years_become_rows(repo: Repository) -> None:
    declaration = changed(
        LONG,
        melt={"pattern": r"ano_(\d{4})", "variable": "ano", "value": "quantidade"},
        locality={"code": "codigo"},
        fields=[
            {"name": "codigo", "type": "string"},
            {"name": "ano", "type": "integer"},
            {"name": "quantidade", "type": "number", "decimalChar": ",", "groupChar": "."},
        ],
    )
    text = "codigo;ano_2019;ano_2020\n3550308;1.234,5;7\n3304557;x;\n9999999;1;2\n"
    declaration["resources"] = [{"path": "*.csv", "format": "csv", "dialect": {"delimiter": ";"}}]
    report = repo.ingest("x/y", declaration, text)
    found = [
        (r["id_municipio"], str(r["data_referencia"]), r["valor"])
        for r in repo.rows("x/y", "observacao/teste_valor.parquet")
    ]
    assert found == [("3304557", "2020-01-01", None), ("3550308", "2019-01-01", 1234.5), ("3550308", "2020-01-01", 7.0)]
    # three rows of the file: two kept (one with a reject for its word), one of an unknown code
    assert (report.rows_read, report.rows_kept, report.rows_rejected) == (3, 2, 1)
    assert report.rejected_by_reason == {"codigo_desconhecido": 1, "nao_numero": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.234", 1234.0), ("1.234,56", 1234.56), ("-0,5", -0.5), ("12.34", None), ("1,234.56", None), ("1e3", None)]
    + [(word, None) for word in ("nan", "inf", "NaN", "1 000", "--1", "1,", ",5", "0x10", "1.23.456")],
)
def test_the_number_grammar_is_strict(repo: Repository, text: str, value: float | None) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[3] = {"name": "quantidade", "type": "number", "decimalChar": ",", "groupChar": "."}
    repo.ingest("x/y", declaration, HEADER + f'2020,SP,São Paulo,"{text}"\n2020,RJ,Rio de Janeiro,"1"\n')
    rows = {r["id_municipio"]: r["valor"] for r in repo.rows("x/y", "observacao/teste_valor.parquet")}
    assert rows.get("3550308") == value
    rejected = [r["texto"] for r in repo.rows("x/y", "rejeitado.parquet")]
    assert rejected == ([] if value is not None else [text])


def test_a_text_value_has_its_own_column(repo: Repository) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[3] = {"name": "quantidade", "type": "string", "constraints": {"enum": ["A", "B"]}}
    repo.ingest("x/y", declaration, HEADER + "2020,SP,São Paulo,A\n2020,RJ,Rio de Janeiro,Z\n")
    (row,) = repo.rows("x/y", "observacao/teste_valor.parquet")
    assert (row["valor"], row["valor_texto"]) == (None, "A")
    (reject,) = repo.rows("x/y", "rejeitado.parquet")
    assert (reject["texto"], reject["motivo"]) == ("Z", "fora_da_lista")


def test_a_column_found_under_an_older_name(repo: Repository) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[2]["source"] = ["municipio", "cidade"]
    report = repo.ingest("x/y", declaration, HEADER + "2020,SP,São Paulo,1\n")
    assert report.rows_kept == 1


def test_a_missing_column_is_named_with_what_is_there(repo: Repository) -> None:
    with pytest.raises(DataError, match=r"field “cidade”") as error:
        repo.ingest("x/y", LONG, "ano,uf,cidad,quantidade\n2020,SP,São Paulo,1\n")
    assert "cidad" in error.value.next_step


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEADER.encode() + "2020,SP,São Paulo,1\n".encode("latin-1"), "not utf-8 text"),
        (b"ano,ano,uf,cidade,quantidade\n", "names a column twice: ano"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(repo: Repository, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        repo.ingest("x/y", LONG, content)
    assert "a.csv" in error.value.where


def test_latin_1_is_read_when_declared(repo: Repository) -> None:
    declaration = changed(LONG, resources=[{"path": "*.csv", "format": "csv", "encoding": "latin-1"}])
    report = repo.ingest("x/y", declaration, (HEADER + "2020,SP,São Paulo,1\n").encode("latin-1"))
    assert report.rows_kept == 1


def test_an_edited_snapshot_is_refused(repo: Repository) -> None:
    repo.ingest("x/y", LONG, HEADER + "2020,SP,São Paulo,1\n")
    path = repo.root / "data/raw/x/y/a.csv"
    path.write_text(path.read_text().replace(",1", ",9"))
    with pytest.raises(SnapshotError, match="SHA-256"):
        ingest(repo.root, "x/y")


def test_a_param_nobody_uses_is_an_error(repo: Repository) -> None:
    declaration = changed(LONG, checks=[{"check": "rows", "level": "fatal", "minimum": {"param": "min_rows"}}])
    repo.declare("x/y", declaration, {"min_row": 1})
    repo.snapshot("x/y", "a.csv", HEADER)
    with pytest.raises(ConfigError, match="min_row; did you mean “min_rows”"):
        ingest(repo.root, "x/y")


def test_a_fatal_check_stops_and_a_warning_does_not(repo: Repository) -> None:
    body = HEADER + "2020,SP,São Paulo,1\n"
    warned = changed(LONG, checks=[{"check": "rows", "level": "warn", "minimum": 2}])
    report = repo.ingest("x/y", warned, body)
    assert [check.passed for check in report.checks] == [False, True]
    with pytest.raises(DataError, match="found 1, limit 2"):
        repo.ingest("x/y", changed(LONG, checks=[{"check": "rows", "level": "fatal", "minimum": 2}]), body)


def test_a_broken_check_shows_the_rows(repo: Repository) -> None:
    declaration = changed(
        LONG,
        checks=[
            {"check": "match_rate", "level": "warn", "minimum": 1},
            {"check": "null_rate", "level": "warn", "field": "quantidade", "maximum": 0.1},
            {"check": "range", "level": "warn", "field": "quantidade", "maximum": 10},
        ],
    )
    body = "2020,SP,Atlântida,1\n2020,RJ,Atlântida,1\n2020,SP,São Paulo,\n2020,PA,Santarém,11\n"
    report = repo.ingest("x/y", declaration, HEADER + body)
    assert [(check.check, check.sample) for check in report.checks] == [
        ("match_rate", ["Atlântida ×2 (a.csv:2)"]),
        ("null_rate", ["a.csv:4"]),
        ("range", ["a.csv:5: 11"]),
        ("unique_key", []),
    ]


def test_a_directory_from_two_sources_records_what_disagrees(repo: Repository) -> None:
    declaration: dict[str, object] = {
        "kind": "referencia",
        "resources": [
            {"path": "a.json", "format": "json", "records": "novos.[]"},
            {"path": "a.json", "format": "json", "records": "antigos.{codigo}"},
        ],
        "fields": [
            {"name": "id", "type": "string", "source": ["id", "codigo"]},
            {"name": "nome", "type": "string"},
            {"name": "capital", "type": "boolean"},
        ],
        "primaryKey": ["id"],
    }
    text = (
        '{"novos": [{"id": 1, "nome": "Assú"}], "antigos": {"1": {"nome": "Açu", "capital": true}, "2": {"nome": "B"}}}'
    )
    report = repo.ingest("x/y", declaration, text, "a.json")
    assert repo.rows("x/y", "referencia.parquet") == [
        {"id": "1", "nome": "Assú", "capital": True},
        {"id": "2", "nome": "B", "capital": None},
    ]
    (difference,) = repo.rows("x/y", "divergencia.parquet")
    assert (difference["coluna"], difference["valor_adotado"], difference["valor"]) == ("nome", "Assú", "Açu")
    assert (report.rows_read, report.rows_kept, report.divergences) == (3, 3, 1)


def test_the_same_inputs_give_the_same_bytes(repo: Repository) -> None:
    body = HEADER + "".join(f"{1990 + i},SP,São Paulo,{i}\n" for i in range(50))
    repo.ingest("x/y", LONG, body)
    folder = repo.root / "data/ingested/x/y"
    first = {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    ingest(repo.root, "x/y")
    assert {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == first
    assert len(first) == 5


def test_parts_that_do_not_add_up_are_shown(repo: Repository) -> None:
    declaration: dict[str, object] = {
        "kind": "referencia",
        "resources": [{"path": "*.csv", "format": "csv"}],
        "fields": [{"name": "codigo", "type": "string"}, {"name": "pessoas", "type": "integer"}],
        "primaryKey": ["codigo"],
        "locality": {"code": "codigo", "levels": ["municipio", "uf", "pais"]},
        "checks": [{"check": "parts_sum", "level": "warn", "field": "pessoas", "tolerance": 0.01}],
    }
    body = "codigo,pessoas\n3550308,100\n3503307,50\n35,150\n5300108,90\n53,100\n3304557,7\n1,350\n"
    report = repo.ingest("x/y", declaration, body)
    (check, _unique) = report.checks
    assert (check.failed, check.sample) == (1, ["53: 90 ≠ 100"])
    assert report.match_rate == 1.0


def town(state: str, values: list[int]) -> list[tuple[str, str, int]]:
    return [(state, f"{state} {i}", value) for i, value in enumerate(values)]


def test_two_copied_blocks_in_one_state_are_both_found_and_nothing_else(repo: Repository) -> None:
    first, second, own = [5, 8, 2, 9, 4], [31, 7, 12, 6], [100, 200, 300]
    rows = town("MG", first) + town("SP", second)
    rows += [("RJ", name, value) for _uf, name, value in town("MG", first)] + town("RJ", own)
    rows += [("RJ", name, value) for _uf, name, value in town("SP", second)]
    code = {"MG": "3106200", "SP": "3550308", "RJ": "3304557"}
    parts = [f"{name[:2]},{name},{code[name[:2]]},parte,x" for name in sorted({name for _uf, name, _v in rows})]
    declaration = exceptions(repo, *parts) | {"checks": BLOCK["checks"]}
    body = "".join(f"2020,{uf},{name},{value}\n" for uf, name, value in rows)
    report = repo.ingest("x/y", declaration, HEADER + body)
    assert report.rejected_by_reason == {"bloco_repetido": 9}
    values = {r["id_municipio"]: r["valor"] for r in repo.rows("x/y", "observacao/teste_valor.parquet")}
    assert values == {"3106200": sum(first), "3550308": sum(second), "3304557": sum(own)}


def test_the_same_part_twice_is_a_duplicate(repo: Repository) -> None:
    declaration = exceptions(repo, "DF,Gama,5300108,parte,y")
    body = "2020,DF,Brasília,100\n2020,DF,Gama,7\n2020,DF,gama,7\n"
    with pytest.raises(DataError, match=r"5300108/2020-01-01 \(a.csv:2, a.csv:3, a.csv:4\)"):
        repo.ingest("x/y", declaration, HEADER + body)


def test_an_open_quote_stops_the_stage_where_it_opens(repo: Repository) -> None:
    with pytest.raises(DataError, match="opened in the record of line 3"):
        repo.ingest("x/y", LONG, HEADER + '2020,SP,São Paulo,1\n2020,RJ,"Rio,2\n2020,PA,Santarém,3\n')


def test_a_row_without_its_period_is_a_reject(repo: Repository) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[0] = {"name": "ano", "type": "integer"}
    fields.append({"name": "mes", "type": "integer"})
    declaration["period"] = {"year": "ano", "month": "mes"}
    body = (
        "2020,SP,São Paulo,1,1\n,SP,São Paulo,2,1\n2020,SP,São Paulo,3,\n2020,SP,São Paulo,4,13\n0,SP,São Paulo,5,1\n"
    )
    report = repo.ingest("x/y", declaration, HEADER.strip() + ",mes\n" + body)
    found = [(r["linha"], r["coluna"], r["motivo"]) for r in repo.rows("x/y", "rejeitado.parquet")]
    assert found == [
        (3, "ano", "vazio"),
        (4, "mes", "vazio"),
        (5, "mes", "acima_do_maximo"),
        (6, "ano", "abaixo_do_minimo"),
    ]
    assert report.rows_kept == 1


def test_the_match_rate_is_of_rows_that_name_a_place(repo: Repository) -> None:
    body = "".join(f"18{i:02d},SP,São Paulo,1\n" for i in range(90)) + "2020,SP,Atlântida,1\n2020,SP,São Paulo,1\n"
    assert repo.ingest("x/y", LONG, HEADER + body).match_rate == 0.5


def test_a_number_beyond_all_bounds_is_a_reject(repo: Repository) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[3] = {"name": "quantidade", "type": "number"}
    report = repo.ingest("x/y", declaration, HEADER + f"2020,SP,São Paulo,{'9' * 400}\n2020,PA,Santarém,1\n")
    assert report.rejected_by_reason == {"nao_numero": 1}


def one_more_file(repo: Repository, key: str, name: str, content: str) -> None:
    """Put one more file into a snapshot, as a package of several files would."""
    folder = repo.root / "data/raw" / key
    (folder / name).write_text(content)
    sidecar = snapshots.read(repo.root, key)
    files = {**sidecar.files, name: snapshots.describe(folder / name, "test")}
    (folder / "snapshot.json").write_text(sidecar.model_copy(update={"files": files}).to_json())


def test_a_file_no_resource_reads_is_an_error(repo: Repository) -> None:
    repo.ingest("x/y", LONG, HEADER + "2020,SP,São Paulo,1\n")
    one_more_file(repo, "x/y", "b.CSV", HEADER)
    with pytest.raises(DataError, match="no resource of the declaration reads") as error:
        ingest(repo.root, "x/y")
    assert error.value.where.endswith("b.CSV")


@pytest.mark.parametrize(
    ("header", "message"),
    [("\n", "names no column"), ("ano,uf,cidade,quantidade,ANO\n", "a column twice: ANO, ano"), ("_r,a\n", "taken by")],
)
def test_a_header_that_cannot_serve_is_refused(repo: Repository, header: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        repo.ingest("x/y", LONG, header + "2020,SP,São Paulo,1,2020\n")


def test_a_trailing_delimiter_in_the_header_is_a_column_without_a_name(repo: Repository) -> None:
    report = repo.ingest("x/y", LONG, HEADER.strip() + ",\n2020,SP,São Paulo,1,\n")
    assert (report.rows_kept, report.ignored_columns) == (1, {"a.csv": ["coluna_5"]})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"sigla_uf,nome\nSP,x\n", "no column “id_municipio”"),
        ("sigla_uf,nome,id_municipio,relacao,motivo\nSP,São,1,a,b\n".encode("latin-1"), "CSV in UTF-8"),
        (b"sigla_uf,nome,id_municipio,relacao,motivo\nSP,x\n", "more or fewer values"),
        (b"sigla_uf,nome,id_municipio,relacao,motivo\nSP,x,3550308,,y\n", "SP/x/3550308"),
    ],
)
def test_a_table_of_exceptions_that_cannot_serve_is_refused(repo: Repository, table: bytes, message: str) -> None:
    declaration = exceptions(repo)
    (repo.root / "configs/tabelas/excecao.csv").write_bytes(table)
    with pytest.raises(ConfigError, match=message):
        repo.ingest("x/y", declaration, HEADER + "2020,SP,São Paulo,1\n")


def test_a_sidecar_cannot_name_files_elsewhere(repo: Repository) -> None:
    repo.ingest("x/y", LONG, HEADER + "2020,SP,São Paulo,1\n")
    path = repo.root / "data/raw/x/y/snapshot.json"
    path.write_text(path.read_text().replace('"a.csv"', '"../../../../params.yaml"'))
    with pytest.raises(SnapshotError):
        ingest(repo.root, "x/y")
