"""History and settings → verdicts, in the order of time. A pure function: no clock, no file, no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from observatudo import freshness
from observatudo.alerts import settings
from observatudo.alerts.facts import Check, DatasetFacts, Disk, History, Indicator, RunFacts, Source, Verified
from observatudo.alerts.model import Acknowledgement, Bounds
from observatudo.alerts.rules import LOOKS, Finding
from observatudo.alerts.timeline import Fold, Opened, Verdict
from observatudo.classify.convergence import goes_to_and_fro
from observatudo.classify.taxonomy import UNDEFINED

_REMEMBERED = 12  # versions that a rule looks back on
_GB = 1e9


def evaluate(
    history: History,
    rules: settings.AlertsFile,
    now: datetime,
    acknowledged: Mapping[str, Acknowledgement] | None = None,
) -> list[Opened]:
    """Return every alert of the history, open or recovered, in the order in which they began."""
    fold = Fold(acknowledged or {})
    work = _Work(rules, fold, history.sources)
    moments: list[tuple[datetime, RunFacts | Check | Verified | Disk]] = [
        *((at(run.ended), run) for run in history.runs),
        *((at(check.when), check) for check in history.checks),
        *((at(one.when), one) for one in history.verified),
        *((at(one.when), one) for one in history.disk),
    ]
    for _when, moment in sorted((one for one in moments if one[0] <= now), key=lambda one: one[0]):
        work.take(moment)
    work.close(now)
    return fold.alerts


def at(iso: str) -> datetime:
    """Return an ISO 8601 time; one without its zone is UTC. Raises ValueError."""
    when = datetime.fromisoformat(iso)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _moment(iso: str) -> datetime | None:
    try:
        return at(iso)
    except ValueError:  # a sidecar that somebody wrote by hand: its age is not known
        return None


@dataclass
class _Track:
    """What one rule knows of one dataset: versions it accepted, and what it said of the one it saw last."""

    past: list[DatasetFacts] = field(default_factory=list)
    seen: DatasetFacts | None = None
    findings: tuple[Finding, ...] = ()
    on_purpose: bool = False


@dataclass
class _Asked:
    """What is known of one source: when its data moved, when somebody asked, failures in a row."""

    moved: datetime | None = None
    asked: datetime | None = None
    failures: int = 0


@dataclass
class _Work:
    rules: settings.AlertsFile
    fold: Fold
    sources: Mapping[str, Source]
    tracks: dict[tuple[str, str], _Track] = field(default_factory=dict)
    asked: dict[str, _Asked] = field(default_factory=dict)
    tables: list[Mapping[str, str]] = field(default_factory=list)
    labels: str | None = None
    deeply_wrong: bool = False
    disk_enough: str = "never"  # when there was enough space last, as far as it was written down

    def take(self, moment: RunFacts | Check | Verified | Disk) -> None:
        match moment:
            case RunFacts():
                self._run(moment)
            case Check():
                self._check(moment)
            case Verified():
                self._verified(moment)
            case Disk():
                self._disk(moment)

    def _tell(self, kind: str, dataset: str | None, when: str, run_id: str | None, found: list[Finding]) -> None:
        self.fold.take(Verdict(kind, dataset, when, run_id, tuple(found)))

    def _run(self, run: RunFacts) -> None:
        rule = self.rules.rule("run_failed", None)
        if isinstance(rule, settings.RunFailed):
            failed = run.status in rule.statuses
            found = [Finding(run.failed_in or None, Bounds(None, None, None), run.status, detail=run.error)]
            self._tell("run_failed", None, run.ended, run.run_id, found if failed else [])
        for dataset, own in sorted(run.datasets.items()):
            for kind in LOOKS:
                self._version(kind, dataset, own, run)
        self._dbt(run)
        self._labels(run)

    def _version(self, kind: str, dataset: str, own: DatasetFacts, run: RunFacts) -> None:
        rule = self.rules.rule(kind, dataset)
        if rule is None:
            return
        track = self.tracks.setdefault((kind, dataset), _Track())
        accepted = self.fold.is_accepted(kind, dataset, run.ended)
        if accepted and track.seen is not None:  # whoever acknowledged it said: this is how it is from now on
            track.past = [track.seen]
        if accepted or track.seen is None or track.seen.output != own.output:
            self._look(rule, kind, track, own)
        self.fold.take(Verdict(kind, dataset, run.ended, run.run_id, track.findings, track.on_purpose))

    def _look(self, rule: settings.Rule, kind: str, track: _Track, own: DatasetFacts) -> None:
        before = track.past[-1].config if track.past else own.config
        track.findings = tuple(LOOKS[kind](rule, own, track.past, self.rules.deviations))
        track.on_purpose = bool(track.findings) and before != own.config
        track.seen = own
        flagged = {one.subject for one in track.findings}
        if kind == "magnitude":
            track.past.append(replace(own, indicators=_accepted(own, track.past, flagged)))
        elif not flagged:
            track.past.append(own)
        del track.past[:-_REMEMBERED]

    def _dbt(self, run: RunFacts) -> None:
        rule = self.rules.rule("dbt_tests", None)
        if not isinstance(rule, settings.DbtTests) or run.dbt_failed is None:
            return
        found = []
        if run.dbt_failed > rule.failed:
            found.append(Finding(None, Bounds(float(run.dbt_failed), None, float(rule.failed)), "failed"))
        elif rule.warned is not None and (run.dbt_warned or 0) > rule.warned:
            found.append(Finding(None, Bounds(float(run.dbt_warned or 0), None, float(rule.warned)), "warned"))
        self._tell("dbt_tests", None, run.ended, run.run_id, found)

    def _labels(self, run: RunFacts) -> None:
        if run.labels is None or not run.axes:
            return
        if run.labels != self.labels:
            self.labels = run.labels
            self.tables.append(run.axes)
        share = self.rules.rule("label_share", None)
        if isinstance(share, settings.LabelShare):
            self._tell("label_share", None, run.ended, run.run_id, _shares(share, run.axes))
        swings = self.rules.rule("oscillation", None)
        if isinstance(swings, settings.Oscillation):
            found = _swings(swings, self.tables[-swings.window :])
            self._tell("oscillation", None, run.ended, run.run_id, found)

    def _check(self, check: Check) -> None:
        own = self._source(check.dataset, at(check.when))
        rule = self.rules.rule("fetch", check.dataset)
        own.failures = own.failures + 1 if check.result == "failed" else 0
        if isinstance(rule, settings.Fetch):
            is_wrong = check.result == "refused" or own.failures >= rule.attempts
            found = [Finding(None, Bounds(float(own.failures), None, None), check.result, detail=check.message)]
            if is_wrong or check.result in ("same", "new"):
                self._tell("fetch", check.dataset, check.when, None, found if is_wrong else [])
        if check.result not in ("same", "new"):
            return
        own.asked = at(check.when)
        if check.result == "new" and not check.only_asked:
            own.moved = own.asked
        self._stale(check.dataset, own, own.asked, "waiting" if check.result == "new" else "unmoved")

    def _source(self, dataset: str, when: datetime) -> _Asked:
        """Return what is known of a source at a moment; its snapshot's own time counts from then on."""
        own = self.asked.setdefault(dataset, _Asked())
        source = self.sources.get(dataset)
        taken = _moment(source.fetched_at) if source and source.fetched_at else None
        if taken and taken <= when and (own.moved is None or taken > own.moved):
            own.moved = taken
        return own

    def _limit(self, dataset: str) -> timedelta | None:
        rule, source = self.rules.rule("staleness", dataset), self.sources.get(dataset)
        days = freshness.LIMITS.get(source.frequency) if source else None
        if not isinstance(rule, settings.Staleness) or days is None:
            return None
        return timedelta(days=days * (1 + rule.slack))

    def _stale(self, dataset: str, own: _Asked, when: datetime, figure: str) -> None:
        limit = self._limit(dataset)
        if limit is None or own.moved is None:
            return
        age = when - own.moved
        found = [Finding(None, _days(age, limit), figure, detail=own.moved.isoformat())] if age > limit else []
        self._tell("staleness", dataset, when.isoformat(), None, found)

    def close(self, now: datetime) -> None:
        """Say of which sources nobody asked for longer than they may keep silent."""
        for dataset in sorted(self.sources):
            own, limit = self._source(dataset, now), self._limit(dataset)
            last = max((when for when in (own.moved, own.asked) if when), default=None)
            if limit is None or last is None or now - last <= limit:
                continue
            found = [Finding(None, _days(now - last, limit), "unasked", detail=last.isoformat())]
            self._tell("staleness", dataset, (last + limit).isoformat(), None, found)

    def _verified(self, one: Verified) -> None:
        if self.rules.rule("verify", None) is None or (self.deeply_wrong and not one.thorough and not one.exit_code):
            return
        self.deeply_wrong = bool(one.exit_code) and (one.thorough or self.deeply_wrong)
        figure = "tampered" if one.exit_code == 1 else "missing"
        found = [Finding(None, Bounds(float(one.problems), None, 0.0), figure)] if one.exit_code else []
        self._tell("verify", None, one.when, None, found)

    def _disk(self, one: Disk) -> None:
        rule = self.rules.rule("disk", None)
        if isinstance(rule, settings.DiskSpace):
            low = rule.below_gb * _GB
            is_short = one.free < low
            found = [Finding(None, Bounds(float(one.free), low, None, "bytes"))] if is_short else []
            self.fold.take(Verdict("disk", None, one.when, None, tuple(found), after=self.disk_enough))
            if not is_short:
                self.disk_enough = one.when


def _accepted(own: DatasetFacts, past: list[DatasetFacts], flagged: set[str | None]) -> dict[str, Indicator]:
    """Return the indicators of a version, those that were flagged as they were in the version before."""
    kept = {name: one for name, one in own.indicators.items() if name not in flagged}
    before = past[-1].indicators if past else {}
    return kept | {name: one for name, one in before.items() if name in flagged}


def _days(age: timedelta, limit: timedelta) -> Bounds:
    return Bounds(round(age / timedelta(days=1), 1), None, round(limit / timedelta(days=1), 1), "days")


def _shares(rule: settings.LabelShare, axes: Mapping[str, str]) -> list[Finding]:
    counts = Counter(axis for axis in axes.values() if axis != UNDEFINED)
    shares = {axis: number / len(axes) for axis, number in counts.items()}
    return [
        Finding(axis, Bounds(share, None, rule.above, "share")) for axis, share in shares.items() if share > rule.above
    ]


def _swings(rule: settings.Oscillation, tables: list[Mapping[str, str]]) -> list[Finding]:
    return list(_swinging(rule, tables)) if len(tables) > rule.changes else []


def _swinging(rule: settings.Oscillation, tables: list[Mapping[str, str]]) -> Iterator[Finding]:
    for name in sorted(tables[-1]):
        window = [table.get(name) for table in tables]
        if goes_to_and_fro(window, rule.changes):
            flips = sum(a != b for a, b in pairwise(window))
            yield Finding(name, Bounds(float(flips), None, float(rule.changes - 1)))
