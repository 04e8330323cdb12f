"""The state of the classification: who put which indicator on which axis, how far they agree, what needs a look.

Everything here follows from what the pipeline stores (labels, catalogues, human decisions, figures) and from the
versions in Git; nothing is classified anew, which takes seconds. What models say is taken from the answers stored
now, whether or not a run has counted them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from observatudo import paths
from observatudo.classify.names import DECIDED, FIXED, ORIGINS, STATES
from observatudo.classify.rules import Rulebook, leader
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy
from observatudo.classify.text import fold
from observatudo.labels import problems, queue, timeline
from observatudo.labels.entries import Entry, Problem
from observatudo.labels.models import ModelState
from observatudo.labels.pairs import Agreement, agreements
from observatudo.labels.sources import Sources, load

LOW = queue.LOW


@dataclass(frozen=True)
class Opinion:
    """What one classifier says of one indicator: its axis (None: silent), confidence (0 to 1), state as ``Vote``."""

    classifier: str
    axis: str | None
    confidence: float | None
    state: str | None


@dataclass(frozen=True)
class Labelled:
    """One indicator with its label. ``name`` and ``dataset`` are empty where no dataset has it any more.

    ``rule`` is the axis that the taxonomy's words alone would give, None where they are silent or divided; ``override``
    what people decided. ``flips`` and ``returns`` count changes over versions (see ``timeline.Swing``). ``state`` is
    FIXADO, else of the models' states the first in ``names.STATES``, None without a model; ``waits_for`` are
    models that have not answered yet.
    """

    id: str
    name: str
    dataset: str
    axis: str
    origin: str
    confidence: float
    classifier: str
    taxonomy: str
    source_axis: str | None
    override: str | None
    rule: str | None
    flips: int
    returns: int
    state: str | None
    votes: tuple[Opinion, ...]
    waits_for: tuple[str, ...]
    in_queue: bool


@dataclass(frozen=True)
class AxisInWords:
    """An axis of the taxonomy as people choose it."""

    key: str
    title: str
    definition: str


@dataclass(frozen=True)
class LabelState:
    """All of it. ``threshold`` and ``below`` are confidences from 0 to 1; ``low`` counts the answers of rules and
    examples under ``below``, ``undefined`` the indicators without an axis.

    ``held_back`` are the shares of ``calibration.Quality``. ``oscillating`` counts labels that came back to an axis.
    ``versions`` is how many tables of labels there were, ``skipped`` how many of them are not here, and
    ``history_problem`` why there is no history. ``waiting`` counts indicators that wait for a model, ``queue`` those
    that wait for a person.
    """

    total: int
    by_axis: dict[str, int]
    by_origin: dict[str, int]
    undefined: int
    low: int
    below: float
    threshold: float
    classifiers: tuple[str, ...]
    held_back: dict[str, float]
    agreement: tuple[Agreement, ...]
    problems: tuple[Problem, ...]
    oscillating: int
    versions: int
    skipped: int
    history_problem: str
    axes: tuple[AxisInWords, ...]
    models: tuple[ModelState, ...]
    waiting: int
    queue: int
    indicators: tuple[Labelled, ...] = field(repr=False)

    def as_dict(self, chosen: Sequence[Labelled] | None = None) -> dict[str, object]:
        """Return what ``observatudo labels --json`` prints, with the chosen indicators only."""
        return asdict(self if chosen is None else replace(self, indicators=tuple(chosen)))

    def select(
        self,
        words: Iterable[str] = (),
        axis: str | None = None,
        origin: str | None = None,
        below: float | None = None,
        state: str | None = None,
    ) -> tuple[Labelled, ...]:
        """Return the indicators that fit all that is asked: every word somewhere in id, name or dataset."""
        wanted = [fold(word) for word in words]
        return tuple(
            own
            for own in self.indicators
            if (axis is None or own.axis == axis)
            and (origin is None or own.origin == origin)
            and (below is None or own.confidence < below)
            and (state is None or own.state == state)
            and all(word in fold(f"{own.id} {own.name} {own.dataset}") for word in wanted)
        )


def state(root: Path, below: float = LOW, sources: Sources | None = None) -> LabelState:
    """Return the state of the labels in the work tree of the repository at ``root``, or of what was read of it.

    Raises as ``sources.load`` does.
    """
    own = sources or load(root)
    taxonomy, asked = own.taxonomy, own.models
    past = timeline.swings(root)
    decided = None if own.decided is None else {key: one.eixo for key, one in own.decided.items()}
    found = _labelled(own, past.by_id)
    concerns = [*own.problems, *problems.of_labels(found, own.known, taxonomy, is_whole=own.is_whole)]
    concerns += problems.of_decisions(found, own.known, decided, taxonomy, is_whole=own.is_whole)
    concerns += problems.of_models(asked, own.labels, own.votes)
    return LabelState(
        total=len(found),
        by_axis=_counts(taxonomy.keys, (one.axis for one in found)),
        by_origin=_counts(ORIGINS, (one.origin for one in found)),
        undefined=sum(one.axis == UNDEFINED for one in found),
        low=sum(one.origin in timeline.MACHINE and one.confidence < below for one in found),
        below=below,
        threshold=own.params.threshold,
        classifiers=tuple(sorted({one.classifier for one in found})),
        held_back=_held_back(root),
        agreement=tuple(agreements(found, past.by_id, taxonomy, asked.names)),
        problems=tuple(concerns),
        oscillating=sum(one.returns > 0 for one in found),
        versions=past.versions,
        skipped=past.skipped,
        history_problem=past.problem,
        axes=tuple(AxisInWords(axis.key, axis.title, axis.definition) for axis in taxonomy.axes),
        models=asked.states,
        waiting=sum(bool(one.waits_for) for one in found),
        queue=sum(one.in_queue for one in found),
        indicators=tuple(found),
    )


def _labelled(own: Sources, past: Mapping[str, timeline.Swing]) -> list[Labelled]:
    rules = Rulebook(own.taxonomy)
    found = []
    for key, answer in sorted(own.labels.items()):
        entry = own.known.get(key, Entry(key, "", "", "", None))
        swing = past.get(key, timeline.Swing())
        decision = (own.decided or {}).get(key)
        votes = opinions(own, key)
        is_fixed = key in own.fixed or answer.origin in DECIDED
        waits_for = () if is_fixed else tuple(x.subject.name for x in own.models.said.get(key, ()) if x.waits)
        found.append(
            Labelled(
                id=key,
                name=entry.name,
                dataset=entry.dataset,
                axis=answer.axis,
                origin=answer.origin,
                confidence=answer.confidence,
                classifier=answer.classifier,
                taxonomy=answer.taxonomy,
                source_axis=entry.source_axis,
                override=decision.eixo if decision else None,
                rule=_by_rule(rules, entry, own.taxonomy),
                flips=swing.flips,
                returns=swing.returns,
                state=FIXED if is_fixed else _first_state(votes),
                votes=votes,
                waits_for=waits_for,
                in_queue=not is_fixed and any(queue.why(answer.axis, answer.confidence, votes)),
            )
        )
    return found


def opinions(own: Sources, indicator: str) -> tuple[Opinion, ...]:
    """Return what everybody says of an indicator, by name: models as they stand now, others as in the evidence."""
    kept = (own.votes or {}).get(indicator, ())
    found = [Opinion(x.classifier, x.axis, x.confidence, x.state) for x in kept if x.classifier not in own.models.names]
    for said in own.models.said.get(indicator, ()):
        result = said.convergence
        found.append(Opinion(said.subject.name, result.label, said.confidence, result.state))
    return tuple(sorted(found, key=lambda one: one.classifier))


def _first_state(votes: Sequence[Opinion]) -> str | None:
    had = {own.state for own in votes}
    return next((state for state in STATES if state in had), None)


def _by_rule(rules: Rulebook, entry: Entry, taxonomy: Taxonomy) -> str | None:
    """Return the axis that leads by as much as makes a label's origin ``regra``; None without one."""
    first = leader(rules.points(entry.name, entry.description))
    return None if first is None else taxonomy.keys[first]


def _counts(names: Sequence[str], values: Iterable[str]) -> dict[str, int]:
    """Return the count of every name, in order, then those of values that are no name."""
    counted = Counter(values)
    return {name: counted[name] for name in [*names, *sorted(counted.keys() - set(names))]}


def _held_back(root: Path) -> dict[str, float]:
    try:
        content = json.loads((root / paths.METRICS / "classify.json").read_bytes())
    except (OSError, ValueError):
        return {}
    own = content.get("classify") if isinstance(content, dict) else None
    found = own.get("held_back") if isinstance(own, dict) else None
    return {str(k): v for k, v in found.items() if isinstance(v, int | float)} if isinstance(found, dict) else {}
