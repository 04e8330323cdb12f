"""The proxy, through Google's own clients: each fault is what a client meets, and else nothing is changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import google.auth
import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Bucket, Client

from tests.cloud import faults
from tests.cloud.emulators import Cloud
from tests.cloud.proxy import Proxy, proxied
from tests.cloud.tokens import Tokens

UPLOADS = "^/(resumable/)?upload/"


@pytest.fixture
def bucket(gcs: Cloud, gcs_proxy: Proxy) -> Bucket:
    return Client(project=gcs.project, credentials=AnonymousCredentials()).bucket(gcs.bucket)


@pytest.fixture
def direct(gcs: Cloud, gcs_proxy: Proxy) -> Bucket:
    """The same bucket, past the proxy."""
    options = {"api_endpoint": gcs.storage.url}
    return Client(project=gcs.project, credentials=AnonymousCredentials(), client_options=options).bucket(gcs.bucket)


def test_a_resumable_upload_and_a_download_pass_unchanged(bucket: Bucket, gcs_proxy: Proxy) -> None:
    content = os.urandom(700_000)
    with bucket.blob("a/ção").open("wb", chunk_size=262_144) as file:
        file.write(content)
    assert bucket.blob("a/ção").download_as_bytes() == content
    assert len(gcs_proxy.sent(UPLOADS)) > 3, "in pieces, each of them through the proxy"
    assert len(content) <= gcs_proxy.uploaded() < len(content) + 2000


def test_an_answer_that_is_lost_was_carried_out(bucket: Bucket, direct: Bucket, gcs_proxy: Proxy) -> None:
    gcs_proxy.inject(faults.Lost(), UPLOADS)
    with pytest.raises(requests.ConnectionError):
        bucket.blob("x").upload_from_string("1", retry=None)
    assert gcs_proxy.sent(UPLOADS)[0].status == 0 and direct.blob("x").download_as_bytes() == b"1"


def test_a_connection_that_drops_did_nothing(bucket: Bucket, direct: Bucket, gcs_proxy: Proxy) -> None:
    gcs_proxy.inject(faults.Dropped(), UPLOADS)
    with pytest.raises(requests.ConnectionError):
        bucket.blob("x").upload_from_string("1", retry=None)
    assert not direct.blob("x").exists()


ANSWERS = [
    (faults.access_denied(), exceptions.Forbidden, "accessDenied"),
    (faults.quota_exceeded(), exceptions.Forbidden, "quotaExceeded"),
    (faults.not_found("dataset", "US"), exceptions.NotFound, "notFound"),
    (faults.conflict("table"), exceptions.Conflict, "duplicate"),
    (faults.rate_limited(), exceptions.TooManyRequests, "rateLimitExceeded"),
    (faults.backend_error(500), exceptions.InternalServerError, "backendError"),
    (faults.backend_error(), exceptions.ServiceUnavailable, "backendError"),
]


@pytest.mark.parametrize(("fault", "met", "reason"), ANSWERS)
def test_an_error_is_met_as_googles_own(
    bucket: Bucket, gcs_proxy: Proxy, fault: faults.Answered, met: type[exceptions.GoogleAPICallError], reason: str
) -> None:
    rule = gcs_proxy.inject(fault, r"/o\?", "GET", nth=2, times=0)
    list(bucket.list_blobs())
    for _again in range(2):
        with pytest.raises(met) as raised:
            list(bucket.list_blobs(retry=None))
        assert raised.value.errors[0]["reason"] == reason
    gcs_proxy.heal()
    list(bucket.list_blobs())
    assert rule.hits == 3


def test_a_truncated_answer_is_noticed(bucket: Bucket, gcs_proxy: Proxy) -> None:
    bucket.blob("x").upload_from_string("0123456789")
    gcs_proxy.inject(faults.Truncated(4), "alt=media")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{gcs_proxy.url}/storage/v1/b/{bucket.name}/o/x?alt=media", timeout=60)


def test_a_slow_answer_and_a_server_killed_before_it(gcs: Cloud, bucket: Bucket, gcs_proxy: Proxy) -> None:
    gcs_proxy.inject(faults.Delayed(0.6), r"/o\?")
    with pytest.raises(requests.ReadTimeout):
        list(bucket.list_blobs(timeout=0.2, retry=None))
    gcs_proxy.inject(faults.Calling(gcs.storage.kill), UPLOADS)
    with pytest.raises(requests.ConnectionError):
        bucket.blob("x").upload_from_string("1", retry=None)
    gcs.storage.restart()
    assert not bucket.blob("x").exists()


def test_bytes_of_a_dry_run_and_the_end_of_a_job_are_rewritten(cloud: Cloud, bigquery_proxy: Proxy) -> None:
    from google.cloud import bigquery

    client = bigquery.Client(project=cloud.project, credentials=AnonymousCredentials())
    rule = bigquery_proxy.inject(faults.bytes_processed(5 * 10**9), "/jobs", "POST")
    estimate = client.query("select 1", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert estimate.total_bytes_processed == 5 * 10**9 and rule.hits == 1
    bigquery_proxy.heal()
    bigquery_proxy.inject(faults.job_failed("quotaExceeded", "Quota exceeded"), "/jobs", "POST")
    with pytest.raises(exceptions.Forbidden, match="Quota exceeded"):
        client.query("select 1", job_retry=None).result()


@pytest.fixture
def guarded(gcs: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with proxied(gcs.storage.url, Tokens()) as proxy:
        assert proxy.tokens is not None
        proxy.is_bearer_required = True
        file = proxy.tokens.file(tmp_path / "conta.json", proxy.url)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield proxy


def test_a_service_account_gets_a_token_and_nobody_else_is_let_in(guarded: Proxy) -> None:
    address = f"{guarded.url}/storage/v1/b"
    assert requests.get(address, timeout=60).json()["error"]["errors"][0]["reason"] == "authError"
    found, _project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    assert AuthorizedSession(found).get(address, timeout=60).status_code == 200
    assert guarded.tokens is not None and len(guarded.tokens.minted) == 1
    assert not guarded.holds(guarded.tokens.minted[0]), "in a header only"
    assert not guarded.holds(guarded.tokens.private_key)


def test_a_wrong_clock_and_a_wrong_key_get_no_token(guarded: Proxy, tmp_path: Path) -> None:
    guarded.inject(faults.clock_skew(), "^/token$")
    found, _project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    with pytest.raises((RefreshError, TransportError), match="reasonable timeframe"):
        AuthorizedSession(found).get(f"{guarded.url}/storage/v1/b", timeout=60)
    answer = requests.post(f"{guarded.url}/token", data={"assertion": "e30.e30.e30"}, timeout=60)
    assert answer.status_code == 400 and json.loads(answer.text)["error"] == "invalid_grant"
