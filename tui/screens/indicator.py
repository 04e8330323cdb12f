"""One indicator: its answers over versions, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType

from observatudo import figures, paths
from observatudo.i18n import _
from tui import labelled
from tui.actions import Action, bindings
from tui.labelled import Axis, Indicator
from tui.panes import Pane
from tui.reading import dicts, integer, mapping, number, text_or_none
from tui.screens.fed import HISTORY, Fed
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView

if TYPE_CHECKING:
    from observatudo.journal import Json

ACTIONS = (
    Action("indicator.decide", "e", lambda: _("decide its axis"), "decide_axis", hint=True, changes=True),
    Action("indicator.take_back", "x", lambda: _("take the decision back"), "take_back_decision", changes=True),
    Action("indicator.blame", "b", lambda: _("blame"), "blame_label", hint=True),
)


@dataclass(frozen=True)
class Answer:
    """What the indicator was labelled by the versions from this one on; no commit is the work tree."""

    commit: str
    date: str
    author: str
    subject: str
    axis: str
    origin: str
    confidence: float | None
    classifier: str


ANSWERS: tuple[Column[Answer], ...] = (
    Column(lambda: _("commit"), 8, lambda a: a.commit[: figures.SHORT] or _("(here)"), tone=lambda _a: "accent"),
    Column(lambda: _("date"), 10, lambda a: figures.moment(a.date)[:10] if a.date else figures.NONE),
    Column(lambda: _("axis"), 14, lambda a: a.axis, flex=True),
    Column(lambda: _("by"), 6, lambda a: a.origin),
    Column(lambda: _("conf."), 6, lambda a: labelled.confidence(a.confidence), right=True),
    Column(lambda: _("author"), 14, lambda a: a.author or figures.NONE, keep=1),
    Column(lambda: _("classifier"), 20, lambda a: a.classifier, keep=2, tone=lambda _a: "muted"),
    Column(lambda: _("subject"), 16, lambda a: a.subject, keep=3, flex=True),
)


class IndicatorScreen(Fed):
    """The answers, newest first; enter on one shows its version."""

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    read_from = (paths.LABELS, paths.OVERRIDES, *HISTORY)

    def __init__(self, indicator: Indicator, axes: Sequence[Axis]) -> None:
        super().__init__()
        self._indicator, self._axes = indicator, axes
        self._answers: list[Answer] = []
        self._about: list[Text] = []

    def asked(self) -> Sequence[str]:
        return ["labels", "--history", self._indicator.id]

    def heading(self) -> str:
        return f"{labelled.shown_axis(self._indicator)}  {self._indicator.name}"

    def panes(self) -> Sequence[Pane]:
        self._table: VirtualTable[Answer] = VirtualTable(ANSWERS, empty=_("no version has a label for it"))
        self._text = TextView()
        return [
            Pane("answers", lambda: _("answers over versions"), lambda: self._table),
            Pane("about", lambda: _("what it is"), lambda: self._text),
        ]

    def understood(self, content: Json) -> None:
        top = mapping(content)
        self._answers = [_answer(step) for step in dicts(top.get("steps"))]
        about = mapping(top.get("indicator"))
        self._indicator = _decided(self._indicator, text_or_none(about.get("override")))
        lines = labelled.in_short(self._indicator)
        lines += [Text(), Text(str(about.get("description") or _("its dataset describes it no further")))]
        problem, skipped = str(top.get("problem") or ""), integer(top.get("skipped")) or 0
        if problem:
            lines += [Text(), Text(_("no history: {reason}").format(reason=problem), "yellow")]
        if skipped:
            text = _("{count} version(s) are not here: dvc fetch --all-commits {path}")
            lines += [Text(), Text(text.format(count=figures.count(skipped), path=paths.LABELS), "yellow")]
        self._about = lines

    def fill(self, pane: str) -> None:
        if pane == "answers":
            self._table.show(Rows(self._answers))
        else:
            self._text.show(self._about, keep=True)

    def on_virtual_table_opened(self, _message: VirtualTable.Opened) -> None:
        from tui.screens.run import VersionScreen

        answer = self._table.row
        version = self.context.view.version(answer.commit) if answer and answer.commit else None
        if version is None:
            self.notify(_("this answer is not committed, or the index does not have its version yet"))
        else:
            self.app.push_screen(VersionScreen(version))

    def copied(self) -> str:
        return self._indicator.id if self.focused is self._table else super().copied()

    def action_decide_axis(self) -> None:
        from tui.screens.decide import DecideScreen

        self.app.push_screen(DecideScreen(self._indicator, self._axes))

    def action_take_back_decision(self) -> None:
        from tui.screens.decide import TakeBackScreen

        if self._indicator.override is None:
            self.notify(_("nobody has decided on this one"), severity="warning")
        else:
            self.app.push_screen(TakeBackScreen(self._indicator))

    def action_blame_label(self) -> None:
        from tui.screens.blame import BlameScreen

        self.app.push_screen(BlameScreen(["rotulo", "--indicador", self._indicator.id], "eixo"))


def _decided(own: Indicator, override: str | None) -> Indicator:
    """Return an indicator with what people have decided on it by now."""
    if own.source_axis is not None:
        waits = ""
    elif override is None:
        waits = figures.NONE if own.origin == "humano" else ""
    else:
        waits = "" if (own.origin, own.axis) == ("humano", override) else override
    return replace(own, override=override, waits=waits)


def _answer(step: dict[str, Json]) -> Answer:
    own = mapping(step.get("answer"))
    return Answer(
        commit=str(step.get("commit") or ""),
        date=str(step.get("date") or ""),
        author=str(step.get("author") or ""),
        subject=str(step.get("subject") or ""),
        axis=str(own.get("axis") or _("no label")),
        origin=str(own.get("origin") or figures.NONE),
        confidence=number(own.get("confidence")),
        classifier=str(own.get("classifier") or figures.NONE),
    )
