"""Runs as traces and metrics of OpenTelemetry, sent by OTLP over HTTP (the extra ``otel``).

A run is a trace: its own span, below it one for each stage, with the times of the record. The ids follow from the run's
id, so that a run sent again is the same trace. Where to is told by OpenTelemetry's own variables of the environment:
``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_EXPORTER_OTLP_HEADERS`` and their kin; nothing of them is ever written down.
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from requests import Session

    from observatudo.runs.model import Record, StageRun

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SCOPE = "observatudo"
_ROWS = ("rows_read", "rows_kept", "rows_rejected")


def is_wanted() -> bool:
    """Say whether the environment names a receiver."""
    return bool(os.environ.get(ENDPOINT, "").strip())


def export(home: Path, run_id: str) -> Record:
    """Send a recorded run; return its record.

    Raises ObservatudoError when there is no receiver, the extra is not installed, the run has no record, or it was not
    taken: nothing of the receiver's address is in the message.
    """
    from observatudo import history

    if not is_wanted():
        raise ObservatudoError(
            _("no receiver of traces is named"), where=ENDPOINT, next_step=f"export {ENDPOINT}=http://127.0.0.1:4318"
        )
    run = history.find(home, run_id)
    record = history.record(home, run)
    if record is None:
        raise ObservatudoError(
            _("run {run} left no record to send: {status}").format(run=run.run_id, status=run.status),
            next_step="observatudo runs",
        )
    _send(record)
    return record


def _send(record: Record) -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics.export import MetricExportResult
        from opentelemetry.sdk.trace.export import SpanExportResult
    except ImportError:
        raise ObservatudoError(
            _("OpenTelemetry is not installed"), where=ENDPOINT, next_step='uv pip install -e ".[otel]"'
        ) from None
    with _silent():
        traces, metrics = OTLPSpanExporter(session=_session()), OTLPMetricExporter(session=_session())
        try:
            is_sent = traces.export(spans(record)) is SpanExportResult.SUCCESS
            is_sent = metrics.export(measured(record)) is MetricExportResult.SUCCESS and is_sent
        finally:
            traces.shutdown()  # type: ignore[no-untyped-call]  # of the SDK
            metrics.shutdown()
    if not is_sent:
        raise ObservatudoError(
            _("the receiver of traces did not take run {run}").format(run=record.run_id),
            where=ENDPOINT,
            next_step=f"observatudo traces {record.run_id}",
        )


def _session() -> Session:
    """Return a session in which a redirect is a failure: the exporters follow none, and take it for a success."""
    from requests import Response, Session

    def refuse(answer: Response, **_options: object) -> None:
        if 300 <= answer.status_code < 400:
            answer.status_code = 400

    session = Session()
    session.hooks["response"].append(refuse)
    return session


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the exporters' log, which repeats addresses, from the user's screen."""
    logger = logging.getLogger("opentelemetry")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _resource(record: Record) -> Resource:
    from opentelemetry.sdk.resources import Resource

    return Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME") or _SCOPE,
            "host.name": record.where.host,
            "process.runtime.version": record.where.python,
        }
    )


def spans(record: Record) -> list[ReadableSpan]:
    """Return the run's span, then those of its stages in the order in which they began."""
    stages = sorted(record.stages.items(), key=lambda item: item[1].started)
    return [_run_span(record), *(_stage_span(record, name, stage) for name, stage in stages)]


def _number(text: str, octets: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:octets], "big")


def _span(
    record: Record,
    name: str,
    times: tuple[str, str],
    attributes: dict[str, str | int | float | bool],
    error: str | None,
) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode

    trace = _number(record.run_id, 16)
    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(trace, _number(record.run_id, 8), is_remote=False, trace_flags=flags)
    context = SpanContext(trace, _number(f"{record.run_id} {name}", 8), is_remote=False, trace_flags=flags)
    return ReadableSpan(
        name=name or "run",
        context=context if name else parent,
        parent=parent if name else None,
        resource=_resource(record),
        attributes=attributes,
        status=Status(StatusCode.OK) if error is None else Status(StatusCode.ERROR, error),
        start_time=_nanoseconds(times[0]),
        end_time=_nanoseconds(times[1]),
        instrumentation_scope=InstrumentationScope(_SCOPE),
    )


def _run_span(record: Record) -> ReadableSpan:
    attributes: dict[str, str | int | float | bool] = {
        "observatudo.run_id": record.run_id,
        "observatudo.status": record.status,
        "observatudo.dirty": record.dirty,
        "vcs.ref.head.revision": record.commit or "",
        "vcs.ref.head.name": record.branch or "",
    }
    if record.error:
        attributes |= {"error.type": record.error.type, "observatudo.failed_in": record.error.stage}
    message = record.error.message if record.error else record.status
    return _span(record, "", (record.started, record.ended), attributes, None if _is_well(record.status) else message)


def _stage_span(record: Record, name: str, stage: StageRun) -> ReadableSpan:
    attributes: dict[str, str | int | float | bool] = {
        "observatudo.run_id": record.run_id,
        "observatudo.stage": name.partition("@")[0],
        "observatudo.status": stage.status,
        "observatudo.warnings": stage.warnings,
        **{f"observatudo.{key}": count for key, count in stage.rows.items()},
    }
    if stage.dataset:
        attributes["observatudo.dataset"] = stage.dataset
    for key, value in (("cpu_s", stage.cpu_s), ("peak_mb", stage.peak_mb)):
        if value is not None:
            attributes[f"observatudo.{key}"] = value
    own = record.error.message if record.error and record.error.stage == name else stage.status
    times = (stage.started, stage.ended or record.ended)
    return _span(record, name, times, attributes, None if _is_well(stage.status) else own)


def _is_well(status: str) -> bool:
    return status == "success"


def _nanoseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1_000_000) * 1000


def measured(record: Record) -> MetricsData:
    """Return the run's figures as gauges, at the time of its end: duration, rows by dataset, seconds by stage."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    stages = [({"stage": name}, stage.wall_s) for name, stage in record.stages.items()]
    found = [
        _gauge(record, "observatudo.run.duration", "s", [({"status": record.status}, record.duration_s)]),
        _gauge(record, "observatudo.stage.duration", "s", stages),
    ]
    for key in _ROWS:
        rows = [({"dataset": name}, getattr(own, key)) for name, own in record.datasets.items()]
        found.append(_gauge(record, f"observatudo.{key.replace('_', '.')}", "{row}", rows))
    scope = ScopeMetrics(InstrumentationScope(_SCOPE), found, schema_url="")
    return MetricsData([ResourceMetrics(_resource(record), [scope], schema_url="")])


def _gauge(record: Record, name: str, unit: str, values: list[tuple[dict[str, str], float | int | None]]) -> Metric:
    from opentelemetry.sdk.metrics.export import Gauge, Metric, NumberDataPoint

    start, end = _nanoseconds(record.started), _nanoseconds(record.ended)
    points = [NumberDataPoint(words, start, end, value) for words, value in values if value is not None]
    return Metric(name=name, description="", unit=unit, data=Gauge(points))
