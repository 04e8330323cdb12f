"""Jobs of BigQuery: each with an id that follows from what it does, so that none is done twice, and with its costs.

A request whose answer was lost is sent again with the same id; BigQuery says that the job is there already, and it is
waited for. A job that failed for a passing reason gets the next id, three times in all.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from observatudo.cloud import clients, failures
from observatudo.cloud.settings import DEADLINE_S
from observatudo.errors import ObservatudoError
from observatudo.i18n import _
from observatudo.warehouse.bigquery.statements import ALTERED, OVERTAKEN
from observatudo.warehouse.bigquery.telling import NOBODY, By

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud.bigquery import Client, LoadJob, LoadJobConfig, QueryJob, QueryJobConfig

    from observatudo.cloud.settings import Settings

Kind = Literal["load", "query"]
Start: TypeAlias = "Callable[[str], LoadJob | QueryJob]"
Value: TypeAlias = "str | int | float | bool | Sequence[str] | None"
_ATTEMPTS = 3
_JOB_S = 3600.0
_FOUND = 5  # a job that was found there is waited for this many times the deadline of a request
_PAUSE_S = (0.05, 2.0)  # between two looks at a job: at first, and at most
_PASSING = {
    "backendError",
    "internalError",
    "rateLimitExceeded",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
}


class Overtaken(ObservatudoError):
    """Another load was at work at the same time, and its transaction was the first to end."""


class Altered(ObservatudoError):
    """After the work the table did not hold what was sent: the transaction was undone."""


@dataclass(frozen=True)
class Done:
    """A job that ended: ``seconds`` of wall time here, bytes and slot milliseconds as BigQuery counts them."""

    id: str
    kind: Kind
    about: str
    status: Literal["success", "failed"]
    seconds: float
    rows: int | None = None
    bytes_processed: int | None = None
    bytes_billed: int | None = None
    slot_ms: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Runner:
    """Runs jobs for one project. ``labels`` go on every job, ``tell`` hears of every one that ended."""

    client: Client
    place: str
    location: str
    labels: Mapping[str, str] = field(default_factory=dict)
    tell: Callable[[Done], None] = lambda _done: None
    deadline_s: float = DEADLINE_S

    @property
    def patience(self) -> clients.Patience:
        """What every call of the client is given."""
        return clients.bigquery_patience(self.deadline_s)

    def load(self, uris: Sequence[str], target: str, config: LoadJobConfig, name: str, about: str) -> Done:
        """Load files of the bucket into the table ``target`` (``project.dataset.table``), once.

        ``name`` is what the job's id is made of. Raises ObservatudoError.
        """
        config.labels = dict(self.labels)

        def start(job_id: str) -> LoadJob:
            return self.client.load_table_from_uri(
                list(uris), target, job_id=job_id, job_config=config, location=self.location, **self.patience
            )

        return self._run(start, "load", name, about, lambda: self.has(target))

    def has(self, table: str) -> bool:
        """Say whether a table (``project.dataset.table``) is there. Raises ObservatudoError when it cannot be known."""
        from google.api_core.exceptions import NotFound

        with failures.explained(self.place):
            try:
                self.client.get_table(table, **self.patience)
            except NotFound:
                return False
        return True

    def script(
        self,
        sql: str,
        parameters: Mapping[str, tuple[str, Value]],
        name: str,
        about: str,
        is_kept: Callable[[], bool] = lambda: True,
        is_late: Callable[[], bool] = lambda: False,
    ) -> Done:
        """Run statements that change something, once. Raises Overtaken, Altered and ObservatudoError.

        ``is_kept`` says whether what such a job did is still there, should one of the same name have ended before.
        ``is_late`` is asked of a job that failed: whether another load was the reason, whatever BigQuery called it.
        """
        config = self._config(parameters)

        def start(job_id: str) -> QueryJob:
            return self.client.query(
                sql, job_id=job_id, job_config=config, location=self.location, job_retry=None, **self.patience
            )

        return self._run(start, "query", name, about, is_kept, is_late)

    def rows(
        self, sql: str, about: str, parameters: Mapping[str, tuple[str, Value]] | None = None
    ) -> list[dict[str, object]]:
        """Return what a query finds, column → value. Raises ObservatudoError."""
        from google.api_core.exceptions import GoogleAPICallError

        config = self._config(parameters or {})
        with failures.explained(self.place):
            for attempt in range(1, _ATTEMPTS + 1):
                started = time.monotonic()
                job = self.client.query(sql, job_config=config, job_retry=None, **self.patience)
                try:
                    self._wait(job, _JOB_S)
                except GoogleAPICallError as error:
                    self._told(job, "query", about, started, error)
                    if not _is_passing(job) or attempt == _ATTEMPTS:
                        raise
                    time.sleep(attempt)
                else:
                    found = [dict(row.items()) for row in job.result(job_retry=None, **self.patience)]
                    self._told(job, "query", about, started, None)
                    return found
        raise AssertionError("every attempt returns or raises")

    def estimate(self, sql: str) -> int:
        """Return the bytes that a query would read, which BigQuery says without running it. Raises ObservatudoError."""
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(dry_run=True, use_query_cache=False)
        with failures.explained(self.place):
            job = self.client.query(sql, job_config=config, job_retry=None, **self.patience)
        return int(job.total_bytes_processed or 0)

    def _config(self, parameters: Mapping[str, tuple[str, Value]]) -> QueryJobConfig:
        from google.cloud.bigquery import ArrayQueryParameter, QueryJobConfig, ScalarQueryParameter

        bound: list[ArrayQueryParameter | ScalarQueryParameter] = []
        for name, (kind, value) in parameters.items():
            if isinstance(value, Sequence) and not isinstance(value, str):
                bound.append(ArrayQueryParameter(name, kind, list(value)))
            else:
                bound.append(ScalarQueryParameter(name, kind, value))
        return QueryJobConfig(query_parameters=bound, labels=dict(self.labels), use_query_cache=False)

    def _run(
        self,
        start: Start,
        kind: Kind,
        name: str,
        about: str,
        is_kept: Callable[[], bool],
        is_late: Callable[[], bool] = lambda: False,
    ) -> Done:
        """Run a job until it succeeds. ``is_kept`` says whether what an earlier run's job made is still there."""
        from google.api_core.exceptions import GoogleAPICallError

        with failures.explained(self.place):
            number = 0
            for attempt in range(1, _ATTEMPTS + 1):
                started = time.monotonic()
                job, number = self._started(start, name, number + 1, is_kept)
                try:
                    self._wait(job, _JOB_S)
                except GoogleAPICallError as error:
                    self._told(job, kind, about, started, error)
                    _raise_own(error, about)
                    if is_late():
                        raise overtaken(about) from None
                    if not _is_passing(job) or attempt == _ATTEMPTS:
                        raise
                    time.sleep(attempt)
                else:
                    return self._told(job, kind, about, started, None)
        raise AssertionError("every attempt returns or raises")

    def _wait(self, job: LoadJob | QueryJob, seconds: float) -> None:
        """Wait until a job ends; raises what it ended with, TimeoutError when it does not in so many seconds.

        The client's own waiting gives its requests no time-out: a server that stalls would be waited for without end.
        """
        pause, most = _PAUSE_S
        deadline = time.monotonic() + seconds
        while job.state != "DONE":
            if time.monotonic() > deadline:
                raise TimeoutError(job.job_id)
            time.sleep(pause)
            pause = min(2 * pause, most)
            job.reload(**self.patience)
        error = job.exception()  # type: ignore[no-untyped-call]  # the client has no type for it
        if error is not None:
            raise error

    def _started(
        self, start: Start, name: str, number: int, is_kept: Callable[[], bool]
    ) -> tuple[LoadJob | QueryJob, int]:
        """Start the job, or find the one that an earlier request, or an earlier run that was killed, has started.

        One that failed before, or whose work is gone since, is left behind: the next number is taken. So is one that
        does not end, or is another account's, which does no harm should it end later: one transaction of a number can
        be committed, and a staging table has the same rows however often it is written.
        """
        from google.api_core.exceptions import Conflict, Forbidden, GoogleAPICallError
        from google.cloud.bigquery import LoadJob, QueryJob

        while True:
            try:
                return start(f"{name}_{number}"), number
            except Conflict:
                try:
                    found = self.client.get_job(f"{name}_{number}", location=self.location, **self.patience)
                except Forbidden:  # of another account, which alone may look at it
                    number += 1
                    continue
                if not isinstance(found, LoadJob | QueryJob):
                    raise
            try:
                self._wait(found, _FOUND * self.deadline_s)
            except (GoogleAPICallError, TimeoutError):
                number += 1
                continue
            if is_kept():
                return found, number
            number += 1

    def _told(
        self, job: LoadJob | QueryJob, kind: Kind, about: str, started: float, error: GoogleAPICallError | None
    ) -> Done:
        done = Done(
            id=str(job.job_id),
            kind=kind,
            about=about,
            status="failed" if error else "success",
            seconds=round(time.monotonic() - started, 3),
            rows=getattr(job, "output_rows", None),
            bytes_processed=getattr(job, "total_bytes_processed", None),
            bytes_billed=getattr(job, "total_bytes_billed", None),
            slot_ms=getattr(job, "slot_millis", None),
            error=failures.reason(error) if error else "",
        )
        self.tell(done)
        return done


def connect(settings: Settings, by: By = NOBODY, tell: Callable[[Done], None] = lambda _done: None) -> Runner:
    """Return what runs jobs for these settings, with the labels of a run, if it is one. Raises ObservatudoError."""
    labels = {"observatudo": label(settings.environment), "run": label(by.run), "commit": label(by.commit[:12])}
    given = {name: value for name, value in labels.items() if value}
    return Runner(clients.bigquery(settings), settings.place, settings.location, given, tell, settings.deadline_s)


def job_name(*parts: str | int) -> str:
    """Return the part of a job's id that follows from what it does: readable, and a digest of all of it."""
    digest = hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:16]
    shown = re.sub(r"[^\w-]", "_", "_".join(str(part) for part in parts[:3]), flags=re.ASCII)[:200]
    return f"observatudo_{shown}_{digest}"


def label(value: str) -> str:
    """Return a text as BigQuery's labels allow it: lower-case letters, digits, ``_`` and ``-``, 63 at most."""
    return re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63]


def overtaken(about: str) -> Overtaken:
    """Return the error of a load that another one, which ended first, was at work beside."""
    return Overtaken(
        _("another load was at work at the same time, and ended first"), where=about, next_step="observatudo warehouse"
    )


def _is_passing(job: LoadJob | QueryJob) -> bool:
    reason = (job.error_result or {}).get("reason", "")
    return reason in _PASSING


def _raise_own(error: GoogleAPICallError, about: str) -> None:
    """Raise what the asserts of our own scripts mean."""
    text = str(error)
    if OVERTAKEN in text or "concurrent update" in text.lower() or "transaction conflict" in text.lower():
        raise overtaken(about) from None
    if ALTERED in text:
        raise Altered(
            _("after the load the table did not hold what was sent; it was put back as it was"),
            where=about,
            next_step="observatudo warehouse",
        ) from None
