"""The emulators, through Google's own clients: what the other tests build on."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cloud import bigquery_server as server
from tests.cloud.emulators import Cloud, make_bucket, running
from tests.conftest import ROOT


def query(cloud: Cloud, sql: str) -> list[tuple[object, ...]]:
    """Run SQL by the official client and return its rows."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    client = bigquery.Client(project=cloud.project, credentials=AnonymousCredentials())
    return [tuple(row.values()) for row in client.query_and_wait(sql)]


def test_a_file_in_the_bucket_is_loaded_by_bigquery_and_read_back_also_after_a_kill(cloud: Cloud) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery
    from google.cloud.storage import Client

    anonymous = AnonymousCredentials()
    bucket = Client(project=cloud.project, credentials=anonymous).bucket(cloud.bucket)
    bucket.blob("a/b.csv").upload_from_string("3550308,1.5\n3304557,2.5\n")
    client = bigquery.Client(project=cloud.project, credentials=anonymous)
    client.create_dataset(cloud.dataset)
    table = f"{cloud.project}.{cloud.dataset}.t"
    fields = [bigquery.SchemaField("k", "STRING"), bigquery.SchemaField("v", "FLOAT64")]
    config = bigquery.LoadJobConfig(schema=fields, source_format="CSV")
    client.load_table_from_uri(f"gs://{cloud.bucket}/a/b.csv", table, job_config=config).result()
    cloud.warehouse.kill()
    cloud.warehouse.restart()
    assert query(cloud, f"select k, v from `{table}` order by k") == [("3304557", 2.5), ("3550308", 1.5)]


def test_a_table_made_from_a_query_is_named_by_its_job(cloud: Cloud) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    client = bigquery.Client(project=cloud.project, credentials=AnonymousCredentials())
    client.create_dataset(cloud.dataset)
    job = client.query(f"create table `{cloud.project}.{cloud.dataset}.t` as select 1 as x")
    job.result()
    assert str(job.destination) == f"{cloud.project}.{cloud.dataset}.t"
    script = "declare x int64; set (x) = (select as struct 4); select x"
    assert query(cloud, script) == [(4,)]


def test_only_what_the_emulator_lacks_is_rewritten() -> None:
    other = json.dumps({"configuration": {"load": {"sourceUris": ["gs://a/b"]}}}).encode()
    assert server.request(other) == other and server.request(b"\x00") == b"\x00"
    two = json.dumps({"query": "set (x, y) = (select as struct 1, 2)"}).encode()
    assert json.loads(server.request(two)) == json.loads(two)
    one = json.loads(server.request(b'{"configuration": {"query": {"query": "SET ( x )=( SELECT AS STRUCT a, b"}}}'))
    assert one["configuration"]["query"]["query"] == "set x = (select a, b"


def test_a_bucket_keeps_its_objects_when_the_server_is_killed(gcs: Cloud) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    client = Client(project=gcs.project, credentials=AnonymousCredentials())
    client.bucket(gcs.bucket).blob("x").upload_from_string("1")
    gcs.storage.kill()
    gcs.storage.restart()
    assert client.bucket(gcs.bucket).blob("x").download_as_bytes() == b"1"


def test_a_versioned_bucket_keeps_what_was_overwritten(tmp_path: Path) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    with running(tmp_path, bigquery=False, backend="memory") as cloud:
        make_bucket(cloud.storage, "versoes", versioned=True)
        anonymous = AnonymousCredentials()
        client = Client(
            project=cloud.project, credentials=anonymous, client_options={"api_endpoint": cloud.storage.url}
        )
        numbers = []
        for content in ("1", "2"):
            blob = client.bucket("versoes").blob("x")
            blob.upload_from_string(content)
            numbers.append(blob.generation)
        kept = [client.bucket("versoes").blob("x", generation=number).download_as_bytes() for number in numbers]
    assert kept == [b"1", b"2"]


def test_a_server_that_does_not_start_says_what_it_printed(gcs: Cloud) -> None:
    gcs.storage.stop()
    command, gcs.storage.command = gcs.storage.command, [*gcs.storage.command, "-no-such-option"]
    with pytest.raises(RuntimeError, match="flag provided but not defined"):
        gcs.storage.start()
    gcs.storage.command = command


ALONE = """
import sys, time
from pathlib import Path
from tests.cloud.emulators import running
with running(Path(sys.argv[1]), bigquery=False) as cloud:
    print(cloud.storage.url, flush=True)
    time.sleep(600)
"""


def test_a_server_does_not_outlive_tests_that_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ALONE, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        url = tests.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/storage/v1/b", timeout=60) as answer:
            assert answer.status == 200
        tests.kill()
    deadline = time.monotonic() + 60
    while _listens(url):
        assert time.monotonic() < deadline, "it outlives the tests by a minute"
        time.sleep(0.05)


def _listens(url: str) -> bool:
    """Say whether somebody takes connections there; a server at its end may still reset one: that is not yet none."""
    with socket.socket() as tried:
        tried.settimeout(60)
        return tried.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != errno.ECONNREFUSED
