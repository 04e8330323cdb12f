"""Points per axis from the words of a text: transparent, fast, and right where the taxonomy has the word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from observatudo.classify.taxonomy import Taxonomy
from observatudo.classify.text import stems

# What a term is worth that stands in the description only: it says more about context than about the subject.
DESCRIPTION = 0.5
# So many points in the name make a subject, to which words of form in other axes yield.
SUBJECT = 2.0
# With a lead of this many points the words of the taxonomy are said to have decided.
LEAD = 2.0

_Phrase = tuple[str, ...]


@dataclass(frozen=True)
class _Worth:
    axis: int
    weight: int
    form: bool
    term: str


@dataclass(frozen=True)
class Hit:
    """A term of an axis that stands in a text, with the points it brings there."""

    term: str
    axis: int
    points: float
    in_name: bool


class Rulebook:
    """The rules of a taxonomy, looked up by stems."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._axes = len(taxonomy.axes)
        self._worth: dict[_Phrase, list[_Worth]] = {}
        for index, axis in enumerate(taxonomy.axes):
            for group in axis.rules:
                for term in group.terms:
                    self._worth.setdefault(stems(term), []).append(_Worth(index, group.weight, group.form, term))
        self._longest = max((len(phrase) for phrase in self._worth), default=0)

    def points(self, name: str, description: str) -> list[float]:
        """Return the points of every axis, in the taxonomy's order; each term counts once."""
        in_name = self._found(name)
        described = self._found(description) - in_name
        subject = self._sum(in_name, form=False)
        about = self._sum(described, form=False)
        means = self._sum(in_name, form=True)
        means_described = self._sum(described, form=True)
        points = []
        for axis in range(self._axes):
            form = 0.0 if _yields(axis, subject) else means[axis] + DESCRIPTION * means_described[axis]
            points.append(subject[axis] + DESCRIPTION * about[axis] + form)
        return points

    def hits(self, name: str, description: str) -> list[Hit]:
        """Return the terms that count, those of one axis in order of the text they stand in; they add up to ``points``.

        Words of form that yield to a subject are left out.
        """
        in_name = self._found(name)
        subject = self._sum(in_name, form=False)
        found = [
            Hit(worth.term, worth.axis, worth.weight * (1.0 if own is in_name else DESCRIPTION), own is in_name)
            for own in (in_name, self._found(description) - in_name)
            for phrase in own
            for worth in self._worth[phrase]
            if not (worth.form and _yields(worth.axis, subject))
        ]
        return sorted(found, key=lambda hit: (hit.axis, not hit.in_name, -hit.points, hit.term))

    def _sum(self, phrases: Iterable[_Phrase], *, form: bool) -> list[float]:
        points = [0.0] * self._axes
        for phrase in phrases:
            for worth in self._worth[phrase]:
                if worth.form == form:
                    points[worth.axis] += worth.weight
        return points

    def _found(self, text: str) -> set[_Phrase]:
        words = stems(text)
        phrases = (
            words[start : start + length]
            for length in range(1, self._longest + 1)
            for start in range(len(words) - length + 1)
        )
        return {phrase for phrase in phrases if phrase in self._worth}


def leader(points: Sequence[float]) -> int | None:
    """Return the index of the axis that leads by ``LEAD`` points or more; None where none does."""
    best, second = sorted(points, reverse=True)[:2]
    return points.index(best) if best - second >= LEAD else None


def _yields(axis: int, subject: Sequence[float]) -> bool:
    """Say whether words of form yield: another axis has a subject."""
    return any(value >= SUBJECT for other, value in enumerate(subject) if other != axis)
