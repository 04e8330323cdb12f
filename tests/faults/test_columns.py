"""Columns that came, went or changed their name: named, with the file and what is there instead."""

from __future__ import annotations

import copy

from tests.builder import LONG, changed
from tests.faults.record import Recorder
from tests.faults.repository import GOOD, HEADER, KEY, Small


def test_missing_column(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", "ano,uf,cidade\n2020,SP,São Paulo\n")
    fault.stops("A missing column", says="“quantidade”")


def test_renamed_header(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD.replace("cidade", "nome_cidade"))
    fault.stops("A renamed header", says="nome_cidade")


def test_extra_column(repo: Small, fault: Recorder) -> None:
    rows = [line + ",x" for line in GOOD.splitlines()]
    repo.snapshot(KEY, "a.csv", "\n".join([rows[0].replace(",x", ",nova"), *rows[1:]]) + "\n")
    done = repo.stage()
    assert done.returncode == 0, done.stdout
    assert repo.report()["ignored_columns"] == {"a.csv": ["nova"]}
    assert (repo.report()["rows_read"], repo.report()["rows_kept"]) == (2, 2)
    fault.row(
        "An extra column",
        done.stdout,
        "All rows are kept; the column stays in the snapshot and in `ignored_columns` of the report.",
    )


def test_column_twice(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", GOOD.replace("uf,", "ano,", 1))
    fault.stops("A column named twice", says="names a column twice: ano")


def test_column_without_values(repo: Small, fault: Recorder) -> None:
    repo.snapshot(KEY, "a.csv", HEADER + "2020,SP,São Paulo,\n2020,RJ,Rio de Janeiro,\n")
    fault.stops("A column without any value", says="empty_column quantidade")


def test_column_emptier_than_allowed(repo: Small, fault: Recorder) -> None:
    check = {"check": "null_rate", "level": "fatal", "field": "quantidade", "maximum": 0.1}
    repo.declare(KEY, changed(LONG, checks=[check]))
    repo.snapshot(KEY, "a.csv", HEADER + "2020,SP,São Paulo,\n2020,RJ,Rio de Janeiro,1\n")
    fault.stops("A column emptier than its check allows", says="found 0.5, limit 0.1")


def test_required_field_without_a_value(repo: Small, fault: Recorder) -> None:
    declaration = copy.deepcopy(LONG)
    fields = declaration["fields"]
    assert isinstance(fields, list)
    fields[3]["constraints"]["required"] = True
    repo.declare(KEY, declaration)
    repo.snapshot(KEY, "a.csv", GOOD + "2021,SP,São Paulo,\n2021,RJ,,4\n")
    fault.rejects("A required field without a value", {"vazio": 2}, kept=2)
