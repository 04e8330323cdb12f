"""How a column of numbers is distributed on each side: exact where the values fit in memory, else from a histogram.

The histogram has bins of equal relative width, 1/256 of a power of two: a quantile from it lies within
0.4 % of the true one. Counting does not depend on the order of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from observatudo.compare import model
from observatudo.compare.rows.arrays import Floats
from observatudo.compare.rows.files import File, readable
from observatudo.compare.rows.streams import bring
from observatudo.compare.rows.sums import ExactSum
from observatudo.compare.rows.types import Column, normal
from observatudo.compare.rows.values import floats
from observatudo.parquet import ROW_GROUP

EXACT = 1_000_000  # values of a side that are kept
QUANTILES = {"p0": 0.0, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p100": 1.0}
_SHIFT = 44  # of a double's 64 bits: leaves sign, exponent and 8 bits of the mantissa


def drift(a: Sequence[File], b: Sequence[File], columns: Sequence[Column]) -> list[model.Drift]:
    """Return the distributions of columns of numbers, over all rows of both sides."""
    found = []
    for column in columns:
        here, there = _Side(a, column.a), _Side(b, column.b)
        approximate = here.approximate or there.approximate
        found.append(model.Drift(column=column.name, a=here.figures(), b=there.figures(), approximate=approximate))
    return found


class _Side:
    """The values of one column of one side."""

    def __init__(self, files: Sequence[File], column: str) -> None:
        rows = sum(file.rows for file in files)
        self.approximate = rows > EXACT
        self._kept: list[Floats] = []
        self._bins: dict[int, int] = {}
        self._total = ExactSum()
        self._least, self._largest = math.inf, -math.inf
        for file in files:
            self._read(file, column)

    def _read(self, file: File, column: str) -> None:
        with readable(file.name), pq.ParquetFile(file.path) as opened:
            for batch in opened.iter_batches(4 * ROW_GROUP, columns=[column], use_threads=False):
                values = _values(batch.column(0))
                if len(values):
                    self._add(values)

    def _add(self, values: Floats) -> None:
        self._total.add(values)
        self._least = min(self._least, float(values.min()))
        self._largest = max(self._largest, float(values.max()))
        if self.approximate:
            codes = _codes(values)
            first = int(codes.min())
            counts = np.bincount(codes - first)
            for number in np.flatnonzero(counts).tolist():
                self._bins[first + number] = self._bins.get(first + number, 0) + int(counts[number])
        else:
            self._kept.append(values)

    def figures(self) -> dict[str, float | None]:
        """Return rows with a value, their mean and quantiles; None where there is no value."""
        if not self._total.count:
            return {"rows": 0, "mean": None, **dict.fromkeys(QUANTILES)}
        quantiles = self._from_bins() if self.approximate else self._exactly()
        return {"rows": self._total.count, "mean": self._total.mean(), **quantiles}

    def _exactly(self) -> dict[str, float | None]:
        values = np.sort(np.concatenate(self._kept))
        last = len(values) - 1
        return {
            name: _between(lambda rank: float(values[rank]), share * last, last) for name, share in QUANTILES.items()
        }

    def _from_bins(self) -> dict[str, float | None]:
        codes = sorted(self._bins)
        ends = np.cumsum([self._bins[code] for code in codes])

        def value(rank: int) -> float:
            """Where the value of this rank lies in its bin if the bin's are spread evenly."""
            number = int(np.searchsorted(ends, rank, side="right"))
            held = self._bins[codes[number]]
            low, high = _edges(codes[number])
            share = (rank - int(ends[number]) + held + 0.5) / held
            if not math.isfinite(low) or not math.isfinite(high):  # an infinity shares its bin with NaN alone
                return high if math.isnan(low) else low
            return min(max(low + (high - low) * share, self._least), self._largest)

        last = self._total.count - 1
        found = {name: _between(value, share * last, last) for name, share in QUANTILES.items()}
        return {**found, "p0": self._least, "p100": self._largest}


def _values(array: pa.Array) -> Floats:
    """Return the values that are numbers, as doubles."""
    values = floats(bring(array.drop_null(), normal(array.type)))
    return values[~np.isnan(values)] + 0.0


def _between(value: Callable[[int], float], place: float, last: int) -> float:
    """Interpolate between the values of the ranks around a place.

    Beside an infinity it is that infinity; between two of opposite sign there is none (NaN).
    """
    low = min(int(place), last)
    one, share = value(low), place - low
    if not share:
        return one
    other = value(low + 1)
    if one == other:
        return one
    apart = other - one
    return one + apart * share if math.isfinite(apart) else one * (1 - share) + other * share


def _codes(values: Floats) -> npt.NDArray[np.int64]:
    """Return the bins of values, in their order."""
    bits = values.view(np.int64)
    return np.where(bits < 0, -1 - ((bits & np.int64(2**63 - 1)) >> _SHIFT), bits >> _SHIFT)


def _edges(code: int) -> tuple[float, float]:
    """Return the least and the largest value of a bin."""
    low = (code if code >= 0 else -1 - code) << _SHIFT
    edges = np.array([low, low + (1 << _SHIFT) - 1], np.int64).view(np.float64)
    return (float(edges[0]), float(edges[1])) if code >= 0 else (-float(edges[1]), -float(edges[0]))
