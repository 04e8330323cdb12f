"""What an execution changed: the states of series, what a person should hear of, labels that a predecessor had not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from observatudo.classify.answers import Answers
from observatudo.classify.convergence import Event, evaluate
from observatudo.classify.lineage import Cause, Lineage
from observatudo.classify.names import State
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject
from observatudo.config import ConvergenceParams


@dataclass(frozen=True)
class Relabelled:
    """A series that began with another label than the one it follows; ``cause`` is what made its key another."""

    item: Item
    before: str | None
    after: str | None
    cause: Cause


@dataclass(frozen=True)
class Changes:
    """``transitions`` counts series by their states before and after, those that stayed left out."""

    transitions: dict[tuple[State, State], int]
    events: tuple[tuple[Item, Event], ...]
    relabelled: tuple[Relabelled, ...]


def changes(
    subject: Subject, asked: Sequence[Item], before: Answers, after: Answers, rule: ConvergenceParams
) -> Changes:
    """Compare the answers to these items before and after."""
    lineage = Lineage(before, rule)
    transitions: Counter[tuple[State, State]] = Counter()
    events: list[tuple[Item, Event]] = []
    relabelled = []
    for item in asked:
        key = subject.series(item)
        old, new = evaluate(before.whole(key), rule), evaluate(after.whole(key), rule)
        if old.state != new.state:
            transitions[old.state, new.state] += 1
        events += [(item, event) for event in new.events if event not in old.events]
        follows = lineage.before(subject, item)
        if old.answers == 0 and new.label is not None and follows and follows.label != new.label:
            relabelled.append(Relabelled(item, follows.label, new.label, follows.cause))
    return Changes(dict(transitions), tuple(events), tuple(relabelled))
