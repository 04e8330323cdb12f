"""A rollback where the warehouse is in BigQuery: the preview is what the load does, and the files stand in any case."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from observatudo import dvccache, paths
from observatudo.audit.rollback import apply
from observatudo.audit.rollback.model import Effect, Request
from observatudo.audit.rollback.plan import effect
from observatudo.audit.rollback.preview import content
from observatudo.audit.rollback.show import before
from observatudo.audit.verify.report import Report
from observatudo.audit.verify.run import Asked, verify
from observatudo.warehouse.bigquery import again, state
from observatudo.warehouse.bigquery.telling import By
from tests import fixtures_warehouse as fixtures
from tests.cloud.emulators import Cloud
from tests.cloud.versioned import OBSERVED, Versioned, nothing, versioned

SAO_PAULO, BOM_JESUS = "3550308", "2201903"
JANUARY, FEBRUARY = date(2018, 1, 1), date(2018, 2, 1)


def loaded(own: Versioned) -> None:
    state.create(own.settings)
    again.load(own.root, own.settings, By("teste", "", ""), nothing)


def shown(own: Versioned) -> list[tuple[object, ...]]:
    """Return what BigQuery shows of the observations."""
    sql = f"select id_municipio, data_referencia, valor from {{raw}}.{OBSERVED} where _ativo order by 1, 2"
    return [tuple(row.values()) for row in own.told(sql)]


def counts(found: Effect) -> dict[str, tuple[int, int, int]]:
    assert found.merge is not None and not found.merge.problem
    return {table.name: (table.inserted, table.updated, table.removed) for table in found.merge.tables}


@pytest.mark.needs("bigquery-emulator")
def test_the_preview_is_what_the_load_then_does_and_without_google_the_files_go_back_alone(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = versioned(tmp_path)
    fixtures.marts(own.root)
    own.deaths((SAO_PAULO, JANUARY, 1.0), (BOM_JESUS, JANUARY, 2.0), (BOM_JESUS, FEBRUARY, 3.0))
    own.made("um")
    loaded(own)
    first = shown(own)
    own.deaths((SAO_PAULO, JANUARY, 9.0), (BOM_JESUS, JANUARY, 2.0), (SAO_PAULO, FEBRUARY, 4.0))
    own.past.write("stages/transform.py", "# 2\n")  # code moves on, and dbt is not run for the older version
    own.made("dois")
    loaded(own)

    found = effect(own.root, Request("HEAD~1"))
    assert counts(found)[OBSERVED] == (1, 1, 1)
    assert OBSERVED in before(found) and "dbt's models moved on since" in before(found)
    done = apply.carry_out(own.root, found, "de volta")
    assert any(f"{len(counts(found))} table(s) brought" in note for note in done.notes), done.notes
    there = state.look(own.root, own.settings, deep=True)
    assert (shown(own), [problem.kind for problem in there.problems]) == (first, ["unbuilt"])
    newest = next(load for load in there.loads if load.table == OBSERVED)
    assert (newest.inserted, newest.updated, newest.removed) == counts(found)[OBSERVED]
    assert newest.mode == "diferenca"

    monkeypatch.setattr(state, "_REACH_S", 0.2)
    cloud.warehouse.kill()
    found = effect(own.root, Request("HEAD~1"))
    assert found.merge is not None and "cannot be reached" in found.merge.problem
    assert "not known" in before(found) and json.dumps(content(found))
    done = apply.carry_out(own.root, found, "e de novo")
    (note,) = (note for note in done.notes if "observatudo warehouse --load" in note)
    assert "files and data are back, the warehouse in BigQuery is not: Google Cloud cannot be reached" in note


def tampered(own: Versioned) -> Report:
    return verify(own.root, Asked("HEAD", whole=False, deep=True, anchor=""), None)


def marts(root: Path) -> dict[str, str]:
    return {path.name: dvccache.md5(path) for path in (root / paths.MARTS).glob("*.parquet")}


@pytest.mark.drill
@pytest.mark.needs("bigquery-emulator")
def test_forth_and_back_by_dbt_with_every_mart_as_on_this_machine(tmp_path: Path, cloud: Cloud) -> None:
    own = versioned(tmp_path, is_small=False)
    own.made("um", with_marts=True)
    first = marts(own.root)
    own.deaths((SAO_PAULO, JANUARY, 9.0), (BOM_JESUS, JANUARY, 2.0), (SAO_PAULO, FEBRUARY, 4.0))
    own.made("dois", with_marts=True)
    loaded(own)
    for revision, wanted in (("HEAD~1", first), ("HEAD~1", marts(own.root))):
        done = apply.carry_out(own.root, effect(own.root, Request(revision)), "drill")
        assert done.warehouse_rows is not None, done.notes
        assert marts(own.root) == wanted
        report = tampered(own)
        assert [item for item in report.findings if item.kind == "warehouse"] == []
        assert state.look(own.root, own.settings, deep=True).is_current
