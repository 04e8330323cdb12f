"""What alerts are made of; ``observatudo alerts --json`` prints a ``State``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

Severity = Literal["info", "warning", "critical"]
Status = Literal["open", "recovered"]


@dataclass(frozen=True)
class Bounds:
    """The figure that broke a rule, what it may be, and its unit (``""``, ``share``, ``rows``, ``days``, ``bytes``)."""

    value: float | None
    low: float | None
    high: float | None
    unit: str = ""


@dataclass(frozen=True)
class Acknowledgement:
    """Who said “seen”, when (ISO 8601, UTC), and what they wrote."""

    who: str
    when: str
    note: str = ""


@dataclass(frozen=True)
class Delivery:
    """One attempt to tell a channel; ``about`` is ``open`` or ``recovered``; ``error`` is empty when it went well."""

    channel: str
    about: Status
    when: str
    error: str = ""


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong, from its first run to its last: a rule, and what it is about.

    ``id`` is stable: a hash of rule, dataset, subject and the run it began with, of ``disk`` of the last time that
    there was enough. ``dataset`` and ``subject`` (an indicator, an axis, a model, a folder) may be None. ``message``
    and ``why`` are sentences for people. Times are ISO 8601 in UTC; runs are ids, None where no run was part of it
    (staleness, disk). ``runs`` counts those that showed it.
    """

    id: str
    rule: str
    severity: Severity
    status: Status
    dataset: str | None
    subject: str | None
    message: str
    why: str
    bounds: Bounds
    since: str
    since_run: str | None
    last: str
    last_run: str | None
    runs: int
    recovered: str | None = None
    acknowledged: Acknowledgement | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Channel:
    """A channel as configs/alerts.yaml names it; ``ready`` is false where its secret is not in the environment."""

    name: str
    minimum: Severity
    ready: bool
    waiting: int
    last_delivered: str | None = None
    last_error: str = ""


@dataclass(frozen=True)
class State:
    """All alerts, those that are open first and the newest first, and the channels they go to."""

    now: str
    alerts: tuple[Alert, ...]
    channels: tuple[Channel, ...] = ()
    rules: dict[str, dict[str, object]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return what ``observatudo alerts --json`` prints."""
        return {"schema": 1, **asdict(self)}
