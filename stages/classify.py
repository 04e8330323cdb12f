"""Stage classify: the indicators of all declared datasets, and what models answered about them → their axes."""

from __future__ import annotations

from observatudo import arrow, journal


def work(log: journal.Stage) -> None:
    """Write the tables of labels and of evidence and the stage's figures; warn of what a person should look at."""
    from observatudo import paths
    from observatudo.classify import labelling

    arrow.skip_pandas()
    result = labelling.label_all(log.root, log.progress)
    for text in result.warnings:
        log.warn(text)
    for event in result.events:
        log.note("label", **event)
    labelling.write(log.root, result)
    rows = result.labels.num_rows
    log.count(rows_read=rows, rows_kept=rows, rows_rejected=0)
    log.output(paths.LABELS.as_posix(), rows=rows)
    log.output(paths.EVIDENCE.as_posix(), rows=result.evidence.num_rows)


if __name__ == "__main__":
    journal.main("classify", work)
