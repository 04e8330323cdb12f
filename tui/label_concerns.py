"""What a person should look at among the labels, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from observatudo import figures
from observatudo.i18n import _
from tui.label_words import confidence, named, swings
from tui.labelled import MACHINE, Problem, State
from tui.sift import Item


@dataclass(frozen=True)
class Concern:
    """One of them; ``id`` is the indicator, dataset, model or file it is about.

    ``key`` is the filter that shows the indicators it is about, where they are several.
    """

    rank: int
    glyph: str
    what: str
    id: str
    text: str
    tone: str
    key: str = ""

    @property
    def item(self) -> Item:
        """Return what a filter looks at."""
        return Item(f"{self.what} {self.id} {self.text}", {})


def concerns(state: State) -> list[Concern]:
    """Return them all."""
    found = [*map(_concern, state.problems), *_waiting(state), *_restless(state), *_divided(state), *_unsure(state)]
    return sorted(found, key=lambda concern: concern.rank)


def _concern(problem: Problem) -> Concern:
    kinds: dict[str, tuple[int, str, str, str]] = {
        "overrides_damaged": (0, "✗", _("damaged file"), "bad"),
        "answers_damaged": (0, "✗", _("damaged file"), "bad"),
        "model": (1, "✗", _("invalid model"), "bad"),
        "axis": (1, "✗", _("invalid axis"), "bad"),
        "not_ingested": (2, "✗", _("not ingested"), "bad"),
        "source_axis": (3, "!", _("unknown axis"), "warn"),
        "unlabelled": (3, "!", _("no label"), "warn"),
        "no_evidence": (3, "!", _("no evidence"), "warn"),
        "no_indicator": (3, "!", _("stale label"), "warn"),
        "override_unknown": (4, "!", _("stale decision"), "warn"),
        "override_unused": (4, "!", _("no effect"), "warn"),
        "override_pending": (5, "◌", _("waits"), "accent"),
        "answers_pending": (5, "◌", _("waits"), "accent"),
        "key_changed": (6, "!", _("regression"), "warn"),
        "invalid": (7, "✗", _("no answer"), "bad"),
        "oscillating": (8, "↔", _("oscillates"), "warn"),
    }
    rank, glyph, what, tone = kinds.get(problem.kind, (4, "!", problem.kind, "warn"))
    return Concern(rank, glyph, what, problem.id, problem.text, tone)


def _waiting(state: State) -> Iterator[Concern]:
    for model in state.models:
        if model.waiting:
            text = _("{count} indicator(s) wait for its answer; type: observatudo ask")
            told = text.format(count=figures.count(model.waiting))
            yield Concern(5, "◌", _("waits"), model.name, told, "accent", f"waits:{model.name}")


def _restless(state: State) -> Iterator[Concern]:
    for own in sorted(state.indicators, key=lambda own: (-own.returns, -own.flips, own.id)):
        if own.returns:
            yield Concern(8, "↔", _("oscillates"), own.id, swings(own), "warn")


def _divided(state: State) -> Iterator[Concern]:
    for own in state.indicators:
        said = [vote for vote in own.votes if vote.state == "DIVERGENTE"]
        if said:
            who = ", ".join(f"{named(vote.classifier)} ({vote.axis or figures.NONE})" for vote in said)
            yield Concern(9, "≠", _("divergent"), own.id, _("more than one axis from {who}").format(who=who), "warn")


def _unsure(state: State) -> Iterator[Concern]:
    for own in sorted(state.indicators, key=lambda own: (own.confidence, own.id)):
        if own.origin in MACHINE and own.confidence < state.below:
            text = f"{confidence(own.confidence)}  {own.axis}  {own.name}"
            yield Concern(10, "?", _("low confidence"), own.id, text, "muted")
