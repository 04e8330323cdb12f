"""What Google Cloud needs so that a push, a load and dbt can work there, tried one by one with the real clients.

Nothing is asked of anybody until settings name a project or a bucket, or ``params.yaml`` the target bigquery. What is
written to try is taken away again; a trial that is killed leaves an object ``cargas/doctor-…``, which expires by the
bucket's rules, and a table ``_doctor_…`` that expires after an hour.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from observatudo import config
from observatudo.cloud import clients, failures
from observatudo.cloud import settings as where
from observatudo.cloud.settings import Settings
from observatudo.doctor import Finding
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.auth.credentials import Credentials
    from google.cloud.bigquery import Client as BigQuery
    from google.cloud.bigquery import Table
    from google.cloud.storage import Bucket

T = TypeVar("T")

PREFIX = "cargas/doctor-"
_CLOUD = "Google Cloud"  # a name, the same in all languages
_TIMEOUT_S = 15.0
_CLOCK = "reasonable timeframe"  # so Google tells a machine whose clock is wrong
_LOGIN = "gcloud auth application-default login"
_KINDS = {
    "google.auth.credentials": _("none: an emulator asks for none"),
    "google.oauth2.service_account": _("a service account's file"),
    "google.oauth2.credentials": _("a person's login"),
    "google.auth.identity_pool": _("workload identity"),
    "google.auth.impersonated_credentials": _("a person's login as a service account"),
    "google.auth.compute_engine.credentials": _("the machine's own account"),
}


@dataclass(frozen=True)
class Refused:
    """Why something could not be done, and the command that mends it."""

    detail: str
    next_step: str
    is_forbidden: bool = False


def examine(root: Path) -> Iterator[Finding]:
    """Yield the findings for the repository at ``root``: none when nothing says that Google Cloud is used."""
    to_bigquery = _target(root) == "bigquery"
    try:
        settings = where.load(root)
    except ObservatudoError as error:
        yield Finding(_CLOUD, "missing", error.message, error.next_step)
        return
    if not (to_bigquery or settings.project or settings.bucket):
        return
    try:
        where.require(settings, *(("project", "bucket") if to_bigquery else ()))
    except ObservatudoError as error:
        yield Finding(_CLOUD, "missing", error.message, error.next_step)
        return
    place = settings.place if settings.project else _("no project")
    bucket = f"gs://{settings.bucket}" if settings.bucket else _("no bucket")
    yield Finding(_CLOUD, "ok", f"{settings.environment}: {place}, {bucket}, {settings.location}")
    yield from _with_credentials(root, settings, to_bigquery)


def _target(root: Path) -> str:
    try:
        return config.load_params(root).warehouse.target
    except ObservatudoError:
        return ""  # what is wrong with params.yaml is said elsewhere


def _with_credentials(root: Path, settings: Settings, to_bigquery: bool) -> Iterator[Finding]:
    yield from _gcloud()
    yield from _key_file(root)
    try:
        found = clients.credentials(settings)
    except ObservatudoError as error:
        yield Finding(_("credentials"), "missing", f"{error.message} ({error.where})", error.next_step)
        return
    refused = _tried(partial(_refresh, found), _("ask who runs the project"), _LOGIN)
    if isinstance(refused, Refused):
        yield Finding(_("credentials"), "missing", refused.detail, refused.next_step)
        return
    kind = _KINDS.get(type(found).__module__, type(found).__name__)
    yield Finding(_("credentials"), "ok", ", ".join(filter(None, [kind, _account(found)])))
    member = _member(found)
    if settings.bucket:
        yield from _bucket(settings, member, to_bigquery)
    if settings.project and (to_bigquery or settings.is_emulated or not settings.bucket):
        yield from _warehouse(settings, member, to_bigquery)
    yield Finding(
        _("quotas, costs"),
        "optional",
        _("cannot be seen from here"),
        _("look at IAM & Admin, Quotas, and at Billing, Budgets, in the project's console (docs/gcp.md)"),
    )


def _gcloud() -> Iterator[Finding]:
    path = shutil.which("gcloud")
    why = _("not found; only {why}").format(why=_("to log in and to mend what is found here"))
    step = "" if path else _("install the Google Cloud CLI (docs/gcp.md)")
    yield Finding("gcloud", "ok" if path else "optional", path or why, step)


def _key_file(root: Path) -> Iterator[Finding]:
    """Warn of a file of credentials that Git would take in: one ``git add`` away from being everybody's."""
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if not clients.is_name_of_file(named) or not Path(named).resolve().is_relative_to(root.resolve()):
        return
    ignored = subprocess.run(["git", "check-ignore", "-q", named], cwd=root, capture_output=True, check=False)
    if ignored.returncode:  # GitHub's own action puts its file here, for the time of a run
        yield Finding(
            _("credentials' file"),
            "missing",
            _("it is inside the repository: {file}").format(file=named),
            _("move it out, say into ~/.config, and mend GOOGLE_APPLICATION_CREDENTIALS"),
        )


def _refresh(found: Credentials) -> None:
    """Have a token made, without keeping it: what is wrong with the credentials shows here."""
    from google.auth.credentials import AnonymousCredentials
    from google.auth.transport.requests import Request

    if not isinstance(found, AnonymousCredentials):
        found.refresh(partial(Request(), timeout=_TIMEOUT_S))


def _account(found: Credentials) -> str:
    for name in ("service_account_email", "account"):
        if isinstance(value := getattr(found, name, None), str) and value:
            return value
    return ""


def _member(found: Credentials) -> str:
    account = _account(found)
    if not account:
        return "user:ana@example.org"
    return f"{'serviceAccount' if account.endswith('gserviceaccount.com') else 'user'}:{account}"


def _tried(action: Callable[[], T], missing: str, forbidden: str) -> T | Refused:
    """Do it once. What refuses becomes words: ``missing`` and ``forbidden`` are the commands that mend those."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError

    network = _("check the network and the addresses in .env, then: observatudo doctor")
    try:
        return action()
    except exceptions.NotFound as error:
        return Refused(failures.reason(error), missing)
    except exceptions.Unauthorized as error:
        return Refused(_("the credentials are not accepted: {said}").format(said=failures.reason(error)), _LOGIN)
    except exceptions.Forbidden as error:
        return Refused(_("not allowed: {said}").format(said=failures.reason(error)), forbidden, is_forbidden=True)
    except exceptions.GoogleAPICallError as error:
        return Refused(failures.reason(error), _("wait a little, then: observatudo doctor"))
    except TransportError:
        return Refused(_("where tokens are made cannot be reached"), network)
    except GoogleAuthError as error:  # its message may hold what the token's endpoint answered: it is not shown
        clock = _("set this machine's clock: sudo timedatectl set-ntp true")
        return Refused(_("the credentials are not accepted"), clock if _CLOCK in str(error) else _LOGIN)
    except (exceptions.RetryError, requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
        return Refused(_("cannot be reached: {why}").format(why=type(error).__name__), network)


def _bucket(settings: Settings, member: str, to_bigquery: bool) -> Iterator[Finding]:
    name = settings.bucket
    url = f"gs://{name}"
    client = clients.storage(settings)
    found = _tried(
        lambda: client.get_bucket(name, timeout=_TIMEOUT_S, retry=None),
        f"gcloud storage buckets create {url} --location={settings.location}"
        " --uniform-bucket-level-access --public-access-prevention",
        _grant_on_bucket(url, member, "roles/storage.legacyBucketReader"),
    )
    if isinstance(found, Refused):
        yield Finding(url, "missing", found.detail, found.next_step)
        if not found.is_forbidden:
            return
        found = client.bucket(name)  # its objects may be open to who may not look at the bucket
    else:
        yield from _bucket_as_it_is(settings, found, to_bigquery)
    yield from _objects(url, found, member)


def _grant_on_bucket(url: str, member: str, role: str) -> str:
    return f"gcloud storage buckets add-iam-policy-binding {url} --member={member} --role={role}"


def _bucket_as_it_is(settings: Settings, found: Bucket, to_bigquery: bool) -> Iterator[Finding]:
    url, location = f"gs://{settings.bucket}", str(found.location or "").lower()
    elsewhere = location != settings.location.lower()
    yield Finding(
        url,
        ("missing" if to_bigquery else "optional") if elsewhere else "ok",
        _("it is in {location}, and the settings say {wanted}").format(location=location, wanted=settings.location)
        if elsewhere
        else _("there, in {location}").format(location=location),
        _("mend OBSERVATUDO_LOCATION, or create a bucket there: BigQuery loads from its own location alone")
        if elsewhere
        else "",
    )
    for is_well, what, option in (
        (found.versioning_enabled, _("versioning is off: what is deleted is gone"), "--versioning"),
        (
            found.iam_configuration.public_access_prevention == "enforced",
            _("nothing keeps it from being made public"),
            "--public-access-prevention",
        ),
    ):
        if not is_well:
            yield Finding(url, "optional", what, f"gcloud storage buckets update {url} {option}")


def _objects(url: str, bucket: Bucket, member: str) -> Iterator[Finding]:
    """Write, list, read and delete a small object, by one request each."""
    blob = bucket.blob(f"{PREFIX}{secrets.token_hex(8)}")
    once = {"timeout": _TIMEOUT_S, "retry": None}
    written = b"observatudo doctor\n"
    steps: list[tuple[str, Callable[[], object]]] = [
        (_("cannot write: {why}"), lambda: blob.upload_from_string(written, if_generation_match=0, **once)),
        (
            _("cannot list: {why}"),
            lambda: list(bucket.client.list_blobs(bucket, prefix=blob.name, max_results=1, **once)),
        ),
        (_("cannot read: {why}"), lambda: blob.download_as_bytes(**once)),
        (_("cannot delete: {why}"), lambda: blob.delete(**once)),
    ]
    mend = _grant_on_bucket(url, member, "roles/storage.objectUser")
    for failed, action in steps:
        refused = _tried(action, mend, mend)
        if isinstance(refused, Refused):
            yield Finding(_("objects"), "missing", failed.format(why=refused.detail), refused.next_step)
            return
    yield Finding(_("objects"), "ok", _("written, listed, read, deleted"))


def _once() -> Retry:
    """Return how BigQuery's client is told to ask once: ``None`` it does not take."""
    from google.api_core.retry import Retry, if_exception_type

    return Retry(predicate=if_exception_type())


def _warehouse(settings: Settings, member: str, to_bigquery: bool) -> Iterator[Finding]:
    from google.cloud.bigquery import QueryJobConfig

    client = clients.bigquery(settings)
    grant = f"gcloud projects add-iam-policy-binding {settings.project} --member={member} --role="
    job = _tried(
        lambda: client.query(
            "select 1", job_config=QueryJobConfig(dry_run=True), timeout=_TIMEOUT_S, retry=_once(), job_retry=None
        ),
        f"gcloud services enable bigquery.googleapis.com --project={settings.project}",
        f"{grant}roles/bigquery.jobUser",
    )
    if isinstance(job, Refused):
        yield Finding("BigQuery", "missing", job.detail, job.next_step)
        return
    yield Finding("BigQuery", "ok", _("takes queries of {project}").format(project=settings.project))
    for dataset in (settings.dataset, settings.raw_dataset):
        create = _("observatudo warehouse --create   (or terraform apply: docs/gcp.md)") if to_bigquery else ""
        yield from _dataset(settings, client, dataset, member, create)


def _dataset(settings: Settings, client: BigQuery, name: str, member: str, create: str) -> Iterator[Finding]:
    place = f"{settings.project}.{name}"
    bq = f"{settings.project}:{name}"
    grant = f"bq query --use_legacy_sql=false 'grant `roles/bigquery.dataEditor` on schema `{place}` to \"{member}\"'"
    found = _tried(
        lambda: client.get_dataset(place, timeout=_TIMEOUT_S, retry=_once()),
        create or f"bq --location={settings.location} mk --dataset {bq}",
        grant,
    )
    if isinstance(found, Refused):
        yield Finding(name, "missing", found.detail, found.next_step)
        return
    if str(found.location).lower() != settings.location.lower():
        said = _("it is in {location}, and the settings say {wanted}")
        detail = said.format(location=found.location, wanted=settings.location)
        step = _("mend OBSERVATUDO_LOCATION, or name another OBSERVATUDO_DATASET: a dataset cannot be moved")
        yield Finding(name, "missing", detail, step)
        return
    if found.default_table_expiration_ms:
        step = f"bq update --default_table_expiration 0 {bq}"
        yield Finding(name, "missing", _("its tables expire by themselves"), step)
    yield from _tables(settings, client, name, grant, member)


def _tables(settings: Settings, client: BigQuery, name: str, grant: str, member: str) -> Iterator[Finding]:
    """Make an empty table, open a read session on it, and drop it."""
    from google.cloud.bigquery import SchemaField, Table

    table = Table(f"{settings.project}.{name}._doctor_{secrets.token_hex(8)}", [SchemaField("x", "INT64")])
    table.expires = datetime.now(UTC) + timedelta(hours=1)
    made = _tried(lambda: client.create_table(table, timeout=_TIMEOUT_S, retry=_once()), grant, grant)
    if isinstance(made, Refused):
        detail = _("cannot {verb}: {why}").format(verb=_("create a table"), why=made.detail)
        yield Finding(name, "missing", detail, made.next_step)
        return
    role = f"gcloud projects add-iam-policy-binding {settings.project} --member={member}"
    read = _tried(partial(_read, settings, table), grant, f"{role} --role=roles/bigquery.readSessionUser")
    gone = _tried(lambda: client.delete_table(table, timeout=_TIMEOUT_S, retry=_once()), grant, grant)
    for verb, done in ((_("read a table"), read), (_("drop a table"), gone)):
        if isinstance(done, Refused):
            detail = _("cannot {verb}: {why}").format(verb=verb, why=done.detail)
            yield Finding(name, "missing", detail, done.next_step)
            return
    yield Finding(
        name, "ok", _("there, in {location}; a table was made, read, dropped").format(location=settings.location)
    )


def _read(settings: Settings, table: Table) -> None:
    from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

    session = ReadSession(table=table.path.removeprefix("/"), data_format=DataFormat.ARROW)
    with clients.reader(settings) as reader:
        reader.create_read_session(
            parent=f"projects/{settings.project}",
            read_session=session,
            max_stream_count=1,
            timeout=_TIMEOUT_S,
            retry=None,
        )
