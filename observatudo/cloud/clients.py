"""Google's own clients for one environment's settings; against an emulator they need no credentials.

Importing them takes seconds, so it happens where a client is made.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from observatudo.cloud.settings import DEADLINE_S
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.auth.credentials import Credentials
    from google.cloud.bigquery import Client as BigQuery
    from google.cloud.bigquery_storage import BigQueryReadClient
    from google.cloud.storage import Client as Storage

    from observatudo.cloud.settings import Settings

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

_REQUEST_S = 60.0  # within which an answer must begin


class Patience(TypedDict):
    """What every call of a client of BigQuery or Cloud Storage is given, so that none waits for ever."""

    retry: Retry
    timeout: float


def bigquery_patience(deadline_s: float = DEADLINE_S) -> Patience:
    """Return how long BigQuery is waited for: asked again for ``deadline_s`` seconds, each answer within a minute."""
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY.with_timeout(deadline_s), "timeout": min(_REQUEST_S, deadline_s)}


def storage_patience(deadline_s: float = DEADLINE_S) -> Patience:
    """Return how long Cloud Storage is waited for, as ``bigquery_patience`` does."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY.with_timeout(deadline_s), "timeout": min(_REQUEST_S, deadline_s)}


def credentials(settings: Settings) -> Credentials:
    """Return the application default credentials; anonymous ones for an emulator, unless a file is named.

    Raises ObservatudoError, without a word of the file's content, when there are none or the file is no credentials.
    """
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import GoogleAuthError

    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if (settings.bigquery_host or settings.storage_host) and not named:
        return AnonymousCredentials()
    try:
        found, _project = google.auth.default(scopes=_SCOPES)
    except (GoogleAuthError, ValueError, OSError):  # its message may quote the file
        raise ObservatudoError(
            _("Google Cloud's credentials are missing or cannot be used"),
            where=_where(named),
            next_step="gcloud auth application-default login",
        ) from None
    return found


def is_name_of_file(text: str) -> bool:
    """Say whether a text can be shown as a file's name: who puts the key itself in its place must not read it again."""
    try:
        return Path(text).is_file() or (text.endswith(".json") and not set(text) & set('{}"\n'))
    except OSError:  # far too long for a name
        return False


def _where(named: str) -> str:
    if not named:
        return "application default credentials"
    variable = "GOOGLE_APPLICATION_CREDENTIALS"
    return f"{variable}={named}" if is_name_of_file(named) else variable


def bigquery(settings: Settings) -> BigQuery:
    """Return a client of BigQuery for the project; raises ObservatudoError without credentials."""
    from google.cloud import bigquery

    options = {"api_endpoint": settings.bigquery_host} if settings.bigquery_host else None
    return bigquery.Client(
        project=settings.project,
        credentials=credentials(settings),
        location=settings.location,
        client_options=options,
    )


def storage(settings: Settings) -> Storage:
    """Return a client of Cloud Storage for the project; raises ObservatudoError without credentials."""
    from google.cloud import storage

    options = {"api_endpoint": settings.storage_host} if settings.storage_host else None
    return storage.Client(project=settings.project, credentials=credentials(settings), client_options=options)


def reader(settings: Settings) -> BigQueryReadClient:
    """Return a client of the Storage Read API; raises ObservatudoError without credentials."""
    from google.cloud import bigquery_storage

    if not settings.read_host:
        return bigquery_storage.BigQueryReadClient(credentials=credentials(settings))
    import grpc
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    # as Google's own transport has it: one message of rows may be larger than gRPC's 4 MB
    channel = grpc.insecure_channel(settings.read_host, options=[("grpc.max_receive_message_length", -1)])
    return bigquery_storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
