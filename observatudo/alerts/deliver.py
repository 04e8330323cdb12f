"""Tells channels through apprise. Addresses are secrets: they come from the environment and go nowhere else."""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from observatudo.alerts import channels, ledger, settings
from observatudo.alerts import state as states
from observatudo.alerts.channels import Due
from observatudo.alerts.model import Severity, State
from observatudo.alerts.settings import SEVERITIES, AlertsFile, ChannelSpec
from observatudo.i18n import _

LOCK = Path(".observatudo/alerts.lock")
_GB = 1e9
_HTTP = re.compile(r"error[=: ]+(\d{3})\b")
_SIGNS = {"info": "·", "warning": "!", "critical": "✗", "recovered": "✓"}


@dataclass(frozen=True)
class Sent:
    """One message that was tried; ``error`` is empty when it went well."""

    channel: str
    opened: int
    recovered: int
    error: str


def check(home: Path, now: datetime | None = None) -> tuple[State, list[Sent]]:
    """Measure, evaluate, tell every channel what it has not been told; return the state then and what was sent.

    A second process that does so meanwhile only evaluates. Raises ConfigError for a wrong configs/alerts.yaml.
    """
    from filelock import FileLock, Timeout

    rules = settings.read(home)
    (home / LOCK).parent.mkdir(exist_ok=True)
    try:
        with FileLock(home / LOCK, timeout=0):
            measure(home, rules)
            sent = _tell(home, rules, states.of(home, now), now or datetime.now(UTC))
    except Timeout:
        sent = []
    return states.of(home, now), sent


def measure(home: Path, rules: AlertsFile) -> None:
    """Write down the free space: once a day, and whenever it gets short or there is enough again."""
    free, known = shutil.disk_usage(home).free, ledger.read(home).disk
    rule = rules.rule("disk", None)
    low = rule.below_gb * _GB if isinstance(rule, settings.DiskSpace) else 0.0
    today = datetime.now(UTC).date().isoformat()
    if not known or known[-1].when[:10] != today or (known[-1].free < low) != (free < low):
        ledger.append(home, "disk", free=free)


def _tell(home: Path, rules: AlertsFile, state: State, now: datetime) -> list[Sent]:
    attempts, sent = ledger.read(home).attempts, []
    for name, spec in rules.channels.items():
        if not channels.is_ready(spec):
            continue
        found = channels.due(name, state.alerts, rules, attempts.get(name, ()), now)
        if found:
            sent.append(_send_digest(home, name, spec, found))
    return sent


def _send_digest(home: Path, name: str, spec: ChannelSpec, found: Sequence[Due]) -> Sent:
    opened = [one.alert.id for one in found if one.about == "open"]
    recovered = [one.alert.id for one in found if one.about == "recovered"]
    worst = max((one.alert.severity for one in found if one.about == "open"), key=SEVERITIES.index, default=None)
    error = send(spec, title(found), "\n\n".join(_lines(one) for one in found), worst)
    ledger.append(home, "told", channel=name, open=[*opened], recovered=[*recovered], error=error)
    return Sent(name, len(opened), len(recovered), error)


def title(found: Sequence[Due]) -> str:
    """Return a message's subject."""
    if len(found) == 1:
        (one,) = found
        text = _("recovered: {message}") if one.about == "recovered" else "{message}"
        return "Observatudo: " + text.format(message=one.alert.message)
    opened = sum(one.about == "open" for one in found)
    text = _("{opened} alert(s), {recovered} recovered")
    return "Observatudo: " + text.format(opened=opened, recovered=len(found) - opened)


def _lines(one: Due) -> str:
    alert = one.alert
    sign = _SIGNS["recovered" if one.about == "recovered" else alert.severity]
    lines = [f"{sign} {alert.message}"]
    if one.about == "recovered":
        lines.append(_("recovered: {when} (open since {since})").format(when=alert.recovered, since=alert.since))
    else:
        lines.append(alert.why)
        lines.append(_("since {since}").format(since=alert.since) + (f", {alert.since_run}" if alert.since_run else ""))
    lines.append(f"observatudo alerts --all · {alert.id}")
    return "\n".join(f"  {line}" if number else line for number, line in enumerate(lines) if line)


def trial(home: Path, name: str, spec: ChannelSpec) -> str:
    """Send one message for trial; return what went wrong, empty when nothing did."""
    text = _("This is a trial: alerts of the observatory arrive here.")
    error = send(spec, "Observatudo: " + _("trial"), text, "info")
    ledger.append(home, "tested", channel=name, error=error)
    return error


def send(spec: ChannelSpec, subject: str, body: str, severity: Severity | None) -> str:
    """Send one message; return what went wrong without a word of the address, empty when nothing did.

    ``severity`` None is good news.
    """
    import apprise

    address = os.environ.get(spec.env, "").strip()
    if not address:
        return _("the variable {name} is not set").format(name=spec.env)
    kinds = {"info": "info", "warning": "warning", "critical": "failure", None: "success"}
    with _silent() as told:
        service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Observatudo", app_desc="Observatudo"))
        if not service.add(address):
            return _("the address in {name} is none that apprise knows").format(name=spec.env)
        kind = apprise.NotifyType(kinds[severity])
        is_sent = service.notify(title=subject, body=body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
    if is_sent:
        return ""
    answer = _HTTP.search(told.getvalue())
    if answer:
        return _("the service refused it (HTTP {code})").format(code=answer[1])
    return _("the service did not take it: no answer, or it refused")


@contextmanager
def _silent() -> Iterator[io.StringIO]:
    """Keep apprise's log, which repeats addresses, from everywhere but the text that is given."""
    logger, told = logging.getLogger("apprise"), io.StringIO()
    handler, before = logging.StreamHandler(told), (logger.propagate, logger.level)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        logger.propagate, level = before
        logger.setLevel(level)
