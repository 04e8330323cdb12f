"""A load that meets what goes wrong: the version before is whole, what was said helps, and the next load finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest

from observatudo.errors import ObservatudoError
from observatudo.warehouse.bigquery import bring
from observatudo.warehouse.bigquery.sent import Sent
from tests.cloud import faults
from tests.cloud.emulators import Cloud
from tests.cloud.faults import Calling, Delayed, Dropped, Fault, Lost, Truncated
from tests.cloud.proxy import Proxy
from tests.cloud.repository import NAME, Small, rows
from tests.faults.disks import disk, fill

pytestmark = pytest.mark.needs("bigquery-emulator")
ROOT = Path(__file__).parents[2]
JOBS, UPLOAD = r"/bigquery/v2/projects/[^/]+/jobs\?", "^/(resumable/)?upload/"
LOADING, MERGING = 5, 6  # the requests for jobs of a difference: before them, what is there is looked at
DRILL = pytest.mark.drill


def drill(*values: object) -> object:
    return pytest.param(*values, marks=DRILL)


class Twice:
    """A repository with one version loaded, and another in hand."""

    def __init__(self, small: Small) -> None:
        self.small = small
        self.one = small.write(rows(30))
        small.bring()
        self.two = small.write([*rows(20), *rows(8, 5.0, 22), *rows(4, start=60)])

    def is_one_of(self) -> Sent:
        """Hold that the table and the ledger agree on one of the versions, and return it."""
        self.small.is_consistent()
        found = next((table for table in (self.one, self.two) if self.small.holds(table)), None)
        assert found is not None, "neither the one nor the other"
        return found

    def goes_on(self) -> None:
        """Hold that the next load leaves the version in hand, once."""
        self.small.bring()
        assert self.is_one_of() == self.two
        assert len([load for load in self.small.loads() if load[1] == self.two.version]) == 1
        counts = self.small.sql("select countif(_ativo), count(*) from {t}")
        assert counts == [(32, 34)], "nothing is there twice"


@pytest.fixture
def twice(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Twice:
    monkeypatch.setenv("OBSERVATUDO_CLOUD_DEADLINE_S", "3")
    small = Small(tmp_path, cloud.warehouse.url)
    small.dataset()
    return Twice(small)


ONCE: list[tuple[str, int, Fault]] = [
    (JOBS, MERGING, Lost()),
    (UPLOAD, 1, Lost()),
    (JOBS, LOADING, faults.backend_error(503, is_done=True)),
]
ONCE_TOO: list[tuple[str, int, Fault]] = [
    (JOBS, LOADING, Lost()),
    (JOBS, LOADING, Dropped()),
    (JOBS, LOADING, Truncated(20)),
    (JOBS, LOADING, faults.rate_limited(403)),
    (JOBS, LOADING, faults.job_failed("backendError", "Retrying may help")),
    (JOBS, MERGING, Dropped()),
    (JOBS, MERGING, Truncated(20)),
    (JOBS, MERGING, faults.backend_error(500)),
    (JOBS, MERGING, faults.backend_error(503, is_done=True)),
    (JOBS, MERGING, faults.rate_limited()),
    (JOBS, MERGING, faults.job_failed("backendError", "Retrying may help")),
    (JOBS, MERGING, Delayed(1.5)),
    (JOBS, 2, Lost()),
    (r"/tables/_envio_\w+\?", 1, Dropped()),
    (r"/tables\?", 1, Lost()),
    (UPLOAD, 1, Dropped()),
    (UPLOAD, 1, Truncated(5)),
    (UPLOAD, 1, faults.backend_error()),
    (UPLOAD, 1, faults.backend_error(503, is_done=True)),
    (UPLOAD, 1, faults.rate_limited()),
]


@pytest.mark.parametrize(("path", "nth", "fault"), [*ONCE, *(drill(*one) for one in ONCE_TOO)])
def test_what_passes_is_not_even_noticed(
    twice: Twice, bigquery_proxy: Proxy, gcs_proxy: Proxy, path: str, nth: int, fault: Fault
) -> None:
    """Asked again, and nothing is done twice: also where the answer was lost after the work was done."""
    proxy = gcs_proxy if path == UPLOAD else bigquery_proxy
    rule = proxy.inject(fault, path, nth=nth)
    assert twice.small.bring().version == twice.two.version
    assert rule.hits >= nth and twice.is_one_of() == twice.two
    twice.goes_on()


AGAIN = "wait a little, then type: dvc repro"
LASTING: list[tuple[str, int, Fault, str, str]] = [
    (JOBS, MERGING, faults.backend_error(), "cannot answer at the moment: Error encountered", AGAIN),
    (UPLOAD, 1, faults.access_denied("storage.objects.create"), "may not do this: Access Denied", "observatudo doctor"),
]
LASTING_TOO: list[tuple[str, int, Fault, str, str]] = [
    (JOBS, 1, faults.unauthorized(), "did not accept the credentials", "gcloud auth application-default login"),
    (JOBS, 1, faults.access_denied(), "the account may not do this", "observatudo doctor"),
    (JOBS, LOADING, faults.access_denied(), "the account may not do this", "observatudo doctor"),
    (JOBS, MERGING, faults.quota_exceeded(), "quota or billing does not allow it: Quota exceeded", "see docs/gcp.md"),
    (JOBS, LOADING, faults.job_failed("quotaExceeded", "Quota exceeded"), "quota or billing", "see docs/gcp.md"),
    (JOBS, LOADING, faults.job_failed("invalid", "Error in row 3"), "refused: .*Error in row 3", "observatudo doctor"),
    (JOBS, MERGING, faults.rate_limited(), "cannot answer at the moment: Exceeded rate", AGAIN),
    (JOBS, MERGING, faults.backend_error(500), "cannot answer at the moment", AGAIN),
    (JOBS, MERGING, Dropped(), "cannot be reached", "check the network"),
    (JOBS, LOADING, Truncated(20), "cannot be reached", "check the network"),
    (JOBS, MERGING, Delayed(9), "cannot be reached", "check the network"),
    (r"/datasets/\w+\?", 1, faults.not_found("Dataset"), "the dataset is not there", "observatudo warehouse --create"),
    (r"/datasets/\w+\?", 1, Dropped(), "cannot be reached", "check the network"),
    (UPLOAD, 1, faults.unauthorized(), "did not accept the credentials", "gcloud auth application-default login"),
    (UPLOAD, 1, faults.backend_error(), "cannot answer at the moment", AGAIN),
    (UPLOAD, 1, Delayed(9), "cannot be reached", "check the network"),
    (UPLOAD, 1, Dropped(), "cannot be reached", "check the network"),
    (UPLOAD, 1, faults.not_found("bucket"), "there is no such thing in Google Cloud", "observatudo doctor"),
]


@pytest.mark.parametrize(("path", "nth", "fault", "said", "step"), [*LASTING, *(drill(*one) for one in LASTING_TOO)])
def test_what_lasts_is_said_and_the_version_before_is_whole(
    twice: Twice, bigquery_proxy: Proxy, gcs_proxy: Proxy, path: str, nth: int, fault: Fault, said: str, step: str
) -> None:
    proxy = gcs_proxy if path == UPLOAD else bigquery_proxy
    proxy.inject(fault, path, nth=nth, times=0)
    started = time.monotonic()
    with pytest.raises(ObservatudoError, match=said) as raised:
        twice.small.bring()
    assert time.monotonic() - started < 60, "it does not hang"
    assert raised.value.where and step in raised.value.next_step
    assert twice.is_one_of() == twice.one
    proxy.heal()
    twice.goes_on()


KILLS = [drill("bigquery", LOADING), drill("bigquery", 4), ("bigquery", MERGING), drill("storage", 1)]


@pytest.mark.parametrize(("service", "nth"), KILLS)
def test_a_server_that_is_killed(
    twice: Twice, cloud: Cloud, bigquery_proxy: Proxy, gcs_proxy: Proxy, service: str, nth: int
) -> None:
    """While it loads or merges: killed a moment after the request has come to it."""
    server, proxy, path = cloud.warehouse, bigquery_proxy, JOBS
    if service == "storage":
        server, proxy, path = cloud.storage, gcs_proxy, UPLOAD

    def soon() -> None:
        threading.Timer(0.05, server.kill).start()

    # an upload is done by then, and it is BigQuery that finds no bucket: so this one is killed at once
    proxy.inject(Calling(server.kill if service == "storage" else soon), path, nth=nth)
    with pytest.raises(ObservatudoError, match="cannot be reached") as raised:
        twice.small.bring()
    assert "check the network" in raised.value.next_step
    server.restart()
    assert twice.is_one_of() in (twice.one, twice.two)
    twice.goes_on()


def _child(small: Small) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.cloud.repository", str(small.root)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


POINTS = [(JOBS, MERGING, True), *(drill(JOBS, nth, done) for nth in (1, 3, LOADING) for done in (True, False))]
POINTS += [drill(JOBS, MERGING, False), *(drill(UPLOAD, 1, done) for done in (True, False))]
POINTS += [drill(r"/tables/_envio_\w+\?", nth, done) for nth in (1, 2, 3) for done in (True, False)]


@pytest.mark.parametrize(("path", "nth", "is_done"), POINTS)
def test_our_process_is_killed(
    twice: Twice, bigquery_proxy: Proxy, gcs_proxy: Proxy, path: str, nth: int, is_done: bool
) -> None:
    """``kill -9`` just as a request comes to the server, which carries it out or never sees it."""
    child = _child(twice.small)

    def kill() -> None:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        if not is_done:
            raise ConnectionAbortedError

    proxy = gcs_proxy if path == UPLOAD else bigquery_proxy
    rule = proxy.inject(Calling(kill), path, nth=nth)
    child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL and rule.hits == nth
    proxy.heal()
    twice.small.bring()  # at once: the server may still be at work
    twice.goes_on()


def _at_once(twice: Twice, proxy: Proxy, second: Path) -> list[tuple[int, str]]:
    """Bring both repositories by two processes, each held before its merge until the other is there too."""
    meeting = threading.Barrier(2)

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(60)

    proxy.inject(Calling(meet), r"/tables/_envio_\w+\?", "GET", times=2)
    children = [_child(twice.small), _child(Small(second))]
    told = [child.communicate(timeout=240) for child in children]
    return [(child.returncode, said[1]) for child, said in zip(children, told, strict=True)]


@pytest.mark.drill
def test_two_loads_of_one_version_at_once(twice: Twice, bigquery_proxy: Proxy) -> None:
    """The second finds the first one's jobs, which have the same names, and waits for them."""
    done = _at_once(twice, bigquery_proxy, twice.small.root)
    assert [code for code, _said in done] == [0, 0], done
    twice.goes_on()


def test_two_loads_of_two_versions_at_once(twice: Twice, bigquery_proxy: Proxy, tmp_path: Path) -> None:
    other = Small(tmp_path / "outra", twice.small.direct)
    other.write(rows(30))
    three = other.write([*rows(25), *rows(2, 8.0, 25)])
    (code, said), (other_code, other_said) = _at_once(twice, bigquery_proxy, other.root)
    assert sorted((code, other_code)) == [0, 1]
    assert "another load was at work at the same time, and ended first" in said + other_said
    twice.small.is_consistent()
    winner = twice.small if code == 0 else other
    assert winner.holds(twice.two if code == 0 else three)
    if code:
        for file in three.files:
            own = twice.small.cached(file.md5)
            own.parent.mkdir(parents=True, exist_ok=True)
            own.write_bytes(other.cached(file.md5).read_bytes())
    twice.goes_on() if code == 0 else twice.small.bring()
    assert twice.small.holds(twice.two)


class _Wrong(datetime):
    year_now = 2026

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _Wrong:
        return cls(cls.year_now, 1, 1, tzinfo=tz or UTC)


@pytest.mark.drill
def test_a_wrong_clock_changes_no_decision(twice: Twice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads are ordered by number; a load with the clock decades ahead, then one with it decades behind."""
    monkeypatch.setattr(bring, "datetime", _Wrong)
    monkeypatch.setattr(_Wrong, "year_now", 2060)
    twice.small.bring()
    monkeypatch.setattr(_Wrong, "year_now", 2001)
    three = twice.small.write(rows(7))
    twice.small.bring()
    assert twice.small.holds(three) and [load[0] for load in twice.small.loads()] == [1, 2, 3]


def test_a_dataset_in_another_location_and_one_that_is_not_there(cloud: Cloud, tmp_path: Path) -> None:
    small = Small(tmp_path, cloud.warehouse.url)
    small.write(rows(1))
    assert "the dataset is not there, or this account may not see it" in small.refused()
    small.dataset("US")
    assert "the dataset is in US, and OBSERVATUDO_LOCATION says southamerica-east1" in small.refused()


def test_a_full_disk_while_the_difference_is_written(cloud: Cloud, tmp_path: Path) -> None:
    with disk(tmp_path / "disco", 8) as mounted:
        small = Small(mounted / "r", cloud.warehouse.url)
        small.dataset()
        one = small.write(rows(30_000))
        small.bring()
        two = small.write(rows(30_000, 0.5))
        filler = fill(mounted, leave=8192)
        said = small.refused()
        assert "what is to be sent cannot be worked out" in said and "No space left" in said
        assert small.holds(one)
        filler.unlink()
        small.bring()
        assert small.holds(two)


@pytest.mark.drill
def test_a_file_with_another_type_than_declared(twice: Twice) -> None:
    """The schema changed underneath: the rows cannot be spelled, or the table does not take them."""
    columns = twice.small.columns
    twice.small.columns = tuple((name, "string" if name == "valor" else kind) for name, kind in columns)
    found = [(*row[:4], "muito", *row[5:]) for row in rows(3)]
    twice.small.write(found)
    twice.small.columns = columns
    assert NAME in repr(twice.small.refused()) or "what is to be sent" in twice.small.refused()
    assert twice.is_one_of() == twice.one
