"""The last stage of every run, also when nothing changed: closes the run and writes its record."""

from __future__ import annotations

from observatudo import history, journal
from observatudo.i18n import _
from observatudo.runs import close
from observatudo.warehouse import presence


def work(log: journal.Stage) -> None:
    """Close whatever was cut off before this run, then this run; say so when the warehouse is another version's."""
    if not presence.is_current(log.root):
        log.warn(_("the warehouse file is missing or of another version; to renew it: dvc repro -f -s transform"))
    history.close_interrupted(log.home)
    close.own(log)


if __name__ == "__main__":
    journal.main("record", work)
