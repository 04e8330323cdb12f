"""Which series came before which: the same model's answers about the same indicator under another key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from observatudo.classify.answers import Answers, Observation
from observatudo.classify.convergence import evaluate
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject
from observatudo.config import ConvergenceParams

# in the order in which one is named where several things changed at once, as ``observatudo diff`` has it
Cause = Literal["input", "taxonomy", "prompt", "model"]


@dataclass(frozen=True)
class Predecessor:
    """The series that a newer one follows, and the label it came to; ``cause`` is what made the key another."""

    serie: str
    cause: Cause
    label: str | None


class Lineage:
    """Finds predecessors among all answers."""

    def __init__(self, answers: Answers, rule: ConvergenceParams) -> None:
        self._answers = answers
        self._rule = rule
        self._newest: dict[str, Observation] = {}
        self._by_mark: dict[tuple[str, str], set[str]] = {}
        for key, observations in answers.by_series.items():
            whole = [own for own in observations if _is_of_a_label(own)]
            if whole:
                self._newest[key] = whole[-1]
            for own in whole:
                for mark in (own.reply.conteudo, *own.reply.id_indicador):
                    self._by_mark.setdefault((own.execution.provedor, mark), set()).add(key)

    def before(self, subject: Subject, item: Item) -> Predecessor | None:
        """Return the series with the newest valid answer of the same model (by its name) on the same text or indicator.

        None where the only series is the one that the subject's key names now.
        """
        now = subject.series(item)
        known = {key for mark in (item.hash, *item.ids) for key in self._by_mark.get((subject.name, mark), ())}
        older = [self._newest[key] for key in known - {now}]
        found = max(older, key=lambda own: (own.order, own.reply.serie), default=None)
        if found is None:
            return None
        label = evaluate(self._answers.whole(found.reply.serie), self._rule).label
        return Predecessor(found.reply.serie, next(_causes(found, subject, item)), label)


def _is_of_a_label(own: Observation) -> bool:
    """Say whether a valid answer was given for a label: one that compares two prompts was not."""
    return own.is_whole and own.reply.status == "ok" and own.execution.finalidade != "comparar"


def _causes(old: Observation, subject: Subject, item: Item) -> Iterator[Cause]:
    if old.reply.conteudo != item.hash:
        yield "input"
    if old.execution.taxonomia != subject.taxonomy.version:
        yield "taxonomy"
    if old.execution.prompt_hash != subject.prompt.hash:
        yield "prompt"
    yield "model"
