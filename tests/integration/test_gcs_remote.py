"""A bucket as DVC's remote, over the real protocol: set up, push, old versions in a second clone, damage, refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client

from observatudo import remote
from observatudo.errors import ObservatudoError
from observatudo.versions import Versions, tables
from observatudo.versions.store import Missing
from tests.cloud import faults
from tests.cloud.emulators import Cloud, free_port
from tests.cloud.proxy import Proxy
from tests.conftest import ROOT
from tests.integration.test_remote import clone, table
from tests.past import Past, observation, past

OBJECTS = "observatorio/files/md5/"


@pytest.fixture
def history(tmp_path: Path) -> Past:
    """Two committed versions."""
    made = past(tmp_path / "obra")
    for message, value in (("one", 1.0), ("two", 2.0)):
        made.observations([observation("3550308", 2019, value)])
        made.commit(message)
    return made


@pytest.fixture
def url(gcs: Cloud) -> str:
    return f"gs://{gcs.bucket}/observatorio"


@pytest.fixture
def bucket(gcs: Cloud) -> Bucket:
    return Client(project=gcs.project, credentials=AnonymousCredentials()).bucket(gcs.bucket)


def name_of(root: Path, revision: str) -> str:
    """Return the object's name in the bucket that holds the values of a version."""
    (file,) = tables(Versions(root).find(revision))["x/y/observacao"].files
    return f"{OBJECTS}{file.entry.md5[:2]}/{file.entry.md5[2:]}"


def test_a_second_clone_reads_old_versions_from_the_bucket(history: Past, url: str, bucket: Bucket) -> None:
    made = remote.set_up_bucket(history.root, url + "/", shared=True)
    assert (made.url, made.folder, made.is_shared, made.verify) == (url, None, True, True)
    assert "endpointurl" not in (history.root / ".dvc/config").read_text()
    done = remote.push(history.root)
    assert done.sent == done.named == len(list(bucket.list_blobs(prefix=OBJECTS))) == 5
    assert remote.push(history.root).sent == 0 and remote.standing(history.root, made) == (5, 5)
    history.git("add", "-A")
    history.git("commit", "-q", "-m", "where the data is")
    second = clone(history, "second")
    assert table(second, "HEAD~2") == [1.0] and table(second, "HEAD") == [2.0]


def test_objects_deleted_in_the_bucket_are_sent_again(history: Past, url: str, bucket: Bucket) -> None:
    remote.set_up_bucket(history.root, url)
    remote.push(history.root)
    bucket.blob(name_of(history.root, "HEAD")).delete()
    second = clone(history, "second")
    remote.set_up_bucket(second, url)
    with pytest.raises(Missing) as missing:
        table(second, "HEAD")
    assert missing.value.next_step.startswith("make push")
    assert remote.push(history.root).sent == 1, "its folder's listing is there, and promises it"
    assert table(second, "HEAD") == [2.0]


def test_other_bytes_in_the_bucket_are_not_taken_and_a_push_puts_them_right(
    history: Past, url: str, bucket: Bucket
) -> None:
    made = remote.set_up_bucket(history.root, url)
    remote.push(history.root)
    blob = bucket.blob(name_of(history.root, "HEAD"))
    right = blob.download_as_bytes()
    blob.upload_from_string(right[:-1] + bytes([right[-1] ^ 1]))
    second = clone(history, "second")
    remote.set_up_bucket(second, url)
    with pytest.raises(Missing):
        table(second, "HEAD")
    assert remote.standing(history.root, made) == (5, 4)
    done = remote.push(history.root)
    assert (done.sent, done.renewed) == (1, 1) and table(second, "HEAD") == [2.0]


REFUSALS = [
    (faults.access_denied("storage.objects.list"), "may not read this bucket", "roles/storage.objectUser"),
    (faults.unauthorized(), "does not accept these credentials", "gcloud auth application-default login"),
    (faults.backend_error(503), "does not answer", "the same command again"),
    (faults.rate_limited(), "does not answer", "the same command again"),
    (faults.Dropped(), "does not answer", "the same command again"),
]


@pytest.mark.parametrize(("fault", "why", "next_step"), REFUSALS)
def test_a_bucket_that_cannot_be_reached_is_not_set(
    history: Past, url: str, gcs_proxy: Proxy, fault: faults.Fault, why: str, next_step: str
) -> None:
    gcs_proxy.inject(fault, "/o\\?", times=0)
    with pytest.raises(ObservatudoError, match=why) as refused:
        remote.set_up_bucket(history.root, url)
    assert next_step in refused.value.next_step and refused.value.where == url
    assert remote.current(history.root) is None


def test_no_bucket_no_credentials_and_no_server_are_told_apart(
    history: Past, url: str, gcs: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(address: str) -> ObservatudoError:
        with pytest.raises(ObservatudoError) as raised:
            remote.set_up_bucket(history.root, address)
        return raised.value

    assert refused("gs://nao-ha-tal-balde/x").next_step.startswith(
        "gcloud storage buckets create gs://nao-ha-tal-balde"
    )
    for address in ("gs://", "gs://A/x", "gs://balde/x#1", "gs://balde/../x", "gs://balde/a b"):
        assert "no address of a bucket" in refused(address).message
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")
    assert "does not answer" in refused(url).message
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nao-ha.json"))
    assert refused(url).next_step == "gcloud auth application-default login"


def test_what_may_be_read_but_not_written_says_so(history: Past, url: str, gcs_proxy: Proxy) -> None:
    remote.set_up_bucket(history.root, url)
    gcs_proxy.inject(faults.access_denied("storage.objects.create"), "^/upload/", times=0)
    with pytest.raises(ObservatudoError, match=r"could not be sent.*storage\.objects\.create") as failed:
        remote.push(history.root)
    assert failed.value.next_step.startswith("make push")


def test_another_remote_is_only_replaced_when_told(history: Past, url: str) -> None:
    folder = history.root.parent / "dados"
    remote.set_up(history.root, folder)
    with pytest.raises(ObservatudoError, match="already has a default remote") as refused:
        remote.set_up_bucket(history.root, url)
    assert f"observatudo remote {url} --replace" in refused.value.next_step
    assert remote.set_up_bucket(history.root, url, replace=True).url == url
    with pytest.raises(ObservatudoError, match=url):
        remote.set_up(history.root, folder)


def type_in(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``observatudo remote`` with further words in a process of its own."""
    command = [sys.executable, "-P", "-m", "observatudo.cli.entry", "remote", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_command_sets_a_bucket_pushes_and_asks_it_before_a_pull(history: Past, url: str, gcs: Cloud) -> None:
    shown = type_in(history.root, url, "--push")
    assert f"dados  {url}  (this clone only" in shown.stdout and "sent 5 objects; 0 were" in shown.stdout, shown.stderr
    assert "5; of them in that bucket: 5" in type_in(history.root).stdout
    other = type_in(history.root, "s3://balde/x")
    assert other.returncode != 0 and "dvc remote add" in other.stderr and not (history.root / "s3:").exists()
    second = clone(history, "second")
    assert type_in(second, url, "--pull").returncode == 0
    gcs.storage.kill()
    late = type_in(second, "--pull")
    assert late.returncode != 0 and "does not answer" in late.stderr and "Traceback" not in late.stderr


READ = """
import sys
from pathlib import Path
from tests.integration.test_remote import table
print(table(Path(sys.argv[1]), "HEAD"))
"""


def test_credentials_that_env_names_serve_pushes_and_old_versions_and_stay_secret(
    history: Past, url: str, gcs_proxy: Proxy, tmp_path: Path
) -> None:
    assert gcs_proxy.tokens is not None
    gcs_proxy.is_bearer_required = True
    refused = type_in(history.root, url)
    assert "does not accept these credentials" in refused.stderr and "Traceback" not in refused.stderr
    file = gcs_proxy.tokens.file(tmp_path / "conta.json", gcs_proxy.url)
    (history.root / ".env").write_text(f"GOOGLE_APPLICATION_CREDENTIALS={file}\n")
    pushed = type_in(history.root, url, "--shared", "--push")
    assert pushed.returncode == 0 and "sent 5 objects" in pushed.stdout, pushed.stderr
    history.git("commit", "-q", "-a", "-m", "where the data is")
    second = clone(history, "second")
    with pytest.raises(Missing, match="does not accept these credentials"):
        table(second, "HEAD")
    (second / ".env").write_text(f"GOOGLE_APPLICATION_CREDENTIALS={file}\n")
    read = subprocess.run([sys.executable, "-c", READ, str(second)], cwd=ROOT, capture_output=True, text=True)
    assert read.stdout == "[2.0]\n", read.stderr
    printed = "".join(done.stdout + done.stderr for done in (refused, pushed, read))
    secrets = [*gcs_proxy.tokens.minted, *gcs_proxy.tokens.private_key.splitlines()[1:-1]]
    assert not [secret for secret in secrets if secret in printed or gcs_proxy.holds(secret)]
    kept = [
        path.read_bytes() for path in (*(history.root / ".dvc").glob("config*"), *(second / ".dvc").glob("config*"))
    ]
    assert not [secret for secret in secrets if any(secret.encode() in content for content in kept)]
