"""Loads that meet what others do at the same moment, or have left: a load, a job, a table of last week."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from observatudo.warehouse.bigquery import jobs, tables
from observatudo.warehouse.bigquery.jobs import Overtaken
from observatudo.warehouse.bigquery.statements import LEDGER
from tests.cloud import faults
from tests.cloud.emulators import Cloud
from tests.cloud.proxy import Proxy
from tests.cloud.repository import Small, rows

if TYPE_CHECKING:
    from observatudo.warehouse.bigquery.jobs import Done

pytestmark = pytest.mark.needs("bigquery-emulator")


@pytest.fixture
def small(cloud: Cloud, tmp_path: Path) -> Small:
    made = Small(tmp_path / "one", cloud.warehouse.url)
    made.root.mkdir()
    made.dataset()
    made.write(rows(30))
    made.bring()
    return made


@dataclass
class Meanwhile(list["Done"]):
    """Does something once, after the first job about ``about``."""

    about: str
    action: Callable[[], object]
    done: list[str] = field(default_factory=list)

    def append(self, job: Done) -> None:
        if job.about == self.about and not self.done:
            self.done.append(job.id)
            self.action()


def test_a_load_that_ends_behind_the_look_at_the_ledger_is_no_other_hand(small: Small, tmp_path: Path) -> None:
    other = Small(tmp_path / "other", small.direct)
    other.root.mkdir()
    other.write(rows(30))
    other.write(rows(33))
    small.write(rows(31))
    small.jobs = Meanwhile(LEDGER, other.bring)
    with pytest.raises(Overtaken):
        small.bring()
    assert other.holds(other.table()), "the other one's"
    small.jobs = []
    assert small.bring().previous == other.table().version and small.holds(small.table())


def test_a_job_of_another_account_is_left_behind(small: Small, bigquery_proxy: Proxy) -> None:
    """A colleague tried the same load, which failed; who did not start a job may not look at it."""
    two = small.write(rows(31))
    bigquery_proxy.inject(faults.job_failed("invalidQuery", "no"), r"/jobs\?", "POST", body=b"sourceUris")
    small.refused()
    bigquery_proxy.heal()
    rule = bigquery_proxy.inject(faults.access_denied("bigquery.jobs.get"), r"/jobs/observatudo_\w+_1\?", times=0)
    assert small.bring().version == two.version and small.holds(two)
    assert rule.hits > 0


def test_a_table_that_a_load_left_long_ago_is_removed(small: Small, bigquery_proxy: Proxy) -> None:
    """BigQuery refuses an end that is past, with the words below; the load must not stumble over that."""
    left = f"{small.place.project}.{small.place.dataset}._envio_0123456789abcdef"
    tables.make_staging(jobs.connect(small.settings), left, small.columns)
    late = faults.failing(400, "invalid", "Expiration time must be at least 1 seconds in the future")
    rule = bigquery_proxy.inject(late, "/tables/_envio_0123456789abcdef", "PATCH|PUT")
    small.write(rows(31))
    small.bring()
    assert rule.hits > 0 and small.holds(small.table())
    assert not [item for item in small.client().list_tables(left.rpartition(".")[0]) if "envio" in item.table_id]
