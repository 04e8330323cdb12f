"""From scores to a confidence that means what it says: of the answers given with 0.8, four in five are right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from observatudo.classify.model import Trial
from observatudo.classify.taxonomy import UNDEFINED

# Tried from soft to sharp; a coarse step, so that a last digit in the scores never changes the choice.
SHARPNESS = tuple(round(0.5 + 0.1 * step, 1) for step in range(76))
# Without a table of labels nothing can be held back; this is near what the repository's own tables give.
DEFAULT_SHARPNESS = 4.5
DECIMALS = 4


@dataclass(frozen=True)
class Answer:
    """What was said of an example, how sure, and whether that is its axis or one that would do."""

    axis: str
    confidence: float
    strict: bool
    acceptable: bool


@dataclass(frozen=True)
class Quality:
    """Shares of ``texts`` (0 to 1): right axis, right or acceptable one, given an axis, right among those given one."""

    texts: int
    strict: float
    acceptable: float
    answered: float
    strict_answered: float


def best(scores: Sequence[float], sharpness: float) -> tuple[int, float]:
    """Return the index of the highest score (the first of equals) and its share by softmax, to four decimals."""
    rounded = [round(score, 9) for score in scores]  # equal scores stay equal whatever the order of a sum
    top = max(rounded)
    total = math.fsum(math.exp(sharpness * (score - top)) for score in rounded)
    return rounded.index(top), round(1 / total, DECIMALS)


def distribution(scores: Sequence[float], sharpness: float) -> list[float]:
    """Return the shares of all axes by softmax; the largest is the confidence of ``best``, before it is rounded."""
    rounded = [round(score, 9) for score in scores]
    top = max(rounded)
    powers = [math.exp(sharpness * (score - top)) for score in rounded]
    total = math.fsum(powers)
    return [power / total for power in powers]


def sharpness(trials: Sequence[Trial], keys: Sequence[str]) -> float:
    """Return the sharpness under which the trials' true axes are likeliest: temperature scaling."""
    if not trials:
        return DEFAULT_SHARPNESS
    import numpy as np

    scores = np.array([trial.scores for trial in trials])
    true = scores[np.arange(len(trials)), [keys.index(trial.example.eixo) for trial in trials]]
    below = scores - scores.max(axis=1, keepdims=True)
    missing = scores.max(axis=1) - true

    def surprise(value: float) -> float:
        return round(float((np.log(np.exp(value * below).sum(axis=1)) + value * missing).sum()), 6)

    return min(SHARPNESS, key=surprise)


def answers(trials: Sequence[Trial], keys: Sequence[str], value: float) -> list[Answer]:
    """Return the answer to every trial, in order."""
    found = []
    for trial in trials:
        index, confidence = best(trial.scores, value)
        strict = keys[index] == trial.example.eixo
        found.append(Answer(keys[index], confidence, strict, strict or keys[index] in trial.example.alternatives))
    return found


def quality(tried: Sequence[Answer], threshold: float) -> Quality:
    """Return the shares at a threshold, below which an answer is Indefinido: neither an axis given nor right.

    ``tried`` may not be empty.
    """
    sure = [answer for answer in tried if answer.confidence >= threshold]
    given = [answer for answer in sure if answer.axis != UNDEFINED]
    return Quality(
        texts=len(tried),
        strict=_share(sum(answer.strict for answer in sure), len(tried)),
        acceptable=_share(sum(answer.acceptable for answer in sure), len(tried)),
        answered=_share(len(given), len(tried)),
        strict_answered=_share(sum(answer.strict for answer in given), len(given)),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
