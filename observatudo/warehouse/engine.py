"""What Python asks of a warehouse after dbt has built it, whichever it is: counts, rows, and tables in order.

DuckDB answers here, BigQuery in ``observatudo.warehouse.bigquery.read``. Whoever asks names neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from observatudo import parquet
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import ident
from observatudo.warehouse import presence

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

DUCKDB, BIGQUERY = "duckdb", "bigquery"
MEMORY = "1GB"  # for ordering; what does not fit goes to disk
_AGAIN = "dvc repro -f -s transform"


@dataclass(frozen=True)
class Found:
    """Rows under the names of their columns."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


class Engine(Protocol):
    """A warehouse open for reading. Everything raises ObservatudoError where it cannot be read."""

    def count(self, name: str, schema: str = "") -> int:
        """Return how many rows a table or view has; ``schema`` is the one of dbt's models when left out."""

    def sample(self, sql: str, limit: int) -> Found:
        """Return the first rows that a query finds; its text is one that dbt compiled for this warehouse."""

    def rows(self, name: str, columns: Sequence[str], order: Sequence[str]) -> list[tuple[object, ...]]:
        """Return the columns of a small table, in order."""

    def reader(self, name: str, columns: Sequence[str], order: Sequence[str]) -> pa.RecordBatchReader:
        """Give the columns of a table of any size in order, as batches; each must be used before the next is asked."""


@contextmanager
def opened(root: Path, target: str) -> Iterator[Engine]:
    """Open the warehouse ``target`` (duckdb or bigquery) of the repository at ``root`` for reading.

    Raises ObservatudoError when it is not there, or not reachable.
    """
    if target == BIGQUERY:
        from observatudo.warehouse.bigquery import read

        with read.opened(root) as engine:
            yield engine
    else:
        with _file(root) as engine:
            yield engine


def select(source: str, columns: Sequence[str], order: Sequence[str]) -> str:
    """Return DuckDB's query of ``columns`` in order; ``source`` is SQL, the names are not."""
    names, by = (", ".join(ident(name) for name in own) for own in (columns, order))
    return f"select {names} from {source} order by {by}"


def in_order(connection: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader:
    """Run a query of DuckDB and give its rows in batches of a row group."""
    with readable():
        return connection.sql(query).to_arrow_reader(parquet.ROW_GROUP)


@contextmanager
def readable(where: str = presence.WAREHOUSE.as_posix()) -> Iterator[None]:
    """Turn what DuckDB raises in here into an ObservatudoError."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise ObservatudoError(
            _("the warehouse cannot be read: {why}").format(why=" ".join(str(error).split())[:200]),
            where=where,
            next_step=_AGAIN,
        ) from None


@contextmanager
def _file(root: Path) -> Iterator[Engine]:
    """Open DuckDB's file. Its views name the files that they read relative to the repository."""
    import duckdb

    path = root / presence.WAREHOUSE
    if not path.is_file():
        raise ObservatudoError(
            _("the warehouse is not there; type: dvc repro -f -s transform"),
            where=presence.WAREHOUSE.as_posix(),
            next_step=_AGAIN,
        )
    with readable():
        connection = duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY})
    with connection:
        connection.execute("set file_search_path = ?", [str(root)])
        yield _DuckDB(connection)


@dataclass(frozen=True)
class _DuckDB:
    connection: duckdb.DuckDBPyConnection

    def count(self, name: str, schema: str = "") -> int:
        own = f"{ident(schema)}.{ident(name)}" if schema else ident(name)
        with readable():
            return int(self.connection.execute(f"select count(*) from {own}").fetchall()[0][0])

    def sample(self, sql: str, limit: int) -> Found:
        with readable():
            found = self.connection.execute(f"select * from ({sql.strip()}\n) limit {limit:d}")
            header = tuple(str(column[0]) for column in found.description)
            return Found(header, tuple(tuple(row) for row in found.fetchall()))

    def rows(self, name: str, columns: Sequence[str], order: Sequence[str]) -> list[tuple[object, ...]]:
        with readable():
            return self.connection.execute(select(ident(name), columns, order)).fetchall()

    def reader(self, name: str, columns: Sequence[str], order: Sequence[str]) -> pa.RecordBatchReader:
        return in_order(self.connection, select(ident(name), columns, order))
