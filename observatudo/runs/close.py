"""Closes a run: writes its record, tells MLflow and whoever else wants to know, and says so in the log.

``python -m observatudo.runs.close RUN`` is what a failing stage starts on its way out, and with a status
behind it what ``observatudo repro`` starts when its stages have ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import journal, paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.runs import log

if TYPE_CHECKING:
    from observatudo.runs.model import Record

_MLFLOW_TIMEOUT_S = 300
_OTHERS_TIMEOUT_S = 120
# channels of alerts (configs/alerts.yaml) and where OpenTelemetry sends to
NAMES_OF_RECEIVERS = ("OBSERVATUDO_ALERT_", "OTEL_EXPORTER_OTLP_ENDPOINT")


def at_end(home: Path, root: Path, run: log.RunLog, status: str) -> None:
    """Close a run that ends now and worked in ``root``: record, log, MLflow.

    Experiments get no record (one becomes a run when it is applied and committed).
    Raises ObservatudoError when the record cannot be written; MLflow never stops anything.
    """
    from observatudo.runs import gather

    record = gather.at_end(root, run, status)
    _finish(home, root, run, record)
    if status != log.INTERRUPTED:  # somebody waits for the prompt; the next run sends this one too
        tell_mlflow(home)
        tell_others(home, run.run_id)


def own(stage: journal.Stage) -> None:
    """Close the run that the stage ``record`` ends; one in which nothing else ran is in the log only."""
    run = log.read(stage.home, stage.run_id)
    if run is None or not run.work:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        journal.append(stage.home, "closed", stage.run_id, status=log.NOOP, ended=now, dirty=None)
        return
    at_end(stage.home, stage.root, run, log.SUCCESS)


def afterwards(home: Path, run: log.RunLog) -> None:
    """Close a run that was cut off, from what the log kept of it. MLflow is told by ``tell_mlflow``.

    A stage run by hand, or a run in which nothing worked, is closed in the log only.
    """
    if run.kind == "hand" or not run.work:
        journal.append(home, "closed", run.run_id, status=run.outcome(), ended=run.last, dirty=None)
        return
    from observatudo.runs import gather

    _finish(home, None, run, gather.afterwards(home, run))


def _finish(home: Path, root: Path | None, run: log.RunLog, record: Record) -> None:
    from observatudo.runs import outbox

    outbox.put(home, root, record)
    if run.kind == "repro":
        _write(journal.record_file(home, run.run_id), record)
    journal.append(home, "closed", run.run_id, status=record.status, ended=record.ended, dirty=record.dirty)


def _write(path: Path, record: Record) -> None:
    """Write the record whole or not at all."""
    from observatudo.runs.model import to_text

    draft = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(to_text(record), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ObservatudoError(
            _("the run's record cannot be written: {reason}").format(reason=error.strerror or error),
            where=str(path),
            next_step=_("make room or mend the permissions, then run again"),
        ) from error


def tell_mlflow(home: Path) -> None:
    """Send the waiting runs to MLflow from a process of its own; when it fails, warn and keep them."""
    command = [sys.executable, "-m", "observatudo.runs.tracking", str(home)]
    try:
        done = subprocess.run(
            command, timeout=_MLFLOW_TIMEOUT_S, capture_output=True, text=True, errors="replace", check=False
        )
    except subprocess.TimeoutExpired:
        reason = _("no answer in {seconds} s").format(seconds=_MLFLOW_TIMEOUT_S)
    else:
        if done.returncode == 0:
            return
        reason = (done.stderr.strip().splitlines() or ["?"])[-1]
    sys.stderr.write(
        _("warning: MLflow was not told of this run: {reason}; the next run will try again").format(reason=reason)
        + "\n"
    )


def tell_others(home: Path, run_id: str) -> None:
    """Export a run and tell the channels of alerts, from a process of its own, where the environment names any.

    Without one nothing is started: runs cost no more than before. When it fails, warn.
    """
    if not any(name.startswith(NAMES_OF_RECEIVERS) and value for name, value in os.environ.items()):
        return
    command = [sys.executable, "-m", "observatudo.alerts.after", str(home), run_id]
    try:
        done = subprocess.run(
            command, timeout=_OTHERS_TIMEOUT_S, capture_output=True, text=True, errors="replace", check=False
        )
    except subprocess.TimeoutExpired:
        reason = _("no answer in {seconds} s").format(seconds=_OTHERS_TIMEOUT_S)
    else:
        sys.stderr.write(done.stderr if done.returncode == 0 else "")
        if done.returncode == 0:
            return
        reason = (done.stderr.strip().splitlines() or ["?"])[-1]
    sys.stderr.write(_("warning: nobody was told of alerts: {reason}").format(reason=reason) + "\n")


def main() -> None:
    """Close the run named on the command line, with the status named there or what its stages add up to."""
    home, root = paths.home(), paths.repository()
    run = log.read(home, sys.argv[1])
    if run is None:
        raise SystemExit(_("the log does not know this run"))
    try:
        at_end(home, root, run, sys.argv[2] if len(sys.argv) > 2 else run.outcome())
    except ObservatudoError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
