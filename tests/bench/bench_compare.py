"""The row comparison beside what else one would use, over DuckDB reading all values of both sides (the limit).

Pairs of tables shaped as ``observacao``: key of three, 8 columns; 1 % of the rows changed, 0.1 % added, 0.1 % removed;
sorted, shuffled, with two columns of another type, and in one file per indicator with changes in one of twenty.
Every method runs in a process of its own, in turns; its answer is held against the first one's.

Arguments: numbers of rows (default: 1 and 10 million); ``--peers`` adds datacompy, installed by uv into an environment
of its own that is gone afterwards, up to 10 million rows; ``--trials=N``;
``--pairs=sorted,few`` for some of them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import compare_methods, watch
from tests.bench.compare_pairs import NAMES, Pairs
from tests.conftest import ROOT

TRIALS = 3
PEERS = ("datacompy[polars]", "polars")
PEER_ROWS = 10_000_000
LABELS = {
    "scan": "limit: DuckDB reads all values",
    "counts": "ours: counts and columns",
    "full": "ours: complete report",
    "join": "DuckDB: full outer join",
    "datacompy": "datacompy (Polars)",
}
# pair and method: at most so many times the limit's processor time, and MiB at 10 and at 33 million rows
TARGETS = {
    ("sorted", "counts"): (5.0, 400, 700),
    ("sorted", "full"): (8.0, None, None),
    ("shuffled", "counts"): (7.0, 700, 700),
    ("few", "counts"): (1.0, 250, 250),
}
PEER_TIMES = 8.0  # what datacompy must take of our processor time, at 10 million rows


@dataclass
class Row:
    """What a method did on a pair: a cost for each trial."""

    pair: str
    method: str
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    found: dict[str, object] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpu_s)


def measure(row: Row, folder: Path, python: str) -> None:
    """Run the method once and add its cost; its seconds are its own count, without imports."""
    said = folder / "said.json"
    script = Path(compare_methods.__file__)
    command = ["sh", "-c", 'exec "$0" "$1" "$2" "$3" > "$4"', python, str(script), row.method, str(folder), str(said)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    cost = watch.run(command, folder, environment)
    answer = json.loads(said.read_text())
    row.cpu_s.append(answer["cpu_s"])
    row.wall_s.append(answer["wall_s"])
    row.peak_mb = max(row.peak_mb, cost.peak_mb)
    row.found = answer["found"]


def peers(folder: Path) -> str | None:
    """Return the interpreter of an environment with the peers, or say why there is none."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        print("datacompy: not measured, uv is missing")
        return None
    python = str(folder / "bin/python")
    for command in (["venv", "-q", str(folder)], ["pip", "install", "-q", "--python", python, *PEERS]):
        done = subprocess.run([uv, *command], capture_output=True, text=True)
        if done.returncode:
            print(f"datacompy: not measured, it cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
            return None
    return python


def bench(rows: int, trials: int, peer: str | None, pairs: Sequence[str]) -> bool:
    """Measure the pairs of a size, print the table, and say whether answers agree and targets are met."""
    with tempfile.TemporaryDirectory(prefix="observatudo-bench-") as name:
        folders = Pairs(Path(name), rows).make(pairs)
        table = []
        for pair, folder in folders.items():
            methods = ["scan", "counts", "full", "join"]
            if peer and pair == "sorted" and rows <= PEER_ROWS:
                methods.append("datacompy")
            group = [Row(pair, method) for method in methods]
            for _trial in range(trials):
                for row in group:
                    measure(row, folder, peer if peer and row.method == "datacompy" else sys.executable)
            table += group
    show(rows, trials, table)
    return all([agreed(table), met(rows, table)])


def show(rows: int, trials: int, table: list[Row]) -> None:
    print(f"\n{rows:,} rows a side; medians of {trials}\n")
    print("| pair | method | wall s | CPU s | × limit | peak MB |\n|---|---|---:|---:|---:|---:|")
    for row in table:
        limit = next(other.cpu for other in table if other.pair == row.pair and other.method == "scan")
        wall = statistics.median(row.wall_s)
        print(
            f"| {row.pair} | {LABELS[row.method]} | {wall:.2f} | {row.cpu:.2f} "
            f"| {row.cpu / limit:.2f} | {row.peak_mb:.0f} |"
        )


def agreed(table: list[Row]) -> bool:
    """Hold every answer on a pair against ours."""
    right = True
    for pair in dict.fromkeys(row.pair for row in table):
        group = [row for row in table if row.pair == pair and row.found]
        for row in group[1:]:
            if row.found != group[0].found:
                right = False
                print(f"{pair}: {LABELS[row.method]} says {row.found}, {LABELS[group[0].method]} {group[0].found}")
    print("answers agree" if right else "answers DISAGREE", file=sys.stderr)
    return right


def met(rows: int, table: list[Row]) -> bool:
    """Hold costs against the targets, which are set for 10 million rows and more."""
    by_name = {(row.pair, row.method): row for row in table}
    peer, ours = by_name.get(("sorted", "datacompy")), by_name.get(("sorted", "counts"))
    if peer is not None and ours is not None:
        print(f"datacompy: {peer.cpu / ours.cpu:.1f} × our processor time")
    if rows < PEER_ROWS:
        return True
    missed = []
    for (pair, method), (times, *most) in TARGETS.items():
        if (pair, method) not in by_name:
            continue
        row, limit = by_name[pair, method], by_name[pair, "scan"].cpu
        memory = most[rows > PEER_ROWS]
        if row.cpu > times * limit or (memory is not None and row.peak_mb > memory):
            missed.append(f"{pair}, {LABELS[method]}: {row.cpu / limit:.2f} × limit, {row.peak_mb:.0f} MB")
    if peer is not None and ours is not None and peer.cpu < PEER_TIMES * ours.cpu:
        missed.append(f"datacompy takes {peer.cpu / ours.cpu:.1f} × ours, not {PEER_TIMES}")
    print("targets met" if not missed else "targets missed: " + "; ".join(missed), file=sys.stderr)
    return not missed


def main(*arguments: str) -> int:
    """Print a table for every size; return 1 when answers disagree or a target is missed."""
    sizes = [int(text.replace("_", "")) for text in arguments if not text.startswith("-")] or [1_000_000, 10_000_000]
    settings = dict(text.split("=", 1) for text in arguments if "=" in text)
    trials, pairs = int(settings.get("--trials", TRIALS)), settings.get("--pairs", ",".join(NAMES)).split(",")
    with tempfile.TemporaryDirectory(prefix="observatudo-peers-") as name:
        if "--peers" not in arguments:
            print("datacompy: not measured without --peers, which installs it into an environment of its own")
        peer = peers(Path(name)) if "--peers" in arguments else None
        good = [bench(rows, trials, peer, pairs) for rows in sizes]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
