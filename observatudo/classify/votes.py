"""From what several classifiers say to one axis: the mean of their distributions over the axes.

That is the linear opinion pool (Stone 1961): each classifier spreads 1 over the axes; the label is the axis with the
largest mean, its confidence is that mean. With one classifier it is that classifier's own answer. A model that
disagrees with the others costs confidence instead of winning, and below the threshold nobody wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from observatudo.classify.calibration import DECIMALS


def of_answers(shares: Mapping[str, float], weight: float, keys: Sequence[str]) -> list[float]:
    """Return the distribution of a model whose answers were shared out so, and are right as often as ``weight`` says.

    What is missing to 1, wrong answers and such as were none, is spread evenly over all axes (``keys``).
    """
    rest = (1 - weight * sum(shares.values())) / len(keys)
    return [weight * shares.get(key, 0.0) + rest for key in keys]


def pool(distributions: Sequence[Sequence[float]]) -> tuple[int, float]:
    """Return the index of the axis with the largest mean (the first of equals) and that mean, to four decimals."""
    means = [round(sum(column) / len(distributions), 9) for column in zip(*distributions, strict=True)]
    top = max(means)
    return means.index(top), round(top, DECIMALS)
