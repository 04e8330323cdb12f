"""One indicator: what it is, who says what of it and why, what models answered, its labels over versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import BindingType

from observatudo import figures, paths
from observatudo.i18n import _
from tui import label_answers, label_evidence, label_words
from tui.actions import Action, bindings
from tui.label_answers import Answer
from tui.labelled import Axis, Indicator
from tui.panes import Pane, Panes
from tui.reading import dicts, integer, mapping, number, text_or_none
from tui.screens.fed import HISTORY, Fed
from tui.table import Column, Rows, VirtualTable
from tui.textview import TextView

if TYPE_CHECKING:
    from observatudo.journal import Json

ACTIONS = (
    Action("indicator.decide", "e", lambda: _("decide its axis"), "decide_axis", hint=True, changes=True),
    Action("indicator.take_back", "x", lambda: _("take the decision back"), "take_back_decision", changes=True),
    Action("indicator.told", "t", lambda: _("what the model was told"), "show_prompt", hint=True),
    Action("indicator.blame", "b", lambda: _("blame"), "blame_label", hint=True),
)


@dataclass(frozen=True)
class Step:
    """What the indicator was labelled by the versions from this one on; no commit is the work tree."""

    commit: str
    date: str
    author: str
    subject: str
    axis: str
    origin: str
    confidence: float | None
    classifier: str


STEPS: tuple[Column[Step], ...] = (
    Column(lambda: _("commit"), 8, lambda a: a.commit[: figures.SHORT] or _("(here)"), tone=lambda _a: "accent"),
    Column(lambda: _("date"), 10, lambda a: figures.moment(a.date)[:10] if a.date else figures.NONE),
    Column(lambda: _("axis"), 14, lambda a: a.axis, flex=True),
    Column(lambda: _("by"), 8, lambda a: a.origin),
    Column(lambda: _("conf."), 6, lambda a: label_words.confidence(a.confidence), right=True),
    Column(lambda: _("author"), 14, lambda a: a.author or figures.NONE, keep=1),
    Column(lambda: _("classifier"), 20, lambda a: a.classifier, keep=2, tone=lambda _a: "muted"),
    Column(lambda: _("subject"), 16, lambda a: a.subject, keep=3, flex=True),
)


class IndicatorScreen(Fed):
    """The evidence for its label, models' answers and its labels over versions, newest first.

    enter on an answer shows all of it, on a label its version.
    """

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    read_from = (paths.LABELS, paths.OVERRIDES, paths.EVIDENCE, paths.ANSWERS, *HISTORY)

    def __init__(self, indicator: Indicator, axes: Sequence[Axis]) -> None:
        super().__init__()
        self._indicator, self._axes = indicator, axes
        self._steps: list[Step] = []
        self._about: list[Text] = []
        self._evidence = label_evidence.evidence({})

    def asked(self) -> Sequence[str]:
        apart = ["--"] if self._indicator.id.startswith("-") else []
        return ["explain", *apart, self._indicator.id]

    def heading(self) -> str:
        return f"{label_words.shown_axis(self._indicator)}  {self._indicator.name}"

    def panes(self) -> Sequence[Pane]:
        self._text = TextView()
        self._answers: VirtualTable[Answer] = VirtualTable(
            label_answers.COLUMNS, empty=_("no model was ever asked about it")
        )
        self._versions: VirtualTable[Step] = VirtualTable(STEPS, empty=_("no version has a label for it"))
        return [
            Pane("why", lambda: _("why"), lambda: self._text),
            Pane("answers", lambda: _("answers of models"), lambda: self._answers),
            Pane("versions", lambda: _("labels over versions"), lambda: self._versions),
        ]

    def understood(self, content: Json) -> None:
        top = mapping(content)
        history = mapping(top.get("history"))
        self._steps = [_step(own) for own in dicts(history.get("steps"))]
        about = mapping(history.get("indicator"))
        self._evidence = label_evidence.evidence(content)
        now = replace(self._indicator, axis=self._evidence.axis, origin=self._evidence.origin)
        now = replace(now, confidence=self._evidence.confidence or 0.0)
        self._indicator = _decided(now, text_or_none(about.get("override")))
        lines = label_words.in_short(self._indicator)
        lines += [Text(), Text(str(about.get("description") or _("its dataset describes it no further"))), Text()]
        self._about = [*lines, *label_evidence.grounds(self._evidence), *_gaps(history)]

    def fill(self, pane: str) -> None:
        if pane == "why":
            self._text.show(self._about, keep=True)
        elif pane == "answers":
            self._answers.show(Rows(self._evidence.answers))
        else:
            self._versions.show(Rows(self._steps))

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        from tui.screens.answers import AnswerScreen
        from tui.screens.run import VersionScreen

        if message.table is self._answers:
            if self._answers.row is not None:
                self.app.push_screen(AnswerScreen(self._answers.row, self._evidence.prompts))
            return
        step = self._versions.row
        version = self.context.view.version(step.commit) if step and step.commit else None
        if version is None:
            self.notify(_("this label is not committed, or the index does not have its version yet"))
        else:
            self.app.push_screen(VersionScreen(version))

    def copied(self) -> str:
        return self._indicator.id if isinstance(self.focused, VirtualTable) else super().copied()

    def action_show_prompt(self) -> None:
        """Show what a model was told for the answer one is on, else for the newest that counts."""
        from tui.screens.answers import show_prompt

        is_on_one = self.query_one(Panes).current == "answers"
        found = sorted(self._evidence.answers, key=lambda own: not own.is_current)
        show_prompt(self, self._answers.row if is_on_one else next(iter(found), None), self._evidence.prompts)

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
    if own.origin == "fonte":  # the axis that its source gives may be none of the taxonomy's
        waits = ""
    elif override is None:
        waits = figures.NONE if own.origin == "humano" else ""
    else:
        waits = "" if (own.origin, own.axis) == ("humano", override) else override
    return replace(own, override=override, waits=waits)


def _gaps(history: dict[str, Json]) -> Iterator[Text]:
    """Give why there is no history of labels, or how much of it is missing."""
    problem, skipped = str(history.get("problem") or ""), integer(history.get("skipped")) or 0
    if problem:
        yield Text(_("no history: {reason}").format(reason=problem), "yellow")
    if skipped:
        text = _("{count} version(s) are not here: dvc fetch --all-commits {path}")
        yield Text(text.format(count=figures.count(skipped), path=paths.LABELS), "yellow")


def _step(content: dict[str, Json]) -> Step:
    own = mapping(content.get("answer"))
    return Step(
        commit=str(content.get("commit") or ""),
        date=str(content.get("date") or ""),
        author=str(content.get("author") or ""),
        subject=str(content.get("subject") or ""),
        axis=str(own.get("axis") or _("no label")),
        origin=str(own.get("origin") or figures.NONE),
        confidence=number(own.get("confidence")),
        classifier=str(own.get("classifier") or figures.NONE),
    )
