"""What doctor says of Google Cloud: tried on the emulators, with what goes wrong put in between by the proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from observatudo.cloud import clients, doctor
from observatudo.cloud.settings import load
from observatudo.doctor import Finding
from tests.cloud import faults
from tests.cloud.emulators import UNSET, Cloud, make_bucket, running
from tests.cloud.proxy import Proxy
from tests.cloud.tokens import EMAIL
from tests.conftest import ROOT

bigquery_emulator = pytest.mark.needs("bigquery-emulator")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository whose warehouse is BigQuery, as far as doctor looks at it."""
    root = tmp_path / "repo"
    root.mkdir()
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (root / "params.yaml").write_text(params.replace("target: duckdb", "target: bigquery"), encoding="utf-8")
    return root


@pytest.fixture
def bucket_only(home: Path) -> Path:
    (home / "params.yaml").unlink()
    return home


@pytest.fixture
def datasets(cloud: Cloud) -> Cloud:
    make_dataset(cloud.dataset)
    make_dataset(f"{cloud.dataset}_raw")
    return cloud


def make_dataset(name: str, location: str = "southamerica-east1") -> None:
    from google.cloud.bigquery import Dataset

    client = clients.bigquery(load(Path("/nowhere")))
    made = Dataset(f"{client.project}.{name}")
    made.location = location
    client.create_dataset(made)


def wrong(root: Path) -> dict[str, Finding]:
    return {one.check: one for one in doctor.examine(root) if one.status == "missing"}


def test_nothing_is_said_nor_imported_where_no_cloud_is_meant(bucket_only: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from observatudo.cloud import doctor\n"
        f"print(list(doctor.examine(Path({str(bucket_only)!r}))))\n"
        "print([name for name in sys.modules if name.startswith(('google.auth', 'google.cloud.'))])"
    )
    clean = {name: value for name, value in os.environ.items() if "OBSERVATUDO" not in name and name not in UNSET}
    done = subprocess.run([sys.executable, "-c", program], env=clean, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n[]\n", done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "OBSERVATUDO_PROJECT"),
        ({"OBSERVATUDO_PROJECT": "meu-projeto"}, "OBSERVATUDO_BUCKET"),
        ({"OBSERVATUDO_PROJECT": "Meu Projeto"}, "Meu Projeto"),
        ({"OBSERVATUDO_ENV": "producao"}, "producao"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    (found,) = doctor.examine(home)
    assert (found.check, found.status) == ("Google Cloud", "missing")
    assert said in found.detail and "observatudo doctor" in found.next_step


@bigquery_emulator
def test_all_is_well_and_nothing_is_left_behind(datasets: Cloud, home: Path) -> None:
    findings = list(doctor.examine(home))
    assert [one.check for one in findings if one.status == "ok" and one.check != "gcloud"] == [
        "Google Cloud",
        "credentials",
        f"gs://{datasets.bucket}",
        "objects",
        "BigQuery",
        datasets.dataset,
        f"{datasets.dataset}_raw",
    ]
    assert not wrong(home)
    assert all(one.next_step for one in findings if one.status != "ok")
    assert "cannot be seen from here" in findings[-1].detail
    settings = load(home)
    assert not list(clients.storage(settings).list_blobs(datasets.bucket))
    assert not list(clients.bigquery(settings).list_tables(settings.raw_dataset))


def test_a_bucket_that_is_missing(gcs: Cloud, bucket_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_BUCKET", "nenhum-balde")
    found = wrong(bucket_only)
    assert set(found) == {"gs://nenhum-balde"}
    assert found["gs://nenhum-balde"].next_step.startswith(
        "gcloud storage buckets create gs://nenhum-balde --location=southamerica-east1 --uniform-bucket-level-access"
    )


def test_a_bucket_elsewhere_fails_only_a_load(gcs: Cloud, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_LOCATION", "US")
    url = f"gs://{gcs.bucket}"
    said = "it is in southamerica-east1, and the settings say US"
    to_bigquery = [one for one in doctor.examine(home) if one.check == url and one.status == "missing"]
    assert [one.detail for one in to_bigquery] == [said] and "OBSERVATUDO_LOCATION" in to_bigquery[0].next_step
    (home / "params.yaml").unlink()
    assert next(one.detail for one in doctor.examine(home) if one.check == url and one.status == "optional") == said


def test_a_bucket_without_versions_is_worth_a_word(
    gcs: Cloud, bucket_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [one.next_step for one in doctor.examine(bucket_only) if one.status == "optional"]
    assert f"gcloud storage buckets update gs://{gcs.bucket} --versioning" in steps
    with running(bucket_only.parent / "memory", bigquery=False, backend="memory") as other:
        make_bucket(other.storage, "com-versoes", versioned=True)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", other.storage.url)
        monkeypatch.setenv("OBSERVATUDO_BUCKET", "com-versoes")
        findings = list(doctor.examine(bucket_only))
    assert "gs://com-versoes" in {one.check for one in findings if one.status == "ok"}
    assert not [one for one in findings if "--versioning" in one.next_step]


REFUSED_OBJECTS = [
    ("write", "^/(resumable/)?upload/", "POST"),
    ("list", r"/o\?", "GET"),
    ("read", "alt=media", "GET"),
    ("delete", "/o/", "DELETE"),
]


@pytest.mark.parametrize(("verb", "path", "method"), REFUSED_OBJECTS)
def test_what_may_not_be_done_with_objects_is_told_apart(
    gcs: Cloud, gcs_proxy: Proxy, bucket_only: Path, verb: str, path: str, method: str
) -> None:
    gcs_proxy.inject(faults.access_denied(f"storage.objects.{verb}"), path, method, times=0)
    found = wrong(bucket_only)
    assert set(found) == {"objects"}
    assert f"cannot {verb}: not allowed: Access Denied" in found["objects"].detail
    assert found["objects"].next_step.endswith("--role=roles/storage.objectUser")


def test_who_may_not_look_at_the_bucket_may_still_use_it(gcs: Cloud, gcs_proxy: Proxy, bucket_only: Path) -> None:
    gcs_proxy.inject(faults.access_denied("storage.buckets.get"), rf"/b/{gcs.bucket}\?", "GET", times=0)
    findings = {one.check: one for one in doctor.examine(bucket_only)}
    assert "roles/storage.legacyBucketReader" in findings[f"gs://{gcs.bucket}"].next_step
    assert findings["objects"].status == "ok"


@pytest.mark.parametrize(
    ("fault", "detail", "step"),
    [
        (faults.unauthorized(), "the credentials are not accepted", "gcloud auth application-default login"),
        (faults.backend_error(), "Retrying may help", "wait a little"),
        (faults.rate_limited(), "Exceeded rate limits", "wait a little"),
        (faults.Dropped(), "cannot be reached: ConnectionError", "check the network"),
        (faults.Delayed(1.0), "cannot be reached: ReadTimeout", "check the network"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_asked_again(
    gcs: Cloud,
    gcs_proxy: Proxy,
    bucket_only: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: faults.Fault,
    detail: str,
    step: str,
) -> None:
    monkeypatch.setattr(doctor, "_TIMEOUT_S", 0.5)
    rule = gcs_proxy.inject(fault, rf"/b/{gcs.bucket}\?", "GET", times=0)
    found = wrong(bucket_only)
    assert set(found) == {f"gs://{gcs.bucket}"} and rule.hits == 1
    assert detail in found[f"gs://{gcs.bucket}"].detail and step in found[f"gs://{gcs.bucket}"].next_step


@bigquery_emulator
def test_datasets_that_are_missing_or_elsewhere(cloud: Cloud, home: Path) -> None:
    raw = f"{cloud.dataset}_raw"
    make_dataset(raw, "US")
    found = wrong(home)
    assert set(found) == {cloud.dataset, raw}
    assert "Not found" in found[cloud.dataset].detail
    assert found[cloud.dataset].next_step.startswith("observatudo warehouse --create")
    assert found[raw].detail == "it is in US, and the settings say southamerica-east1"
    assert "OBSERVATUDO_LOCATION" in found[raw].next_step


@bigquery_emulator
def test_tables_that_would_expire_are_found(datasets: Cloud, home: Path) -> None:
    client = clients.bigquery(load(home))
    dataset = client.get_dataset(datasets.dataset)
    dataset.default_table_expiration_ms = 3_600_000
    client.update_dataset(dataset, ["default_table_expiration_ms"])
    found = wrong(home)
    assert set(found) == {datasets.dataset} and "--default_table_expiration 0" in found[datasets.dataset].next_step


REFUSED_WORK = [
    ("/jobs", "POST", "BigQuery", "roles/bigquery.jobUser"),
    ("_raw/tables", "POST", "_raw", "roles/bigquery.dataEditor"),
    ("_raw/tables/", "DELETE", "_raw", "roles/bigquery.dataEditor"),
    (r"_raw\?", "GET", "_raw", "roles/bigquery.dataEditor"),
]


@bigquery_emulator
@pytest.mark.parametrize(("path", "method", "check", "role"), REFUSED_WORK)
def test_a_role_that_is_missing_in_bigquery_is_named(
    datasets: Cloud, bigquery_proxy: Proxy, home: Path, path: str, method: str, check: str, role: str
) -> None:
    bigquery_proxy.inject(faults.access_denied("bigquery.x"), path, method, times=0)
    ((name, found),) = wrong(home).items()
    assert name.endswith(check) and role in found.next_step and "not allowed: Access Denied" in found.detail
    typed = subprocess.run(
        ["bash", "-c", f'bq() {{ printf "%s\\n" "$@"; }}; gcloud() {{ bq "$@"; }}; {found.next_step}'],
        capture_output=True,
        text=True,
    )
    assert role in typed.stdout and not typed.stderr, "a shell would change the command"


@bigquery_emulator
def test_services_that_are_gone(datasets: Cloud, home: Path) -> None:
    datasets.warehouse.kill()
    datasets.storage.kill()
    found = wrong(home)
    assert set(found) == {f"gs://{datasets.bucket}", "BigQuery"}
    assert all("cannot be reached: ConnectionError" in one.detail for one in found.values())


@pytest.fixture
def account(gcs: Cloud, gcs_proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account's file, whose tokens the proxy makes and asks for."""
    assert gcs_proxy.tokens is not None
    gcs_proxy.is_bearer_required = True
    file = gcs_proxy.tokens.file(tmp_path / "conta.json", gcs_proxy.url)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return file


def test_credentials_are_told_by_kind_and_account_and_never_shown(
    account: Path, gcs_proxy: Proxy, bucket_only: Path
) -> None:
    findings = list(doctor.examine(bucket_only))
    (own,) = [one for one in findings if one.check == "credentials"]
    assert (own.status, own.detail) == ("ok", f"a service account's file, {EMAIL}")
    assert not wrong(bucket_only)
    assert gcs_proxy.tokens is not None and gcs_proxy.tokens.minted
    assert not [secret for secret in (*gcs_proxy.tokens.minted, "PRIVATE KEY") if secret in repr(findings)]


def spoiled(change: Callable[[dict[str, str]], object], file: Path) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda content: content.pop("private_key"), "missing or cannot be used"),
        (lambda content: content.update(private_key="not a key"), "missing or cannot be used"),
        (lambda content: content.update(type="nothing"), "missing or cannot be used"),
        (lambda content: content.update(token_uri="http://127.0.0.1:9/token"), "cannot be reached"),
        (lambda content: content.update(token_uri=content["token_uri"] + "s"), "the credentials are not accepted"),
    ],
)
def test_credentials_that_are_no_good(
    account: Path, bucket_only: Path, change: Callable[[dict[str, str]], object], detail: str
) -> None:
    spoiled(change, account)
    found = wrong(bucket_only)
    assert set(found) == {"credentials"} and detail in found["credentials"].detail
    assert "not a key" not in repr(found)


def test_a_wrong_clock_and_a_missing_file(account: Path, gcs_proxy: Proxy, bucket_only: Path) -> None:
    gcs_proxy.inject(faults.clock_skew(), "^/token$", times=0)
    assert "clock" in wrong(bucket_only)["credentials"].next_step
    account.unlink()
    assert str(account) in wrong(bucket_only)["credentials"].detail


def test_a_key_inside_the_repository_is_found_unless_git_ignores_it(
    account: Path, bucket_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=bucket_only, check=True)
    inside = account.rename(bucket_only / "conta.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(inside))
    assert "inside the repository" in wrong(bucket_only)["credentials' file"].detail
    (bucket_only / ".gitignore").write_text("conta.json\n", encoding="utf-8")
    assert not wrong(bucket_only)


def test_the_command_asks_the_cloud_that_env_names(gcs: Cloud, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OBSERVATUDO_BUCKET")
    monkeypatch.delenv("OBSERVATUDO_PROJECT")
    (clone / ".env").write_text(f"OBSERVATUDO_BUCKET={gcs.bucket}\n", encoding="utf-8")
    command = [sys.executable, "-m", "observatudo.cli.app", "doctor", "--json"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    found = {one["check"]: one["status"] for one in json.loads(done.stdout)}
    assert done.returncode == 0 and found["objects"] == "ok" and "BigQuery" not in found, done.stdout
