"""What the history is made of: runs, what they did to datasets, versions, and metrics over versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from observatudo.journal import Json


@dataclass(frozen=True)
class Run:
    """One run in the history.

    ``status`` is ``success``, ``failed``, ``interrupted``, ``noop`` or ``running``; ``kind`` is ``repro``,
    ``experiment`` or ``hand``; times are ISO 8601 in UTC; ``stages`` leaves out ``record`` unless it went
    wrong; ``dirty`` is None where nobody looked; ``source`` is ``record`` or ``log``. ``touched`` are the datasets
    that ran; ``rows_kept`` and ``rows_rejected`` are their sums, None when none of them counted.
    ``branch`` is the one checked out when the run began, None on none and in records older than the field.
    """

    run_id: str
    status: str
    started: str
    ended: str
    duration_s: float
    commit: str | None
    dirty: bool | None
    kind: str
    experiment: str | None
    host: str
    stages: tuple[str, ...]
    source: str
    who: str | None = None
    branch: str | None = None
    rows_kept: int | None = None
    rows_rejected: int | None = None
    touched: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetRun:
    """What one run did to one dataset; ``status`` is ``unchanged`` when its ingest had no need to run."""

    dataset: str
    status: str
    rows_read: int | None = None
    rows_kept: int | None = None
    rows_rejected: int | None = None
    match_rate: float | None = None
    snapshot_sha256: str | None = None
    output_md5: str | None = None
    output_sha256: str | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_mb: float | None = None


@dataclass(frozen=True)
class Damaged:
    """A record that cannot be read: its path, relative to the repository, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class VersionRow:
    """One commit that a branch, remote branch, tag, experiment or HEAD leads to.

    ``date`` is the committer's, ISO 8601 with offset. ``refs`` are short names, HEAD first; ``runs`` the runs whose
    records it added; ``changed`` which of ``data``, ``config``, ``code``, ``records`` it changed (a merge: on its
    first parent), empty also where a shallow clone ends. ``kind`` is ``commit``, or ``experiment`` where only
    DVC's experiments lead to it.
    """

    commit: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    refs: tuple[str, ...]
    runs: tuple[str, ...]
    changed: tuple[str, ...]
    kind: str = "commit"
    email: str = ""


@dataclass(frozen=True)
class Measure:
    """A metrics file as one version left it; the uncommitted work tree has an empty ``commit`` and ``subject``.

    A CSV's content is ``{"rows": [{column: text}]}``; what cannot be parsed, or is no mapping, is ``{}``.
    """

    commit: str
    date: str
    subject: str
    content: dict[str, Json]
