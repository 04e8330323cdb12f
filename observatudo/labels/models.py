"""Where the models under ``classify.providers`` stand by the answers stored now, whether or not a run counted them.

The files of answers are read once for all indicators; nothing is asked and nothing is classified anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.classify import answers
from observatudo.classify.answers import Answers
from observatudo.classify.labels import Indicator
from observatudo.classify.lineage import Lineage
from observatudo.classify.names import STATES
from observatudo.classify.panel import Panel, Said
from observatudo.classify.spending import spent
from observatudo.classify.subjects import Subject, subject
from observatudo.errors import ConfigError, DataError
from observatudo.labels.entries import Entry, Problem

if TYPE_CHECKING:
    from observatudo.classify.taxonomy import Taxonomy
    from observatudo.config import ClassifyParams


@dataclass(frozen=True)
class ModelState:
    """One model under ``classify.providers``. ``indicators`` have an answer that is an axis, ``waiting`` none at all.

    ``answers``, of them ``invalid`` none, and ``errors`` are those of the series in force; ``calls``, tokens, ``cost``
    (None: unknown), latencies (seconds, of calls that were answered) and ``last`` (ISO 8601, empty without one) are of
    everything that was ever asked under its name. ``states`` counts indicators by state, those that occur.
    """

    name: str
    model: str
    prompt: str
    weight: float
    indicators: int
    waiting: int
    answers: int
    invalid: int
    errors: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
    latency_median_s: float | None
    latency_p95_s: float | None
    last: str
    states: dict[str, int]


@dataclass(frozen=True)
class Models:
    """All of it: ``said`` by indicator. Where a file of answers is damaged, nothing is known and no model is listed."""

    panel: Panel
    said: Mapping[str, Sequence[Said]]
    states: tuple[ModelState, ...]
    problems: tuple[Problem, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(own.name for own in self.panel.subjects)


def gather(
    root: Path, known: Mapping[str, Entry], fixed: Collection[str], taxonomy: Taxonomy, params: ClassifyParams
) -> Models:
    """Return where the models stand on the indicators ``known``; those in ``fixed`` wait for no model.

    What cannot be read or is not declared becomes a problem and is left out. Raises nothing for either.
    """
    problems: list[Problem] = []
    subjects = _subjects(root, params.providers, taxonomy, problems)
    try:
        stored = answers.read(root)
    except DataError as error:
        problems.append(Problem("answers_damaged", error.where, error.message))
        subjects, stored = [], Answers()
    rule = params.convergence
    panel = Panel(tuple(subjects), dict(params.providers), stored, Lineage(stored, rule), rule)
    said = {}
    if subjects:
        said = {key: panel.said(_indicator(entry), is_fixed=key in fixed) for key, entry in known.items()}
    states = tuple(_state(own, panel, said) for own in subjects)
    return Models(panel, said, states, tuple(problems))


def _indicator(entry: Entry) -> Indicator:
    return Indicator(entry.id, entry.name, entry.description, entry.source_axis)


def _subjects(root: Path, names: Iterable[str], taxonomy: Taxonomy, problems: list[Problem]) -> list[Subject]:
    found = []
    for name in sorted(names):
        try:
            found.append(subject(root, name, taxonomy))
        except ConfigError as error:
            problems.append(Problem("model", name, error.message))
    return found


def _state(own: Subject, panel: Panel, said: Mapping[str, Sequence[Said]]) -> ModelState:
    on = [one for each in said.values() for one in each if one.subject is own]
    counted = Counter(one.convergence.state for one in on)
    series = [one.convergence for one in {one.serie: one for one in on}.values()]
    calls = [call for call in panel.answers.all() if call.execution.provedor == own.name]
    took = spent(calls)
    newest = max(calls, key=lambda call: call.order, default=None)
    return ModelState(
        name=own.name,
        model=own.provider.model,
        prompt=own.prompt.name,
        weight=panel.weights[own.name],
        indicators=sum(one.convergence.label is not None for one in on),
        waiting=sum(one.waits for one in on),
        answers=sum(result.answers for result in series),
        invalid=sum(result.invalid for result in series),
        errors=sum(result.errors for result in series),
        calls=took.calls,
        tokens_in=took.tokens_in,
        tokens_out=took.tokens_out,
        cost=took.cost,
        currency=took.currency,
        latency_median_s=took.latency_median_s,
        latency_p95_s=took.latency_p95_s,
        last=newest.reply.hora if newest else "",
        states={state: counted[state] for state in STATES if counted[state]},
    )
