"""The warehouse in BigQuery held against the ledger, the version in hand, and the marts, row by row in both directions.

The marts come back by the Storage Read API into a DuckDB of their own, where they are compared as those of a file are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.audit.verify import warehouse
from observatudo.audit.verify.cached import Objects
from observatudo.audit.verify.report import Finding
from observatudo.audit.verify.scene import Scene
from observatudo.audit.verify.warehouse import Held
from observatudo.cloud import failures
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import ident
from observatudo.warehouse import engine
from observatudo.warehouse.bigquery import plan, state

if TYPE_CHECKING:
    import duckdb

    from observatudo.cloud.settings import Settings
    from observatudo.warehouse.bigquery.jobs import Runner

_FOLDER = Path(".observatudo")
_BAD = ("altered", "lost")


def check(scene: Scene, objects: Objects, md5: str) -> Iterator[Finding]:
    """Give the tables and marts that are not as they were made; BigQuery that cannot be asked is a note.

    ``md5`` names the marts of the version, as DVC does.
    """
    import duckdb

    from observatudo.cloud import settings

    try:
        own = settings.require(settings.load(scene.root), "project")
        held = Held(own.place, state.BUILD)
        yield from _looked(scene, objects, md5, own, held)
    except ObservatudoError as error:
        what = _("the warehouse in BigQuery was not held against the marts: {why}").format(why=error.message)
        yield Finding("note", "warehouse", what, error.where, error.next_step)
    except duckdb.Error as error:
        why = " ".join(str(error).split())[:160]
        what = _("the warehouse in BigQuery was not held against the marts: {why}").format(why=why)
        yield Finding("note", "warehouse", what, _FOLDER.as_posix())


def _looked(scene: Scene, objects: Objects, md5: str, own: Settings, held: Held) -> Iterator[Finding]:
    found = state.look(scene.root, own, deep=True, loads=1)
    for table in found.tables:
        if table.status in _BAD:
            yield _of_table(table, own)
    behind = [problem for problem in found.problems if problem.kind in ("empty", "other", "unbuilt")]
    if behind:
        what = _("the warehouse is of another version than the outputs")
        yield Finding("stale", "warehouse", what, own.place, behind[0].next_step)
        return
    yield from _marts(scene, objects, md5, own, held)


def _of_table(table: state.Table, own: Settings) -> Finding:
    where = f"{own.project}.{own.raw_dataset}: {table.name}"
    if table.status == "lost":
        what = _("the table {table} was loaded, and is gone").format(table=table.name)
        return Finding("missing", "warehouse", what, where, plan.REPLACE, outputs=(table.name,))
    what = _("the rows of {table} are not those that were loaded").format(table=table.name)
    return Finding("tampered", "warehouse", what, where, plan.REPLACE, outputs=(table.name,))


def _marts(scene: Scene, objects: Objects, md5: str, own: Settings, held: Held) -> Iterator[Finding]:
    import duckdb

    with (
        tempfile.TemporaryDirectory(prefix="conferencia-", dir=scene.root / _FOLDER) as folder,
        duckdb.connect(Path(folder) / "marts.duckdb", config={"memory_limit": engine.MEMORY}) as connection,
        engine.opened(scene.root, engine.BIGQUERY) as there,
    ):
        runner = state.reach(own)
        for name, file in warehouse.marts(scene, objects, md5):
            _copy(connection, runner, there, f"{own.place}.{name}", file)
        found = list(warehouse.judged(connection, scene, objects, md5, held))
    yield from found


def _copy(connection: duckdb.DuckDBPyConnection, runner: Runner, there: engine.Engine, place: str, file: Path) -> None:
    """Copy those of a mart's columns that BigQuery has; where it lacks one, or the mart, that is found later."""
    import pyarrow.parquet as pq

    if not runner.has(place):
        return
    with failures.explained(place):
        known = {field.name for field in runner.client.get_table(place).schema}
    name, wanted = place.rpartition(".")[2], pq.read_schema(file).names
    if not known.issuperset(wanted):
        return
    rows = there.reader(name, wanted, wanted[:1])
    connection.register("lida", rows)
    connection.execute(f"create table {ident(name)} as select * from lida")
    connection.unregister("lida")
