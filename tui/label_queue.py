"""What the screen of labels that wait for a person makes of ``observatudo review --json``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.i18n import _
from tui.label_words import confidence, named, stated, tone_of
from tui.labelled import Indicator, Vote, votes
from tui.reading import dicts, integer, mapping, number, texts
from tui.sift import Item
from tui.table import Column
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.journal import Json

_ALL = 100.0


@dataclass(frozen=True)
class Queued:
    """One label that waits; ``value`` is how many of its ``rows`` are expected to stand under a wrong axis.

    ``confidence`` and ``disagreement`` (the share of those with an axis that have another) are 0 to 1.
    """

    id: str
    name: str
    dataset: str
    axis: str
    origin: str
    confidence: float
    disagreement: float
    rows: int
    value: float
    why: tuple[str, ...]
    votes: tuple[Vote, ...]

    @property
    def item(self) -> Item:
        """Return what a filter looks at."""
        fields = {"axis": self.axis, "origin": self.origin, "dataset": self.dataset}
        told = " ".join([self.id, self.name, self.dataset, self.axis, self.origin, *self.why])
        return Item(told, fields, self.confidence)

    @property
    def indicator(self) -> Indicator:
        """Return the indicator as far as the queue knows it."""
        return Indicator(
            id=self.id, name=self.name, dataset=self.dataset, axis=self.axis, origin=self.origin,
            confidence=self.confidence, source_axis=None, override=None, rule=None, flips=0, returns=0, classifier="",
            votes=self.votes, in_queue=True,
        )  # fmt: skip


COLUMNS: tuple[Column[Queued], ...] = (
    Column(lambda: _("at stake"), 9, lambda q: figures.decimal(round(q.value, 1)), right=True),
    Column(lambda: _("rows"), 10, lambda q: figures.count(q.rows), right=True, keep=1, tone=lambda _q: "muted"),
    Column(lambda: _("conf."), 6, lambda q: confidence(q.confidence), right=True),
    Column(lambda: _("disagree"), 9, lambda q: figures.percent(_ALL * q.disagreement), right=True, keep=2),
    Column(lambda: _("axis"), 14, lambda q: q.axis),
    Column(lambda: _("name"), 20, lambda q: q.name, flex=True),
    Column(lambda: _("why"), 30, lambda q: "; ".join(q.why), keep=3, flex=True, tone=lambda _q: "warn"),
)


def queue(content: Json) -> list[Queued]:
    """Return the queue out of what the command printed, in its order."""
    return [_queued(own) for own in dicts(mapping(content).get("queue"))]


def _queued(own: dict[str, Json]) -> Queued:
    name = str(own.get("id", ""))
    return Queued(
        id=name,
        name=str(own.get("name") or name),
        dataset=str(own.get("dataset") or ""),
        axis=str(own.get("axis", "")),
        origin=str(own.get("origin", "")),
        confidence=number(own.get("confidence")) or 0.0,
        disagreement=number(own.get("disagreement")) or 0.0,
        rows=integer(own.get("rows")) or 1,
        value=number(own.get("value")) or 0.0,
        why=texts(own.get("why")),
        votes=votes(own.get("votes")),
    )


def in_short(own: Queued) -> list[Text]:
    """Return why a label waits, and who says what of it."""
    return [Text("; ".join(own.why), "yellow"), *_said(own), Text(f"{own.id}  {own.dataset}", "dim")]


def _said(own: Queued) -> Iterator[Text]:
    for vote in own.votes:
        axis = vote.axis or _("nothing")
        told = f"{named(vote.classifier)}: {axis}"
        if vote.axis and vote.confidence is not None:
            told += f"  {confidence(vote.confidence)}"
        yield Text(told).append(f"  {stated(vote.state)}", toned("", tone_of(vote.state)).style)
