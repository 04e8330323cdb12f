"""What two sides' answers about the same texts come to: rates with their uncertainty, agreement, a test, a sentence.

Of each series the first answer counts, valid or not: what is measured later, in other orders of the axes, changes
nothing here, and the same command gives the same figures. An answer that is none is a wrong one.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from observatudo.ask.ab_sample import Case
from observatudo.classify import agreement
from observatudo.classify.answers import Answers, Observation
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject
from observatudo.figures import local, percent
from observatudo.i18n import _

_LEVEL = 0.05  # below this p a difference is called one
_DECIMALS = 4


@dataclass(frozen=True)
class Rate:
    """A count of so many, its share and the share's 95 % Wilson interval; both None of none."""

    count: int
    of: int
    share: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Side:
    """One model with its prompt on the sample. Counts are texts; ``waiting`` ones have no answer yet.

    ``accuracy`` is over the labelled texts that were answered, ``acceptable`` counts the label's alternatives as
    right too. ``calls``, tokens (None where an endpoint does not tell), ``cost`` and ``latency_median_s`` (seconds)
    are of all calls that led to the answers, whenever they were made.
    """

    name: str
    model: str
    endpoint_model: str
    digest: str
    prompt: str
    prompt_hash: str
    answered: int
    waiting: int
    invalid: Rate
    accuracy: Rate
    acceptable: Rate
    calls: int
    tokens_in: int | None
    tokens_out: int | None
    cost: float | None
    currency: str
    latency_median_s: float | None
    levels: dict[str, int]


@dataclass(frozen=True)
class Together:
    """Both sides on the texts that both answered: ``equal`` of ``both`` valid pairs are the same axis.

    ``p`` is of McNemar's exact test over ``labelled`` texts; ``only_a`` and ``only_b`` are right on one side alone.
    """

    both: int
    equal: int
    share: float | None
    kappa: float | None
    labelled: int
    only_a: int
    only_b: int
    p: float | None


@dataclass(frozen=True)
class Difference:
    """A text with two answers; None is an answer that was none."""

    name: str
    description: str
    ids: tuple[str, ...]
    source: str
    label: str | None
    alternatives: tuple[str, ...]
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Suggestion:
    """What could stand under ``classify.providers``: the better side's share of right answers, and its lower end."""

    side: str
    model: str
    prompt: str
    is_declared_prompt: bool
    weight: float
    cautious: float


def first_answer(answers: Answers, subject: Subject, item: Item) -> Observation | None:
    """Return the first whole answer about a text, valid or not; None where there are failed calls only, or none."""
    whole = answers.whole(subject.series(item))
    return next((own for own in whole if own.reply.status != "erro"), None)


def name_of(subject: Subject) -> str:
    """Return how people write a side: MODEL:PROMPT."""
    return f"{subject.name}:{subject.prompt.name}"


def side(subject: Subject, cases: Sequence[Case], answers: Answers) -> Side:
    """Return the figures of one side."""
    found = [(case, first_answer(answers, subject, case.item)) for case in cases]
    answered = [(case, own.reply.eixo) for case, own in found if own]
    labelled = [(case, axis) for case, axis in answered if case.label]
    used = [own for _case, own in found if own]
    calls = [reply for own in used for reply in own.attempts]
    return Side(
        name=name_of(subject),
        model=subject.name,
        endpoint_model=subject.provider.model,
        digest=subject.provider.digest,
        prompt=subject.prompt.name,
        prompt_hash=subject.prompt.hash,
        answered=len(answered),
        waiting=len(cases) - len(answered),
        invalid=rate(sum(axis is None for _case, axis in answered), len(answered)),
        accuracy=rate(sum(_is_right(case, axis) for case, axis in labelled), len(labelled)),
        acceptable=rate(sum(_is_acceptable(case, axis) for case, axis in labelled), len(labelled)),
        calls=len(calls),
        tokens_in=_total([reply.tokens_entrada for reply in calls]),
        tokens_out=_total([reply.tokens_saida for reply in calls]),
        cost=_money([reply.custo for reply in calls]),
        currency=next((own.execution.moeda for own in used if own.execution.moeda), ""),
        latency_median_s=round(statistics.median(reply.latencia for reply in calls), 3) if calls else None,
        levels=dict(sorted(Counter(own.reply.nivel for own in used).items())),
    )


def together(a: Subject, b: Subject, cases: Sequence[Case], answers: Answers) -> Together:
    """Return how far both sides agree, and whether one is right more often."""
    pairs = _pairs(a, b, cases, answers)
    axes_a, axes_b = [one for _case, one, _other in pairs], [other for _case, _one, other in pairs]
    valid = [(one, other) for _case, one, other in pairs if one and other]
    right = [(_is_right(case, one), _is_right(case, other)) for case, one, other in pairs if case.label]
    only_a, only_b = right.count((True, False)), right.count((False, True))
    return Together(
        both=len(valid),
        equal=sum(one == other for one, other in valid),
        share=agreement.share_equal(axes_a, axes_b),
        kappa=agreement.cohen(axes_a, axes_b),
        labelled=len(right),
        only_a=only_a,
        only_b=only_b,
        p=agreement.mcnemar(only_a, only_b) if right else None,
    )


def differences(a: Subject, b: Subject, cases: Sequence[Case], answers: Answers) -> list[Difference]:
    """Return the texts that both answered, but not alike: first those on which one is right, then by name."""
    found = [
        Difference(
            case.item.nome, case.item.descricao, case.item.ids, case.source, case.label, case.alternatives, one, other
        )
        for case, one, other in _pairs(a, b, cases, answers)
        if one != other
    ]
    return sorted(found, key=lambda own: (own.label not in (own.a, own.b), own.name, own.description))


def suggestion(a: Subject, b: Subject, sides: Sequence[Side], both: Together) -> Suggestion | None:
    """Return what could be written for the side that is right more often (A of equals).

    None where no label is known or none was met: a weight is more than 0.
    """
    better, own = (a, sides[0]) if both.only_a >= both.only_b else (b, sides[1])
    if not both.labelled or not own.accuracy.share or own.accuracy.interval is None:
        return None
    weight, cautious = round(own.accuracy.share, 2), round(own.accuracy.interval[0], 2)
    if not cautious:
        return None
    declared = better.prompt.name == better.provider.prompt
    return Suggestion(own.name, own.model, own.prompt, declared, weight, cautious)


def conclusion(a: Side, b: Side, both: Together) -> str:
    """Return what these figures allow to be said, and what not."""
    if both.p is None:
        return _("No label is known for texts that both answered: how far they agree is seen, not which one is right.")
    better, other = (a, b) if both.only_a >= both.only_b else (b, a)
    more, fewer = max(both.only_a, both.only_b), min(both.only_a, both.only_b)
    interval = better.accuracy.interval or (0.0, 1.0)
    values = {
        "better": better.name,
        "other": other.name,
        "more": more,
        "fewer": fewer,
        "count": both.labelled,
        "p": p_text(both.p),
        "low": percent(100 * interval[0]),
        "high": percent(100 * interval[1]),
    }
    if both.p < _LEVEL:
        text = _(
            "{better} alone is right on {more} of {count} labelled texts, {other} alone on {fewer} (p = {p}): were they"
            " equally good, chance would seldom part them so. How much better it is on other texts this does not say;"
            " its own share of right answers lies between {low} and {high} for texts like these."
        )
    else:
        text = _(
            "No difference is shown: {better} alone is right on {more} of {count} labelled texts, {other} alone on"
            " {fewer} (p = {p}). Nor is it shown that they are equally good: the share that {better} gets right lies"
            " anywhere between {low} and {high}; a larger sample narrows that."
        )
    return text.format(**values)


def p_text(p: float) -> str:
    """Return a p-value as people read it: three decimals, or that it is below them."""
    return "< " + local("0.001") if p < 0.001 else local(f"{p:.3f}")


def rate(count: int, of: int) -> Rate:
    """Return a count as a rate."""
    return Rate(count, of, round(count / of, _DECIMALS) if of else None, agreement.wilson(count, of))


def _pairs(
    a: Subject, b: Subject, cases: Sequence[Case], answers: Answers
) -> list[tuple[Case, str | None, str | None]]:
    found = [(case, first_answer(answers, a, case.item), first_answer(answers, b, case.item)) for case in cases]
    return [(case, one.reply.eixo, other.reply.eixo) for case, one, other in found if one and other]


def _is_right(case: Case, axis: str | None) -> bool:
    return axis is not None and axis == case.label


def _is_acceptable(case: Case, axis: str | None) -> bool:
    return axis is not None and axis in (case.label, *case.alternatives)


def _total(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _money(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(math.fsum(known), 6) if known and len(known) == len(values) else None
