"""A real project in the place of the emulators: `make cloud-test`, with the settings of the environment.

Each test gets datasets of its own, ``<OBSERVATUDO_DATASET>_<process>_<number>``, which are deleted after it; all use
the bucket that is named. Tests that kill a service or put a proxy before it are skipped: that is not ours to do.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from observatudo.cloud import clients, settings
from tests.cloud.emulators import Cloud, Service
from tests.conftest import ROOT

ASKED = "OBSERVATUDO_CLOUD_TEST"
_NUMBERS = itertools.count(1)
_WHY = "a real project can neither be killed nor stand behind a proxy"


class Theirs(Service):
    """A service that is Google's: it runs, and is not started or ended from here."""

    @property
    def is_running(self) -> bool:
        return True

    def start(self) -> None:
        pytest.skip(_WHY)

    def stop(self) -> None:
        pytest.skip(_WHY)

    def kill(self) -> None:
        pytest.skip(_WHY)


@dataclass(frozen=True)
class Account(Cloud):
    """The project, bucket and location of the environment; a dataset of this one's own."""

    def another(self) -> Cloud:
        """Return the same project and bucket, with another dataset's name."""
        own = f"{self.environment['OBSERVATUDO_DATASET']}_{os.getpid()}_{next(_NUMBERS)}"
        return Account(self.storage, self.bigquery, self.bucket, {**self.environment, "OBSERVATUDO_DATASET": own})

    def clear(self) -> None:
        """Delete this one's datasets with all that is in them."""
        found = settings.load(ROOT).model_copy(update={"dataset": self.dataset})
        client = clients.bigquery(found)
        for dataset in (found.dataset, found.raw_dataset):
            client.delete_dataset(f"{found.project}.{dataset}", delete_contents=True, not_found_ok=True)


def account(folder: Path) -> Account:
    """Return the account that the environment, or `.env` here, names. Raises ConfigError when it names none."""
    found = settings.require(settings.load(ROOT), "project", "bucket")
    theirs = [
        Theirs(name, url, "", folder / "none.log", [], {})
        for name, url in (
            ("Cloud Storage", found.storage_host or "https://storage.googleapis.com"),
            ("BigQuery", found.bigquery_host or "https://bigquery.googleapis.com"),
        )
    ]
    return Account(theirs[0], theirs[1], found.bucket, found.environ())
