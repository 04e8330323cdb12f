"""One answer of a model, word by word, and the prompt that it was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from tui import label_answers
from tui.actions import Action, bindings
from tui.clean import Static
from tui.label_answers import Answer
from tui.screens.base import Base
from tui.textview import TextView

ACTIONS = (Action("answer.told", "t", lambda: _("what the model was told"), "show_prompt", hint=True),)


class AnswerScreen(Base):
    """An answer; ``prompts`` are texts by their hash."""

    MODE = "labels"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, answer: Answer, prompts: Mapping[str, str]) -> None:
        super().__init__()
        self._answer, self._prompts = answer, prompts

    def body(self) -> Iterable[Widget]:
        own = self._answer
        title = f"{own.provider}  {figures.moment(own.time, seconds=True)}"
        yield Static(Text(title, no_wrap=True, overflow="ellipsis"), classes="title")
        yield TextView(label_answers.in_full(own))

    def action_show_prompt(self) -> None:
        show_prompt(self, self._answer, self._prompts)


class PromptScreen(Base):
    """A prompt as it was rendered, in the taxonomy's order of axes and without an indicator's own text."""

    MODE = "labels"

    def __init__(self, name: str, digest: str, prompt: str) -> None:
        super().__init__()
        self._title, self._prompt = f"{name}  {digest}", prompt

    def body(self) -> Iterable[Widget]:
        yield Static(Text(self._title, no_wrap=True, overflow="ellipsis"), classes="title")
        yield TextView([Text(line) for line in self._prompt.splitlines()])


def show_prompt(screen: Base, answer: Answer | None, prompts: Mapping[str, str]) -> None:
    """Show on top of a screen what a model was told before an answer; say so where there is none."""
    text = prompts.get(answer.prompt_hash) if answer else None
    if answer is None:
        screen.notify(_("no model was ever asked about it"), severity="warning")
    elif text is None:
        screen.notify(_("the prompt was not stored with the answer"), severity="warning")
    else:
        screen.app.push_screen(PromptScreen(answer.prompt, answer.prompt_hash, text))
