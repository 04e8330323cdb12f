"""On top of the dbt screen: all of one model or source, and one test with rows that it found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.containers import Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from tui.clean import Static
from tui.dbtstate import Test
from tui.reading import pair
from tui.screens.base import Base
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView
from tui.tones import TONES, toned

_WIDEST = 30  # cells of a column


class ReadScreen(Base):
    """A text to read, and what ``y`` copies of it."""

    def __init__(self, title: str, lines: Sequence[Text], copies: str) -> None:
        super().__init__()
        self._title, self._lines, self._copies = title, lines, copies

    def body(self) -> Iterable[Widget]:
        yield Static(Text(figures.printable(self._title), no_wrap=True), classes="title")
        yield TextView(self._lines)

    def copied(self) -> str:
        return self._copies


class TestScreen(Base):
    """What a test says, and up to five rows that it found; h and l go sideways."""

    __test__ = False  # pytest takes it for a class of tests

    MODE: ClassVar[str] = "models"
    CSS = """
    TestScreen #told { height: auto; max-height: 50%; padding: 0 1; }
    """

    def __init__(self, test: Test) -> None:
        super().__init__()
        self._test = test

    def body(self) -> Iterable[Widget]:
        own = self._test
        yield Static(Text(own.name, no_wrap=True, overflow="ellipsis"), classes="title")
        if not own.rows:
            yield TextView(self._told())
            return
        columns = [_column(at, name, [row[at] for row in own.rows]) for at, name in enumerate(own.header)]
        self._table: VirtualTable[tuple[str, ...]] = VirtualTable(columns)
        yield Vertical(Static(Text("\n").join(self._told()), id="told"), self._table)

    def load(self) -> None:
        if self._test.rows:
            self._table.show(Rows(self._test.rows))

    def _told(self) -> list[Text]:
        own = self._test
        where = f"{own.model}.{own.column}" if own.column else own.model
        lines = [
            Text.assemble(
                toned(figures.status(own.status), TONES.get(own.status, "")),
                "  ",
                (_("{where}, {count} rows").format(where=where, count=figures.count(own.failures)), "bold"),
            ),
            pair(_("test"), own.name),
            pair(_("severity"), own.severity),
            pair(_("file"), own.file),
            *(Text(figures.printable(line)) for line in own.message.splitlines()),
        ]
        if own.problem:
            lines.append(toned(f"! {own.problem}", "warn"))
        elif own.status in ("fail", "warn") and not own.rows:
            told = (
                _("its SQL finds no row in the warehouse that is here") if own.kind == "test" else _("it has no rows")
            )
            lines.append(Text(told, "dim"))
        return lines

    def copied(self) -> str:
        return self._test.name


def _column(at: int, name: str, cells: Sequence[str]) -> Column[tuple[str, ...]]:
    width = max(map(len, [name, *cells]))
    return Column(lambda: name, min(width, _WIDEST), lambda row: row[at])
