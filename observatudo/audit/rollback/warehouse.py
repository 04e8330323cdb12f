"""The warehouse file after a rollback: built again from the restored data, or gone so that nobody reads a stale one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from observatudo import paths
from observatudo.audit.rollback.switch import caches
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse import presence

Progress = Callable[[int, int], None]


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
