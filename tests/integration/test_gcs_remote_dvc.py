"""DVC's own commands against a bucket, and pushes that meet a server that goes away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client

from observatudo import remote
from observatudo.cloud.sending import Patience
from observatudo.errors import ObservatudoError
from observatudo.versions import Versions
from tests.cloud import faults
from tests.cloud.emulators import Cloud
from tests.cloud.proxy import Proxy
from tests.integration.test_remote import clone
from tests.past import Past, observation, past

UPLOAD = "^/(resumable/)?upload/"


@pytest.fixture
def url(gcs: Cloud) -> str:
    return f"gs://{gcs.bucket}/observatorio"


@pytest.fixture
def bucket(gcs: Cloud) -> Bucket:
    return Client(project=gcs.project, credentials=AnonymousCredentials()).bucket(gcs.bucket)


@pytest.fixture
def many(tmp_path: Path, url: str) -> Past:
    """One version with 150 files, whose place is the bucket."""
    made = past(tmp_path / "obra")
    made.observations([observation("3550308", 2019, float(n), f"i{n:03}") for n in range(150)])
    made.commit("many")
    remote.set_up_bucket(made.root, url, shared=True)
    made.git("commit", "-q", "-a", "-m", "where the data is")
    return made


def pulled(history: Past) -> set[str]:
    """Pull everything into a fresh clone, each object checked, and return the names of the files."""
    second = clone(history, "second")
    version = Versions(second).find("HEAD")
    version.store.pull(entry.md5 for entry in version.files("data/ingested/x/y"))
    return {entry.relpath for entry in version.files("data/ingested/x/y") if version.store.has(entry.md5)}


def test_a_push_ends_when_the_server_is_killed_and_goes_on_when_it_is_back(
    many: Past, gcs: Cloud, gcs_proxy: Proxy, bucket: Bucket
) -> None:
    gcs_proxy.inject(faults.Calling(gcs.storage.kill), UPLOAD, nth=30)
    with pytest.raises(ObservatudoError, match="the push was stopped: the bucket does not answer") as stopped:
        remote.push(many.root, Patience(unanswered=2))
    assert stopped.value.next_step.startswith("make push")
    gcs_proxy.heal()
    gcs.storage.restart()
    arrived = {blob.name for blob in bucket.list_blobs()}
    assert 0 < len(arrived) < 152 and not any(name.endswith(".dir") for name in arrived), "a listing goes last"
    told: list[tuple[int, int]] = []
    done = remote.push(many.root, tell=lambda count, total: told.append((count, total)))
    assert done.sent == 152 - len(arrived) and told[-1] == (done.sent, done.sent)
    assert len(pulled(many)) == 151


def test_a_push_of_which_nothing_arrives_ends_although_the_bucket_answers(many: Past, gcs_proxy: Proxy) -> None:
    gcs_proxy.inject(faults.Delayed(60), UPLOAD, times=0)
    with pytest.raises(ObservatudoError, match="the bucket answers, but nothing arrives"):
        remote.push(many.root, Patience(unanswered=2, idle=1))


def test_passing_faults_in_mid_push_do_not_matter(many: Past, gcs_proxy: Proxy) -> None:
    passing: list[faults.Fault] = [faults.backend_error(), faults.rate_limited(), faults.Dropped(), faults.Lost()]
    for nth, fault in enumerate(passing):
        gcs_proxy.inject(fault, UPLOAD, nth=10 + 20 * nth)
    assert remote.push(many.root).sent == 152
    assert len(pulled(many)) == 151


def test_dvcs_own_commands_work_with_a_bucket(
    tmp_path: Path, url: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dvc.cli import main

    def dvc(*words: str) -> str:
        assert main(list(words)) == 0, capsys.readouterr()
        return capsys.readouterr().out

    root = tmp_path / "r"
    (root / "d").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    monkeypatch.chdir(root)
    dvc("init", "-q")
    remote.set_up_bucket(root, url)
    for number in range(20):
        (root / f"d/{number}").write_text(str(number))
    dvc("add", "-q", "d")
    assert "new:" in dvc("status", "-c") and "21 files pushed" in dvc("push")
    assert "are in sync" in dvc("status", "-c")
    (root / "d/0").write_text("changed")
    dvc("add", "-q", "d")
    dvc("push", "-q")
    assert len(list(bucket.list_blobs())) == 23
    dvc("gc", "-q", "-f", "-w", "-c")
    assert len(list(bucket.list_blobs())) == 21, "the old file and the old listing went"
    bucket.blob("fonte/tabela.csv").upload_from_string("a,b\n1,2\n")
    dvc("import-url", "-q", f"gs://{bucket.name}/fonte/tabela.csv", "tabela.csv")
    assert (root / "tabela.csv").read_text() == "a,b\n1,2\n"
    bucket.blob("fonte/tabela.csv").upload_from_string("a,b\n1,3\n")
    assert "update available" in dvc("status", "tabela.csv.dvc")
    subprocess.run(["rm", "-rf", "d", ".dvc/cache"], cwd=root, check=True)
    dvc("pull", "-q", "d")
    assert (root / "d/0").read_text() == "changed" and len(list((root / "d").iterdir())) == 20
