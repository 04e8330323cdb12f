"""Runs sent to a real receiver of OTLP over HTTP, which decodes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from observatudo import otel
from observatudo.errors import ObservatudoError
from tests.histories import ONE, TWO, a_record, keep, repository
from tests.otlp import Receiver, receiving

SECRET = "segredo-da-equipe"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "120")  # seconds
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"Authorization=Basic%20{SECRET}")
        yield found


def test_a_run_is_a_trace_with_a_span_for_each_stage(tmp_path: Path, receiver: Receiver) -> None:
    keep(repository(tmp_path), a_record(ONE))
    otel.export(tmp_path, ONE)
    run, stage = receiver.spans
    assert (run.name, stage.name) == ("run", "ingest@a/um")
    assert (run.parent_span_id, stage.parent_span_id) == (b"", run.span_id)
    assert run.trace_id == stage.trace_id
    words = {own.key: own.value.string_value for own in stage.attributes}
    assert words["observatudo.dataset"] == "a/um"
    assert run.start_time_unix_nano == 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z
    assert receiver.headers[0]["authorization"] == f"Basic {SECRET}"


def test_sent_again_it_is_the_same_trace(tmp_path: Path, receiver: Receiver) -> None:
    keep(repository(tmp_path), a_record(ONE))
    keep(tmp_path, a_record(TWO))
    for name in (ONE, ONE, TWO):
        otel.export(tmp_path, name)
    first, again, other = (receiver.spans[n].trace_id for n in (0, 2, 4))
    assert first == again != other


def test_rows_and_durations_are_gauges_at_the_end_of_the_run(tmp_path: Path, receiver: Receiver) -> None:
    keep(repository(tmp_path), a_record(ONE))
    otel.export(tmp_path, ONE)
    points = {metric.name: metric.gauge.data_points for metric in receiver.metrics}
    assert points["observatudo.rows.kept"][0].as_int == 2
    assert points["observatudo.rows.rejected"][0].as_int == 1
    assert points["observatudo.run.duration"][0].as_double == 2.5
    assert points["observatudo.stage.duration"][0].attributes[0].value.string_value == "ingest@a/um"


def test_a_failed_run_is_an_error_with_its_message(tmp_path: Path, receiver: Receiver) -> None:
    error = {"stage": "ingest@a/um", "type": "DataError", "message": "rows are missing", "where": "", "next_step": ""}
    keep(repository(tmp_path), a_record(ONE, status="failed", error=error))
    otel.export(tmp_path, ONE)
    assert (receiver.spans[0].status.code, receiver.spans[0].status.message) == (2, "rows are missing")


@pytest.mark.parametrize("status", [307, 400, 403])
def test_what_is_not_taken_is_said_without_address_or_secret(tmp_path: Path, receiver: Receiver, status: int) -> None:
    keep(repository(tmp_path), a_record(ONE))
    receiver.status = status
    with pytest.raises(ObservatudoError) as caught:
        otel.export(tmp_path, ONE)
    assert SECRET not in str(caught.value)
    assert receiver.address not in str(caught.value)


def test_the_command_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from observatudo.cli import app

    monkeypatch.chdir(repository(tmp_path))
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    app._register()
    result = CliRunner().invoke(app.app, ["traces"])
    assert isinstance(result.exception, ObservatudoError)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in str(result.exception)
