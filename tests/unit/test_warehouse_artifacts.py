"""dbt's artifacts: what is read from them, whatever else a version puts in or leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from observatudo.errors import ObservatudoError
from observatudo.warehouse import artifacts

Json = dict[str, object]
COLUMNS: Json = {name: {"name": name, "description": "d", "novo": 1} for name in ("id", "valor", "_fonte")}
FACT: Json = {
    "name": "fact_x",
    "resource_type": "model",
    "original_file_path": "models/marts/fact_x.sql",
    "description": "d",
    "tags": ["mart"],
    "config": {"meta": {"chave": ["id"], "outra": 1}, "materialized": "table"},
    "columns": COLUMNS,
}
KEY: Json = {
    "name": "relationships_fact_x_id",
    "resource_type": "test",
    "column_name": "id",
    "attached_node": "model.p.fact_x",
    "test_metadata": {"name": "relationships", "kwargs": {"to": "ref('dim_x')", "field": "codigo"}},
    "depends_on": {"macros": [], "nodes": ["model.p.dim_x", "model.p.fact_x"]},
}
NODES: Json = {
    "model.p.fact_x": FACT,
    "model.p.dim_x": {**FACT, "name": "dim_x"},
    "model.p.stg_x": {**FACT, "name": "stg_x", "tags": []},
    "test.p.key": KEY,
}


def _write(target: Path, results: list[Json]) -> Path:
    manifest = {
        "metadata": {},
        "nodes": NODES,
        "unit_tests": {"unit_test.p.u": {"name": "u", "resource_type": "unit_test"}},
    }
    (target / artifacts.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    content = {"metadata": {"dbt_version": "9.9"}, "results": results, "elapsed_time": 1.0}
    (target / artifacts.BUILD_RESULTS).write_text(json.dumps(content), encoding="utf-8")
    return target


def _result(node: str, status: str, **more: object) -> Json:
    return {"unique_id": node, "status": status, "thread_id": "t", **more}


def test_marts_have_key_published_columns_and_foreign_keys_to_other_marts(tmp_path: Path) -> None:
    marts = artifacts.read(_write(tmp_path, [])).marts
    assert [mart.name for mart in marts] == ["dim_x", "fact_x"]
    assert (marts[1].key, marts[1].columns) == (("id",), ("id", "valor"))
    assert marts[1].foreign_keys == (artifacts.ForeignKey("id", "dim_x", "codigo"),)
    assert marts[0].foreign_keys == ()


def test_every_way_a_node_can_end_is_counted_once(tmp_path: Path) -> None:
    results = [
        _result("model.p.fact_x", "success"),
        _result("model.p.dim_x", "error", message=" no such column\n"),
        _result("model.p.stg_x", "skipped", message=None),
        _result("test.p.key", "fail", failures=3, compiled_code="select 1"),
        _result("test.p.key", "warn", failures=2),
        _result("test.p.key", "pass", failures=0),
        _result("test.p.key", "error", failures=None),
        _result("unit_test.p.u", "pass"),
        _result("unit_test.p.u", "fail", message="actual differs from expected"),
    ]
    build = artifacts.read(_write(tmp_path, results))
    assert build.metrics() == {"models": 1, "tests_passed": 2, "tests_warned": 1, "tests_failed": 3}
    assert [(bad.name, bad.status) for bad in build.bad] == [
        ("dim_x", "error"),
        ("relationships_fact_x_id", "fail"),
        ("relationships_fact_x_id", "error"),
        ("u", "fail"),
    ]
    assert (build.bad[0].message, build.bad[0].file) == ("no such column", "dbt/models/marts/fact_x.sql")
    assert (build.bad[1].failures, build.bad[1].sql) == (3, "select 1")
    assert [test.failures for test in build.warned] == [2]


def test_without_artifacts_the_next_step_is_to_transform(tmp_path: Path) -> None:
    with pytest.raises(ObservatudoError) as caught:
        artifacts.read(tmp_path)
    assert "transform" in caught.value.next_step
