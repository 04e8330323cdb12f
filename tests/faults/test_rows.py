"""Rows that cannot be what they claim: each is a counted reject with its place, or stops the stage."""

from __future__ import annotations

import copy

from tests.builder import LONG, changed
from tests.faults.record import Recorder
from tests.faults.repository import GOOD, HEADER, KEY, Small

TABLE = "configs/tabelas/excecao.csv"


def number_field() -> dict[str, object]:
    """Return the declaration with a number, in Brazilian writing, as its value."""
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[3] = {"name": "quantidade", "type": "number", "decimalChar": ",", "groupChar": "."}
    return declaration


def test_duplicate_keys(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD + "2020,SP,Sao Paulo,11\n")
    fault.stops("Duplicate keys", says="teste_valor/3550308/2020-01-01 (a.csv:2, a.csv:4)")


def test_unknown_name(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD + "2020,SP,Atlântida,1\n2020,PB,Santarém,2\n")
    fault.rejects("An unknown municipality, by name", {"municipio_nao_encontrado": 2}, kept=2)


def test_unknown_code(repo: Small, fault: Recorder) -> None:
    repo.declare(KEY, changed(LONG, locality={"code": "cidade"}))
    repo.snapshot(KEY, "a.csv", HEADER + "2020,SP,3550308,1\n2020,SP,9999999,2\n2020,SP,110000,3\n")
    fault.rejects("An unknown municipality, by code", {"codigo_desconhecido": 1, "municipio_ignorado": 1}, kept=1)


def test_ambiguous_name(repo: Small, fault: Recorder) -> None:
    rows = ("SP,Sampa,3550308,grafia,x", "SP,sampa,3503307,grafia,y")
    (repo.root / TABLE).write_text("sigla_uf,nome,id_municipio,relacao,motivo\n" + "".join(f"{row}\n" for row in rows))
    repo.declare(KEY, changed(LONG, locality={"name": "cidade", "state": "uf", "exceptions": TABLE}))
    repo.snapshot(KEY, "a.csv", GOOD + "2020,SP,Sampa,1\n")
    fault.rejects("An ambiguous name", {"nome_ambiguo": 1}, kept=2)


def test_words_for_numbers(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD + "2021,SP,São Paulo,sem dados\n2021,RJ,Rio de Janeiro,10 mil\n")
    fault.rejects("Words where numbers should be", {"nao_inteiro": 2}, kept=2)


def test_nan_and_infinity(repo: Small, fault: Recorder) -> None:
    repo.declare(KEY, number_field())
    words = ("NaN", "nan", "Infinity", "-inf", "1e999")
    repo.snapshot(KEY, "a.csv", GOOD + "".join(f"{2021 + n},SP,São Paulo,{word}\n" for n, word in enumerate(words)))
    fault.rejects("NaN and infinity", {"nao_numero": len(words)}, kept=2)


def test_numbers_of_another_writing(repo: Small, fault: Recorder) -> None:
    repo.declare(KEY, number_field())
    repo.snapshot(KEY, "a.csv", GOOD + '2021,SP,São Paulo,"1,234.5"\n2021,RJ,Rio de Janeiro,12.34\n')
    fault.rejects("Numbers in another way of writing", {"nao_numero": 2}, kept=2)


def test_dates_out_of_range(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD + "20200,SP,São Paulo,1\n0,RJ,Rio de Janeiro,2\n20x0,SP,São Paulo,3\n")
    reasons = {"abaixo_do_minimo": 1, "acima_do_maximo": 1, "nao_inteiro": 1}
    fault.rejects("Dates out of range", reasons, kept=2)


def test_negative_counts(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD + "2021,SP,São Paulo,-4\n")
    fault.rejects("Negative counts", {"abaixo_do_minimo": 1}, kept=2)


def test_wrong_number_of_cells(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD + "2021,SP,São Paulo\n2021,SP,São Paulo,1,2\n\n")
    fault.rejects("More or fewer cells than the header", {"linha_vazia": 1, "numero_de_colunas": 2}, kept=2)


def test_too_few_rows(repo: Small, fault: Recorder) -> None:
    repo.declare(KEY, changed(LONG, checks=[{"check": "rows", "level": "fatal", "minimum": 100}]))
    fault.stops("Too few rows", says="found 2, limit 100")


def test_too_few_matches(repo: Small, fault: Recorder) -> None:
    repo.declare(KEY, changed(LONG, checks=[{"check": "match_rate", "level": "fatal", "minimum": 0.9}]))
    repo.snapshot(KEY, "a.csv", GOOD + "2020,SP,Atlântida,1\n")
    fault.stops("Too few places found", says="match_rate")
