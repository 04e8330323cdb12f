"""The pipeline run with a stale source and values a thousand times too large: two alerts, told, and their recovery."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from observatudo import journal
from observatudo.alerts.model import Alert
from observatudo.alerts.state import of
from observatudo.snapshots import SIDECAR
from tests.conftest import run_in
from tests.receivers import Webhook, webhook

LARGE, STALE = "ipeadata/bolsa_familia", "registro_civil/obito"
INDICATOR = "ipeadata_val_pbf"
CHANNEL = "channels: {equipe: {env: OBSERVATUDO_ALERT_EQUIPE}}"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook() as found:
        monkeypatch.setenv("OBSERVATUDO_ALERT_EQUIPE", f"json://127.0.0.1:{found.port}/")
        yield found


def sidecar(home: Path, dataset: str, **changes: object) -> None:
    path = home / "data/raw" / dataset / SIDECAR
    path.write_text(
        json.dumps(json.loads(path.read_text()) | changes, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    )


def multiply(home: Path, factor: float) -> None:
    """Have the source publish another snapshot, its values multiplied."""
    path = home / "data/raw" / LARGE / "VAL_PBF.json"
    text = re.sub(r'("VALVALOR": ?)([\d.]+)', lambda found: f"{found[1]}{float(found[2]) * factor!r}", path.read_text())
    path.write_text(text)
    files = json.loads((path.parent / SIDECAR).read_text())["files"]
    files[path.name] |= {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode())}
    sidecar(home, LARGE, files=files)


def fetched(home: Path, result: str) -> None:
    now = datetime.now(UTC)
    journal.append(home, "fetched", f"{now:%Y%m%dT%H%M%SZ}-1", dataset=STALE, result=result, checked=False, message="")


def repro(home: Path, targets: str) -> None:
    done = run_in(home, f"dvc repro {targets}")
    assert done.returncode == 0, done.stdout + done.stderr


def with_channel(home: Path) -> None:
    path = home / "configs/alerts.yaml"
    path.write_text(path.read_text().replace("channels: {}", CHANNEL).replace("below_gb: 2}", "below_gb: 0.001}"))


def alerts(home: Path) -> list[Alert]:
    return sorted(of(home).alerts, key=lambda one: one.rule)


def two_alerts_and_their_recovery(home: Path, hook: Webhook, targets: str) -> None:
    with_channel(home)
    assert alerts(home) == []
    taken = datetime.now(UTC) - timedelta(days=60)
    sidecar(home, STALE, fetched_at=f"{taken:%Y-%m-%dT%H:%M:%SZ}")
    fetched(home, "same")
    multiply(home, 1000)
    repro(home, targets)
    large, stale = alerts(home)
    assert (large.rule, large.dataset, large.subject) == ("magnitude", LARGE, INDICATOR)
    assert (stale.rule, stale.dataset, stale.bounds.value) == ("staleness", STALE, 60.0)
    assert {large.status, stale.status} == {"open"}
    (message,) = hook.messages  # the run that closed told of both
    assert "2 alert(s), 0 recovered" in message["title"]
    fetched(home, "new")
    multiply(home, 0.001)
    repro(home, targets)
    assert [one.status for one in alerts(home)] == ["recovered", "recovered"]
    assert "0 alert(s), 2 recovered" in hook.messages[1]["title"]
    assert len(hook.messages) == 2


def test_two_faults_are_two_alerts_which_recover(built: Path, hook: Webhook) -> None:
    two_alerts_and_their_recovery(built, hook, f"--single-item {shlex.quote(f'ingest@{LARGE}')} record")


@pytest.mark.drill
def test_the_same_with_every_stage_run(built: Path, hook: Webhook) -> None:
    two_alerts_and_their_recovery(built, hook, "")
