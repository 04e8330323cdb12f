"""Stage ``ingest@<fonte>/<dataset>``: a snapshot and its declaration → the dataset's tables."""

from __future__ import annotations

from observatudo import arrow, journal, paths


def _work(log: journal.Stage) -> None:
    from observatudo.ingest.pipeline import ingest

    arrow.skip_pandas()
    report = ingest(log.root, log.key, log.progress)
    log.count(rows_read=report.rows_read, rows_kept=report.rows_kept, rows_rejected=report.rows_rejected)
    for check in report.checks:
        if not check.passed:
            log.warn(f"{check.title()}: {check.failed} ({'; '.join(check.sample)})")
    log.output((paths.INGESTED / log.key).as_posix(), rows=report.rows)


if __name__ == "__main__":
    journal.main("ingest", _work)
