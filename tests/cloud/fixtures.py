"""Fixtures for tests that need Google Cloud: emulators once per worker, a bucket and a dataset for each test.

With OBSERVATUDO_CLOUD_TEST set, ``cloud`` is the real project that the environment names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cloud.account import ASKED, Account, account
from tests.cloud.emulators import UNSET, Cloud, running
from tests.cloud.proxy import Proxy, proxied
from tests.cloud.tokens import Tokens


@pytest.fixture(scope="session")
def _emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if os.environ.get(ASKED):
        yield account(tmp_path_factory.mktemp("account"))
        return
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def _storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running(tmp_path_factory.mktemp("gcs"), bigquery=False) as cloud:
        yield cloud


def _told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    own = cloud.another()
    for name in UNSET if not isinstance(own, Account) else ():
        monkeypatch.setenv(name, "")  # else what a test puts there would stay
        monkeypatch.delenv(name)
    for name, value in own.environment.items():
        monkeypatch.setenv(name, value)
    return own


@pytest.fixture
def cloud(_emulators: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """BigQuery and Cloud Storage, which this process and its children use; may be killed, they start anew."""
    own = _told(_emulators, monkeypatch)
    yield own
    if isinstance(own, Account):
        own.clear()


@pytest.fixture
def gcs(_storage: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Cloud Storage alone: 0.1 s where both take 8."""
    return _told(_storage, monkeypatch)


@pytest.fixture
def gcs_proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before Cloud Storage, of ``cloud`` if the test has it, else of ``gcs``; clients go through it."""
    own: Cloud = request.getfixturevalue("cloud" if "cloud" in request.fixturenames else "gcs")
    if isinstance(own, Account):
        own.storage.kill()
    with proxied(own.storage.url, Tokens()) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        yield proxy


@pytest.fixture
def bigquery_proxy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before BigQuery's REST API; clients go through it."""
    if isinstance(cloud, Account):
        cloud.warehouse.kill()
    with proxied(cloud.warehouse.url, Tokens()) as proxy:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", proxy.url)
        yield proxy
