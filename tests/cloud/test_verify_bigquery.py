"""``verify --deep`` over BigQuery: one altered value is found, in the tables of loads and in the marts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from observatudo import paths
from observatudo.audit.verify.report import Finding
from observatudo.audit.verify.run import Asked, verify
from observatudo.cloud import clients, uploads
from observatudo.runs.inputs import file_sha256
from observatudo.warehouse.bigquery import again, jobs, plan, state
from observatudo.warehouse.bigquery.telling import By
from tests import fixtures_warehouse as fixtures
from tests.cloud.emulators import Cloud
from tests.cloud.versioned import OBSERVED, Versioned, nothing, versioned


def copied(own: Versioned, name: str) -> None:
    """Have a mart in BigQuery without dbt."""
    from google.cloud.bigquery import LoadJobConfig, SourceFormat

    file = own.root / paths.MARTS / f"{name}.parquet"
    bucket = uploads.Uploads(clients.storage(own.settings), own.settings.bucket)
    uri = bucket.put(file, file_sha256(file)).uri
    config = LoadJobConfig(source_format=SourceFormat.PARQUET)
    jobs.connect(own.settings).load([uri], f"{own.settings.place}.{name}", config, name, name)


def found(own: Versioned) -> list[Finding]:
    report = verify(own.root, Asked("HEAD", whole=False, deep=True, anchor=""), None)
    return [item for item in report.findings if item.kind == "warehouse"]


@pytest.mark.needs("bigquery-emulator")
def test_one_altered_value_is_found(tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    own = versioned(tmp_path)
    fixtures.marts(own.root)
    own.deaths(("3550308", date(2018, 1, 1), 1.0))
    own.made("um")
    state.create(own.settings)
    assert [item.status for item in found(own)] == ["stale"]  # nothing loaded yet
    again.load(own.root, own.settings, By("teste", "", ""), nothing)
    names = sorted(path.stem for path in (own.root / paths.MARTS).glob("*.parquet"))
    for name in names:
        copied(own, name)
    own.built()
    assert found(own) == []

    own.told("update {models}.fact_indicador set valor = valor + 1 where id_municipio = '3550308' and valor = 2019")
    (item,) = found(own)
    assert (item.status, item.outputs) == ("tampered", ("fact_indicador",))
    assert "has 1 row(s) that were not made, and lacks 1" in item.what
    own.told("update {models}.fact_indicador set valor = 2019 where id_municipio = '3550308' and valor = 2020")
    assert found(own) == []

    own.told(f"update {{raw}}.{OBSERVED} set valor = 7 where _ativo")
    (item,) = found(own)
    assert (item.status, item.outputs) == ("tampered", (OBSERVED,))
    assert "on_foreign_change=replace" in item.next_step
    own.told(f"drop table {{raw}}.{OBSERVED}")
    (item,) = found(own)
    assert (item.status, item.outputs, item.next_step) == ("missing", (OBSERVED,), plan.REPLACE)
    monkeypatch.setattr(state, "_REACH_S", 0.2)
    cloud.warehouse.kill()
    (item,) = found(own)
    assert (item.status, "cannot be reached" in item.what) == ("note", True)
