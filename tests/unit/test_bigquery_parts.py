"""Names, labels, quoting and the ledger's form: what enters BigQuery's own languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.warehouse.bigquery.fingerprint import Fingerprint
from observatudo.warehouse.bigquery.jobs import job_name, label
from observatudo.warehouse.bigquery.quoting import identifier, table

HOSTILE = ("a`b", "a.b", "a b", "", "a;drop table x", "a\n", "a'b", "a\\", "a--b\n", "{x}")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name_is_not_quoted(name: str) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        identifier(name)
    with pytest.raises(ValueError, match="not an identifier"):
        table("projeto", "dados", name)


def test_names_are_quoted_part_by_part() -> None:
    assert table("meu-projeto", "d_raw", "sidra__pib") == "`meu-projeto`.`d_raw`.`sidra__pib`"
    assert identifier('a"b', "duckdb") == '"a""b"'


@given(st.lists(st.text() | st.integers(), min_size=1, max_size=6))
def test_a_job_has_a_name_that_bigquery_takes(parts: list[str | int]) -> None:
    """Letters, digits, ``_`` and ``-``, 1024 at most: https://cloud.google.com/bigquery/docs/running-jobs."""
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,1000}", job_name(*parts))
    assert job_name(*parts) == job_name(*parts) != job_name(*parts, "")


def test_what_differs_has_another_name() -> None:
    assert job_name("a", "bc") != job_name("ab", "c")
    assert job_name("x" * 300, "a") != job_name("x" * 300, "b")


@given(st.text())
def test_a_label_is_one_that_bigquery_takes(value: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{0,63}", label(value))


fingerprints = st.builds(Fingerprint, st.integers(0, 2**40), st.tuples(*[st.integers(0, 2**70)] * 4))


@given(fingerprints, fingerprints)
def test_fingerprints_are_read_as_they_were_written_and_add_up(one: Fingerprint, other: Fingerprint) -> None:
    assert Fingerprint.parse(str(one)) == one
    assert one + other - other == one and one + other == other + one


@pytest.mark.parametrize("text", ["", "1-2-3-4", "1-2-3-4-5-6", "a-b-c-d-e", "None", "1--2-3-4-5"])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Fingerprint.parse(text)


def row(**changed: object) -> dict[str, object]:
    from observatudo.runs.inputs import listing_sha256

    made: dict[str, object] = {
        "id_carga": "1-t",
        "sequencia": 1,
        "tabela": "t",
        "versao": listing_sha256({"a.parquet": "ff"}),
        "versao_anterior": None,
        "modo": "completa",
        "linhas": 3,
        "inseridas": 3,
        "atualizadas": 0,
        "removidas": 0,
        "impressao": "3-1-2-3-4",
        "colunas": '[["id","string"]]',
        "arquivos": '[["a.parquet","aa","ff",3]]',
        "bytes_enviados": 10,
        "commit": "c",
        "id_execucao": "r",
        "quem": "q",
        "iniciada_em": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return made | changed


def test_a_row_of_the_ledger_is_read() -> None:
    from observatudo.warehouse.bigquery.ledger import parse
    from observatudo.warehouse.bigquery.statements import Place

    load = parse(row(), Place("p", "d"))
    assert (load.sequence, load.previous, load.files[0].md5, load.columns) == (1, "", "aa", (("id", "string"),))


EDITED = [
    {"sequencia": None},
    {"sequencia": "1"},
    {"modo": "outra"},
    {"impressao": "x"},
    {"impressao": None},
    {"colunas": "{"},
    {"colunas": '[["id","text"]]'},
    {"colunas": "[1]"},
    {"arquivos": "null"},
    {"arquivos": '[["a.parquet","aa","ff"]]'},
    {"arquivos": '[["a.parquet","aa","ff","x"]]'},
    {"iniciada_em": "2026-01-01"},
    {"versao": "e" * 64},  # not of these files
    {"linhas": 4},  # not as many as the fingerprint's
]


@pytest.mark.parametrize("changed", EDITED)
def test_an_edited_row_of_the_ledger_is_noticed(changed: dict[str, object]) -> None:
    from observatudo.errors import ObservatudoError
    from observatudo.warehouse.bigquery.ledger import parse
    from observatudo.warehouse.bigquery.statements import Place

    with pytest.raises(ObservatudoError, match="changed by another hand"):
        parse(row(**changed), Place("p", "d"))
