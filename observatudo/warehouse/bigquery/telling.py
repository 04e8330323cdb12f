"""Who loads, and who is told while it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from observatudo.journal import Stage
    from observatudo.warehouse.bigquery.jobs import Done
    from observatudo.warehouse.bigquery.ledger import Load


@dataclass(frozen=True)
class By:
    """Who loads: run, commit and person, as the ledger notes them."""

    run: str
    commit: str
    who: str


NOBODY = By("", "", "")


@dataclass(frozen=True)
class Watch:
    """Who is told: ``job`` of each job that ended, ``loaded`` of each changed table, ``progress`` of tables done.

    ``said`` is a warning for whoever looks on.
    """

    job: Callable[[Done], None] = lambda _done: None
    loaded: Callable[[Load], None] = lambda _load: None
    progress: Callable[[int, int], None] = lambda _done, _total: None
    said: Callable[[str], None] = lambda _text: None


def watch(log: Stage) -> Watch:
    """Return a watch that writes all of it to a stage's log; the events are told in docs/runs.md."""
    return Watch(lambda done: log.note("job", **asdict(done)), lambda load: _note(log, load), log.progress, log.warn)


def _note(log: Stage, load: Load) -> None:
    log.note(
        "loaded",
        table=load.table,
        sequence=load.sequence,
        mode=load.mode,
        rows=load.rows,
        inserted=load.inserted,
        updated=load.updated,
        removed=load.removed,
        sent_bytes=load.sent_bytes,
        version=load.version,
        previous=load.previous,
    )
