"""The whole pipeline at the size of the country, stage by stage, beside DuckDB reading and writing the same Parquet.

``python -m tests.bench.bench_full_size [small|tenth|full]``; full takes some minutes and 6 GB of disk.
Target: under 4096 MB in every stage, on two cores.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.bench import full_size, watch
from tests.bench.full_size import Made, Size
from tests.conftest import ROOT, clone_to

TARGET_MB = 4096
SIZES = {"small": full_size.SMALL, "tenth": Size(557, 20, 10, 30), "full": full_size.FULL}
OBSERVED = f"data/ingested/{full_size.SOURCE}/*/observacao/*.parquet"
_LIMIT = """
import duckdb, sys
duckdb.execute("set enable_progress_bar = false; set memory_limit = '2GB'")
duckdb.execute(sys.argv[1])
"""
_ASKED = ("value", "1100015", f"{full_size.SOURCE}_01_01")


@dataclass(frozen=True)
class Line:
    """One line of the table: what ran, over how many rows, for how long, and the memory it held (MiB)."""

    name: str
    rows: int
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """One run at one size; ``limit`` is DuckDB's reading and writing, ``wrong`` what the marts have wrong."""

    limit: Line
    lines: list[Line]
    wrong: list[str]


def measure(clone: Path, size: Size) -> Measured:
    """Add the observatory of ``size`` to a clone, run what it has not run yet, and measure it; writes beside it too."""
    environment = os.environ | {
        "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(clone),
        "DVC_SITE_CACHE_DIR": str(clone.parent / "dvc"),
    }
    shutil.rmtree(clone / "logs", ignore_errors=True)  # of earlier runs
    made = full_size.make(clone, size)
    whole = watch.run(["dvc", "repro", "-q"], clone, environment)
    again = watch.run(["dvc", "repro", "-q", "transform"], clone, environment)
    asked = watch.run(["observatudo", *_ASKED], clone, environment)
    read = _duckdb(f"select count(*), sum(hash(columns(*))) from '{OBSERVED}'", clone, environment)
    copy = f"copy (from '{OBSERVED}') to '{clone.parent}/copy.parquet' (compression zstd)"
    limit = _line("limit: DuckDB reads and writes the Parquet", size.values, _duckdb(copy, clone, environment))
    lines = [
        *_stages(clone, whole),
        Line("dvc repro: DVC itself", 0, 0.0, whole.own_cpu_s, whole.own_mb),
        Line("dvc repro: all of it", size.values, whole.wall_s, whole.cpu_s, whole.peak_mb),
        _line("dvc repro transform, nothing to do", 0, again),
        _line("observatudo value", 1, asked),
        _line("DuckDB reads the Parquet", size.values, read),
    ]
    return Measured(limit, lines, _wrong(clone, made))


def _duckdb(statement: str, where: Path, environment: dict[str, str]) -> watch.Cost:
    return watch.run([sys.executable, "-c", _LIMIT, statement], where, environment)


def _line(name: str, rows: int, cost: watch.Cost) -> Line:
    return Line(name, rows, cost.wall_s, cost.cpu_s, cost.peak_mb)


def _stages(clone: Path, whole: watch.Cost) -> list[Line]:
    """Time and rows as the run's own log tells them, in order; memory as it was seen from outside."""
    events = [json.loads(text) for log in sorted((clone / "logs").glob("*.jsonl")) for text in log.open()]
    ends = [event for event in events if event["event"] == "end"]
    return [
        Line(
            event["stage"],
            event["rows"].get("rows_read") or max([0, *(rows or 0 for rows in event["outputs"].values())]),
            event["wall_s"],
            event["cpu_s"],
            max(whole.stages.get(event["stage"], 0.0), event["peak_mb"]),
        )
        for event in ends
    ]


def _wrong(clone: Path, made: list[Made]) -> list[str]:
    """Compare the marts with what was generated: rows read and refused, and every value by count and sum."""
    found = duckdb.execute(f"""
        select concat_ws('/', v.fonte, v.dataset), v.linhas_lidas, v.linhas_rejeitadas, count(*), count(f.valor),
            sum(cast(round(f.valor * 100) as bigint))
        from '{clone}/data/marts/fact_indicador.parquet' f
        join '{clone}/data/marts/dim_indicador.parquet' i using (id_indicador)
        join '{clone}/data/marts/audit_volumetria.parquet' v using (fonte, dataset)
        where v.fonte = '{full_size.SOURCE}'
        group by all
    """).fetchall()
    expected = {(m.key, m.rows, m.rejected, m.values, m.present, m.cents) for m in made}
    return [f"{row} is in one of the marts and the generator only" for row in expected.symmetric_difference(found)]


def table(measured: Measured) -> str:
    """Return the run as a Markdown table; × is processor time over that of the limit."""
    text = ["| stage | rows | wall s | CPU s | × limit | peak MB |", "|---|---:|---:|---:|---:|---:|"]
    for line in [*measured.lines, measured.limit]:
        ratio = line.cpu_s / measured.limit.cpu_s
        wall = f"{line.wall_s:.1f}" if line.wall_s else "–"
        text.append(f"| {line.name} | {line.rows:,} | {wall} | {line.cpu_s:.1f} | {ratio:.2f} | {line.peak_mb:.0f} |")
    return "\n".join(text)


def main(name: str = "full") -> int:
    """Print the table; return 1 when a stage holds too much memory or the marts are not what was generated."""
    folder = Path(tempfile.mkdtemp(prefix="full-size-"))
    try:
        measured = measure(clone_to(folder / "clone"), SIZES[name])
    finally:
        shutil.rmtree(folder)
    print(f"the pipeline at full size ({name}; target: {TARGET_MB} MB)\n{table(measured)}")
    over = [line.name for line in measured.lines if line.peak_mb > TARGET_MB]
    for problem in [*measured.wrong, *(f"over target: {line}" for line in over)]:
        print(problem)
    return 1 if measured.wrong or over else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
