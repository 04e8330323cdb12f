"""Which channel has still to be told of which alert: quiet hours, repetitions, patience with one that fails."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from observatudo.alerts.evaluate import at
from observatudo.alerts.model import Alert, Channel, Delivery, Status
from observatudo.alerts.settings import SEVERITIES, AlertsFile, ChannelSpec, Quiet

_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True)
class Due:
    """One thing that a channel has to be told."""

    alert: Alert
    about: Status


def is_ready(spec: ChannelSpec) -> bool:
    """Say whether the channel's address is in the environment."""
    return bool(os.environ.get(spec.env, "").strip())


def waiting(name: str, alerts: Sequence[Alert], rules: AlertsFile, now: datetime) -> list[Due]:
    """Return what the channel has not been told yet, oldest first. Of what recovered untold, nothing is."""
    spec, found = rules.channels[name], []
    for alert in sorted(alerts, key=lambda one: one.since):
        if SEVERITIES.index(alert.severity) < SEVERITIES.index(spec.minimum):
            continue
        told = [one for one in alert.deliveries if one.channel == name and not one.error]
        opened = [one for one in told if one.about == "open"]
        if alert.status == "recovered":
            if opened and len(opened) == len(told):
                found.append(Due(alert, "recovered"))
        elif not opened or _is_to_be_repeated(alert, opened, rules, now):
            found.append(Due(alert, "open"))
    return found


def _is_to_be_repeated(alert: Alert, opened: Sequence[Delivery], rules: AlertsFile, now: datetime) -> bool:
    if rules.repeat_days is None or alert.acknowledged is not None:
        return False
    return now - at(opened[-1].when) >= timedelta(days=rules.repeat_days)


def due(
    name: str, alerts: Sequence[Alert], rules: AlertsFile, attempts: Sequence[Delivery], now: datetime
) -> list[Due]:
    """Return what the channel is told now: what waits, unless the hours are quiet or it failed a short while ago."""
    if _is_too_soon(attempts, now):
        return []
    found = waiting(name, alerts, rules, now)
    if rules.quiet is None or not is_quiet(rules.quiet, now):
        return found
    return [one for one in found if rules.quiet.critical_goes_through and one.alert.severity == "critical"]


def _is_too_soon(attempts: Sequence[Delivery], now: datetime) -> bool:
    """Say whether the channel failed a short while ago: it waits after each failure twice as long, at most 6 hours.

    A failure of a later time than now is of a clock that was wrong: it holds nothing back.
    """
    failures = 0
    for one in attempts:
        failures = failures + 1 if one.error else 0
    wait = min(_FIRST_WAIT * 2 ** min(failures - 1, 16), _LONGEST_WAIT) if failures else timedelta(0)
    return failures > 0 and timedelta(0) <= now - at(attempts[-1].when) < wait


def is_quiet(hours: Quiet, now: datetime) -> bool:
    """Say whether the moment is in the quiet hours, which may go past midnight."""
    import zoneinfo

    local = now.astimezone(zoneinfo.ZoneInfo(hours.timezone)).time()
    begin, end = time.fromisoformat(hours.begin), time.fromisoformat(hours.end)
    return begin <= local < end if begin <= end else local >= begin or local < end


def states(
    alerts: Sequence[Alert], rules: AlertsFile, attempts: Mapping[str, Sequence[Delivery]], now: datetime
) -> tuple[Channel, ...]:
    """Return the channels in the order of the file."""
    return tuple(
        _state(name, spec, len(waiting(name, alerts, rules, now)), attempts.get(name, ()))
        for name, spec in rules.channels.items()
    )


def _state(name: str, spec: ChannelSpec, count: int, attempts: Sequence[Delivery]) -> Channel:
    well = [one.when for one in attempts if not one.error]
    return Channel(
        name=name,
        minimum=spec.minimum,
        ready=is_ready(spec),
        waiting=count,
        last_delivered=well[-1] if well else None,
        last_error=attempts[-1].error if attempts else "",
    )
