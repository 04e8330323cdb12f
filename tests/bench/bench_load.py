"""Loads into BigQuery: what a change of 0.1 %, 1 % and 100 % of the rows sends and merges, beside a full load of it.

On the emulators, through the real clients and a proxy that counts what comes to the bucket. One table of observations;
each version is brought twice from the same one before it: as a difference, and whole (``update_mode: full``).
Seconds are those of the emulators on this machine, and say nothing of BigQuery; bytes and rows are what Google would
get. Argument: number of rows (default: 1,000,000).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from observatudo import parquet
from observatudo.warehouse.tables import OBSERVATION, arrow_schema
from tests.cloud.emulators import UNSET, running
from tests.cloud.proxy import Proxy, proxied
from tests.cloud.repository import Small

ROWS = 1_000_000
SHARES = (0.001, 0.01, 1.0)
_MONTHS = 120


@dataclass(frozen=True)
class Cost:
    """One load: bytes of the bodies that came to the bucket, rows merged, seconds of wall time here."""

    share: float
    mode: str
    sent: int
    merged: int
    seconds: float

    def line(self) -> str:
        """Return a row of the table."""
        return f"| {self.share:.1%} | {self.mode} | {self.sent / 1e6:,.3f} | {self.merged:,} | {self.seconds:.1f} |"


def version(small: Small, count: int, share: float) -> None:
    """Write the rows, a share of them with another value than in the version of share 0: evenly spread, same seed."""
    number = np.arange(count)
    value = np.round(np.random.default_rng(20261123).normal(1000, 300, count), 2)
    changed = np.random.default_rng(7).permutation(count)[: round(count * share)]
    value[changed] += 1.0
    months = np.array([date(2010 + month // 12, month % 12 + 1, 1) for month in range(_MONTHS)], dtype="datetime64[D]")
    towns = np.char.add("", (1_100_000 + number // _MONTHS % 5570).astype(str))
    names = np.char.add("prova_", (number // _MONTHS // 5570).astype(str))
    text = np.char.mod("%.2f", value)
    empty = pa.nulls(count, pa.string())
    columns = [names, towns, months[number % _MONTHS], np.full(count, "mensal"), value, empty, text, empty]
    small.folder.mkdir(parents=True, exist_ok=True)
    (small.root / ".dvc").mkdir(exist_ok=True)
    parquet.write(pa.table(columns, schema=arrow_schema(OBSERVATION)), small.folder / "a.parquet")
    small.keep()


def load(small: Small, proxy: Proxy, share: float, *, is_full: bool) -> Cost:
    """Bring the version in hand; the bytes are those that the proxy saw, which must be what the load says it sent."""
    before, started = proxy.uploaded(), time.perf_counter()
    done = small.bring(replace(small.table(), is_full=is_full))
    seconds = time.perf_counter() - started
    sent = proxy.uploaded() - before
    assert done.sent_bytes <= sent < done.sent_bytes + 5000
    return Cost(share, done.mode, sent, done.inserted + done.updated + done.removed, seconds)


def empty_bucket(small: Small) -> None:
    """Forget what was sent before, so that both ways send all that they need."""
    from observatudo.cloud import clients

    client = clients.storage(small.settings)
    for blob in list(client.list_blobs(small.settings.bucket)):
        blob.delete()


def measure(count: int) -> list[Cost]:
    """Return the first load's cost, then, for each share, that of the difference and that of the whole."""
    found = []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "nuvem") as cloud:
        for name in UNSET:
            os.environ.pop(name, None)
        with proxied(cloud.storage.url) as proxy:
            os.environ |= cloud.environment | {"STORAGE_EMULATOR_HOST": proxy.url}
            small = Small(Path(folder) / "r", cloud.warehouse.url)
            small.dataset()
            version(small, count, 0)
            found.append(load(small, proxy, 1.0, is_full=True))
            for share in SHARES:
                for is_full in (False, True):
                    version(small, count, 0)
                    small.bring()
                    empty_bucket(small)
                    version(small, count, share)
                    found.append(load(small, proxy, share, is_full=is_full))
                    assert small.observed().rows == count
    return found


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    print(f"{count:,} rows; the first line is the first load")
    print("| changed | mode | MB sent | rows merged | s on the emulators |\n|---|---|---|---|---|")
    for cost in measure(count):
        print(cost.line())


if __name__ == "__main__":
    main()
