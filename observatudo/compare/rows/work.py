"""DuckDB for one comparison: bounded, spilling into a folder of its own that is gone when the comparison ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.compare.rows.files import File, read_through
from observatudo.compare.rows.options import NAMED, Options
from observatudo.compare.rows.types import Column
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.ingest.sql import ident, literal

if TYPE_CHECKING:
    import duckdb


class Work:
    """A folder to spill into, and a connection that is opened when it is first wanted."""

    def __init__(self, folder: Path, memory: str) -> None:
        self.folder = folder
        self.files: list[File] = []
        self._memory = memory
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            import duckdb

            self._connection = duckdb.connect(
                config={
                    "memory_limit": self._memory,
                    "temp_directory": str(self.folder / "spill"),
                    "threads": 2,
                    "preserve_insertion_order": False,
                    "autoinstall_known_extensions": False,
                    "TimeZone": "UTC",
                }
            )
            self._connection.execute("SET enable_progress_bar = false")
        return self._connection

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return one more connection, as one streams a single result at a time."""
        found = self.connection.cursor()
        found.execute("SET enable_progress_bar = false")
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def working(options: Options) -> Iterator[Work]:
    """Give a place to work in and take it away, whatever happens within; errors of DuckDB and Arrow name what to do."""
    import duckdb
    import pyarrow as pa

    folder = Path(tempfile.mkdtemp(prefix="observatudo-rows-", dir=options.temp))
    work = Work(folder, options.memory)
    try:
        yield work
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.OutOfMemoryException as error:
        raise ObservatudoError(
            _("comparing the rows took more memory or disk than allowed: {why}").format(why=_first_line(error)),
            where=str(folder.parent),
            next_step=_("make room there, or set TMPDIR to a folder that has some"),
        ) from error
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError, OverflowError) as error:
        for file in work.files:
            read_through(file)
        raise ObservatudoError(
            _("the rows could not be compared: {why}").format(why=_first_line(error)),
            where=", ".join(file.name for file in work.files[:NAMED]),
            next_step=_("observatudo verify --deep says whether the files are those of their versions"),
        ) from error
    finally:
        work.close()
        shutil.rmtree(folder, ignore_errors=True)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def scan(files: Sequence[File]) -> str:
    """Return SQL that reads all columns of the files."""
    paths = ", ".join(literal(str(file.path)) for file in files)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


def select(files: Sequence[File], columns: Sequence[Column], side: str) -> str:
    """Return SQL that reads columns in their names and types for the comparison."""
    shown = [f"{column.sql_a if side == 'a' else column.sql_b} AS {ident(column.name)}" for column in columns]
    return f"SELECT {', '.join(shown)} FROM {scan(files)}"
