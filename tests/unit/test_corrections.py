"""Declared corrections: applied before typing, told wherever the value is, and refused once they are stale."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from observatudo import config, corrections
from observatudo.errors import ConfigError, DataError
from observatudo.ingest.pipeline import Report, ingest
from tests.builder import LONG, Repository, changed, repository

KEY = "x/y"
HEADER = "ano,uf,cidade,quantidade\n"
BODY = "2020,SP,São Paulo,10x\n2020,RJ,Rio de Janeiro,7\n"
PLACE = {"id_indicador": "teste_valor", "id_municipio": "3550308", "data_referencia": "2020-01-01"}
SAID = {"reason": "um x a mais", "source": "https://exemplo.org/errata", "who": "Ana", "when": "2026-11-01"}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def write(repo: Repository, *items: dict[str, object], key: str = KEY) -> Path:
    """Write the file of corrections as a person would: the day of ``when`` is a day in YAML."""
    path = repo.root / corrections.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"corrections": [SAID | item for item in items]}, allow_unicode=True, sort_keys=False)
    path.write_text(text.replace("'2026-11-01'", "2026-11-01"), encoding="utf-8")
    return path


def take(repo: Repository, body: str = BODY, declaration: dict[str, object] = LONG) -> Report:
    return repo.ingest(KEY, declaration, HEADER + body)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def observations(repo: Repository) -> list[dict[str, object]]:
    return repo.rows(KEY, "observacao/teste_valor.parquet")


def test_a_value_that_could_not_be_read_is_read_as_corrected_and_says_so(repo: Repository) -> None:
    write(repo, {"key": PLACE, "from": "10x", "to": "10"})
    report = take(repo)
    assert (report.rows_kept, report.rows_rejected, report.corrections) == (2, 0, 1)
    corrected = next(row for row in observations(repo) if row["id_municipio"] == "3550308")
    assert (corrected["valor"], corrected["valor_original"]) == (10.0, "10x")
    assert corrected["justificativa"] == "corrigido: um x a mais"
    other = next(row for row in observations(repo) if row["id_municipio"] == "3304557")
    assert (other["valor"], other["valor_original"], other["justificativa"]) == (7.0, "7", None)
    (told,) = repo.rows(KEY, "correcao.parquet")
    assert told["chave"] == "teste_valor/3550308/2020-01-01"
    assert (told["coluna"], told["valor_publicado"], told["valor_corrigido"]) == ("quantidade", "10x", "10")
    assert (told["motivo"], told["quem"], told["arquivo"], told["linha"]) == ("um x a mais", "Ana", "a.csv", 2)


def test_without_corrections_the_bytes_are_those_of_a_dataset_that_has_no_file_of_them(repo: Repository) -> None:
    take(repo)
    folder = repo.root / "data/ingested" / KEY
    before = digests(folder)
    (repo.root / corrections.path(KEY)).parent.mkdir(parents=True)
    (repo.root / corrections.path(KEY)).write_text(corrections.EMPTY, encoding="utf-8")
    ingest(repo.root, KEY)
    assert digests(folder) == before
    assert "correcao.parquet" not in before
    assert "corrections" not in (folder / "relatorio.json").read_text(encoding="utf-8")


def test_checks_and_constraints_hold_for_what_is_read_instead(repo: Repository) -> None:
    write(repo, {"key": PLACE, "from": "10x", "to": "-10"})
    report = take(repo)
    assert report.rejected_by_reason == {"abaixo_do_minimo": 1}


def test_a_missing_value_is_filled_in_and_a_wrong_one_taken_out(repo: Repository) -> None:
    rio = PLACE | {"id_municipio": 3304557}
    write(repo, {"key": PLACE, "from": "", "to": "3"}, {"key": rio, "from": "7", "to": ""})
    take(repo, "2020,SP,São Paulo,\n2020,RJ,Rio de Janeiro,7\n2021,RJ,Rio de Janeiro,8\n")
    found = {(row["id_municipio"], str(row["data_referencia"])): row for row in observations(repo)}
    filled, emptied = found["3550308", "2020-01-01"], found["3304557", "2020-01-01"]
    assert (filled["valor"], filled["valor_original"]) == (3.0, None)
    assert (emptied["valor"], emptied["valor_original"]) == (None, "7")
    assert emptied["justificativa"] == "corrigido: um x a mais"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BODY.replace("10x", "11x"), "published now: “11x” (a.csv:2), not “10x”"),
        (BODY.replace("10x", "10"), "the source has corrected it: delete the correction"),
        ("2020,RJ,Rio de Janeiro,7\n", "no row has this key"),
    ],
)
def test_a_stale_correction_stops_the_stage_and_names_line_key_and_edit(repo: Repository, body: str, said: str) -> None:
    write(repo, {"key": PLACE, "from": "10x", "to": "10"})
    take(repo)
    before = digests(repo.root / "data/ingested" / KEY)
    with pytest.raises(DataError) as stopped:
        take(repo, body)
    assert said in str(stopped.value)
    assert f"{corrections.path(KEY)}:2: teste_valor/3550308/2020-01-01 quantidade" in str(stopped.value)
    assert digests(repo.root / "data/ingested" / KEY) == before


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"key": {"id_municipio": "3550308"}, "from": "a", "to": "b"}, "the key of this dataset is id_indicador, id_"),
        ({"key": PLACE | {"id_indicador": "teste_valr"}, "from": "a", "to": "b"}, "did you mean “teste_valor”?"),
        ({"key": PLACE, "from": "a", "to": "a"}, "“from” and “to” are the same"),
        ({"key": PLACE, "field": "quantidad", "from": "a", "to": "b"}, "did you mean “quantidade”?"),
        ({"key": PLACE, "from": 1.0, "to": "b"}, "corrections.0.from"),
        ({"key": PLACE, "from": "a", "to": "b", "reason": ""}, "corrections.0.reason"),
        ({"key": PLACE, "from": "a", "to": "b", "becaus": "x"}, "unknown key"),
    ],
)
def test_what_does_not_fit_the_declaration_is_named_with_its_line(
    repo: Repository, item: dict[str, object], said: str
) -> None:
    repo.declare(KEY, LONG)
    write(repo, item)
    with pytest.raises(ConfigError) as refused:
        corrections.declared(repo.root, KEY, config.load_dataset(repo.root, KEY))
    assert said in str(refused.value)
    assert f"{corrections.path(KEY)}:" in str(refused.value)


def test_the_same_value_is_corrected_once(repo: Repository) -> None:
    repo.declare(KEY, LONG)
    write(repo, {"key": PLACE, "from": "1", "to": "2"}, {"key": PLACE, "field": "quantidade", "from": "3", "to": "4"})
    with pytest.raises(ConfigError, match="corrected on line 2 already"):
        corrections.declared(repo.root, KEY, config.load_dataset(repo.root, KEY))


def test_a_name_of_a_place_is_corrected_by_the_key_it_leads_to_now(repo: Repository) -> None:
    """Two rows under one name: the wrong one is called otherwise, and is no duplicate any more."""
    body = "2020,SP,São Paulo,1\n2020,SP,Araras,2\n"
    write(repo, {"key": PLACE, "field": "cidade", "from": "São Paulo", "to": "Araras"})
    with pytest.raises(DataError, match="unique_key"):
        take(repo, body)


REFERENCE: dict[str, object] = {
    "kind": "referencia",
    "resources": [{"path": "*.csv", "format": "csv"}],
    "fields": [
        {"name": "id", "type": "string", "constraints": {"required": True}},
        {"name": "nome", "type": "string"},
        {"name": "fundado", "type": "date"},
    ],
    "primaryKey": ["id"],
}


def test_a_row_of_a_directory_that_its_own_error_would_reject_is_saved(repo: Repository) -> None:
    write(repo, {"key": {"id": "b"}, "field": "fundado", "from": "1950-13-01", "to": "1950-12-01"})
    report = repo.ingest(KEY, REFERENCE, "id,nome,fundado\na,A,1900-01-01\nb,B,1950-13-01\n")
    assert (report.rows_rejected, report.corrections) == (0, 1)
    assert [str(row["fundado"]) for row in repo.rows(KEY, "referencia.parquet")] == ["1900-01-01", "1950-12-01"]


def test_a_directory_needs_the_column(repo: Repository) -> None:
    repo.declare(KEY, REFERENCE)
    write(repo, {"key": {"id": "b"}, "from": "x", "to": "y"})
    with pytest.raises(ConfigError, match="“field” is required here"):
        corrections.declared(repo.root, KEY, config.load_dataset(repo.root, KEY))


CATALOGUE: dict[str, object] = {
    "kind": "catalogo",
    "resources": [{"path": "*.csv", "format": "csv"}],
    "fields": [{"name": "id_indicador", "type": "string"}, {"name": "nome", "type": "string"}],
}


def test_an_id_that_cannot_be_one_is_known_by_its_text(repo: Repository) -> None:
    write(repo, {"key": {"id_indicador": "1 a"}, "field": "id_indicador", "from": "1 a", "to": "um_a"})
    report = repo.ingest(KEY, CATALOGUE, "id_indicador,nome\n1 a,Nome\n")
    assert report.rows_rejected == 0
    assert [row["id_indicador"] for row in repo.rows(KEY, "indicador.parquet")] == ["um_a"]


WIDE = changed(
    LONG,
    resources=[{"path": "*.csv", "format": "csv", "dialect": {"delimiter": ";"}}],
    fields=[
        {"name": "ano", "type": "integer"},
        {"name": "codigo", "type": "string"},
        {"name": "valor", "type": "number", "decimalChar": ","},
    ],
    melt={"pattern": r"(\d{4})", "variable": "ano", "value": "valor"},
    locality={"code": "codigo"},
    indicators=[{"id": "teste_valor", "name": "Teste", "value": "valor", "unit": "u"}],
)


def test_of_columns_that_become_rows_only_the_year_of_the_key_is_corrected(repo: Repository) -> None:
    write(repo, {"key": PLACE | {"data_referencia": "2021-01-01"}, "from": "1,5", "to": "2,5"})
    report = repo.ingest(KEY, WIDE, "codigo;2020;2021\n3550308;1,5;1,5\n")
    assert report.corrections == 1
    assert [row["valor"] for row in observations(repo)] == [1.5, 2.5]


def test_a_code_that_leads_nowhere_is_known_by_its_text(repo: Repository) -> None:
    unknown = PLACE | {"id_municipio": "9999999"}
    write(repo, {"key": unknown, "field": "codigo", "from": "9999999", "to": "3550308"})
    report = repo.ingest(KEY, WIDE, "codigo;2020\n9999999;4,0\n3304557;1,0\n")
    assert report.rejected_by_reason == {}
    assert {row["id_municipio"] for row in observations(repo)} == {"3550308", "3304557"}


NAMING = changed(
    LONG,
    fields=[
        {"name": "ano", "type": "integer"},
        {"name": "codigo", "type": "string"},
        {"name": "id", "type": "string"},
        {"name": "nome", "type": "string"},
        {"name": "valor", "type": "number"},
    ],
    locality={"code": "codigo"},
    indicators=[],
    indicator_columns={"id": "id", "name": "nome", "value": "valor"},
)


def test_rows_that_name_their_indicator_are_told_apart_by_it(repo: Repository) -> None:
    write(repo, {"key": PLACE | {"id_indicador": "b"}, "from": "1", "to": "2"})
    body = "ano,codigo,id,nome,valor\n2020,3550308,a,A,1\n2020,3550308,b,B,1\n"
    report = repo.ingest(KEY, NAMING, body)
    assert report.corrections == 1
    assert [row["valor"] for row in repo.rows(KEY, "observacao/a.parquet")] == [1.0]
    assert [row["valor"] for row in repo.rows(KEY, "observacao/b.parquet")] == [2.0]


def test_quotes_in_a_correction_are_text(repo: Repository) -> None:
    write(repo, {"key": PLACE, "from": "1'0", "to": "10", "reason": "d'água; DROP TABLE correcao"})
    report = take(repo, "2020,SP,São Paulo,1'0\n")
    assert report.corrections == 1
    assert observations(repo)[0]["justificativa"] == "corrigido: d'água; DROP TABLE correcao"
