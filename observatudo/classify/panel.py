"""The models whose stored answers count, and what each has to say of an indicator. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from observatudo.classify import answers, subjects
from observatudo.classify.answers import Answers, Observation
from observatudo.classify.calibration import DECIMALS
from observatudo.classify.convergence import Convergence, evaluate
from observatudo.classify.labels import Indicator
from observatudo.classify.lineage import Lineage, Predecessor
from observatudo.classify.names import FIXED
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject
from observatudo.classify.taxonomy import Taxonomy
from observatudo.classify.votes import of_answers
from observatudo.config import ClassifyParams, ConvergenceParams


@dataclass(frozen=True)
class Said:
    """What one model's answers to one indicator's text come to; ``before`` is the series that this one follows."""

    subject: Subject
    weight: float
    serie: str
    convergence: Convergence
    before: Predecessor | None

    @property
    def waits(self) -> bool:
        """Say whether there is no answer yet, valid or not."""
        return self.convergence.answers == 0

    @property
    def counts(self) -> bool:
        """Say whether the answers take part in the decision: a model that gives none abstains, until it does."""
        return bool(self.convergence.shares) and self.convergence.state != "INVALIDO"

    def distribution(self, keys: Sequence[str]) -> list[float]:
        """Return what the answers say of each axis."""
        return of_answers(self.convergence.shares, self.weight, keys)

    @property
    def confidence(self) -> float | None:
        """Return what the label that the answers come to is worth: their share of it, times the model's weight."""
        found = self.convergence
        return round(found.shares[found.label] * self.weight, DECIMALS) if found.label else None

    @property
    def model(self) -> str:
        """Name the model as a label does."""
        own = self.subject.provider
        return f"{self.subject.name}={own.model}" + (f"@{own.digest}" if own.digest else "")


@dataclass(frozen=True)
class Panel:
    """The models under ``classify.providers`` with their answers; ``weights`` by name."""

    subjects: tuple[Subject, ...]
    weights: dict[str, float]
    answers: Answers
    lineage: Lineage
    rule: ConvergenceParams

    def said(self, indicator: Indicator, *, is_fixed: bool) -> list[Said]:
        """Return what each model says; of an indicator decided without them, only those that did say something."""
        item = Item.of(indicator.nome, indicator.descricao, [indicator.id_indicador])
        found = [self._of(subject, item) for subject in self.subjects]
        if not is_fixed:
            return found
        return [
            replace(own, convergence=replace(own.convergence, state=FIXED)) for own in found if own.convergence.answers
        ]

    def _of(self, subject: Subject, item: Item) -> Said:
        key = subject.series(item)
        stored = [_of_an_axis(own, subject.taxonomy.keys) for own in self.answers.whole(key)]
        found = evaluate(stored, self.rule)
        return Said(subject, self.weights[subject.name], key, found, self.lineage.before(subject, item))


def _of_an_axis(own: Observation, keys: Sequence[str]) -> Observation:
    """Return an observation, as one of no answer where its axis is none: a file can be edited, a key renamed."""
    reply = own.reply
    if reply.eixo is None or reply.eixo in keys:
        return own
    return replace(own, attempts=(*own.attempts[:-1], reply.model_copy(update={"status": "invalida", "eixo": None})))


def load(root: Path, params: ClassifyParams, taxonomy: Taxonomy) -> Panel:
    """Return the panel of the repository at ``root``; where no model counts, no answer is read.

    Raises ConfigError for a model or prompt that is not declared, DataError for a damaged file of answers.
    """
    found = subjects.subjects(root, params.providers, taxonomy)
    stored = answers.read(root) if found else Answers()
    return Panel(tuple(found), dict(params.providers), stored, Lineage(stored, params.convergence), params.convergence)
