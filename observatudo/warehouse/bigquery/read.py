"""BigQuery as what Python reads after dbt: small questions by query, whole tables by the Storage Read API.

That API gives rows in no order, as Arrow. They go to a file first, so that a lost connection and a full disk are told
apart, and DuckDB orders the file: with little memory, and by the same rules as for a warehouse of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import paths
from observatudo.cloud import clients, failures, settings
from observatudo.cloud.settings import Settings
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse.bigquery.jobs import Runner, connect
from observatudo.warehouse.bigquery.quoting import identifier, table
from observatudo.warehouse.engine import MEMORY, Engine, Found, in_order, readable, select

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from google.cloud.bigquery_storage import BigQueryReadClient

_ASIDE = Path(".observatudo/leitura")
_TIMEOUT_S = 600.0


@contextmanager
def opened(root: Path) -> Iterator[Engine]:
    """Open the models' dataset of the repository at ``root`` for reading.

    Raises ObservatudoError when the settings, credentials or service do not allow it.
    """
    import duckdb

    own = settings.require(settings.load(paths.home()), "project")
    aside = root / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": MEMORY, "temp_directory": str(aside)}
    try:
        with duckdb.connect(config=config) as connection:
            runner = connect(own)
            yield _BigQuery(own, runner, clients.reader(own), connection, aside)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@dataclass(frozen=True)
class _BigQuery:
    settings: Settings
    runner: Runner
    storage: BigQueryReadClient
    connection: duckdb.DuckDBPyConnection
    aside: Path

    def count(self, name: str, schema: str = "") -> int:
        own = table(self.settings.project, schema or self.settings.dataset, name)
        found = self.runner.rows(f"select count(*) as linhas from {own}", f"count {name}")
        return int(str(found[0]["linhas"]))

    def sample(self, sql: str, limit: int) -> Found:
        found = self.runner.rows(f"select * from ({sql.strip()}\n) limit {limit:d}", "sample")
        header = tuple(found[0]) if found else ()
        return Found(header, tuple(tuple(row.values()) for row in found))

    def rows(self, name: str, columns: Sequence[str], order: Sequence[str]) -> list[tuple[object, ...]]:
        names, by = (", ".join(identifier(column) for column in own) for own in (columns, order))
        own = table(self.settings.project, self.settings.dataset, name)
        found = self.runner.rows(f"select {names} from {own} order by {by}", f"read {name}")
        return [tuple(row.values()) for row in found]

    def reader(self, name: str, columns: Sequence[str], order: Sequence[str]) -> pa.RecordBatchReader:
        for file in self.aside.glob("*.parquet"):
            file.unlink()  # of the table before: it has been used
        file = self.aside / f"{name}.parquet"
        with failures.explained(f"{self.settings.place}.{name}"):
            self._fetch(name, columns, file)
        with readable(file.name):
            self.connection.read_parquet(str(file)).create_view("lida")
        return in_order(self.connection, select("lida", columns, order))

    def _fetch(self, name: str, columns: Sequence[str], file: Path) -> None:
        """Write the rows of a table to a file as they come; the API goes on by itself where a stream breaks off."""
        import pyarrow as pa
        import pyarrow.parquet as pq
        from google.cloud.bigquery_storage import DataFormat, ReadSession

        own = self.settings
        wanted = ReadSession(
            table=f"projects/{own.project}/datasets/{own.dataset}/tables/{name}",
            data_format=DataFormat.ARROW,
            read_options=ReadSession.TableReadOptions(selected_fields=list(columns)),
        )
        session = self.storage.create_read_session(
            parent=f"projects/{own.project}", read_session=wanted, max_stream_count=1, timeout=_TIMEOUT_S
        )
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        rows = 0
        with pq.ParquetWriter(file, schema, compression="zstd") as out:
            for stream in session.streams:
                for batch in self._batches(stream.name):
                    out.write_batch(batch)
                    rows += batch.num_rows
        if rows != self.count(name):
            raise ObservatudoError(
                _("{table} was read with {rows} rows, and has another number").format(table=name, rows=rows),
                where=f"{own.place}.{name}",
                next_step="dvc repro transform",
            )

    def _batches(self, stream: str) -> Iterator[pa.RecordBatch]:
        """Give a stream's rows. Its time is that of all of it: where rows came, it goes on behind them, anew."""
        from google.api_core.exceptions import DeadlineExceeded

        rows, before = 0, -1
        while rows > before:
            before = rows
            try:
                for page in self.storage.read_rows(stream, offset=rows, timeout=_TIMEOUT_S).rows().pages:
                    batch = page.to_arrow()
                    rows += batch.num_rows
                    yield batch
            except DeadlineExceeded:
                if rows == before:
                    raise
            else:
                return
