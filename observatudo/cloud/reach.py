"""Whether BigQuery's host takes connections: where it does not, dbt asks for each node again for ten minutes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import getproxies

from observatudo.cloud.settings import Settings

_HOST = "https://bigquery.googleapis.com"
_EVERY_S = 2.0
_CONNECT_S = 5.0


def watch(settings: Settings, lost: Callable[[str], None]) -> None:
    """Call ``lost`` with the host's name, from a thread, once it has taken no connection for the settings' deadline.

    Nothing is watched where a proxy stands before Google: whether that answers says nothing of BigQuery.
    """
    if not settings.is_emulated and "https" in getproxies():
        return
    url = urlsplit(settings.bigquery_host or _HOST)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    threading.Thread(target=_look, args=(host, port, settings.deadline_s, lost), daemon=True).start()


def _look(host: str, port: int, deadline_s: float, lost: Callable[[str], None]) -> None:
    seen = time.monotonic()
    while True:
        if _takes_connections(host, port):
            seen = time.monotonic()
        elif time.monotonic() - seen > deadline_s:
            lost(host)
            return
        time.sleep(_EVERY_S)


def _takes_connections(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True
