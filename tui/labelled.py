"""What the screens of labels make of ``observatudo labels --json`` and of the metrics in the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from observatudo import figures
from observatudo.history.store import fold
from observatudo.i18n import _
from tui.reading import dicts, integer, mapping, number, pair, text_or_none
from tui.sift import Item, sifter
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.journal import Json

MACHINE = ("regra", "modelo")


@dataclass(frozen=True)
class Indicator:
    """One indicator with its label; ``waits`` is the axis that the next run will put it on, or empty.

    ``waits`` is a dash where a decision was taken back, since nobody knows what the classifier will say.
    """

    id: str
    name: str
    dataset: str
    axis: str
    origin: str
    confidence: float
    source_axis: str | None
    override: str | None
    rule: str | None
    flips: int
    returns: int
    classifier: str
    waits: str = ""


@dataclass(frozen=True)
class Axis:
    """An axis as people choose it."""

    key: str
    title: str
    definition: str


@dataclass(frozen=True)
class Concern:
    """What a person should look at, the worst first; ``id`` is the indicator, dataset or file it is about."""

    rank: int
    glyph: str
    what: str
    id: str
    text: str
    tone: str


@dataclass(frozen=True)
class Pair:
    """How often two that said something on an indicator said the same."""

    name: str
    compared: int
    agree: int


@dataclass(frozen=True)
class State:
    """All of it; shares and confidences from 0 to 1."""

    total: int
    by_axis: dict[str, int]
    by_origin: dict[str, int]
    undefined: int
    low: int
    below: float
    held_back: dict[str, float]
    agreement: tuple[Pair, ...]
    concerns: tuple[Concern, ...]
    versions: int
    skipped: int
    history_problem: str
    axes: tuple[Axis, ...]
    indicators: tuple[Indicator, ...]

    @property
    def waiting(self) -> int:
        """Return how many labels the next run will change."""
        return sum(bool(own.waits) for own in self.indicators)

    def find(self, name: str) -> Indicator | None:
        """Return the indicator of this id."""
        return next((own for own in self.indicators if own.id == name), None)


def confidence(share: float | None) -> str:
    """Return a confidence with the four decimals that it has."""
    return figures.NONE if share is None else figures.local(f"{share:.4f}")


def state(content: Json) -> State:
    """Return the state out of what the command printed."""
    top = mapping(content)
    problems = dicts(top.get("problems"))
    pending = {str(own.get("id")) for own in problems if own.get("kind") == "override_pending"}
    indicators = tuple(_indicator(own, pending) for own in dicts(top.get("indicators")))
    below = number(top.get("below")) or 0.0
    concerns = [*map(_concern, problems), *_restless(indicators), *_unsure(indicators, below)]
    return State(
        total=integer(top.get("total")) or 0,
        by_axis=_counts(top.get("by_axis")),
        by_origin=_counts(top.get("by_origin")),
        undefined=integer(top.get("undefined")) or 0,
        low=integer(top.get("low")) or 0,
        below=below,
        held_back={name: number(share) or 0.0 for name, share in mapping(top.get("held_back")).items()},
        agreement=tuple(
            Pair(str(own.get("pair")), integer(own.get("compared")) or 0, integer(own.get("agree")) or 0)
            for own in dicts(top.get("agreement"))
        ),
        concerns=tuple(sorted(concerns, key=lambda concern: concern.rank)),
        versions=integer(top.get("versions")) or 0,
        skipped=integer(top.get("skipped")) or 0,
        history_problem=str(top.get("history_problem") or ""),
        axes=tuple(
            Axis(str(own.get("key")), str(own.get("title")), str(own.get("definition")))
            for own in dicts(top.get("axes"))
        ),
        indicators=indicators,
    )


def _counts(content: Json) -> dict[str, int]:
    return {name: integer(count) or 0 for name, count in mapping(content).items()}


def _indicator(own: dict[str, Json], pending: set[str]) -> Indicator:
    name, override = str(own.get("id", "")), text_or_none(own.get("override"))
    return Indicator(
        id=name,
        name=str(own.get("name") or name),
        dataset=str(own.get("dataset") or ""),
        axis=str(own.get("axis", "")),
        origin=str(own.get("origin", "")),
        confidence=number(own.get("confidence")) or 0.0,
        source_axis=text_or_none(own.get("source_axis")),
        override=override,
        rule=text_or_none(own.get("rule")),
        flips=integer(own.get("flips")) or 0,
        returns=integer(own.get("returns")) or 0,
        classifier=str(own.get("classifier") or ""),
        waits=(override or figures.NONE) if name in pending else "",
    )


# --- what to look at


def _concern(problem: dict[str, Json]) -> Concern:
    kind = str(problem.get("kind", ""))
    kinds: dict[str, tuple[int, str, str, str]] = {
        "overrides_damaged": (0, "✗", _("damaged file"), "bad"),
        "axis": (1, "✗", _("invalid axis"), "bad"),
        "not_ingested": (2, "✗", _("not ingested"), "bad"),
        "source_axis": (3, "!", _("unknown axis"), "warn"),
        "unlabelled": (3, "!", _("no label"), "warn"),
        "no_indicator": (3, "!", _("stale label"), "warn"),
        "override_unknown": (4, "!", _("stale decision"), "warn"),
        "override_unused": (4, "!", _("no effect"), "warn"),
        "override_pending": (5, "◌", _("waits"), "accent"),
    }
    rank, glyph, what, tone = kinds.get(kind, (4, "!", kind, "warn"))
    return Concern(rank, glyph, what, str(problem.get("id", "")), str(problem.get("text", "")), tone)


def _restless(indicators: Sequence[Indicator]) -> Iterator[Concern]:
    for own in sorted(indicators, key=lambda own: (-own.returns, -own.flips, own.id)):
        if own.returns:
            yield Concern(6, "↔", _("oscillates"), own.id, swings(own), "warn")


def _unsure(indicators: Sequence[Indicator], below: float) -> Iterator[Concern]:
    for own in sorted(indicators, key=lambda own: (own.confidence, own.id)):
        if own.origin in MACHINE and own.confidence < below:
            text = f"{confidence(own.confidence)}  {own.axis}  {own.name}"
            yield Concern(7, "?", _("low confidence"), own.id, text, "muted")


def swings(own: Indicator) -> str:
    """Say how often a label changed over versions, and how often it came back to an axis it had left."""
    return _("{flips} change(s), {returns} back; now {axis}").format(
        flips=own.flips, returns=own.returns, axis=own.axis
    )


# --- the list

ORDERS: dict[str, Callable[[Indicator], tuple[float | str, str]]] = {
    "name": lambda own: (fold(own.name), own.id),
    "confidence": lambda own: (own.confidence, own.id),
    "axis": lambda own: (fold(own.axis), own.id),
    "origin": lambda own: (own.origin, own.id),
}


def chosen(state: State, wanted: str, order: str) -> list[Indicator]:
    """Return the indicators that fit a filter, in order."""
    fits = sifter(wanted)
    return sorted((own for own in state.indicators if fits(_item(own))), key=ORDERS[order])


def _item(own: Indicator) -> Item:
    fields = {"axis": own.axis, "origin": own.origin, "dataset": own.dataset}
    waits = _("waits for dvc repro") if own.waits else ""
    return Item(f"{own.id} {own.name} {own.dataset} {own.axis} {own.origin} {waits}", fields, own.confidence)


def shown_axis(own: Indicator) -> str:
    """Return an indicator's axis, or with an arrow the one that the next run will put it on."""
    return f"→{own.waits}" if own.waits else own.axis


def shown_name(own: Indicator) -> str:
    """Return an indicator's name, and before it that its decision waits for the next run."""
    return _("waits for dvc repro: {name}").format(name=own.name) if own.waits else own.name


def in_short(own: Indicator) -> list[Text]:
    """Return what is known of an indicator in lines."""
    lines = [Text(own.name, "bold"), Text(own.id, "dim"), Text(), pair(_("axis"), own.axis)]
    lines.append(pair(_("decided by"), f"{own.origin}  {confidence(own.confidence)}"))
    if own.waits:
        lines.append(toned("◌ " + _("waits for dvc repro") + f": {own.axis} → {own.waits}", "accent"))
    lines.append(pair(_("its source says"), own.source_axis))
    lines.append(pair(_("the rules say"), own.rule))
    lines.append(pair(_("a person says"), own.override))
    lines.append(pair(_("dataset"), own.dataset or _("none has it any more")))
    lines.append(pair(_("classifier"), own.classifier))
    if own.flips:
        lines.append(toned(f"↔ {swings(own)}", "warn"))
    return lines
