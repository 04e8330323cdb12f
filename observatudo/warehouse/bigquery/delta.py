"""What must change in a table of the warehouse so that the version there becomes the version in hand.

Worked out on this machine from the files of both: a file that both have is not read. What comes out is a Parquet file
of the rows to send, each with ``_operacao``: ``I`` new, ``U`` changed, ``R`` to remove (with the values it had).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import dvccache
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import ident, literal
from observatudo.runs.inputs import file_sha256
from observatudo.warehouse.bigquery.fingerprint import Fingerprint, of_files, row
from observatudo.warehouse.bigquery.sent import File, Sent
from observatudo.warehouse.tables import arrow_schema

if TYPE_CHECKING:
    import duckdb

    from observatudo.warehouse.bigquery.ledger import Load

OPERATION = "_operacao"
_MEMORY = "2GB"  # what does not fit goes to disk


@dataclass(frozen=True)
class Delta:
    """The rows to send. ``days`` are the first and the last day of theirs (ISO 8601), of a table that has months.

    ``after`` is the fingerprint of the version in hand, given that of the version before.
    """

    file: Path
    sha256: str
    inserted: int
    updated: int
    removed: int
    days: tuple[str, str] | None
    after: Fingerprint

    @property
    def rows(self) -> int:
        """How many rows are sent."""
        return self.inserted + self.updated + self.removed


def between(
    before: Sequence[File], stored: Callable[[File], Path], here: Fingerprint, table: Sent, root: Path, folder: Path
) -> Delta:
    """Work out the difference between the files ``before`` and those of ``table``, and write it to ``folder``.

    ``stored`` gives where the bytes of an older file are, sound ones: see ``is_sound``. ``here`` is the fingerprint of
    the version before. Raises ObservatudoError when there is no room, or a file cannot be read.
    """
    import duckdb

    known, wanted = {(f.path, f.md5) for f in before}, {(f.path, f.md5) for f in table.files}
    gone = [stored(file) for file in before if (file.path, file.md5) not in wanted]
    fresh = [root / file.path for file in table.files if (file.path, file.md5) not in known]
    target = folder / f"{table.name}.parquet"
    settings: dict[str, str | bool | int | float | list[str]] = {"memory_limit": _MEMORY, "temp_directory": str(folder)}
    with worked_out(table.name), duckdb.connect(config=settings) as connection:
        _views(connection, table, gone, fresh)
        counts = _write(connection, table, target)
        days = _days(connection, target, table.month)
        after = here - of_files(gone, table.columns) + of_files(fresh, table.columns)
    return Delta(target, file_sha256(target), counts.get("I", 0), counts.get("U", 0), counts.get("R", 0), days, after)


def since(load: Load, table: Sent, root: Path, folder: Path, objects: Path) -> Delta | None:
    """Work out the difference between the version that a load left and ``table``, and write it to ``folder``.

    The older files are DVC's ``objects``; None where one of those that are needed is not there, or not sound. Raises as
    ``between`` does.
    """

    def stored(file: File) -> Path:
        return dvccache.place(objects, file.md5)

    wanted = {(file.path, file.md5) for file in table.files}
    gone = [file for file in load.files if (file.path, file.md5) not in wanted]
    if not all(is_sound(stored(file), file) for file in gone):
        return None
    return between(load.files, stored, load.fingerprint, table, root, folder)


def scratch(root: Path) -> Path:
    """Return the folder for what is worked out, making it."""
    folder = root / ".observatudo"
    folder.mkdir(exist_ok=True)
    return folder


def is_sound(path: Path, file: File) -> bool:
    """Say whether the bytes at ``path`` are there, and are those of the file."""
    return path.is_file() and dvccache.md5(path) == file.md5


@contextmanager
def worked_out(table: str) -> Iterator[None]:
    """Turn what DuckDB and the disk raise while a table's rows are worked out here into an ObservatudoError."""
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as error:
        why = " ".join(str(error).split())
        full = os.strerror(errno.ENOSPC)  # DuckDB says it at the end of a long story
        raise ObservatudoError(
            _("what is to be sent cannot be worked out: {why}").format(why=full if full in why else why[:200]),
            where=table,
            next_step=_("make room on the disk, or mend the file, then type: dvc repro; the warehouse is as it was"),
        ) from None


def _views(connection: duckdb.DuckDBPyConnection, table: Sent, gone: list[Path], fresh: list[Path]) -> None:
    columns = ", ".join(ident(name) for name, _kind in table.columns)
    schema, spelled = arrow_schema(table.columns), f"md5({row(table.columns, 'duckdb')})"
    for name, files in (("antes", gone), ("agora", fresh)):
        if files:
            connection.read_parquet([str(path) for path in files]).create_view(f"{name}_lido")
        else:
            connection.register(f"{name}_lido", schema.empty_table())
        connection.execute(f"create view {name} as select {columns}, {spelled} as _linha from {name}_lido")


def _write(connection: duckdb.DuckDBPyConnection, table: Sent, target: Path) -> dict[str, int]:
    """Write the rows to send in order of their key; return operation → rows.

    Rows are compared as the fingerprint spells them: to ``=`` in SQL, 0.0 and -0.0 are one.
    """
    columns = ", ".join(f"a.{ident(name)}" for name, _kind in table.columns)
    key = ", ".join(ident(name) for name in table.key)
    same = " and ".join(f"a.{ident(name)} = b.{ident(name)}" for name in table.key)
    connection.execute(f"""
        create table mudanca as
        select {columns}, case when b._linha is null then 'I' else 'U' end as {OPERATION}
        from agora as a left join antes as b on {same} where b._linha is null or b._linha <> a._linha
        union all
        select {columns}, 'R' as {OPERATION} from antes as a anti join agora as b on {same}
    """)
    packed = "(format parquet, compression zstd)"
    connection.execute(f"copy (select * from mudanca order by {key}, {OPERATION}) to {literal(str(target))} {packed}")
    found = connection.execute(f"select {OPERATION}, count(*) from mudanca group by all").fetchall()
    return {str(name): int(rows) for name, rows in found}


def _days(connection: duckdb.DuckDBPyConnection, file: Path, column: str) -> tuple[str, str] | None:
    if not column:
        return None
    quoted = ident(column)
    found = connection.execute(f"select min({quoted}), max({quoted}) from read_parquet(?)", [str(file)]).fetchall()
    first, last = found[0]
    return None if first is None else (str(first), str(last))
