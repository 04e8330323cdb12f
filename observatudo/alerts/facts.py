"""What rules look at: runs, checks of sources, verifications and free space, as plain figures.

``gather`` reads them from a repository; the tests' generator invents them. Rules see nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Indicator:
    """One indicator's values: how many, mean and median of their sizes, and the mean size of the newest period."""

    values: int
    mean: float
    median: float
    newest: str
    newest_mean: float


@dataclass(frozen=True)
class DatasetFacts:
    """What one run left of one dataset; None where nobody knows.

    ``output`` is the content hash of what ingest made, ``config`` of its declaration and corrections; rates are shares
    from 0 to 1; ``municipalities`` counts those with values, ``periods`` the dates of reference.
    """

    output: str
    config: str | None = None
    rows_read: int | None = None
    rows_kept: int | None = None
    rows_rejected: int | None = None
    match_rate: float | None = None
    null_rate: float | None = None
    municipalities: int | None = None
    periods: int | None = None
    indicators: Mapping[str, Indicator] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFacts:
    """One run that was recorded. ``failed_in`` is the stage that went wrong; ``axes`` the axis of each indicator.

    ``status`` is ``success``, ``failed``, ``interrupted`` or ``noop``; times are ISO 8601 in UTC; ``labels`` is the
    content hash of the table of labels; dbt's counts are None where transform did not run.
    """

    run_id: str
    ended: str
    status: str
    failed_in: str = ""
    error: str = ""
    datasets: Mapping[str, DatasetFacts] = field(default_factory=dict)
    labels: str | None = None
    axes: Mapping[str, str] = field(default_factory=dict)
    dbt_failed: int | None = None
    dbt_warned: int | None = None


@dataclass(frozen=True)
class Check:
    """One time that a source was asked; ``result`` is ``new``, ``same``, ``refused`` or ``failed``.

    ``only_asked``: nothing was taken (``fetch --check``).
    """

    dataset: str
    when: str
    result: str
    message: str = ""
    only_asked: bool = False


@dataclass(frozen=True)
class Verified:
    """One ``observatudo verify``: its exit code (0 well, 1 tampered, 2 missing) and how many problems it found.

    ``thorough`` is one with ``--deep`` or ``--all``: what it found, only another one can say to be gone.
    """

    when: str
    exit_code: int
    problems: int
    thorough: bool = False


@dataclass(frozen=True)
class Disk:
    """Free space where the repository is, in bytes."""

    when: str
    free: int


@dataclass(frozen=True)
class Source:
    """How often a dataset is declared to be published, and when its snapshot was taken (ISO 8601)."""

    frequency: str
    fetched_at: str | None


@dataclass(frozen=True)
class History:
    """All of it, each list oldest first."""

    runs: tuple[RunFacts, ...] = ()
    checks: tuple[Check, ...] = ()
    verified: tuple[Verified, ...] = ()
    disk: tuple[Disk, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
