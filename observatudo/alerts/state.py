"""The state of all alerts of a repository, now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from observatudo.alerts import channels, settings, words
from observatudo.alerts.evaluate import at, evaluate
from observatudo.alerts.facts import History
from observatudo.alerts.gather import gather
from observatudo.alerts.ledger import Ledger, read
from observatudo.alerts.model import Alert, State
from observatudo.alerts.timeline import Opened


def of(home: Path, now: datetime | None = None) -> State:
    """Return the alerts and channels of the repository at ``home``.

    Writes nothing but caches. Raises ConfigError for a wrong ``configs/alerts.yaml``.
    """
    rules, ledger = settings.read(home), read(home)
    when = now or datetime.now(UTC)
    return made(gather(home, ledger, when, rules.runs), rules, ledger, when)


def made(history: History, rules: settings.AlertsFile, ledger: Ledger, now: datetime) -> State:
    """Return the state that follows from history, settings, ledger and the time: always the same from the same."""
    opened = evaluate(history, rules, now, ledger.acknowledged)
    alerts = sorted((_alert(one, rules, ledger) for one in opened), key=lambda one: (at(one.since), one.id))
    alerts.sort(key=lambda one: (one.status == "open", at(one.since)), reverse=True)
    return State(
        now=now.astimezone(UTC).isoformat(timespec="seconds"),
        alerts=tuple(alerts),
        channels=channels.states(alerts, rules, ledger.attempts, now),
        rules=rules.as_dict(),
    )


def _alert(one: Opened, rules: settings.AlertsFile, ledger: Ledger) -> Alert:
    rule = rules.rule(one.rule, one.dataset)
    first = one.findings[0]
    return Alert(
        id=one.id,
        rule=one.rule,
        severity=rule.severity if rule else "warning",
        status="recovered" if one.recovered else "open",
        dataset=one.dataset,
        subject=one.subject,
        message=words.message(one),
        why=words.why(one),
        bounds=first.bounds,
        since=_utc(one.since),
        since_run=one.since_run,
        last=_utc(one.last),
        last_run=one.last_run,
        runs=one.runs,
        recovered=_utc(one.recovered) if one.recovered else None,
        acknowledged=ledger.acknowledged.get(one.id),
        deliveries=tuple(ledger.deliveries.get(one.id, ())),
    )


def _utc(iso: str) -> str:
    return at(iso).astimezone(UTC).isoformat(timespec="seconds")
