"""Transform: dbt builds and tests the models, then the marts are exported; failures are explained with rows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.errors import DataError, ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import artifacts, dbt_process, export, models
from observatudo.warehouse.presence import WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

METRICS = paths.METRICS / "transform.json"
VOLUMES = paths.METRICS / "volumetria.csv"
_SAMPLE = 5
_SHOWN = 3


@dataclass(frozen=True)
class Built:
    """What a build made: rows per mart, and the tests that warned."""

    rows: dict[str, int]
    metrics: dict[str, int]
    warnings: list[str]


def transform(root: Path, threads: int, variables: dict[str, str], progress: Callable[[int, int], None]) -> Built:
    """Build the warehouse of the repository at ``root``, export its marts and write the metrics.

    ``variables`` are dbt's: ``id_execucao`` and ``data_processamento``. ``progress`` is told nodes done
    and in all. Raises DataError naming every model or test that failed, with failing rows, and
    ObservatudoError when dbt could not run, or when its models are not those of the declarations.
    """
    _require_generated(root)
    dbt_process.run(root, threads, variables, progress)
    build = artifacts.read(root / dbt_process.TARGET)
    if build.bad:
        raise _failure(root, build)
    rows = export.export(root, build.marts)
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


def _failure(root: Path, build: artifacts.Artifacts) -> DataError:
    import duckdb

    skipped = sum(result.status == "skipped" for result in build.results)
    with duckdb.connect(root / WAREHOUSE, read_only=True) as connection:
        connection.execute("set file_search_path = ?", [str(root)])
        shown = [_explain(connection, result) for result in build.bad[:_SHOWN]]
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


def _explain(connection: duckdb.DuckDBPyConnection, result: artifacts.NodeResult) -> str:
    """A failed test of data shows rows and its SQL; anything else has dbt's message."""
    if result.kind != "test" or result.status != "fail":
        return f"✗ {result.name} ({result.status})\n{_indent(result.message)}"
    sql = result.sql.strip()
    head = _("✗ {name}: {count} failing rows, such as").format(name=result.name, count=result.failures)
    found = connection.execute(f"select * from ({sql}\n) limit {_SAMPLE}")
    names = [column[0] for column in found.description]
    rows = [" | ".join(str(value) for value in row) for row in found.fetchall()]
    return "\n".join([head, _indent("\n".join([" | ".join(names), *rows])), _("  found by"), _indent(sql)])


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines() if line.strip())
