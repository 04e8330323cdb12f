"""The whole way, as `make cloud-demo` goes it: from DuckDB to BigQuery, a difference, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cloud import demo
from tests.cloud.emulators import Cloud
from tests.tui.observed import AFTER, BEFORE

TABLE = "sidra__populacao_observacao"


@pytest.fixture
def typed(built: Path, cloud: Cloud) -> demo.Demo:
    return demo.Demo(built, cloud, say=lambda _text: None)


def test_the_same_marts_a_difference_and_the_way_back(typed: demo.Demo) -> None:
    here = typed.marts()
    demo.push(typed)
    assert demo.build_in_bigquery(typed) == here, "the marts that BigQuery made are not those of DuckDB"
    assert AFTER in demo.load_an_increment(typed).replace(",", "")
    corrected = typed.marts()
    assert corrected != here
    last = _loads(typed)[0]
    assert (last["table"], last["mode"], last["inserted"], last["updated"], last["removed"]) == (
        TABLE, "diferenca", 0, 1, 0,
    )  # fmt: skip
    assert BEFORE in demo.roll_back(typed).replace(",", "")
    assert typed.marts() == here
    assert _loads(typed)[0]["mode"] == "diferenca"
    typed.type("observatudo warehouse --deep")
    typed.type("observatudo verify --deep")
    again = typed.type("dvc repro")
    assert again.count("Running stage") == 1, "after a rollback only record has something to do"


def _loads(typed: demo.Demo) -> list[dict[str, object]]:
    """Return the newest loads of observations, newest first."""
    found = json.loads(typed.type("observatudo warehouse --json --loads 30"))["loads"]
    return [load for load in found if load["table"] == TABLE]
