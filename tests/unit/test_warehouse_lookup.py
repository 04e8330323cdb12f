"""Indicators and places found by words, their values, and where they come from."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from observatudo.cli.value import value
from observatudo.errors import ObservatudoError
from observatudo.warehouse.lookup import find
from tests import fixtures_warehouse as fixtures


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(fixtures.SOURCE / "configs", root / "configs")
    for key in (fixtures.DEATHS, fixtures.VARIABLES):
        shutil.copytree(fixtures.SOURCE / "data/raw" / key, root / "data/raw" / key)
    (root / "params.yaml").write_text(fixtures.PARAMS, encoding="utf-8")
    (root / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    (root / "dvc.lock").write_text("schema: '2.0'\n", encoding="utf-8")
    fixtures.marts(root)
    for command in ("git init -q", "git add dvc.lock", "git commit -q -m lock"):
        subprocess.run(command.split(), cwd=root, check=True)
    return root


@pytest.mark.parametrize("words", ["São Paulo", "sao paulo", "SÃO PAULO", "3550308", " 3550308 ", "São Paulo SP"])
def test_a_place_is_found_whatever_its_accents_and_case(repository: Path, words: str) -> None:
    answer = find(repository, words, "óbitos registrados")
    assert answer.place.id_localidade == "3550308"
    assert [value.valor for value in answer.values] == [2018.0, 2019.0]


def test_the_city_comes_before_the_state_of_its_name_and_the_state_is_mentioned(repository: Path) -> None:
    answer = find(repository, "São Paulo", "óbito")
    assert answer.place.nivel == "municipio"
    assert "35" in answer.notes[0]


def test_only_the_year_asked_for_is_given(repository: Path) -> None:
    answer = find(repository, "São Paulo", "óbito", year=2019)
    assert [str(value.data_referencia) for value in answer.values] == ["2019-01-01"]


def test_a_name_of_several_places_lists_them_and_uf_chooses(repository: Path) -> None:
    with pytest.raises(ObservatudoError, match=r"2 places[^$]*Bom Jesus \(PI, 2201903\)[^$]*\(SC, 4202537\)") as caught:
        find(repository, "bom jesus", "óbito")
    assert "--uf PI" in caught.value.next_step
    assert find(repository, "bom jesus", "óbito", uf="sc").place.id_localidade == "4202537"
    assert find(repository, "Bom Jesus PI", "óbito").place.id_localidade == "2201903"


@pytest.mark.parametrize(
    ("words", "uf", "code"),
    [
        ("Palmas", None, "1721000"),
        ("palma", None, "3146909"),
        ("Serra", None, "3205002"),
        ("serra", "sp", "3517406"),
        ("Barreiro", None, "3549607"),
        ("SERRA NEGRA / SP", None, "3517406"),
    ],
)
def test_a_whole_name_wins_alone_and_parts_of_names_are_whole_words(
    repository: Path, words: str, uf: str | None, code: str
) -> None:
    assert find(repository, words, "óbito", uf=uf).place.id_localidade == code


@pytest.mark.parametrize(("words", "uf"), [("Santa", None), ("Varginho", None), ("Barreira", "SP")])
def test_a_name_that_is_only_alike_is_no_other_town(repository: Path, words: str, uf: str | None) -> None:
    with pytest.raises(ObservatudoError, match="no place is called"):
        find(repository, words, "óbito", uf=uf)


def test_a_state_that_does_not_exist_is_said_before_the_place_is_looked_for(repository: Path) -> None:
    with pytest.raises(ObservatudoError, match="no state “zz”") as caught:
        find(repository, "São Paulo", "óbito", uf="zz")
    assert "MG PI RS SC SP TO" in caught.value.next_step


def test_an_indicator_with_values_comes_before_one_that_is_only_described(repository: Path) -> None:
    assert find(repository, "São Paulo", "obito").indicator.id_indicador == "registro_civil_obito"


def test_several_indicators_are_listed_with_their_ids(repository: Path) -> None:
    with pytest.raises(ObservatudoError, match=r"brmunipanel_leito[^$]*brmunipanel_uti"):
        find(repository, "São Paulo", "leitos")


def test_an_indicator_without_values_says_that_it_is_only_described(repository: Path) -> None:
    with pytest.raises(ObservatudoError) as caught:
        find(repository, "São Paulo", "brmunipanel_leito")
    assert "brmunipanel/variavel" in caught.value.next_step


def test_a_year_without_values_names_the_years_that_have_them(repository: Path) -> None:
    with pytest.raises(ObservatudoError) as caught:
        find(repository, "São Paulo", "óbito", year=1999)
    assert "2018, 2019" in caught.value.next_step


def test_a_place_the_source_leaves_out_is_not_an_empty_answer(repository: Path) -> None:
    with pytest.raises(ObservatudoError, match="Porto Alegre"):
        find(repository, "Porto Alegre", "óbito")


@pytest.mark.parametrize(("place", "indicator"), [("Xyzópolis", "óbito"), ("São Paulo", "xyz"), ("", "óbito")])
def test_words_that_name_nothing_are_an_error(repository: Path, place: str, indicator: str) -> None:
    with pytest.raises(ObservatudoError, match=r"no place|no indicator"):
        find(repository, place, indicator)


def test_the_origin_leads_to_the_snapshot_the_licence_and_the_commit(repository: Path) -> None:
    origin = find(repository, "São Paulo", "óbito").origin
    sidecar = json.loads((repository / "data/raw/registro_civil/obito/snapshot.json").read_bytes())
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    assert origin.fetched_at == sidecar["fetched_at"]
    assert origin.files == {
        f"data/raw/registro_civil/obito/{name}": file["sha256"] for name, file in sidecar["files"].items()
    }
    assert origin.licenses == ["MIT License (pacote brazil-monthly-deaths)"]
    assert (origin.commit, origin.committed) == (head.stdout.strip(), True)


def test_a_version_that_is_not_committed_says_so(repository: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(repository, tmp_path / "copy"))
    (copy / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n", encoding="utf-8")
    assert not find(copy, "São Paulo", "óbito").origin.committed


def test_without_marts_the_next_step_is_to_build_them(repository: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(repository, tmp_path / "copy"))
    shutil.rmtree(copy / "data/marts")
    with pytest.raises(ObservatudoError) as caught:
        find(copy, "São Paulo", "óbito")
    assert caught.value.next_step == "dvc repro"


def test_words_are_parameters_and_never_sql(repository: Path) -> None:
    with pytest.raises(ObservatudoError, match="no place"):
        find(repository, "x' or '1'='1", "óbito")


def _value(repository: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    import typer

    monkeypatch.chdir(repository)
    own = typer.Typer()
    own.command()(value)
    result = CliRunner().invoke(own, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_prints_values_and_origin(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _value(repository, monkeypatch, "São Paulo", "óbitos", "--ano", "2019")
    for expected in ("2019-01", "2,019", "0.500", "registro_civil/obito", "MIT License", "data_2019.csv"):
        assert expected in shown
    assert "2018-01" not in shown
    assert "\x1b" not in shown


def test_the_command_prints_json(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = json.loads(_value(repository, monkeypatch, "São Paulo", "óbitos", "--ano", "2019", "--json"))
    assert shown["values"][0]["valor"] == 2019.0
    assert shown["values"][0]["ano_populacao"] == 2021
    assert shown["origin"]["dataset"] == "registro_civil/obito"


def test_a_corrected_value_says_what_was_published_and_who_corrected_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository / "data/ingested" / fixtures.DEATHS
    folder.mkdir(parents=True, exist_ok=True)
    row = {
        "chave": "registro_civil_obito/3550308/2019-01-01", "coluna": "obitos", "valor_publicado": "2O19",
        "valor_corrigido": "2019", "motivo": "um O", "fonte": "errata", "quem": "Ana",
        "quando": datetime.date(2026, 11, 1), "arquivo": "a.csv", "linha": 7,
    }  # fmt: skip
    other = row | {"chave": "registro_civil_obito/35503081/2019-01-01"}
    pq.write_table(pa.Table.from_pylist([row, other]), folder / "correcao.parquet")
    (told,) = find(repository, "São Paulo", "óbito").corrections
    assert (told.valor_publicado, told.valor_corrigido, told.linha) == ("2O19", "2019", 7)
    assert find(repository, "São Paulo", "óbito", year=2018).corrections == []
    monkeypatch.chdir(repository)
    app = typer.Typer()
    app.command()(value)
    shown = CliRunner().invoke(app, ["São Paulo", "óbito"]).output
    assert "corrected 2019-01-01: “2O19” → “2019”: um O (Ana, 2026-11-01; errata)" in shown
