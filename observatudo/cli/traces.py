"""``observatudo traces``: a run sent to OpenTelemetry's receiver once more."""

from __future__ import annotations

from typing import Annotated

import typer

from observatudo.i18n import _


def traces(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help=_("A run's id, the beginning of one, or “last”."))
    ] = "last",
) -> None:
    """Send a recorded run as a trace and metrics. Exits 1 when it was not taken.

    Where to is told by OTEL_EXPORTER_OTLP_ENDPOINT. Sent again, it is the same trace.
    """
    from observatudo import otel, paths

    record = otel.export(paths.home(), run)
    text = _("run {run} was sent: {count} stage(s)")
    typer.echo(text.format(run=record.run_id, count=len(record.stages)))
