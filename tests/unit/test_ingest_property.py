"""Any table of good and bad rows: ingest keeps, rejects and places each as a plain Python reading of it does."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builder import LONG, Repository, repository

HEADER = ["ano", "uf", "cidade", "quantidade"]
PLACES = {
    ("SP", "São Paulo"): "3550308",
    ("SP", "SAO  PAULO"): "3550308",
    ("RJ", "Rio de Janeiro"): "3304557",
    ("PA", "santarém"): "1506807",
    ("SP", "Araras"): "3503307",
}
NOWHERE = [("PB", "Santarém"), ("SP", "Atlântida"), ("XX", "São Paulo"), ("RJ", "São\nPaulo")]
Row = tuple[str, str, str, str]
rows = st.tuples(
    st.sampled_from(["2019", "2020", "2021", "1899", "20x0", " 2020 "]),
    st.sampled_from([*PLACES, *NOWHERE]),
    st.sampled_from(["0", "7", "12", "-1", "1.5", "x", "", "1e3", 'a "b"']),
).map(lambda drawn: (drawn[0], drawn[1][0], drawn[1][1], drawn[2]))


def expected(table: list[Row]) -> tuple[dict[tuple[str, int], int | None], list[tuple[int, str]]]:
    """Return (id_municipio, year) → value of the rows to keep, and (line, reason) of the others."""
    kept: dict[tuple[str, int], int | None] = {}
    rejected: list[tuple[int, str]] = []
    line = 2
    for year, state, name, value in table:
        reason = reason_of(year, state, name, value)
        if reason:
            rejected.append((line, reason))
        else:
            kept[PLACES[state, name], int(year)] = int(value) if value else None
        line += 1 + name.count("\n")
    return kept, sorted(rejected)


def reason_of(year: str, state: str, name: str, value: str) -> str | None:
    """Return why a row is rejected, looking at it in the order ingest does."""
    if not year.strip().isdigit():
        return "nao_inteiro"
    if int(year) < 1900:
        return "abaixo_do_minimo"
    if (state, name) not in PLACES:
        return "municipio_nao_encontrado"
    if value and not value.lstrip("-").isdigit():
        return "nao_inteiro"
    return "abaixo_do_minimo" if value.startswith("-") else None


def unique(table: list[Row]) -> list[Row]:
    """Leave out rows whose key an earlier one has: duplicates stop the stage, which other tests show."""
    seen: set[tuple[str, int]] = set()
    result = []
    for row in table:
        if reason_of(*row) is None:
            key = (PLACES[row[1], row[2]], int(row[0]))
            if key in seen:
                continue
            seen.add(key)
        result.append(row)
    return result


def check(repo: Repository, table: list[Row]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([HEADER, *table])
    report = repo.ingest("x/y", LONG, out.getvalue())
    kept, rejected = expected(table)
    found = {
        (str(row["id_municipio"]), int(str(row["data_referencia"])[:4])): row["valor"]
        for row in repo.rows("x/y", "observacao/teste_valor.parquet")
    }
    assert found == kept
    assert sorted((r["linha"], r["motivo"]) for r in repo.rows("x/y", "rejeitado.parquet")) == rejected
    assert (report.rows_read, report.rows_kept, report.rows_rejected) == (len(table), len(kept), len(rejected))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return repository(Path(tmp_path_factory.mktemp("property")))


# one good value in each: a column without any stops the stage, which other tests show
GOOD: Row = ("2018", "SP", "Araras", "1")
tables = st.lists(rows, min_size=1, max_size=30).map(lambda drawn: unique([*drawn, GOOD]))
calm = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=calm)
@given(table=tables)
def test_every_row_ends_where_it_should(repo: Repository, table: list[Row]) -> None:
    check(repo, table)


@pytest.mark.drill
@settings(max_examples=1000, deadline=None, suppress_health_check=calm)
@given(table=tables)
def test_every_row_of_a_thousand_tables_ends_where_it_should(repo: Repository, table: list[Row]) -> None:
    check(repo, table)
