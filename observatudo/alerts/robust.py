"""What is usual, from few figures: a median and the median distance from it, with a floor under the distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

_NORMAL = 1.4826  # of a normal distribution, the standard deviation in median absolute deviations
_FEW = 3
_WIDER = 1.5  # floors, while there are so few figures that they say little of how far they scatter


class Usual(NamedTuple):
    """What a figure may be: from ``low`` to ``high``, about ``centre``."""

    low: float
    centre: float
    high: float


def usual(earlier: Sequence[float], floor: float, deviations: float) -> Usual | None:
    """Return what the next figure may be after these, None where there is none.

    ``floor`` is the least distance from the median that counts, in the figures' unit. The scatter is the median
    absolute deviation (Hampel, 1974), times 1.4826 as of a normal distribution.
    """
    if not earlier:
        return None
    centre = median(earlier)
    scatter = _NORMAL * median(abs(value - centre) for value in earlier)
    distance = max(deviations * scatter, floor * (_WIDER if len(earlier) < _FEW else 1.0))
    return Usual(centre - distance, centre, centre + distance)


def ratio(now: float, before: float) -> float | None:
    """Return the logarithm of ``now / before``; None where one of them is not above 0."""
    return math.log(now / before) if now > 0 and before > 0 else None
