"""The ledger: records of runs and of rollbacks in one list, newest first, and all of one rollback."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from observatudo import figures
from observatudo.history.model import Run
from observatudo.i18n import _
from tui.clean import Static
from tui.screens.base import Base
from tui.screens.run import RunScreen
from tui.sift import Item, sifter
from tui.table import Column
from tui.textview import TextView
from tui.tones import TONES

if TYPE_CHECKING:
    from observatudo.audit.rollback.ledger import Damaged, Record
    from observatudo.history.view import View

RECORDED = "source:record"
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True)
class Entry:
    """One event of the ledger: a run's record as the index has it, a rollback's, or one that cannot be read."""

    run: Run | None = None
    rollback: Record | None = None
    damaged: Damaged | None = None

    @property
    def name(self) -> str:
        if self.run:
            return self.run.run_id
        return self.rollback.rollback_id if self.rollback else self.damaged.path if self.damaged else ""

    @property
    def when(self) -> str:
        return self.run.started if self.run else self.rollback.when if self.rollback else ""

    @property
    def status(self) -> str:
        return figures.status(self.run.status) if self.run else _("↶ rollback") if self.rollback else _("✗ damaged")

    @property
    def tone(self) -> str:
        return TONES[self.run.status] if self.run else "accent" if self.rollback else "bad"

    @property
    def who(self) -> str:
        if self.run:
            return self.run.who or figures.NONE
        return _person(self.rollback) if self.rollback else figures.NONE

    @property
    def commit(self) -> str:
        if self.run:
            return (self.run.commit or figures.NONE)[: figures.SHORT] + ("+" if self.run.dirty else "")
        return self.rollback.old[: figures.SHORT] if self.rollback else figures.NONE

    @property
    def about(self) -> str:
        """Return the id of a run, or where a rollback went and why."""
        if self.rollback:
            return f"→ {self.rollback.to[: figures.SHORT]} {self.rollback.why}"
        return self.damaged.reason if self.damaged else self.name

    @property
    def item(self) -> Item:
        """Return what a filter asks of a rollback: all its text."""
        return Item(" ".join((self.name, self.status, self.who, self.commit, self.about, self.when)), {})


COLUMNS: tuple[Column[Entry], ...] = (
    Column(lambda: _("what"), 14, lambda e: e.status, tone=lambda e: e.tone),
    Column(lambda: _("when"), 16, lambda e: figures.moment(e.when)),
    Column(lambda: _("who"), 12, lambda e: e.who, keep=2),
    Column(lambda: _("commit"), 9, lambda e: e.commit, keep=1),
    Column(lambda: _("record"), 22, lambda e: e.about, flex=True),
)  # fmt: skip


class LedgerSource:
    """Runs as the index has them, with the few rollbacks put between them by their time; those have negative ids."""

    def __init__(self, view: View, wanted: str, others: Sequence[Entry]) -> None:
        self._view, self._asked = view, f"{RECORDED} {wanted}"
        fits = sifter(wanted)
        self._others = [entry for entry in others if fits(entry.item)]

    def first(self, most: int) -> Sequence[int]:
        return self._merged(self._view.first_runs(most, self._asked))[:most]

    def ids(self) -> Sequence[int]:
        return self._merged(self._view.run_ids(self._asked))

    def rows(self, ids: Sequence[int]) -> Sequence[Entry]:
        runs = iter(self._view.runs([number for number in ids if number >= 0]))
        return [Entry(run=next(runs, None)) if number >= 0 else self._others[-number - 1] for number in ids]

    def _merged(self, runs: Sequence[int]) -> array[int]:
        """Return all ids, newest first; each rollback is put in its place by halves, so that few runs are read."""
        found, done = array("q"), 0
        for number, entry in enumerate(self._others, 1):
            place = self._place(runs, entry.when, done)
            found.extend(runs[done:place])
            found.append(-number)
            done = place
        found.extend(runs[done:])
        return found

    def _place(self, runs: Sequence[int], when: str, low: int) -> int:
        high = len(runs)
        while low < high:
            middle = (low + high) // 2
            (run,) = self._view.runs([runs[middle]]) or (None,)
            if run is not None and _utc(run.started) > _utc(when):
                low = middle + 1
            else:
                high = middle
        return low


def _person(record: Record) -> str:
    return record.who.name or record.who.login or figures.NONE


def _utc(iso: str) -> str:
    return iso[:19]  # both are written in UTC, with and without fractions


class LedgerRunScreen(RunScreen):
    """What a run was, seen from the audit."""

    MODE = "audit"


class RollbackRecordScreen(Base):
    """All of one rollback's record."""

    MODE = "audit"

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    def body(self) -> Iterable[Widget]:
        yield Static(Text(self._record.path, no_wrap=True), classes="title")
        yield TextView(record_lines(self._record))


def record_lines(record: Record) -> list[Text]:
    """Return a rollback's record in words."""
    scopes = {"all": _("configuration and data"), "config": _("configuration"), "data": _("data")}
    name = _person(record)
    pairs = [
        (_("when"), figures.moment(record.when, seconds=True)),
        (_("who"), f"{name} <{record.who.email}>" if record.who.email else name),
        (_("why"), record.why),
        (_("from"), record.old),
        (_("to"), f"{record.to} ({record.asked})"),
        (_("what"), scopes[record.scope] + (f", {record.dataset}" if record.dataset else "")),
    ]
    width = max(len(head) for head, _value in pairs)
    lines = [Text.assemble((f"{head:<{width}}  ", "dim"), figures.printable(value)) for head, value in pairs]
    lines += part(_("files in Git: {count}"), [f"{_SIGNS[change]} {path}" for path, change in record.files.items()])
    lines += part(
        _("outputs and snapshots held by DVC: {count}"),
        [f"{short(out.old)} → {short(out.new)}  {path}" for path, out in record.outputs.items()],
    )
    tables = [
        f"{path}: {counts.status}"
        if counts.added is None
        else f"{path}: +{figures.count(counts.added)} −{figures.count(counts.removed)} ~{figures.count(counts.changed)}"
        for path, counts in record.tables.items()
    ]
    lines += part(_("tables: {count}"), tables)
    return lines + part(
        _("stages that had to run again: {count}"),
        [f"{stage}: {', '.join(reasons)}" for stage, reasons in record.stale.items()],
    )


def part(head: str, lines: Sequence[str]) -> list[Text]:
    """Return a head with the number of lines, and the lines; nothing where there is none."""
    if not lines:
        return []
    title = Text(head.format(count=figures.count(len(lines))), "bold")
    return [Text(), title, *(Text(f"  {figures.printable(line)}") for line in lines)]


def short(digest: str | None) -> str:
    """Return the beginning of a hash; a dash for none."""
    return f"{digest[: figures.SHORT] if digest else figures.NONE:<{figures.SHORT}}"
