"""Verdicts of rules, in the order of time, folded into alerts: opened once, kept open, recovered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from observatudo.alerts.model import Acknowledgement
from observatudo.alerts.rules import Finding


@dataclass(frozen=True)
class Verdict:
    """What one rule says of one dataset at one moment: everything it finds wrong there, nothing when all is well.

    ``when`` is ISO 8601 in UTC; ``on_purpose`` says that the declaration changed since the last version accepted.
    ``after`` is what came before all that is found, where ``when`` is not the same each time that it is looked at.
    """

    rule: str
    dataset: str | None
    when: str
    run_id: str | None
    findings: tuple[Finding, ...] = ()
    on_purpose: bool = False
    after: str = ""


@dataclass
class Opened:
    """An alert while it is folded; ``findings`` are those of the last verdict that showed it."""

    rule: str
    dataset: str | None
    subject: str | None
    members: set[str | None]
    findings: tuple[Finding, ...]
    since: str
    since_run: str | None
    last: str
    last_run: str | None
    on_purpose: bool
    after: str = ""
    runs: int = 0
    recovered: str | None = None

    @property
    def id(self) -> str:
        """Return the name that stays the same: a hash of rule, dataset, subject and what it began with."""
        parts = (self.rule, self.dataset or "", self.subject or "", self.since_run or self.after or self.since)
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:10]


@dataclass
class Fold:
    """Takes verdicts in, oldest first. ``acknowledged`` is by id of alert."""

    acknowledged: Mapping[str, Acknowledgement] = field(default_factory=dict)
    alerts: list[Opened] = field(default_factory=list)
    _open: dict[tuple[str, str | None], list[Opened]] = field(default_factory=dict)

    def take(self, verdict: Verdict) -> None:
        """Keep open what is still found, let recover what is not, and open one alert for all that is new."""
        found = {one.subject: one for one in verdict.findings}
        kept = [one for one in self._open.get((verdict.rule, verdict.dataset), []) if _goes_on(one, found, verdict)]
        known = set().union(*(one.members for one in kept)) if kept else set()
        new = [one for subject, one in found.items() if subject not in known]
        if new:
            kept.append(_opened(verdict, new))
            self.alerts.append(kept[-1])
        self._open[verdict.rule, verdict.dataset] = kept

    def is_accepted(self, rule: str, dataset: str | None, when: str) -> bool:
        """Say whether somebody acknowledged an open alert of this rule and dataset before ``when``."""
        marks = [self.acknowledged.get(one.id) for one in self._open.get((rule, dataset), [])]
        return any(mark is not None and mark.when < when for mark in marks)


def _goes_on(one: Opened, found: Mapping[str | None, Finding], verdict: Verdict) -> bool:
    still = one.members & found.keys()
    if not still:
        one.recovered = verdict.when
        return False
    one.members = still
    one.findings = tuple(found[subject] for subject in found if subject in still)
    one.last, one.last_run = verdict.when, verdict.run_id
    one.runs += 1
    return True


def _opened(verdict: Verdict, new: Iterable[Finding]) -> Opened:
    findings = tuple(new)
    return Opened(
        rule=verdict.rule,
        dataset=verdict.dataset,
        subject=findings[0].subject if len(findings) == 1 else None,
        members={one.subject for one in findings},
        findings=findings,
        since=verdict.when,
        since_run=verdict.run_id,
        last=verdict.when,
        last_run=verdict.run_id,
        on_purpose=verdict.on_purpose,
        after=verdict.after,
        runs=1,
    )
