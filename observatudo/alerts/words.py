"""Alerts in sentences for people, in the language of the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.alerts.rules import Finding
    from observatudo.alerts.timeline import Opened

_NAMED = 3  # indicators that a sentence lists


def message(alert: Opened) -> str:
    """Return what happened, in one sentence."""
    one = alert.findings[0]
    own = {
        "dataset": alert.dataset or "",
        "subject": _subjects(alert.findings),
        "value": value(one.bounds.value, one.bounds.unit),
        "count": len(alert.findings),
    }
    return _messages(one)[alert.rule].format(**own)


def _messages(one: Finding) -> dict[str, str]:
    return {
        "run_failed": _("a run was interrupted") if one.figure == "interrupted" else _("a run failed in {subject}"),
        "reject_rate": _("{dataset}: {value} of the rows were rejected"),
        "match_rate": _("{dataset}: the place was found for {value} of the rows only"),
        "null_rate": _("{dataset}: {value} of the rows have no value"),
        "coverage": _("{dataset}: only {value} municipalities have values"),
        "magnitude": _("{dataset}: values are of another order of size: {subject}"),
        "rows": _("{dataset}: {value} rows are outside what is usual"),
        "staleness": _stale(one),
        "fetch": _("{dataset}: what the source has was refused")
        if one.figure == "refused"
        else _("{dataset}: the source does not answer"),
        "label_share": _("{value} of all indicators are on one axis, {subject}"),
        "oscillation": _("labels go to and fro: {subject}"),
        "dbt_tests": _("dbt: {value} test(s) warned") if one.figure == "warned" else _("dbt: {value} test(s) failed"),
        "verify": _("verify found {value} problem(s): something was tampered with")
        if one.figure == "tampered"
        else _("verify found {value} problem(s): something is missing"),
        "disk": _("the disk is nearly full: {value} free"),
    }


def _stale(one: Finding) -> str:
    if one.figure == "unasked":
        return _("{dataset}: nobody has asked the source for {value}")
    if one.figure == "waiting":
        return _("{dataset}: the source has news that nobody fetched; the data are {value} old")
    return _("{dataset}: the source was asked and had nothing new; the data are {value} old")


def why(alert: Opened) -> str:
    """Return why that is an alert: what was expected, what may have caused it."""
    one = alert.findings[0]
    parts = [_expected(alert.rule, one)]
    if alert.on_purpose:
        parts.append(_("the declaration changed since the version before: it may be on purpose"))
    if one.detail and alert.rule in ("run_failed", "fetch"):
        parts.append(one.detail)
    return "; ".join(part for part in parts if part)


def _expected(rule: str, one: Finding) -> str:
    bounds, unit = one.bounds, one.bounds.unit
    if rule == "magnitude":
        names = {"mean": _("mean"), "median": _("median"), "newest_mean": _("mean of the newest period")}
        text = _("{subject}: {figure} × {ratio} against the version before ({usual}); up to × {high} is usual")
        return text.format(
            subject=one.subject,
            figure=names[one.figure],
            ratio=figures.decimal(bounds.value),
            usual=figures.decimal(one.usual),
            high=figures.decimal(bounds.high),
        )
    if rule == "run_failed" and one.figure == "interrupted":
        return _("it was stopped, killed or lost power before its end")
    parts = []
    if one.usual is not None:
        parts.append(_("usual: {value}").format(value=value(one.usual, unit)))
    if bounds.high is not None:
        parts.append(_("at most {value}").format(value=value(bounds.high, unit)))
    if bounds.low is not None:
        parts.append(_("at least {value}").format(value=value(bounds.low, unit)))
    return ", ".join(parts)


def _subjects(found: tuple[Finding, ...]) -> str:
    names = [one.subject for one in found if one.subject]
    if not names:
        return "?"
    text = ", ".join(names[:_NAMED])
    left = len(names) - _NAMED
    return text if left <= 0 else _("{names} and {count} more").format(names=text, count=figures.count(left))


def value(number: float | None, unit: str) -> str:
    """Return a figure with its unit."""
    match unit:
        case "share":
            return figures.percent(None if number is None else number * 100)
        case "days":
            return _("{days} days").format(days=figures.decimal(number))
        case "bytes":
            return figures.size(number)
        case "rows":
            return figures.count(None if number is None else round(number))
        case _:
            return figures.decimal(None if number is None else round(number) if abs(number) >= 100 else number)
