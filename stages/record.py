"""The last stage of every run, also when nothing changed: closes the run and writes its record."""

from __future__ import annotations

from observatudo import history, journal
from observatudo.runs import close
from observatudo.warehouse import presence


def work(log: journal.Stage) -> None:
    """Close whatever was cut off before this run, then this run; say so when the warehouse is another version's."""
    for text in presence.warnings(log.root, log.home):
        log.warn(text)
    history.close_interrupted(log.home)
    close.own(log)


if __name__ == "__main__":
    journal.main("record", work)
