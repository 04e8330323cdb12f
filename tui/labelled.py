"""What the screens of labels make of ``observatudo labels --json`` and of the metrics in the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observatudo import figures
from observatudo.history.store import fold
from observatudo.i18n import _
from tui.reading import dicts, integer, mapping, number, text_or_none, texts
from tui.sift import Item, sifter

if TYPE_CHECKING:
    from observatudo.journal import Json

MACHINE = ("regra", "modelo", "consenso")


@dataclass(frozen=True)
class Vote:
    """What one classifier says of an indicator; no axis: it is silent."""

    classifier: str
    axis: str | None
    confidence: float | None
    state: str | None


@dataclass(frozen=True)
class Indicator:
    """One indicator with its label; ``waits`` is the axis that the next run will put it on, or empty.

    ``waits`` is a dash where a decision was taken back, since nobody knows what the classifier will say.
    ``state`` says how far models keep to what they say, and is empty without one; ``waits_for`` are models that have
    not answered yet.
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
    state: str = ""
    votes: tuple[Vote, ...] = ()
    waits_for: tuple[str, ...] = ()
    in_queue: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis as people choose it."""

    key: str
    title: str
    definition: str


@dataclass(frozen=True)
class Problem:
    """What is wrong, as the command says it; ``id`` is the indicator, dataset, model or file it is about."""

    kind: str
    id: str
    text: str


@dataclass(frozen=True)
class Model:
    """One model whose answers count, by the answers stored now; shares are 0 to 1, latencies in seconds.

    ``indicators`` have an answer that is an axis; ``cost`` is None where nobody knows the price.
    """

    name: str
    model: str
    prompt: str
    weight: float | None
    indicators: int
    waiting: int
    answers: int
    invalid: int
    errors: int
    calls: int
    tokens: int
    cost: float | None
    currency: str
    latency_median_s: float | None
    latency_p95_s: float | None
    last: str
    states: dict[str, int]


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
    problems: tuple[Problem, ...]
    versions: int
    skipped: int
    history_problem: str
    axes: tuple[Axis, ...]
    models: tuple[Model, ...]
    waiting_for_models: int
    queue: int
    indicators: tuple[Indicator, ...]

    @property
    def waiting(self) -> int:
        """Return how many labels the next run will change."""
        return sum(bool(own.waits) for own in self.indicators)

    def find(self, name: str) -> Indicator | None:
        """Return the indicator of this id."""
        return next((own for own in self.indicators if own.id == name), None)


def state(content: Json) -> State:
    """Return the state out of what the command printed."""
    top = mapping(content)
    problems = tuple(
        Problem(str(own.get("kind")), str(own.get("id")), str(own.get("text"))) for own in dicts(top.get("problems"))
    )
    pending = {own.id for own in problems if own.kind == "override_pending"}
    return State(
        total=integer(top.get("total")) or 0,
        by_axis=_counts(top.get("by_axis")),
        by_origin=_counts(top.get("by_origin")),
        undefined=integer(top.get("undefined")) or 0,
        low=integer(top.get("low")) or 0,
        below=number(top.get("below")) or 0.0,
        held_back={name: number(share) or 0.0 for name, share in mapping(top.get("held_back")).items()},
        agreement=tuple(
            Pair(str(own.get("pair")), integer(own.get("compared")) or 0, integer(own.get("agree")) or 0)
            for own in dicts(top.get("agreement"))
        ),
        problems=problems,
        versions=integer(top.get("versions")) or 0,
        skipped=integer(top.get("skipped")) or 0,
        history_problem=str(top.get("history_problem") or ""),
        axes=tuple(
            Axis(str(own.get("key")), str(own.get("title")), str(own.get("definition")))
            for own in dicts(top.get("axes"))
        ),
        models=tuple(map(_model, dicts(top.get("models")))),
        waiting_for_models=integer(top.get("waiting")) or 0,
        queue=integer(top.get("queue")) or 0,
        indicators=tuple(_indicator(own, pending) for own in dicts(top.get("indicators"))),
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
        state=str(own.get("state") or ""),
        votes=votes(own.get("votes")),
        waits_for=texts(own.get("waits_for")),
        in_queue=own.get("in_queue") is True,
    )


def votes(content: Json) -> tuple[Vote, ...]:
    """Return what everybody says."""
    return tuple(
        Vote(
            str(own.get("classifier")),
            text_or_none(own.get("axis")),
            number(own.get("confidence")),
            text_or_none(own.get("state")),
        )
        for own in dicts(content)
    )


def _model(own: dict[str, Json]) -> Model:
    def count(name: str) -> int:
        return integer(own.get(name)) or 0

    return Model(
        name=str(own.get("name")),
        model=str(own.get("model") or ""),
        prompt=str(own.get("prompt") or ""),
        weight=number(own.get("weight")),
        indicators=count("indicators"),
        waiting=count("waiting"),
        answers=count("answers"),
        invalid=count("invalid"),
        errors=count("errors"),
        calls=count("calls"),
        tokens=count("tokens_in") + count("tokens_out"),
        cost=number(own.get("cost")),
        currency=str(own.get("currency") or ""),
        latency_median_s=number(own.get("latency_median_s")),
        latency_p95_s=number(own.get("latency_p95_s")),
        last=str(own.get("last") or ""),
        states=_counts(own.get("states")),
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
    models = " ".join(own.waits_for)
    fields = {"axis": own.axis, "origin": own.origin, "dataset": own.dataset, "state": own.state, "waits": models}
    waits = _("waits for dvc repro") if own.waits else ""
    told = f"{own.id} {own.name} {own.dataset} {own.axis} {own.origin} {own.state} {waits}"
    return Item(told, fields, own.confidence)
