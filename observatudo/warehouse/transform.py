"""Transform: dbt builds and tests the models, then the marts are exported; failures are explained with rows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.config import load_params
from observatudo.errors import DataError, ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import artifacts, dbt_process, engine, export, models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from observatudo.config import WarehouseParams
    from observatudo.warehouse.bigquery.build import Plan
    from observatudo.warehouse.bigquery.jobs import Done
    from observatudo.warehouse.engine import Engine

METRICS = paths.METRICS / "transform.json"
VOLUMES = paths.METRICS / "volumetria.csv"
_SAMPLE = 5
_SHOWN = 3


@dataclass(frozen=True)
class Built:
    """What a build made: rows per mart, and the tests that warned.

    ``plan`` says which part of the tables was built again; None where all of them always are.
    """

    rows: dict[str, int]
    metrics: dict[str, int]
    warnings: list[str]
    plan: Plan | None = None


def transform(
    root: Path,
    threads: int,
    variables: Mapping[str, str],
    progress: Callable[[int, int], None],
    told: Callable[[Done], None] = lambda _job: None,
) -> Built:
    """Build the warehouse that params.yaml names, export its marts and write the metrics.

    ``variables`` are dbt's: ``id_execucao`` and ``data_processamento``. ``progress`` is told nodes done and in all,
    ``told`` each job of BigQuery with its costs. Raises DataError naming every model or test that failed, with failing
    rows, and ObservatudoError when dbt or BigQuery could not run, or when the models are not those of the declarations.
    """
    _require_generated(root)
    params = load_params(root).warehouse
    if params.target == engine.BIGQUERY:
        return _on_bigquery(root, params, threads, variables, progress, told)
    dbt_process.run(root, threads, variables, progress)
    return _finish(root, _checked(root, artifacts.read(root / dbt_process.TARGET), engine.DUCKDB), engine.DUCKDB)


def _on_bigquery(
    root: Path,
    params: WarehouseParams,
    threads: int,
    variables: Mapping[str, str],
    progress: Callable[[int, int], None],
    told: Callable[[Done], None],
) -> Built:
    """Build what the loads have touched since the last build that ended well, and note this one."""
    from observatudo.warehouse.bigquery import build, state
    from observatudo.warehouse.bigquery.telling import By, Watch

    own, by, watch = build.connected(), By(variables["id_execucao"], "", ""), Watch(job=told)
    state.require_loaded(root, own)
    planned = build.plan(root, own, by, watch)
    dbt_process.run(root, threads, {**variables, **planned.variables()}, progress, build.aim(own, params.budget_gb))
    ended = artifacts.read(root / dbt_process.TARGET)
    for job in build.jobs(ended):
        told(job)
    _checked(root, ended, engine.BIGQUERY)
    build.succeeded(own, planned, by, watch)
    return replace(_finish(root, ended, engine.BIGQUERY), plan=planned)


def _checked(root: Path, build: artifacts.Artifacts, target: str) -> artifacts.Artifacts:
    if build.bad:
        raise _failure(root, build, target)
    return build


def _finish(root: Path, build: artifacts.Artifacts, target: str) -> Built:
    rows = export.export(root, build.marts, target)
    metrics = build.metrics()
    _write_metrics(root, metrics, {test.name: test.failures for test in build.warned}, rows)
    return Built(rows, metrics, [f"{test.name}: {test.failures}" for test in build.warned])


def _require_generated(root: Path) -> None:
    """Stale models would leave a new dataset out of the marts, or keep one that was taken out, in silence."""
    stale = models.stale(root)
    if stale:
        more = ["…"] if len(stale) > _SHOWN else []
        raise ObservatudoError(
            _("{count} files of the dbt project do not follow from the declarations any more").format(count=len(stale)),
            where=", ".join([*stale[:_SHOWN], *more]),
            next_step="observatudo generate",
        )


def _write_metrics(root: Path, metrics: dict[str, int], warned: dict[str, int], rows: dict[str, int]) -> None:
    """Tests that only warn stand there by name, with their failing rows, so that two versions can be compared."""
    by_name = {"warned": dict(sorted(warned.items()))} if warned else {}
    content = {"transform": {**metrics, **by_name, "rows": rows}}
    path = root / METRICS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
    (root / VOLUMES).write_text(_volumes(root), encoding="utf-8", newline="\n")


def _volumes(root: Path) -> str:
    """Rows kept and rejected per dataset, for ``dvc plots``."""
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute(
            "select fonte || '/' || dataset as nome, linhas_mantidas, linhas_rejeitadas"
            " from read_parquet(?) order by nome",
            [(root / paths.MARTS / "audit_volumetria.parquet").as_posix()],
        ).fetchall()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["dataset", "linhas_mantidas", "linhas_rejeitadas"])
    writer.writerows(found)
    return out.getvalue()


def _failure(root: Path, build: artifacts.Artifacts, target: str) -> DataError:
    skipped = sum(result.status == "skipped" for result in build.results)
    with engine.opened(root, target) as warehouse:
        shown = [_explain(warehouse, result) for result in build.bad[:_SHOWN]]
    more = [result.name for result in build.bad[_SHOWN:]]
    if more:
        shown.append(_("and {count} more: {names}").format(count=len(more), names=", ".join(more)))
    if skipped:
        shown.append(_("{count} nodes that depend on these were skipped").format(count=skipped))
    return DataError(
        _("{count} models or tests of dbt failed").format(count=len(build.bad)) + "\n" + "\n".join(shown),
        where=", ".join(dict.fromkeys(result.file for result in build.bad[:_SHOWN])),
        next_step=_("mend the data or the model, then type: dvc repro transform"),
    )


def _explain(warehouse: Engine, result: artifacts.NodeResult) -> str:
    """A failed test of data shows rows and its SQL; anything else has dbt's message."""
    if result.kind != "test" or result.status != "fail":
        return f"✗ {result.name} ({result.status})\n{_indent(result.message)}"
    sql = result.sql.strip()
    head = _("✗ {name}: {count} failing rows, such as").format(name=result.name, count=result.failures)
    try:
        found = warehouse.sample(sql, _SAMPLE)
    except ObservatudoError as error:  # the test's name and SQL must not be lost with its rows
        found = engine.Found((str(error),), ())
    rows = [" | ".join(str(value) for value in row) for row in found.rows]
    return "\n".join([head, _indent("\n".join([" | ".join(found.header), *rows])), _("  found by"), _indent(sql)])


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines() if line.strip())
