"""The warehouse after a rollback: built again by dbt and held against the restored marts, or gone."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from observatudo import generate
from observatudo.audit.rollback import warehouse
from observatudo.config import WarehouseParams
from observatudo.errors import ObservatudoError
from observatudo.warehouse import presence
from observatudo.warehouse.load import load
from observatudo.warehouse.transform import transform
from tests import fixtures_warehouse as fixtures

_VARIABLES = {"id_execucao": "antes", "data_processamento": "2026-11-22 10:00:00"}


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.mark.drill
def test_it_is_that_of_the_marts_or_it_is_gone(tmp_path: Path) -> None:
    root = fixtures.build(tmp_path)
    generate.generate(root)
    load(root, WarehouseParams(target="duckdb"))
    transform(root, 2, _VARIABLES, nothing)
    published = {path.stem: pq.read_table(path).num_rows for path in (root / "data/marts").glob("*.parquet")}
    warehouse.drop(root)
    assert not presence.is_current(root)
    assert warehouse.rebuild(root, "volta", "2026-11-23T05:00:00+00:00", nothing) == sum(published.values())
    assert presence.is_current(root)
    with duckdb.connect(root / presence.WAREHOUSE, read_only=True) as connection:
        assert {name: connection.table(name).shape[0] for name in published} == published
        runs = connection.execute("SELECT DISTINCT _id_execucao FROM fact_indicador").fetchall()
    assert runs == [("volta",)]


def test_other_marts_than_dbt_makes_leave_none(tmp_path: Path) -> None:
    """What dbt makes is held against the marts; a file of other rows would be read as theirs."""
    root = fixtures.build(tmp_path)
    generate.generate(root)
    load(root, WarehouseParams(target="duckdb"))
    fixtures.marts(root)
    with pytest.raises(ObservatudoError, match="does not give the restored marts again"):
        warehouse.rebuild(root, "volta", "2026-11-23T05:00:00+00:00", nothing)
    assert not (root / presence.WAREHOUSE).exists()
    assert not presence.is_current(root)
