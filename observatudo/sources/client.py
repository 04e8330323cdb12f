"""The way to the network: what connectors ask through, with all patience and all limits in one place."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import JsonValue
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.snapshots import SnapshotFile
from observatudo.sources import asking, limits, sniff
from observatudo.sources.address import clean, joined, without_users
from observatudo.sources.answers import Again, StatusError
from observatudo.sources.contract import Client, Report, Response
from observatudo.sources.transfer import Part

T = TypeVar("T")
_TELL_EVERY_S = 0.5
_TELL_FROM = 1_000_000  # bytes
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NO_HEAD = (400, 403, 404, 405, 501)  # how servers answer HEAD that only know GET
_LEAST_S, _MOST_S = 0.05, 30.0  # between two attempts


@contextmanager
def open_client(report: Report, parts: Path | None = None) -> Iterator[Client]:
    """Give the client for as long as the block lasts; unfinished downloads wait in ``parts`` for the next one.

    Proxies are those of the environment, ``OBSERVATUDO_MIRRORS`` and ``OBSERVATUDO_FETCH_…`` are heeded. Raises
    ConfigError for one of them that cannot be.
    """
    own = limits.of_environment()
    with asking.session(own) as session:
        yield HttpClient(asking.Asker(session, own), own, report, parts)


class HttpClient:
    """``contract.Client`` over httpx."""

    def __init__(self, asker: asking.Asker, own: limits.Limits, report: Report, parts: Path | None) -> None:
        self._asker = asker
        self._limits = own
        self._report = report
        self._parts = parts
        self._lost: set[str] = set()  # hosts that were given up: the next request is tried once

    def json(self, url: str, query: Mapping[str, str] | None = None) -> JsonValue:
        """Return a JSON answer; see the contract."""
        with TemporaryDirectory(prefix="observatudo-") as folder:
            target = Path(folder) / "answer.json"
            self.download(url, target, query=query)
            try:
                found: JsonValue = json.loads(target.read_bytes())
            except (ValueError, RecursionError) as error:
                raise SnapshotError(
                    _("the answer is no JSON: {error}").format(error=error), where=clean(joined(url, query))
                ) from None
            return found

    def download(
        self,
        url: str,
        target: Path,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | bytes | None = None,
        before: SnapshotFile | None = None,
        page: bool = False,
    ) -> Response:
        """Write the body to ``target``; see the contract. ``Response.url`` is the official address, without secrets."""
        url = _address(url, query)
        content = form if isinstance(form, bytes) or form is None else urlencode(form).encode()
        conditions = _conditions(url, before) if content is None else {}
        part = Part(self._part_path(url, content, target), self._limits.max_bytes)
        progress = _Progress(self._report, self._limits.deadline_s)

        def attempt() -> Response:
            wish = part.wish() if content is None else {}
            headers = {**conditions, **wish, **(_FORM if content is not None else {})}
            with self._asker.send("GET" if content is None else "POST", url, headers, content) as answer:
                found = _response(url, dict(answer.headers), before if answer.status_code == 304 else None)
                if answer.status_code == 304 and conditions:
                    return found
                if answer.status_code not in (200, 206):
                    part.drop()
                    raise Again(_("the server cannot send the part that was asked for"))
                part.receive(answer, progress.tell)
            part.unpack(target)
            return found

        found = self._patiently(url, attempt, progress)
        if not found.same:
            _require_data(target, page, url)
        return found

    def head(self, url: str, before: SnapshotFile) -> bool | None:
        """Say whether the address has news; see the contract."""
        conditions = _conditions(_address(url), before)
        if not conditions:
            return None

        def attempt() -> bool | None:
            with self._asker.send("HEAD", url, conditions) as answer:
                if answer.status_code == 304:
                    return False
                return _moved(_response(url, dict(answer.headers), None), before)

        try:
            return self._patiently(url, attempt, _Progress(self._report, self._limits.deadline_s))
        except StatusError as error:
            if error.status in _NO_HEAD:
                return None
            raise

    def _patiently(self, url: str, attempt: Callable[[], T], progress: _Progress) -> T:
        """Return what ``attempt`` does, tried again as long as that may help. Raises SnapshotError."""
        host = urlsplit(url).netloc
        retrying = Retrying(
            retry=retry_if_exception_type(Again),
            wait=self._wait,
            stop=lambda state: host in self._lost or progress.is_over(state.upcoming_sleep),
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            found = retrying(attempt)
        except Again as error:
            self._lost.add(host)
            wanted = (
                _(" (it asks to wait {seconds:.0f} s)").format(seconds=error.after) if error.after is not None else ""
            )
            raise SnapshotError(
                error.why + wanted,
                where=clean(url),
                next_step=_("try again later; until then the snapshot is as it was"),
            ) from None
        except SnapshotError as error:
            error.where = error.where or clean(url)
            raise
        except OSError as error:
            raise SnapshotError(
                _("the file cannot be written: {reason}").format(reason=error.strerror or error), where=clean(url)
            ) from None
        self._lost.discard(host)
        return found

    def _wait(self, state: RetryCallState) -> float:
        """Return the seconds to wait: as many as the server asks for, or longer each time."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Again) and error.after is not None:
            return error.after
        first = max(self._limits.pause_s, _LEAST_S)
        return wait_exponential_jitter(initial=first, max=_MOST_S, jitter=first)(state)

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Again):
            self._report(_("{why}; again in {seconds:.0f} s").format(why=error.why, seconds=state.upcoming_sleep))

    def _part_path(self, url: str, content: bytes | None, target: Path) -> Path:
        if self._parts is None or content is not None:
            return target.with_name(f".{target.name}.download")
        self._parts.mkdir(parents=True, exist_ok=True)
        return self._parts / hashlib.sha256(url.encode()).hexdigest()


class _Progress:
    """Bytes that came, told now and then; each one gained begins the deadline anew."""

    def __init__(self, report: Report, deadline_s: float) -> None:
        self._report = report
        self._deadline_s = deadline_s
        self._furthest = 0
        self._gained = self._told = time.monotonic()

    def tell(self, here: int, total: int | None) -> None:
        """Hear of the bytes that are there."""
        now = time.monotonic()
        if here > self._furthest:
            self._furthest, self._gained = here, now
        if here >= _TELL_FROM and now - self._told >= _TELL_EVERY_S:
            self._told = now
            whole = f"/{total / 1e6:,.1f}" if total else ""
            self._report(f"{here / 1e6:,.1f}{whole} MB")

    def is_over(self, sleep: float) -> bool:
        """Say whether to give up rather than sleep so many seconds."""
        return time.monotonic() + sleep - self._gained > self._deadline_s


def _address(url: str, query: Mapping[str, str] | None = None) -> str:
    """Return the address with its query; raises SnapshotError for one that a service gave and that is none."""
    try:
        if urlsplit(url).hostname and url.lower().startswith(("http://", "https://")):
            return joined(url, query)
    except ValueError:  # of urlsplit, such as for a bracket that does not close
        pass
    raise SnapshotError(_("this is no address that can be asked"), where=without_users(url))


def _conditions(url: str, before: SnapshotFile | None) -> dict[str, str]:
    """Return the headers that ask only for what is newer; none where the file of before came from elsewhere."""
    if before is None or before.url != clean(url):
        return {}
    given = {"If-None-Match": before.etag, "If-Modified-Since": before.last_modified}
    return {name: value for name, value in given.items() if value}


def _response(url: str, headers: Mapping[str, str], same_as: SnapshotFile | None) -> Response:
    return Response(
        same=same_as is not None,
        url=clean(url),
        content_type=headers.get("content-type", ""),
        etag=headers.get("etag") or (same_as.etag if same_as else None),
        last_modified=headers.get("last-modified") or (same_as.last_modified if same_as else None),
    )


def _moved(now: Response, before: SnapshotFile) -> bool | None:
    """Compare validators; None where they are missing or disagree: machines behind one address may differ in ETags."""
    pairs = [(_bare(now.etag), _bare(before.etag)), (now.last_modified, before.last_modified)]
    found = {one != other for one, other in pairs if one and other}
    return found.pop() if len(found) == 1 else None


def _bare(etag: str | None) -> str:
    return (etag or "").removeprefix("W/").replace("-gzip", "")


def _require_data(target: Path, page: bool, url: str) -> None:
    problem = "" if page else sniff.problem(target, target.name)
    if problem:
        raise SnapshotError(
            problem,
            where=clean(url),
            next_step=_("look at the address in a browser; the service may be down, or the file may have moved"),
        )
