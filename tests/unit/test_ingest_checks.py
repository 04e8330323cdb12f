"""Checks look at what was accepted, and compare what is comparable; what an ingest cannot start with is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo.errors import ConfigError, DataError
from observatudo.ingest.checks import CheckResult
from tests.builder import Repository, repository
from tests.unit.test_ingest_breadth import declaration

STATES = {"code": "codigo", "levels": ["municipio", "uf"]}
PARTS = [{"check": "parts_sum", "level": "warn", "field": "valor"}]
BOUNDED: dict[str, object] = {"name": "valor", "type": "number", "constraints": {"minimum": 0}}
NAMES = {"id": "id", "name": "nome", "value": "valor"}
NAMED: list[dict[str, object]] = [{"name": "id", "type": "string"}, {"name": "nome", "type": "string"}]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def checked(repo: Repository, content: dict[str, object], text: str) -> dict[str, CheckResult]:
    return {check.title(): check for check in repo.ingest("x/y", content, text).checks}


def test_parts_are_summed_within_a_period(repo: Repository) -> None:
    head = "codigo,ano,valor\n3550308,2020,1\n3503307,2020,2\n3550308,2021,10\n3503307,2021,20\n35,2020,3\n"
    right = checked(repo, declaration(locality=STATES, checks=PARTS), head + "35,2021,30\n")
    wrong = checked(repo, declaration(locality=STATES, checks=PARTS), head + "35,2021,33\n")
    assert (right["parts_sum valor"].passed, right["parts_sum valor"].sample) == (True, [])
    assert wrong["parts_sum valor"].sample == ["35 2021-01-01: 30 ≠ 33"]


def test_a_sum_leaves_no_noise(repo: Repository) -> None:
    text = "codigo,ano,valor\n3550308,2020,0.1\n3503307,2020,0.2\n35,2020,0.3\n"
    assert checked(repo, declaration(locality=STATES, checks=PARTS), text)["parts_sum valor"].passed


def test_parts_are_summed_within_an_indicator(repo: Repository) -> None:
    content = declaration(*NAMED, locality=STATES, checks=PARTS, indicators=[], indicator_columns=NAMES)
    text = "codigo,ano,id,nome,valor\n3550308,2020,a,A,1\n3503307,2020,b,B,2\n35,2020,a,A,1\n35,2020,b,B,4\n"
    assert checked(repo, content, text)["parts_sum valor"].sample == ["35 2020-01-01 b: 2 ≠ 4"]


@pytest.mark.parametrize("own", ["", "-7"])
def test_a_state_without_a_value_of_its_own_is_shown(repo: Repository, own: str) -> None:
    text = f"codigo,ano,valor\n3550308,2020,1\n3503307,2020,2\n3503307,2021,-2\n35,2020,{own}\n"
    found = checked(repo, declaration(BOUNDED, locality=STATES, checks=PARTS), text)
    assert found["parts_sum valor"].sample == ["35 2020-01-01: 3 ≠ ∅"]


def test_rejected_values_are_not_judged_again(repo: Repository) -> None:
    checks = [
        {"check": "range", "level": "warn", "field": "valor", "minimum": 1},
        {"check": "null_rate", "level": "warn", "field": "valor", "maximum": 0.1},
    ]
    text = "codigo,ano,valor\n3550308,2020,-1\n3503307,2020,x\n3503307,2021,0\n3550308,2021,7\n"
    found = checked(repo, declaration(BOUNDED, checks=checks), text)
    assert found["range valor"].sample == ["a.csv:4: 0.0"]
    assert (found["null_rate valor"].passed, found["null_rate valor"].found) == (True, 0.0)


def test_rejected_texts_are_not_judged_again(repo: Repository) -> None:
    value: dict[str, object] = {"name": "valor", "type": "string", "constraints": {"pattern": "[a-z]"}}
    checks = [{"check": "accepted_values", "level": "warn", "field": "valor", "values": ["a"]}]
    text = "codigo,ano,valor\n3550308,2020,a\n3503307,2020,b\n3503307,2021,?\n"
    assert checked(repo, declaration(value, checks=checks), text)["accepted_values valor"].sample == ["b ×1"]


def test_a_column_whose_values_are_all_rejected_is_empty(repo: Repository) -> None:
    other: dict[str, object] = {"name": "outro", "type": "number"}
    measured = [{"id": f"x_{name}", "name": "X", "value": name, "unit": "u"} for name in ("valor", "outro")]
    text = "codigo,ano,valor,outro\n3550308,2020,-1,1\n3503307,2020,-3,2\n"
    with pytest.raises(DataError, match="empty_column valor"):
        repo.ingest("x/y", declaration(BOUNDED, other, indicators=measured), text)


def test_the_share_of_gaps_is_of_the_rows_where_there_is_no_directory(repo: Repository) -> None:
    checks = [{"check": "null_rate", "level": "warn", "field": "valor", "maximum": 0.1}]
    text = "codigo,ano,valor\n3550308,2020,\n3503307,2020,2\n"
    found = checked(repo, declaration(primaryKey=["codigo"], checks=checks), text)
    assert (found["null_rate valor"].found, found["null_rate valor"].sample) == (0.5, ["a.csv:2"])


def test_an_indicator_with_two_units_is_told(repo: Repository) -> None:
    unit: dict[str, object] = {"name": "unidade", "type": "string"}
    content = declaration(*NAMED, unit, indicators=[], indicator_columns=NAMES | {"unit": "unidade"})
    text = (
        "codigo,ano,id,nome,unidade,valor\n3550308,2020,a,A,real,1\n3503307,2020,a,A,mil,2\n3503307,2021,a,B,real,3\n"
    )
    found = checked(repo, content, text)
    samples = {name: found[name].sample for name in ("indicator_unit", "indicator_name")}
    assert samples == {"indicator_unit": ["a: real ≠ mil"], "indicator_name": ["a: A ≠ B"]}


def test_a_melted_row_is_placed_when_a_part_of_it_is(repo: Repository) -> None:
    melt = {"pattern": r"\d{7}", "variable": "codigo", "value": "valor"}
    check = {"check": "match_rate", "level": "warn", "minimum": 0.5}
    text = "ano,3550308,3304557,5300108,9999999\n2020,1,2,3,4\n2021,1,2,3,4\n"
    report = repo.ingest("x/y", declaration(melt=melt, checks=[check]), text)
    assert (report.match_rate, report.rows, report.checks[0].passed) == (1.0, 6, True)


@pytest.mark.parametrize("content", ["k,v\nB,1\nA,\n", 'k,v\nB,1\nA,"1.000,0"\n', "k,v\nB,1\nA,nan\n"])
def test_a_factor_that_is_no_number_names_its_line(repo: Repository, content: str) -> None:
    table = repo.root / "configs/tabelas/t.csv"
    table.write_text(content)
    lookup = {"of": "u", "table": "configs/tabelas/t.csv", "key": "k", "value": "v"}
    fields: list[dict[str, object]] = [
        {"name": "u", "type": "string"},
        {"name": "valor", "type": "number", "factor": lookup},
    ]
    with pytest.raises(ConfigError, match="is no number") as error:
        repo.ingest("x/y", declaration(*fields), "codigo,ano,u,valor\n3550308,2020,A,1\n")
    assert error.value.where == f"{table}:3"


@pytest.mark.parametrize("name", ["referencia", "divergencia"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "other columns"])
def test_an_official_list_that_cannot_be_read_names_the_file(repo: Repository, name: str, damage: str) -> None:
    folder = repo.root / "data/ingested/ibge/municipio"
    file = folder / f"{name}.parquet"
    bytes_ = {"empty": b"", "cut": file.read_bytes()[:-9], "other columns": (folder / "rejeitado.parquet").read_bytes()}
    file.unlink()
    if damage in bytes_:
        file.write_bytes(bytes_[damage])
    with pytest.raises(ConfigError, match="official list") as error:
        repo.ingest("x/y", declaration(), "codigo,ano,valor\n3550308,2020,1\n")
    assert (error.value.where, error.value.next_step) == (str(file), "dvc repro ingest@ibge/municipio")


def test_a_work_folder_that_cannot_be_made_is_trouble_with_the_disk(repo: Repository) -> None:
    work = repo.root / ".observatudo/ingest/x"
    work.write_text("a file in the way")
    with pytest.raises(DataError, match="the system refused") as error:
        repo.ingest("x/y", declaration(), "codigo,ano,valor\n3550308,2020,1\n")
    assert error.value.where.startswith(str(work))
