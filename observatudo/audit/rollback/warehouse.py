"""The warehouse after a rollback.

A file is built again from the restored data, or goes, so that nobody reads a stale one. Tables in BigQuery are merged
back to the restored version, and dbt's models built from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from observatudo import paths
from observatudo.audit.rollback.switch import caches
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import presence

Progress = Callable[[int, int], None]


@dataclass
class Renewed:
    """What became of it: the rows of its marts (None: not built), and remarks."""

    rows: int | None = None
    notes: list[str] = field(default_factory=list)


def target(root: Path) -> str:
    """Return the warehouse that params.yaml names: ``duckdb``, also where it cannot be read, or ``bigquery``."""
    from observatudo.config import load_params

    try:
        return load_params(root).warehouse.target
    except ObservatudoError:
        return "duckdb"


def renew(root: Path, run: str, when: str, progress: Progress, *, can_build: bool) -> Renewed:
    """Have the warehouse follow the files that were restored; never raises ObservatudoError, as these stand.

    ``run`` and ``when`` (ISO 8601, UTC) stand in its technical columns. Without ``can_build``, as dbt's models have
    moved on since, only BigQuery's tables of loads go back.
    """
    if target(root) == "bigquery":
        return _in_bigquery(root, run, when, progress, can_build=can_build)
    if not can_build:
        return Renewed()
    try:
        return Renewed(rebuild(root, run, when, progress))
    except ObservatudoError as error:  # data and configuration are back; this is only a cache of them
        return Renewed(notes=[_("the warehouse could not be built: {reason}").format(reason=error.message)])


def _in_bigquery(root: Path, run: str, when: str, progress: Progress, *, can_build: bool) -> Renewed:
    """Bring the restored version by the same load as the pipeline's, which merges backwards, and build it."""
    from observatudo import journal
    from observatudo.runs.inputs import head_commit
    from observatudo.warehouse.bigquery import again, state
    from observatudo.warehouse.bigquery.telling import By

    renewed, missing = Renewed(), f"{state.LOAD} && {state.BUILD}"
    try:
        settings = state.required(root)
        by = By(run, head_commit(root) or "", journal.who() or "")
        renewed.notes.append(again.load(root, settings, by, lambda _done, _total: None).told())
        missing = state.BUILD if can_build else "dvc repro"
        if can_build:
            renewed.rows = again.build(root, settings, by, when, progress)
    except ObservatudoError as error:
        text = _("files and data are back, the warehouse in BigQuery is not: {reason}; to finish: {command}")
        renewed.notes.append(text.format(reason=error.message, command=missing))
    return renewed


def remarks(root: Path) -> list[str]:
    """Say where the warehouse in BigQuery is not of the files that stand here, after a rollback was undone."""
    return list(presence.warnings(root, root)) if target(root) == "bigquery" else []


def rebuild(root: Path, run: str, when: str, progress: Progress) -> int:
    """Build the warehouse by dbt as ``transform`` does, without exporting anything; return the rows of all marts.

    ``run`` and ``when`` (ISO 8601, UTC) stand in its technical columns. Raises ObservatudoError, with the file gone,
    when dbt fails or makes other numbers of rows than the restored marts have.
    """
    from observatudo.config import load_params
    from observatudo.warehouse import artifacts, dbt_process

    variables = {"id_execucao": run, "data_processamento": when[:19].replace("T", " ")}
    try:
        dbt_process.run(root, load_params(root).transform.threads, variables, progress)
        bad = [result.name for result in artifacts.read(root / dbt_process.TARGET).bad]
        rows = _rows(root)
    except ObservatudoError:
        drop(root)
        raise
    if bad or rows != _published(root):
        drop(root)
        raise ObservatudoError(
            _("dbt does not give the restored marts again: {names}").format(
                names=", ".join(bad or sorted(_published(root)))
            ),
            next_step="dvc repro -f -s transform",
        )
    return sum(rows.values())


def drop(root: Path) -> None:
    """Remove the warehouse file and what it says it was built from."""
    for name in caches():
        (root / name).unlink(missing_ok=True)


def _published(root: Path) -> dict[str, int]:
    import pyarrow.parquet as pq

    found = sorted((root / paths.MARTS).glob("*.parquet"))
    return {path.stem: pq.read_metadata(path).num_rows for path in found}


def _rows(root: Path) -> dict[str, int]:
    """Return the rows of those tables of the warehouse that are published."""
    import duckdb

    names = [name for name in _published(root) if re.fullmatch(r"\w+", name)]
    with duckdb.connect(root / presence.WAREHOUSE, read_only=True) as connection:
        return {name: connection.table(name).shape[0] for name in names}
