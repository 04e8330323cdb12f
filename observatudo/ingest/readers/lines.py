"""The physical line on which each record of a CSV starts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from observatudo.ingest.readers.encoding import count_newlines
from observatudo.ingest.readers.source import Malformed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Lines:
    """A record's line is its number plus the lines above the data and the newlines inside records before it.

    ``bad`` maps record numbers to malformed records; it grows while the file is read, and always
    holds those that stand before the rows read so far. Placed ones move on to ``malformed``.
    """

    def __init__(self, bad: dict[int, Malformed], malformed: list[Malformed], *, first: int, above: int) -> None:
        """``first``: the number of the first record; ``above``: the lines before it."""
        self._bad = bad
        self._malformed = malformed
        self._last = first - 1
        self._shift = above - self._last
        self.last = above  # the line of the last record placed

    def of(self, batch: pa.RecordBatch, upto: int) -> Ints:
        """Return the lines of the next good records.

        ``upto`` is the number of lines read so far: if there are as many records, none holds a newline, and
        nobody has to look into their texts.
        """
        import numpy as np

        waiting = np.array(sorted(self._bad), dtype=np.int64)
        candidates = np.arange(self._last + 1, self._last + 1 + batch.num_rows + len(waiting), dtype=np.int64)
        good = candidates[~np.isin(candidates, waiting)][: batch.num_rows] if len(waiting) else candidates
        passed = waiting[waiting < good[-1]] if len(good) else waiting
        last = int(max(good.max(initial=self._last), passed.max(initial=self._last)))
        if not len(passed) and last + self._shift == upto:
            self._last, self.last = last, upto
            return good + self._shift
        return self._placed(good, passed, _newlines(batch))

    def _placed(self, good: Ints, passed: Ints, inside: Ints) -> Ints:
        import numpy as np

        numbers = np.concatenate([good, passed])
        counts = np.concatenate([inside, [self._bad[int(n)].text.count("\n") for n in passed]]).astype(np.int64)
        order = np.argsort(numbers)
        lines = np.empty_like(numbers)
        lines[order] = numbers[order] + self._shift + np.cumsum(counts[order]) - counts[order]
        for number, line in zip(passed, lines[len(good) :], strict=True):
            self._malformed.append(replace(self._bad.pop(int(number)), line=int(line)))
        self._last = int(numbers.max(initial=self._last))
        self.last = int(lines.max(initial=self.last))
        self._shift += int(counts.sum())
        return lines[: len(good)]

    def finish(self) -> None:
        """Place the malformed records that stand after the last good one."""
        import numpy as np

        nothing = np.empty(0, dtype=np.int64)
        self._placed(nothing, np.array(sorted(self._bad), dtype=np.int64), nothing)


def _newlines(batch: pa.RecordBatch) -> Ints:
    import numpy as np
    import pyarrow.compute as compute

    counts = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        texts = column.buffers()[2]
        if texts is None or not count_newlines(texts):  # most columns never hold one: look at their bytes at once
            continue
        counts += compute.count_substring(column, "\n").to_numpy(zero_copy_only=False)
    return counts
