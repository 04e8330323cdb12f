"""Stage transform: dbt builds, tests and documents the marts, which are then exported."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from observatudo import arrow, journal, paths


def work(log: journal.Stage) -> None:
    """Build the warehouse, export the marts, write metrics; tests that only warn are logged."""
    from observatudo.config import load_params
    from observatudo.warehouse.transform import transform

    arrow.skip_pandas()
    started = datetime.fromtimestamp(log.identity.owner.started, UTC)
    variables = {"id_execucao": log.run_id, "data_processamento": f"{started:%Y-%m-%d %H:%M:%S}"}
    threads = load_params(log.root).transform.threads
    built = transform(log.root, threads, variables, log.progress, lambda job: log.note("job", **asdict(job)))
    for warning in built.warnings:
        log.warn(warning)
    for mart, rows in built.rows.items():
        log.output(f"{paths.MARTS.as_posix()}/{mart}.parquet", rows=rows)


if __name__ == "__main__":
    journal.main("transform", work)
