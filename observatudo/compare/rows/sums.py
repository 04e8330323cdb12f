"""A sum of doubles that does not depend on their order, so that it is the same however the rows were read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LOW = 26  # bits of a mantissa in its lower part: sums of 2**26 of them are whole numbers a double holds
_AT_ONCE = 2**25


class ExactSum:
    """Adds up finite doubles without rounding; infinities and NaN are kept apart."""

    def __init__(self) -> None:
        self.count = 0
        self._parts: dict[int, int] = {}
        self._beyond = 0.0

    def add(self, values: npt.NDArray[np.float64]) -> None:
        self.count += len(values)
        finite = values[np.isfinite(values)]
        if len(finite) < len(values):
            with np.errstate(invalid="ignore"):  # infinities of both signs have no sum
                self._beyond += float(np.sum(values[~np.isfinite(values)]))
        for start in range(0, len(finite), _AT_ONCE):
            self._add(finite[start : start + _AT_ONCE])

    def _add(self, values: npt.NDArray[np.float64]) -> None:
        fractions, exponents = np.frexp(values)
        mantissas = (fractions * 2.0**53).astype(np.int64)
        high, low = mantissas >> _LOW, mantissas & (2**_LOW - 1)
        if not len(values):
            return
        least = int(exponents.min())
        bins = exponents - least
        highs, lows = np.bincount(bins, high.astype(np.float64)), np.bincount(bins, low.astype(np.float64))
        for number in np.flatnonzero((highs != 0) | (lows != 0)).tolist():
            part = (int(highs[number]) << _LOW) + int(lows[number])
            exponent = least + number - 53
            self._parts[exponent] = self._parts.get(exponent, 0) + part

    def mean(self) -> float | None:
        """Return the mean, rounded once; None of no values."""
        if not self.count:
            return None
        if self._beyond != 0.0:  # NaN is unequal too
            return self._beyond
        least = min([0, *self._parts])
        whole = sum(part << (exponent - least) for exponent, part in self._parts.items())
        return _divided(whole, self.count << -least)


def _divided(above: int, below: int) -> float:
    """Division of integers rounds once, but refuses a result that is no double."""
    try:
        return above / below
    except OverflowError:
        return float("inf") if above > 0 else float("-inf")
