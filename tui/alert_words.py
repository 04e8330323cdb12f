"""What is said of an alert, in words: how bad it is, what the figure is and may be, since when, who was told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from rich.text import Text

from observatudo import figures
from observatudo.alerts import shown
from observatudo.alerts.model import Alert, Channel, Delivery
from observatudo.i18n import _
from tui.reading import pair
from tui.tones import toned

GLYPHS = {"critical": "✗", "warning": "!", "info": "·"}
TONES = {"critical": "bad", "warning": "warn", "info": "muted"}


def severity(alert: Alert) -> str:
    """Return the severity as glyph and word."""
    return f"{GLYPHS[alert.severity]} {shown.severity(alert.severity)}"


def tone(alert: Alert) -> str:
    """Return the tone of an alert; one that is over, or that somebody has seen, is quiet."""
    return "muted" if alert.status == "recovered" or alert.acknowledged else TONES[alert.severity]


def stand(alert: Alert) -> str:
    """Return how it stands: not seen yet, seen by somebody, or recovered."""
    if alert.status == "recovered":
        return "✓ " + _("recovered")
    return "▪ " + _("seen") if alert.acknowledged else "▶ " + _("not seen")


def in_full(alert: Alert) -> list[Text]:
    """Return all that is known of an alert in lines: what and why first, then since when, then who knows of it."""
    lines = [Text(alert.message, "bold"), Text(alert.why), Text()]
    lines += [
        toned(f"{severity(alert)}  {stand(alert)}", tone(alert)),
        pair(_("rule"), alert.rule),
        pair(_("about"), shown.about(alert)),
        pair(_("found"), shown.found(alert.bounds)),
        pair(_("allowed"), shown.allowed(alert.bounds)),
        Text(),
        pair(_("since"), _at(alert.since, alert.since_run)),
        pair(_("last seen"), _at(alert.last, alert.last_run)),
        pair(_("runs that showed it"), figures.count(alert.runs)),
    ]
    if alert.recovered:
        lines.append(pair(_("recovered"), figures.moment(alert.recovered)))
    return [*lines, *_seen(alert), *_told(alert), Text(), Text(alert.id, "dim")]


def _at(when: str, run: str | None) -> str:
    moment = figures.moment(when or figures.NONE)
    return _("{time} in run {run}").format(time=moment, run=run) if run else moment


def _seen(alert: Alert) -> Iterator[Text]:
    own = alert.acknowledged
    if own is None:
        return
    yield pair(_("seen by"), f"{own.who}  {figures.moment(own.when)}")
    if own.note:
        yield pair(_("note"), own.note)


def _told(alert: Alert) -> Iterator[Text]:
    yield Text()
    if not alert.deliveries:
        yield Text(_("no channel was told of it"), "dim")
    for delivery in alert.deliveries:
        yield _delivered(delivery)


def _delivered(own: Delivery) -> Text:
    what = _("recovery") if own.about == "recovered" else _("alert")
    told = f"{own.channel}  {figures.moment(own.when)}  {what}"
    return toned(f"✗ {told}: {own.error}", "bad") if own.error else toned(f"✓ {told}", "ok")


def channel_state(own: Channel) -> str:
    """Say whether a channel can be used, and whether the last attempt went well."""
    if not own.ready:
        return "◌ " + _("its secret is not set")
    return "✗ " + _("failed") if own.last_error else "✓ " + _("ready")


def channel_tone(own: Channel) -> str:
    """Return the tone of a channel."""
    return "muted" if not own.ready else "bad" if own.last_error else "ok"


def settings(rule: Mapping[str, object]) -> str:
    """Return what a rule is set to, in one line."""
    return ", ".join(f"{name}: {_value(value)}" for name, value in rule.items())


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
