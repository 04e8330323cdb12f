"""What each rule over a dataset finds in one version of it, held against the versions that it accepted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from observatudo.alerts import settings
from observatudo.alerts.facts import DatasetFacts, Indicator
from observatudo.alerts.model import Bounds
from observatudo.alerts.robust import ratio, usual

_LEAST_LOST = 2  # municipalities: one alone may come and go
_STEADY = 5  # below it a median of whole numbers moves in steps too large to be compared
_FEWEST = 3  # values of an indicator from which its mean says something


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found. ``figure`` names what was measured, where a rule measures more than one thing."""

    subject: str | None
    bounds: Bounds
    figure: str = ""
    usual: float | None = None
    detail: str = ""


Past: TypeAlias = Sequence[DatasetFacts]
Look: TypeAlias = Callable[[settings.Rule, DatasetFacts, Past, float], list[Finding]]


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _too_high(
    now: float | None, past: Sequence[float | None], margin: float, limit: float | None, deviations: float
) -> list[Finding]:
    """Find a share above what is usual, or above an exact limit."""
    if now is None:
        return []
    band = usual(_known(past), margin, deviations)
    high = min(_known([band.high if band else None, limit]), default=None)
    if high is None or now <= high:
        return []
    return [Finding(None, Bounds(now, None, high, "share"), usual=band.centre if band else None)]


def reject_rate(rule: settings.Rule, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    """Find a larger share of rejected rows than usual."""
    assert isinstance(rule, settings.RejectRate)
    before = [_share(one.rows_rejected, one.rows_read) for one in past]
    return _too_high(_share(now.rows_rejected, now.rows_read), before, rule.margin, rule.above, deviations)


def null_rate(rule: settings.Rule, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    """Find a larger share of rows without a value than usual."""
    assert isinstance(rule, settings.NullRate)
    return _too_high(now.null_rate, [one.null_rate for one in past], rule.margin, rule.above, deviations)


def match_rate(rule: settings.Rule, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    """Find a smaller share of rows with a place than usual."""
    assert isinstance(rule, settings.MatchRate)
    if now.match_rate is None:
        return []
    band = usual(_known([one.match_rate for one in past]), rule.margin, deviations)
    low = max(_known([band.low if band else None, rule.below]), default=None)
    if low is None or now.match_rate >= low:
        return []
    return [Finding(None, Bounds(now.match_rate, low, None, "share"), usual=band.centre if band else None)]


def coverage(rule: settings.Rule, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    """Find fewer municipalities with values than usual."""
    assert isinstance(rule, settings.Coverage)
    before = [float(one.municipalities) for one in past if one.municipalities]
    if now.municipalities is None or not before:
        return []
    band = usual(before, rule.margin * max(before), deviations)
    if band is None or now.municipalities >= band.low or now.municipalities > band.centre - _LEAST_LOST:
        return []
    return [Finding(None, Bounds(float(now.municipalities), band.low, None), usual=band.centre)]


def rows(rule: settings.Rule, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    """Find a table that lost rows, or that has more of them for each period than its versions before."""
    assert isinstance(rule, settings.Rows)
    counts = [float(one.rows_kept) for one in past if one.rows_kept]
    if now.rows_kept is None or not counts:
        return []
    steps = [math.log(after / before) for before, after in pairwise(counts)]
    lost = usual([min(step, 0.0) for step in steps] or [0.0], -math.log1p(-min(rule.shrink, 0.99)), deviations)
    low = counts[-1] * math.exp(lost.low if lost else 0.0)
    if now.rows_kept < low:
        return [Finding(None, Bounds(float(now.rows_kept), low, None, "rows"), usual=counts[-1])]
    return _more_for_each_period(rule, now, past, deviations)


def _more_for_each_period(rule: settings.Rows, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    before = [math.log(one.rows_kept / one.periods) for one in past if one.rows_kept and one.periods]
    band = usual(before, math.log1p(rule.growth), deviations)
    if band is None or not now.rows_kept or not now.periods:
        return []
    high = now.periods * math.exp(band.high)
    if now.rows_kept <= high:
        return []
    return [Finding(None, Bounds(float(now.rows_kept), None, high, "rows"), usual=now.periods * math.exp(band.centre))]


def magnitude(rule: settings.Rule, now: DatasetFacts, past: Past, deviations: float) -> list[Finding]:
    """Find indicators whose values are another order of size than in the version before, the worst first."""
    assert isinstance(rule, settings.Magnitude)
    found = [
        finding
        for name, own in now.indicators.items()
        if (finding := _moved(rule, name, own, [p.indicators[name] for p in past if name in p.indicators], deviations))
    ]
    return sorted(found, key=lambda one: (-abs(math.log(one.bounds.value or 1e-9)), one.subject or ""))


def _moved(
    rule: settings.Magnitude, name: str, now: Indicator, past: Sequence[Indicator], deviations: float
) -> Finding | None:
    """Return the worst of the indicator's figures that left its band; its value is a ratio to the version before."""
    found = []
    for figure, factor in (("mean", rule.factor), ("median", rule.factor), ("newest_mean", rule.newest_factor)):
        values = [value for one in past if (value := _figure(one, figure)) is not None]
        current = _figure(now, figure)
        if current is None or not values or values[-1] <= 0:
            continue
        steps = [step for before, after in pairwise(values) if (step := ratio(after, before)) is not None]
        scatter = usual([*steps, 0.0], math.log(factor), deviations)
        limit = max(math.log(factor), scatter.high - scatter.centre if scatter else 0.0)
        step = ratio(current, values[-1])
        if step is None or abs(step) > limit:
            value = 0.0 if step is None else math.exp(step)
            found.append(Finding(name, Bounds(value, math.exp(-limit), math.exp(limit)), figure, values[-1]))
    return max(found, key=lambda one: abs(math.log(one.bounds.value or 1e-9)), default=None)


def _figure(one: Indicator, name: str) -> float | None:
    """Return a figure where it can be compared at all."""
    if one.values < _FEWEST:
        return None
    if name == "median":
        return one.median if one.median >= _STEADY or one.median % 1 else None
    return one.mean if name == "mean" else one.newest_mean


LOOKS: dict[str, Look] = {
    "reject_rate": reject_rate,
    "match_rate": match_rate,
    "null_rate": null_rate,
    "coverage": coverage,
    "magnitude": magnitude,
    "rows": rows,
}
