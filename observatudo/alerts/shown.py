"""Parts of an alert as people read them, the same in the dashboard and in the report."""

from __future__ import annotations

from observatudo import figures
from observatudo.alerts.model import Alert, Bounds
from observatudo.alerts.words import value
from observatudo.i18n import _


def severity(name: str) -> str:
    """Return the word for a severity; JSON and configurations have the English."""
    return {"critical": _("critical"), "warning": _("warning"), "info": _("info")}.get(name, name)


def about(alert: Alert) -> str:
    """Return what an alert is about: dataset and subject; a dash for the whole repository."""
    return " · ".join(filter(None, (alert.dataset, alert.subject))) or figures.NONE


def found(bounds: Bounds) -> str:
    """Return the figure that broke a rule; a dash where the rule is no matter of figures."""
    return value(bounds.value, bounds.unit)


def allowed(bounds: Bounds) -> str:
    """Return what the figure may be; a dash where nothing bounds it."""
    low, high = (value(limit, bounds.unit) for limit in (bounds.low, bounds.high))
    if bounds.low is None and bounds.high is None:
        return figures.NONE
    if bounds.low is None:
        return _("at most {value}").format(value=high)
    if bounds.high is None:
        return _("at least {value}").format(value=low)
    return _("{low} to {high}").format(low=low, high=high)
