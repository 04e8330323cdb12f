"""A question with a few answers, on top of the screen that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rich.text import Text
from textual.widget import Widget

from observatudo.i18n import _
from tui.clean import Static
from tui.screens.base import Base
from tui.table import Column, Rows, VirtualTable

Answer = TypeVar("Answer")

COLUMNS: tuple[Column[tuple[str, str]], ...] = (
    Column(lambda: _("choice"), 24, lambda row: row[0]),
    Column(lambda: "", 20, lambda row: row[1], flex=True, tone=lambda _row: "muted"),
)


class ChoiceScreen(Base):
    """``answers`` are (name, what it means, what ``then`` is called with); esc chooses none."""

    def __init__(
        self, question: str, answers: Sequence[tuple[str, str, Answer]], then: Callable[[Answer], None]
    ) -> None:
        super().__init__()
        self._question, self._rows = question, [(name, meaning) for name, meaning, _answer in answers]
        self._choose: Callable[[int], None] = lambda number: then(answers[number][2])

    def body(self) -> Iterable[Widget]:
        yield Static(Text(self._question), classes="title")
        yield VirtualTable(COLUMNS)

    def on_mount(self) -> None:
        self.query_one(VirtualTable).show(Rows(self._rows))

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        message.stop()
        number = self.query_one(VirtualTable).cursor
        if self.leave():
            self._choose(number)
