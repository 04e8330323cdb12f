"""Which questions to put: what has no answer yet, or, to measure, what is not settled; and in which order of axes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from observatudo.ask.dialogue import Question
from observatudo.classify.answers import Answers
from observatudo.classify.convergence import evaluate
from observatudo.classify.prompts import Item
from observatudo.classify.subjects import Subject
from observatudo.classify.taxonomy import Taxonomy
from observatudo.config import ConvergenceParams
from observatudo.labels.entries import Entry

_SEEDS = 2**31 - 1  # what every endpoint takes


def items(
    entries: Iterable[Entry], taxonomy: Taxonomy, decided: Collection[str], datasets: Collection[str] = ()
) -> list[Item]:
    """Return the texts that models may be asked about, by their first indicator; the same text is one item.

    Indicators whose source gives an axis of the taxonomy, and those in ``decided``, are left out; where ``datasets``
    are named, so is what none of them has.
    """
    found: dict[str, Item] = {}
    wanted: set[str] = set()
    for entry in entries:
        if taxonomy.find(entry.source_axis or "") is not None or entry.id in decided:
            continue
        item = Item.of(entry.name, entry.description, [entry.id])
        known = found.get(item.hash)
        found[item.hash] = replace(item, ids=tuple(sorted((*known.ids, entry.id)))) if known else item
        if not datasets or entry.dataset in datasets:
            wanted.add(item.hash)
    return sorted((found[key] for key in wanted), key=lambda item: item.ids)


def pending(asked: Sequence[Item], subject: Subject, found: Answers) -> list[Question]:
    """Return a question for each item without an answer, valid or not: what was never asked first, then what failed."""
    waiting = [item for item in asked if not is_answered(subject.series(item), found)]
    waiting.sort(key=lambda item: subject.series(item) in found.by_series)
    return [Question(item) for item in waiting]


def is_answered(series: str, found: Answers) -> bool:
    """Say whether a series has an answer; a failed call, or one cut off before its second attempt, is none."""
    return any(own.reply.status != "erro" for own in found.whole(series))


def measuring(
    asked: Sequence[Item],
    subject: Subject,
    found: Answers,
    rule: ConvergenceParams,
    number: int,
    *,
    include_stable: bool = False,
) -> list[Question]:
    """Return the questions of one round of measuring: all items but those whose answers are stable.

    ``number`` is the round's, from 1. The order of axes is another each time, and the same for the same answers.
    """
    questions = []
    for item in asked:
        series = subject.series(item)
        whole = found.whole(series)
        if include_stable or evaluate(whole, rule).state != "ESTAVEL":
            questions.append(Question(item, seed(series, len(whole)), number))
    return questions


def seed(series: str, before: int) -> int:
    """Return the seed for an answer to a series that has so many; never 0, which is the usual order."""
    digest = hashlib.sha256(f"{series}:{before}".encode()).digest()
    return int.from_bytes(digest[:8]) % (_SEEDS - 1) + 1


@dataclass(frozen=True)
class Usage:
    """What one call uses: mean tokens. ``calls`` says on how many it was measured; 0: estimated from lengths."""

    tokens_in: float
    tokens_out: float
    calls: int


def measured_usage(subject: Subject, found: Answers) -> Usage | None:
    """Return what calls to this model with this prompt used so far; None where none is known."""
    name, prompt = subject.provider.model, subject.prompt.hash
    used = [
        (reply.tokens_entrada, reply.tokens_saida)
        for own in found.all()
        if (own.execution.modelo, own.execution.prompt_hash) == (name, prompt)
        for reply in own.attempts
        if reply.tokens_entrada is not None and reply.tokens_saida is not None
    ]
    if not used:
        return None
    sums: Mapping[int, int] = {place: sum(pair[place] for pair in used) for place in (0, 1)}
    return Usage(sums[0] / len(used), sums[1] / len(used), len(used))
