"""Stage load: ingested tables → the warehouse, with a table of loads and a receipt."""

from __future__ import annotations

from observatudo import arrow, journal
from observatudo.runs import inputs
from observatudo.warehouse.bigquery import telling


def work(log: journal.Stage) -> None:
    """Load every declared dataset into the warehouse that params.yaml names."""
    from observatudo.config import load_params
    from observatudo.warehouse.load import LOADS, RECEIPT, load

    arrow.skip_pandas()
    by = telling.By(log.run_id, inputs.head_commit(log.root) or "", journal.who() or "")
    receipt = load(log.root, load_params(log.root).warehouse, by, telling.watch(log))
    log.count(rows_read=sum(file.rows for file in receipt.files))
    log.output(LOADS.as_posix(), rows=len(receipt.loads))
    log.output(RECEIPT.as_posix(), rows=len(receipt.files))


if __name__ == "__main__":
    journal.main("load", work)
