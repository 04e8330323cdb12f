"""How far several classifiers agree, how sure a share of right answers is, and how evenly labels are spread.

A rater is a sequence of axes, one per item, in the same order of items for all; None where it said nothing. Kappa and
alpha correct agreement for chance; where everybody said one and the same axis, chance alone agrees fully and they are
0/0: None here (other programs say 1 or NaN). None also stands for fewer than two raters or two items to compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Rater = Sequence[str | None]
_DECIMALS = 4
_SIGNIFICANT = 4  # of a p-value: a very small one is not 0


def share_equal(a: Rater, b: Rater) -> float | None:
    """Return which share of the items that both labelled got the same axis; None without such items."""
    pairs = _complete([a, b])
    return _rounded(sum(x == y for x, y in pairs) / len(pairs)) if pairs else None


def cohen(a: Rater, b: Rater) -> float | None:
    """Return Cohen's kappa (1960) of two raters over the items that both labelled.

    Raises ValueError for raters of unequal length.
    """
    pairs = _complete([a, b])
    numbers = _numbers(pairs)
    if len(pairs) < 2 or len(numbers) < 2:
        return None
    from statsmodels.stats.inter_rater import cohens_kappa

    table = [[0] * len(numbers) for _ in numbers]
    for x, y in pairs:
        table[numbers[x]][numbers[y]] += 1
    return _rounded(float(cohens_kappa(table, return_results=False)))


def fleiss(rows: Sequence[Rater]) -> float | None:
    """Return Fleiss' kappa (1971) of two or more raters (one sequence each) over the items that all labelled.

    Raises ValueError for raters of unequal length.
    """
    items = _complete(rows)
    numbers = _numbers(items)
    if len(rows) < 2 or len(items) < 2 or len(numbers) < 2:
        return None
    from statsmodels.stats.inter_rater import fleiss_kappa

    return _rounded(float(fleiss_kappa(_counts(items, numbers), method="fleiss")))


def krippendorff_alpha(rows: Sequence[Rater]) -> float | None:
    """Return Krippendorff's alpha (nominal) of two or more raters, over every item that at least two labelled.

    Raises ValueError for raters of unequal length.
    """
    said = ([axis for axis in item if axis is not None] for item in zip(*rows, strict=True))
    items = [item for item in said if len(item) > 1]
    numbers = _numbers(items)
    if len(items) < 2 or len(numbers) < 2:
        return None
    import krippendorff

    table = _counts(items, numbers)
    return _rounded(float(krippendorff.alpha(value_counts=table, level_of_measurement="nominal")))


def entropy(counts: Iterable[int]) -> float | None:
    """Return Shannon's entropy, in bits, of how often each axis stands; None where nothing was counted."""
    some = [count for count in counts if count > 0]
    total = sum(some)
    return _rounded(math.fsum(count / total * math.log2(total / count) for count in some)) if total else None


def evenness(counts: Iterable[int], axes: int) -> float | None:
    """Return the entropy as a share of the largest that so many axes can have: 0 one axis only, 1 all alike.

    None where nothing was counted, and for fewer than two axes.
    """
    bits = entropy(counts)
    return None if bits is None or axes < 2 else _rounded(min(1.0, bits / math.log2(axes)))


def wilson(right: int, total: int) -> tuple[float, float] | None:
    """Return the 95 % Wilson score interval (1927) of a share; None without items.

    Raises ValueError unless 0 <= right <= total.
    """
    if not 0 <= right <= total:
        raise ValueError(f"{right} of {total}")
    if not total:
        return None
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(right, total, alpha=0.05, method="wilson")
    return _rounded(max(0.0, float(low))), _rounded(min(1.0, float(high)))


def mcnemar(b: int, c: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (binomial), to four significant digits.

    ``b`` items are right on one side only, ``c`` on the other only. 1 where there are none. Raises ValueError for a
    negative number.
    """
    if b < 0 or c < 0:
        raise ValueError(f"{b}, {c}")
    if not b + c:
        return 1.0
    from statsmodels.stats.contingency_tables import mcnemar as test

    p = float(test([[0, b], [c, 0]], exact=True).pvalue)
    return min(1.0, float(f"{p:.{_SIGNIFICANT}g}"))


def _complete(rows: Sequence[Rater]) -> list[list[str]]:
    items = ([axis for axis in item if axis is not None] for item in zip(*rows, strict=True))
    return [item for item in items if len(item) == len(rows)]


def _numbers(items: Iterable[Sequence[str]]) -> dict[str, int]:
    return {axis: number for number, axis in enumerate(sorted({axis for item in items for axis in item}))}


def _counts(items: Sequence[Sequence[str]], numbers: dict[str, int]) -> list[list[int]]:
    return [[item.count(axis) for axis in numbers] for item in items]


def _rounded(value: float) -> float:
    # twice: the order of raters or items moves a sum by 1e-16, which shall not turn the last decimal; + 0.0: no -0
    return round(round(value, 9), _DECIMALS) + 0.0
