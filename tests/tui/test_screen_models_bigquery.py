"""Screen 6 where the warehouse is in BigQuery: what is there, what a load did, which job failed, and no network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from observatudo import journal, paths
from observatudo.cloud import settings
from observatudo.journal import Json
from observatudo.warehouse import artifacts, state
from observatudo.warehouse.bigquery import state as bigquery
from tests.cloud.emulators import Cloud
from tests.tui.pilot import at_work, dashboard, until
from tui import dbtcloud

RUN = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-77"  # among the newest, however many records the repository has
LOAD = {
    "sequence": 3, "table": "ibge__x", "version": "b" * 64, "previous": "a" * 64, "mode": "diferenca", "rows": 10,
    "inserted": 1234, "updated": 2, "removed": 1, "bytes_sent": 2048, "commit": "c" * 40, "run": RUN, "who": "Maria",
    "started": "2026-11-23T10:00:00+00:00",
}  # fmt: skip
TABLE = {"name": "ibge__x", "title": "X", "version_here": "b" * 64, "rows_here": 10, "rows_there": 10, "size": 4096}


def in_bigquery(root: Path) -> None:
    """Have it look as a build in BigQuery leaves it."""
    params = root / paths.PARAMS
    params.write_text(params.read_text().replace("target: duckdb", "target: bigquery"))
    manifest = root / state.TARGET / artifacts.MANIFEST
    content = json.loads(manifest.read_bytes())
    content["metadata"]["adapter_type"] = "bigquery"
    manifest.write_text(json.dumps(content))
    done: dict[str, Json] = {
        "kind": "load",
        "about": "ibge__x",
        "status": "success",
        "seconds": 2.5,
        "bytes_processed": 5000,
    }
    end: dict[str, Json] = {"stage": "load", "status": "failed", "wall_s": 3.0}
    process: Json = {"pid": 4_000_000, "started": 1.0}
    journal.append(root, "start", RUN, stage="load", kind="hand", process=process, owner=process, host="x", python="3")
    journal.append(root, "job", RUN, stage="load", id="a", **done)
    failed: dict[str, Json] = done | {
        "status": "failed",
        "error": "Quota exceeded",
        "bytes_billed": 10_485_760,
        "slot_ms": 1500,
    }
    journal.append(root, "job", RUN, stage="load", id="b", **failed)
    journal.append(root, "end", RUN, **end)


@pytest.mark.needs("bigquery-emulator")
async def test_the_pane_asks_bigquery_when_it_is_seen_and_says_why_it_does_not_answer(
    built: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bigquery(built)
    async with dashboard(built, (100, 40)) as (app, pilot):
        await pilot.press("6")
        rows = json.loads((built / "data/metrics/transform.json").read_bytes())["transform"]["rows"]["fact_indicador"]
        await until(app, "fact_indicador", f"{rows:,}", "bigquery")
        with at_work():
            await pilot.press("p")
            await until(app, "BigQuery is asked", "esc stops it", "1 failed", "Quota exceeded", "10.0 MiB")
            await pilot.press("escape")
            await until(app, "stopped; r asks again")
        await pilot.press("r")
        await until(app, "the dataset is not there", "observatudo warehouse --create")
        bigquery.create(settings.load(built))
        await pilot.press("r")
        await until(app, "! nothing was loaded into it yet", "→ dvc repro", "(an emulator)", "! ibge__municipio_ref")


def told(content: dict[str, object]) -> str:
    shown = dbtcloud.understood(json.loads(json.dumps(content)))
    return "\n".join(line.plain for line in dbtcloud.lines(shown, "", []))


def test_what_the_command_prints_is_told_and_what_it_leaves_out_is_a_dash() -> None:
    build = {"sequence": 3, "run": RUN, "built_at": "2026-11-23T10:05:00+00:00"}
    full = told(
        {
            "is_current": True,
            "is_emulated": False,
            "location": "southamerica-east1",
            "bucket": "b",
            "tables": [TABLE | {"status": "current", "version_there": "b" * 64}],
            "loads": [LOAD],
            "builds": [build],
        }
    )
    assert "✓ ibge__x  bbbbbbbb  10 rows  4.0 KiB" in full
    assert "3  2026-11-23 10:00  ibge__x  diferenca  +1,234 ~2 -1  2.0 KiB" in full
    assert "models built: 2026-11-23 10:05, by run" in full
    other = told(
        {
            "tables": [TABLE | {"status": "other", "version_there": None}, {"name": "\x1b[2J"}],
            "loads": [{}],
            "builds": [{}],
        }
    )
    assert "! ibge__x  – there, bbbbbbbb here" in other
    assert "\x1b" not in other and "None" not in other
