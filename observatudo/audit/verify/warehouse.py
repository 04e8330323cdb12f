"""The warehouse held against the marts, row by row in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.audit.verify.cached import Objects
from observatudo.audit.verify.locks import LockAt
from observatudo.audit.verify.objects import entries
from observatudo.audit.verify.report import Finding
from observatudo.audit.verify.scene import Scene
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import ident
from observatudo.versions.lock import FOLDER
from observatudo.versions.store import Entry
from observatudo.warehouse import presence

if TYPE_CHECKING:
    import duckdb

MARTS = paths.MARTS.as_posix()
SUFFIX = ".parquet"
_MEMORY = "1GB"  # what does not fit goes to disk


@dataclass(frozen=True)
class Held:
    """The warehouse in words: where it is, and the command that renews it."""

    where: str
    renew: str


_FILE = Held(presence.WAREHOUSE.as_posix(), "dvc repro --force --single-item transform")


def check(scene: Scene, objects: Objects, lock: LockAt) -> Iterator[Finding]:
    """Give the marts whose rows in the warehouse are not those of the version that the lock names.

    Only what is published is compared: the warehouse's technical columns name the run. Nothing is said where there is
    no warehouse. Of BigQuery the tables of loads are held against the ledger and the version too.
    """
    out = lock.outs.get(MARTS)
    if out is None:
        return
    if _is_in_bigquery(scene.root):
        from observatudo.audit.verify import bigquery

        yield from bigquery.check(scene, objects, out.md5)
        return
    database = scene.root / presence.WAREHOUSE
    if not database.is_file():
        return
    if presence.is_current(scene.root):
        yield from _of_file(scene, objects, database, out.md5)
    else:
        yield of_another_version(_FILE)


def _is_in_bigquery(root: Path) -> bool:
    from observatudo.config import load_params

    try:
        return load_params(root).warehouse.target == "bigquery"
    except ObservatudoError:  # told of where the configuration is checked
        return False


def of_another_version(held: Held) -> Finding:
    what = _("the warehouse is of another version than the outputs")
    return Finding("stale", "warehouse", what, held.where, held.renew)


def _of_file(scene: Scene, objects: Objects, database: Path, md5: str) -> Iterator[Finding]:
    import duckdb

    try:
        with duckdb.connect(database, read_only=True, config={"memory_limit": _MEMORY}) as connection:
            found = list(judged(connection, scene, objects, md5, _FILE))
    except duckdb.Error as error:
        why = " ".join(str(error).split())[:160]
        if isinstance(error, duckdb.IOException) and "lock" in why.lower():
            yield Finding("note", "warehouse", _("the warehouse is in use: {why}").format(why=why), _FILE.where)
        else:
            what = _("the warehouse cannot be read: {why}").format(why=why)
            yield Finding("tampered", "warehouse", what, _FILE.where, _FILE.renew)
        return
    yield from found


def judged(
    connection: duckdb.DuckDBPyConnection, scene: Scene, objects: Objects, md5: str, held: Held
) -> Iterator[Finding]:
    """Compare; rows that are all those of another version's marts were not tampered with. Raises duckdb.Error."""
    problems = _compared(connection, scene, objects, md5)
    others = sorted(other for path, other in scene.made_anywhere if path == MARTS) if problems else []
    if any(_is_of(connection, scene, other) for other in others if other != md5):
        yield of_another_version(held)
        return
    for name, problem in problems.items():
        yield Finding("tampered", "warehouse", problem, f"{held.where}: {name}", held.renew, outputs=(name,))


def _is_of(connection: duckdb.DuckDBPyConnection, scene: Scene, md5: str) -> bool:
    """Say whether the warehouse holds just the rows of these marts; without all their objects it cannot be known."""
    listing = _at_hand(scene, md5)
    if listing is None:
        return False
    for entry in entries(listing.read_bytes()) or []:
        if entry.relpath.endswith(SUFFIX):
            file = _at_hand(scene, entry.md5)
            if file is None or _differences(connection, _table(entry), file):
                return False
    return True


def _at_hand(scene: Scene, md5: str) -> Path | None:
    """Return a file with the object's right bytes: of the cache, else of a remote that is a folder."""
    places = [scene.store.path(md5)]
    if scene.remote is not None and scene.remote.folder is not None:
        places.append(scene.remote.path(md5))
    hashes = scene.memory.files(places)
    return next((path for path in places if (found := hashes[path]) and found.md5 == md5.removesuffix(FOLDER)), None)


def _compared(connection: duckdb.DuckDBPyConnection, scene: Scene, objects: Objects, md5: str) -> dict[str, str]:
    """Return mart → how it differs, of the marts whose files are at hand."""
    found = {name: _differences(connection, name, file) for name, file in marts(scene, objects, md5)}
    return {name: problem for name, problem in found.items() if problem}


def marts(scene: Scene, objects: Objects, md5: str) -> Iterator[tuple[str, Path]]:
    """Yield name and right bytes of the marts that the version made, of those whose files are at hand."""
    for entry in objects.listing(md5) or []:
        file = _file(scene, objects, entry) if entry.relpath.endswith(SUFFIX) else None
        if file is not None:
            yield _table(entry), file


def _table(entry: Entry) -> str:
    return entry.relpath.removesuffix(SUFFIX)


def _file(scene: Scene, objects: Objects, entry: Entry) -> Path | None:
    """Return a file with the mart's right bytes: its object, or else what stands in the work tree."""
    if objects.is_whole(entry.md5):
        return scene.store.path(entry.md5)
    file = scene.root / MARTS / entry.relpath
    found = scene.memory.files([file])[file]
    return file if found is not None and found.md5 == entry.md5 else None


def _differences(connection: duckdb.DuckDBPyConnection, name: str, file: Path) -> str:
    """Say how many rows only one side has; equal rows count as often as they are there, and NaN equals NaN."""
    import pyarrow.parquet as pq

    columns = ", ".join(ident(column) for column in pq.read_schema(file).names)
    if not columns:
        return ""
    here = f"SELECT {columns} FROM {ident(name)}"
    made = f"SELECT {columns} FROM read_parquet(?)"
    tables = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [name]).fetchall()
    if tables == [(0,)]:
        return _("the warehouse has no table {table}").format(table=name)
    counts = [
        connection.execute(f"SELECT count(*) FROM ({a} EXCEPT ALL {b})", [str(file)]).fetchall()[0][0]
        for a, b in ((here, made), (made, here))
    ]
    if counts == [0, 0]:
        return ""
    return _("the table {table} of the warehouse has {more} row(s) that were not made, and lacks {less}").format(
        table=name, more=counts[0], less=counts[1]
    )
