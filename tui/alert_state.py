"""What the Alerts screen makes of ``observatudo alerts --json``: the same classes that command prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from observatudo.alerts.model import Acknowledgement, Alert, Bounds, Channel, Delivery, Severity, State, Status
from tui.reading import dicts, integer, mapping, number, text_or_none
from tui.sift import Item

if TYPE_CHECKING:
    from observatudo.journal import Json


def state(content: Json) -> State:
    """Return the state that was printed; what is missing in it is empty or None."""
    found = mapping(content)
    return State(
        now=str(found.get("now") or ""),
        alerts=tuple(map(_alert, dicts(found.get("alerts")))),
        channels=tuple(map(_channel, dicts(found.get("channels")))),
        rules={name: {**mapping(rule)} for name, rule in mapping(found.get("rules")).items()},
    )


def unseen(own: State) -> list[Alert]:
    """Return the alerts that are open and that nobody has acknowledged."""
    return [alert for alert in own.alerts if alert.status == "open" and alert.acknowledged is None]


def shown(own: State, *, with_past: bool) -> list[Alert]:
    """Return the alerts that are open, and those that have recovered where they are wanted."""
    return [alert for alert in own.alerts if with_past or alert.status == "open"]


def item(alert: Alert) -> Item:
    """Return what a filter asks of an alert."""
    about = " ".join(filter(None, (alert.dataset, alert.subject)))
    fields = {
        "rule": alert.rule,
        "severity": alert.severity,
        "status": alert.status,
        "dataset": alert.dataset or "",
    }
    return Item(" ".join([alert.id, alert.rule, alert.severity, about, alert.message, alert.why]), fields)


def _alert(own: dict[str, Json]) -> Alert:
    acknowledged = own.get("acknowledged")
    return Alert(
        id=str(own.get("id", "")),
        rule=str(own.get("rule", "")),
        severity=_severity(own.get("severity")),
        status=_status(own.get("status")),
        dataset=text_or_none(own.get("dataset")),
        subject=text_or_none(own.get("subject")),
        message=str(own.get("message", "")),
        why=str(own.get("why", "")),
        bounds=_bounds(mapping(own.get("bounds"))),
        since=str(own.get("since") or ""),
        since_run=text_or_none(own.get("since_run")),
        last=str(own.get("last") or ""),
        last_run=text_or_none(own.get("last_run")),
        runs=integer(own.get("runs")) or 0,
        recovered=text_or_none(own.get("recovered")),
        acknowledged=_acknowledgement(acknowledged) if isinstance(acknowledged, dict) else None,
        deliveries=tuple(map(_delivery, dicts(own.get("deliveries")))),
    )


def _bounds(own: dict[str, Json]) -> Bounds:
    return Bounds(number(own.get("value")), number(own.get("low")), number(own.get("high")), str(own.get("unit") or ""))


def _acknowledgement(own: dict[str, Json]) -> Acknowledgement:
    return Acknowledgement(str(own.get("who") or ""), str(own.get("when") or ""), str(own.get("note") or ""))


def _delivery(own: dict[str, Json]) -> Delivery:
    return Delivery(
        channel=str(own.get("channel", "")),
        about=_status(own.get("about")),
        when=str(own.get("when") or ""),
        error=str(own.get("error") or ""),
    )


def _channel(own: dict[str, Json]) -> Channel:
    return Channel(
        name=str(own.get("name", "")),
        minimum=_severity(own.get("minimum")),
        ready=own.get("ready") is True,
        waiting=integer(own.get("waiting")) or 0,
        last_delivered=text_or_none(own.get("last_delivered")),
        last_error=str(own.get("last_error") or ""),
    )


def _severity(value: Json) -> Severity:
    """Return a severity; an unknown word is a warning: it is neither hidden nor an alarm."""
    return cast(Severity, value) if value in get_args(Severity) else "warning"


def _status(value: Json) -> Status:
    return "recovered" if value == "recovered" else "open"
