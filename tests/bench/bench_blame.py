"""Seconds that ``observatudo blame`` and ``log`` take over 1,000 versions, cold and warm. Target: 2 s warm.

Every commit has another dvc.lock (as large as this repository's), another snapshot, a run record and another file of
one indicator. ``blame`` is asked for a cell that changed in every commit, and for one that changed in ten.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from observatudo import parquet
from observatudo.warehouse.tables import LABEL, OBSERVATION, arrow_schema
from tests.conftest import ROOT

COMMITS = int(os.environ.get("COMMITS", "1000"))
TOWNS = 5_570
INDICATORS = 200  # entries of the folder's listing
TRIALS = 5
INDICATOR = "sidra_5938_37"
OUT = "data/ingested/sidra/pib"
BEGAN = 1_700_000_000
Values = npt.NDArray[np.float64]
COMMANDS = {
    "blame, changed in every commit": ["blame", "sidra/pib/observacao", "1100000"],
    "blame, changed in ten commits": ["blame", "sidra/pib/observacao", "1105569"],
}


class Repository:
    """A repository with the history, made by ``git fast-import`` and straight into DVC's cache."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
        self.record = json.loads(sorted((ROOT / "audit/runs").glob("*/*/*.json"))[-1].read_text())
        self.values = np.arange(TOWNS, dtype=np.float64)
        self.others: list[dict[str, str]] = []

    def build(self) -> None:
        for name, content in {"dvc.yaml": "stages: {}\n", "params.yaml": "datasets: {}\n", ".dvc/config": ""}.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(content)
        label = dict.fromkeys(arrow_schema(LABEL).names, "x") | {"id_indicador": INDICATOR, "confianca": 1.0}
        self.lock["stages"]["classify"]["outs"][0]["md5"] = self._cached(
            self._bytes(pa.Table.from_pylist([label], arrow_schema(LABEL)))
        )
        for number in range(INDICATORS):
            name = f"x{number:03}"
            md5 = self._cached(self._parquet(name, ["1100000"], np.zeros(1)))
            self.others.append({"md5": md5, "relpath": f"observacao/{name}.parquet"})
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=self.root, check=True)
        stream = b"".join(self._commits())
        subprocess.run(["git", "fast-import", "--quiet"], cwd=self.root, input=stream, check=True)
        subprocess.run(["git", "reset", "-q", "--hard", "main"], cwd=self.root, check=True)

    def _commits(self) -> Iterator[bytes]:
        for number in range(COMMITS):
            md5 = self._output(number)
            run = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(BEGAN + number * 3600))}-{number}"
            message = f"version {number}".encode()
            yield b"commit refs/heads/main\ncommitter Maria <m@example.org> %d +0000\n" % (BEGAN + number * 3600 + 60)
            yield b"data %d\n%b\n" % (len(message), message)
            yield _file("dvc.lock", self._lock(number, md5))
            yield _file("data/raw/sidra/pib/snapshot.json", json.dumps({"number": number}))
            yield _file(f"audit/runs/2023/11/{run}.json", self._record(run, md5))

    def _output(self, number: int) -> str:
        self.values[0] = number
        if number % max(COMMITS // 10, 1) == 0:
            self.values[-1] = -number
        md5 = self._cached(self._parquet(INDICATOR, [str(1_100_000 + town) for town in range(TOWNS)], self.values))
        entries = [{"md5": md5, "relpath": f"observacao/{INDICATOR}.parquet"}, *self.others]
        return self._cached(json.dumps(entries).encode(), ".dir")

    def _parquet(self, indicator: str, towns: list[str], values: Values) -> bytes:
        count = len(towns)
        columns = {
            "id_indicador": pa.array([indicator] * count),
            "id_municipio": pa.array(towns),
            "data_referencia": pa.array([date(2022, 1, 1)] * count),
            "periodicidade": pa.array(["anual"] * count),
            "valor": pa.array(values),
            "valor_texto": pa.nulls(count, pa.string()),
            "valor_original": pa.array([str(value) for value in values]),
            "justificativa": pa.nulls(count, pa.string()),
        }
        return self._bytes(pa.table(columns, schema=arrow_schema(OBSERVATION)))

    def _bytes(self, table: pa.Table) -> bytes:
        part = self.root / "part"
        parquet.write(table, part)
        content = part.read_bytes()
        part.unlink()
        return content

    def _cached(self, content: bytes, suffix: str = "") -> str:
        md5 = hashlib.md5(content).hexdigest() + suffix
        path = self.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return md5

    def _lock(self, number: int, md5: str) -> str:
        stage = self.lock["stages"]["ingest@sidra/pib"]
        stage["outs"][0]["md5"] = md5
        raw = next(dep for dep in stage["deps"] if dep["path"] == "data/raw/sidra/pib")
        raw["md5"] = hashlib.md5(f"raw {number}".encode()).hexdigest() + ".dir"
        return str(yaml.dump(self.lock, Dumper=yaml.CSafeDumper, sort_keys=False))

    def _record(self, run: str, md5: str) -> str:
        self.record["run_id"] = run
        self.record["outputs"][OUT] = {"md5": md5}
        return json.dumps(self.record, indent=2)

    def seconds(self, command: str, table: str, town: str) -> tuple[float, float]:
        """Return the wall and CPU seconds of one command, its answer checked."""
        words = [sys.executable, "-m", "observatudo.cli.app", command, table, "--json"]
        words += ["--indicador", INDICATOR, "--municipio", town, "--ano", "2022"] if town else ["-n", "20"]
        start, before = time.monotonic(), os.times()
        environment = os.environ | {"PYTHONPATH": str(ROOT), "DVC_SITE_CACHE_DIR": f"{self.root}/site"}
        done = subprocess.run(words, cwd=self.root, env=environment, check=True, capture_output=True)
        took, after = time.monotonic() - start, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        expected = {"1100000": COMMITS, "1105569": min(10, COMMITS), "": min(20, COMMITS)}[town]
        found = json.loads(done.stdout)["entries"]
        assert len(found) == expected, (town, len(found))
        assert all(entry["run"] and entry["causes"] for entry in found)
        return took, cpu

    def forget(self) -> None:
        (self.root / ".observatudo/versions.sqlite").unlink(missing_ok=True)


def _file(name: str, text: str) -> bytes:
    content = text.encode()
    return b"M 100644 inline %b\ndata %d\n%b\n" % (name.encode(), len(content), content)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder))
        start = time.monotonic()
        repository.build()
        print(f"{COMMITS} commits with a dvc.lock each, {TOWNS} rows per version; built in", end=" ")
        print(f"{time.monotonic() - start:.0f} s")
        heads = ("cold, wall", "CPU", f"warm ({TRIALS}×), wall", "CPU")
        print(f"{'seconds, process start included':<34}" + "".join(f"{head:>16}" for head in heads))
        commands = {**COMMANDS, "log, its 20 newest changes": ["log", "sidra/pib/observacao", ""]}
        for name, (command, table, town) in commands.items():
            repository.forget()
            cold = repository.seconds(command, table, town)
            trials = [repository.seconds(command, table, town) for _trial in range(TRIALS)]
            warm = [statistics.median(one[which] for one in trials) for which in (0, 1)]
            print(f"{name:<34}" + "".join(f"{figure:>16.2f}" for figure in (*cold, *warm)), flush=True)
        size = (repository.root / ".observatudo/versions.sqlite").stat().st_size
        print(f"the cache is {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
