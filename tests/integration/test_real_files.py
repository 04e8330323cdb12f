"""CAPAG, GDP and PCS as published, through the whole pipeline; and the audit of matching by name.

The files are not part of the repository: these tests are skipped where they are not beside it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import unicodedata
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from tests.conftest import ROOT, run_in

REAL = ROOT.parent / "shared/real"
CAPAG = "tesouro/capag"
PIB = "ibge/pib"
PCS = "cidades_sustentaveis/indicador"
SAMPLE, SEED = 200, 3
there = pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not beside the repository")


def switched_on(repository: Path) -> None:
    """Take the comment signs off the lines of params.yaml that wait for files."""
    path = repository / "params.yaml"
    text = path.read_text(encoding="utf-8")
    names = "tesouro|tesouro/capag|ibge/pib|cidades_sustentaveis|cidades_sustentaveis/indicador|capag|pib|indicador"
    text, count = re.subn(rf"^( +)# (( *)(?:{names}): ?.*)$", r"\1\2", text, flags=re.MULTILINE)
    assert count == 8
    path.write_text(text, encoding="utf-8")


def fetch(repository: Path, key: str, *files: Path) -> None:
    for file in files:
        done = run_in(repository, f"observatudo fetch {key} --from '{file}'")
        assert done.returncode == 0, done.stderr


def report(repository: Path, key: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((repository / "data/ingested" / key / "relatorio.json").read_text())
    return content


def capag_cells() -> dict[tuple[str, str], str | float]:
    """Return (edition, code) → the final grade as published, read by another road than ingest's."""
    editions = {
        "2018": "CAPAG-Municipios---Ano-Base-2018.xlsx",
        "2019": "CAPAG-2019---Municipios.xlsx",
        "2021": "Capag-Municipios---novembro-2021.xlsx",
        "2022": "CAPAG-Municipios---Ano-Base-2022.xlsx",
    }
    found: dict[tuple[str, str], str | float] = {}
    for year, name in editions.items():
        for row in CalamineWorkbook.from_path(REAL / "capag" / name).get_sheet_by_index(0).to_python()[1:]:
            found[year, str(int(row[1]))] = row[10]  # type: ignore[arg-type, assignment]
    with (REAL / "capag/CAPAG-Municipios.csv").open(encoding="utf-8-sig", newline="") as file:
        for line in list(csv.reader(file, delimiter=";"))[1:]:
            found["2020", line[1]] = line[10]
    return found


@there
def test_capag_gdp_and_pcs_run_through_the_whole_pipeline(built: Path) -> None:
    switched_on(built)
    fetch(built, CAPAG, *sorted((REAL / "capag").iterdir()))
    fetch(built, PIB, REAL / "pib/pib_municipio_2002_2010.csv.gz")
    fetch(built, PCS, REAL / "pcs/indicadores_amostra_utf16le_sem_bom.csv")
    done = run_in(built, "observatudo generate && dvc repro")
    assert done.returncode == 0, done.stdout + done.stderr

    for key, rows in ((CAPAG, 5 * 5569), (PIB, 50_066), (PCS, 2)):
        found = report(built, key)
        assert found["rows_read"] == rows
        assert found["rows_read"] == found["rows_kept"] + found["rows_rejected"]  # type: ignore[operator]
    assert report(built, CAPAG)["match_rate"] == report(built, PIB)["match_rate"] == 1
    assert report(built, PCS)["encodings"] == {"indicadores_amostra_utf16le_sem_bom.csv": "utf-16-le"}
    _grades_are_those_published(built)
    _gdp_is_what_was_published(built)
    _pcs_goals_are_rejected_for_want_of_a_year(built)
    fact = pq.read_table(built / "data/marts/fact_indicador.parquet", columns=["id_indicador", "valor_texto"])
    assert fact.num_rows == sum(int(str(report(built, key)["rows"])) for key in observed(built))


def observed(repository: Path) -> list[str]:
    done = run_in(repository, "observatudo datasets --json")
    keys = [state["dataset"] for state in json.loads(done.stdout)]
    return [key for key in keys if report(repository, key)["observations"] is not None]


def _grades_are_those_published(repository: Path) -> None:
    rows = pq.read_table(repository / "data/ingested" / CAPAG / "observacao/capag_nota.parquet").to_pylist()
    published = capag_cells()
    found = {(str(row["data_referencia"].year), row["id_municipio"]): row for row in rows}
    assert found.keys() == published.keys()
    for key, row in found.items():
        grade = str(published[key])
        if grade.lower() == "n.d.":
            assert (row["valor_texto"], row["justificativa"], row["valor_original"]) == (None, "não disponível", grade)
        else:
            assert row["valor_texto"] == grade
    assert {row["valor_texto"] for row in rows} == {"A", "B", "C", "D", None}


def _gdp_is_what_was_published(repository: Path) -> None:
    rows = pq.read_table(repository / "data/ingested" / PIB / "observacao/ibge_pib.parquet").to_pylist()
    found = {(row["data_referencia"].year, row["id_municipio"]): row["valor"] for row in rows}
    with gzip.open(REAL / "pib/pib_municipio_2002_2010.csv.gz", "rt", encoding="utf-8", newline="") as file:
        assert found == {(int(row["ano"]), row["id_municipio"]): float(row["pib"]) for row in csv.DictReader(file)}


def _pcs_goals_are_rejected_for_want_of_a_year(repository: Path) -> None:
    rejects = pq.read_table(repository / "data/ingested" / PCS / "rejeitado.parquet").to_pylist()
    assert [(row["coluna"], row["texto"], row["motivo"]) for row in rejects] == [("ano", "0", "vazio")] * 2


@there
def test_pcs_rows_with_a_year_are_read_in_all_their_manners(built: Path, tmp_path: Path) -> None:
    """The real rows once more, with years and with each manner in which the platform writes an answer."""
    text = (REAL / "pcs/indicadores_amostra_utf8.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    manners = {"2.021,00": 2021.0, "12.5": 12.5, "1,00 - 2,00": None, "Sim": None, "": None, "7": 7.0}
    path = tmp_path / "indicadores.csv"
    with path.open("w", encoding="utf-16-le", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        for year, answer in enumerate(manners, start=2015):
            writer.writerows(row | {"Ano de Preenchimento": str(year), "Valor": answer} for row in rows)
    switched_on(built)
    fetch(built, PCS, path)
    done = run_in(built, f"python -m stages.ingest {PCS}")
    assert done.returncode == 0, done.stderr
    assert (report(built, PCS)["rows_kept"], report(built, PCS)["rows_rejected"]) == (2 * len(manners), 0)
    kept = pq.read_table(built / "data/ingested" / PCS / "observacao/pcs_4140.parquet").to_pylist()
    assert [row["valor"] for row in kept] == [*manners.values()]
    assert [row["valor_texto"] for row in kept] == [None, None, "1,00 - 2,00", "Sim", None, None]
    (health, _other) = pq.read_table(built / "data/ingested" / PCS / "indicador.parquet").to_pylist()
    assert health["eixo_fonte"] == "Saude"
    assert "\n" in str(_other["descricao"])


def plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())


@there
def test_of_two_hundred_accepted_names_none_leads_elsewhere(built: Path) -> None:
    """Judge a seeded sample of accepted matches by a list that the match has never seen, and by the reviewed table."""
    with (REAL / "municipios_2025.csv").open(encoding="utf-8", newline="") as file:
        official = {row["codigo_ibge"]: plain(row["nome"]) for row in csv.DictReader(file)}
    with (ROOT / "configs/tabelas/municipio_excecao.csv").open(encoding="utf-8", newline="") as file:
        reviewed = {(row["sigla_uf"], plain(row["nome"]), row["id_municipio"]) for row in csv.DictReader(file)}
    states = {row["sigla_uf"]: row["id_uf"] for row in csv.DictReader((ROOT / "configs/tabelas/uf.csv").open())}
    matches = pq.read_table(built / "data/ingested/registro_civil/obito/casamento.parquet").to_pylist()
    accepted = [match for match in matches if match["id_municipio"]]
    assert len(accepted) > 4000
    other_names = 0
    for match in random.Random(SEED).sample(accepted, SAMPLE):
        code = match["id_municipio"]
        assert code[:2] == states[match["sigla_uf"]]
        if official[code] != plain(match["nome"]):
            other_names += 1
            known = (match["sigla_uf"], plain(match["nome"]), code) in reviewed
            assert known or match["relacao"] == "outra_fonte", match
    assert other_names < SAMPLE / 10
