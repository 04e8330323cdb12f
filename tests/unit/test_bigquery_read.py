"""Rows of BigQuery over a line that is too slow for one request: read on from where they broke off, each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import grpc
import pyarrow as pa
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client
from google.cloud.bigquery_storage_v1.types import ArrowRecordBatch, ArrowSchema, ReadRowsRequest, ReadRowsResponse

from observatudo.cloud import clients
from observatudo.cloud.settings import Settings
from observatudo.warehouse.bigquery import read
from observatudo.warehouse.bigquery.jobs import Runner

_BATCH = 100
_METHOD = "/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows"


@dataclass
class Slow(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Answers ReadRows with the numbers up to ``rows``, in batches; of each request, only ``given`` of them in time.

    When a request has these, its time is over, or, where there are none, is waited for.
    """

    rows: int
    given: int
    asked: list[int] = field(default_factory=list)
    allowed: list[float] = field(default_factory=list)  # seconds, of each request
    came: list[int] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if handler_call_details.method != _METHOD:
            return None
        return grpc.unary_stream_rpc_method_handler(self._read, ReadRowsRequest.deserialize, ReadRowsResponse.serialize)

    def _read(self, request: ReadRowsRequest, context: grpc.ServicerContext) -> Iterator[ReadRowsResponse]:
        self.asked.append(request.offset)
        self.allowed.append(context.time_remaining())
        for number, first in enumerate(range(request.offset, self.rows, _BATCH)):
            if number == self.given:
                while not (self.given and len(self.came) >= first) and not self.ended.wait(0.01):
                    pass
                context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "slow")
            batch = pa.record_batch({"x": list(range(first, min(first + _BATCH, self.rows)))})
            yield ReadRowsResponse(
                arrow_record_batch=ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes()),
                arrow_schema=ArrowSchema(serialized_schema=batch.schema.serialize().to_pybytes()),
                row_count=batch.num_rows,
            )


def _read(slow: Slow, folder: Path) -> list[int]:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((slow,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    own = Settings(project="projeto", bigquery_host="http://127.0.0.1:1", read_host=f"127.0.0.1:{port}")
    runner = Runner(Client(own.project, credentials=AnonymousCredentials()), own.place, own.location)
    try:
        with duckdb.connect() as connection:
            engine = read._BigQuery(own, runner, clients.reader(own), connection, folder)
            for batch in engine._batches("s"):
                slow.came += [int(str(x)) for x in batch.column("x").to_pylist()]
            return slow.came
    finally:
        slow.ended.set()
        server.stop(None).wait()


def test_a_table_that_takes_longer_than_a_request_may_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "_TIMEOUT_S", 300.0)
    slow = Slow(rows=450, given=2)
    assert _read(slow, tmp_path) == list(range(450))
    assert slow.asked == [0, 200, 400]
    assert all(0 < seconds < 400 for seconds in slow.allowed)  # anew for each, where its default is a day


def test_where_nothing_comes_any_more_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_TIMEOUT_S", 0.5)
    with pytest.raises(DeadlineExceeded):
        _read(Slow(rows=450, given=0), tmp_path)
