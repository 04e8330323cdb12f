"""What a row comparison is asked: the files of both sides, the key, and how much to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SEGMENTS = 50  # of each kind in a report
TRANSITIONS = 50  # pairs of texts in a report, and the most a column may have to count as one of categories
NAMED = 5  # duplicated keys, and other things a message lists


@dataclass(frozen=True)
class Source:
    """One side of one table: name to show, MD5 (empty: unknown) and place on this machine of each file.

    The name's ending tells a CSV (``.csv``, ``.csv.gz``) from Parquet: an object in DVC's cache has none.
    """

    files: tuple[tuple[str, str, Path], ...]


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may lie apart and count as equal: |b − a| ≤ max(absolute, relative · max(|a|, |b|))."""

    absolute: float = 0.0
    relative: float = 0.0


@dataclass(frozen=True)
class Options:
    """How to compare one table.

    ``tolerances`` is by column, ``*`` for all others. ``place``, ``indicator`` and ``year`` name columns for
    segments: IBGE codes, indicators, dates or years. The dataset of a row is ``dataset`` where all rows have one,
    else what ``datasets`` gives for its indicator, else the texts of ``dataset_columns`` joined by a slash.
    ``renames`` maps names of columns in *a* to names in *b*. ``counts`` leaves out segments, transitions, drift
    and samples. ``samples`` is how many rows of each change are shown as examples; ``samples_of`` names what these
    are taken from: kind of segment → name (a state by IBGE's two digits), ``column`` → one that changed.
    ``memory`` bounds DuckDB; ``temp`` is an existing folder to spill into, by default the system's.
    ``progress`` is told the bytes done and those in all.
    """

    key: tuple[str, ...]
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    place: str = ""
    indicator: str = ""
    year: str = ""
    dataset: str = ""
    datasets: Mapping[str, str] = field(default_factory=dict)
    dataset_columns: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    report: Literal["counts", "full"] = "full"
    samples: int = 3
    samples_of: Mapping[str, str] = field(default_factory=dict)
    memory: str = "256MB"
    temp: Path | None = None
    progress: Callable[[int, int], None] | None = None

    def tolerance(self, column: str) -> Tolerance | None:
        """Return the tolerance of a column, None where values must be equal."""
        found = self.tolerances.get(column, self.tolerances.get("*"))
        return found if found is not None and (found.absolute or found.relative) else None
