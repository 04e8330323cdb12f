"""The lines that all screens share: the names of the screens on top, hints and news at the bottom, the filter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.containers import Horizontal
from textual.events import Key
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from observatudo.figures import printable
from observatudo.i18n import _
from tui.clean import Static

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult

_TYPING_S = 0.08  # keys of a word that come faster are one: a word that nothing has is looked for in all there is


class Top(Static):
    """The screens by number, the current one stressed; names that do not fit are left out, badges never."""

    DEFAULT_CSS = """
    Top { dock: top; height: 1; background: $primary-muted; color: $text; link-style: none; link-color: $text; }
    """

    def __init__(
        self, names: Sequence[tuple[str, str, str]], current: str, badge: Callable[[str], str] = lambda _mode: ""
    ) -> None:
        """``names`` are (key, mode, name); ``badge`` gives what stands beside a mode's name, now."""
        super().__init__()
        self._names, self._current, self._badge = names, current, badge

    def render(self) -> Text:
        """Return the line."""
        badges = {mode: f" {badge}" if (badge := self._badge(mode)) else "" for _key, mode, _name in self._names}
        length = sum(len(key) + len(name) + len(badges[mode]) + 2 for key, mode, name in self._names)
        full = length <= self.size.width
        behind = " " if not full or length + len(self._names) <= self.size.width else ""
        line = Text(no_wrap=True, end="")
        for key, mode, name in self._names:
            is_current = mode == self._current
            shown = f"{key} {name}" if full or is_current else key
            text = f" {shown}{badges[mode]}{behind}"
            style = Style(bold=is_current, reverse=is_current, meta={"@click": f"app.go('{mode}')"})
            line.append(text, style)
        return line


class Bottom(Static):
    """Hints of keys on the left; on the right what goes on: the index being built, read-only."""

    DEFAULT_CSS = "Bottom { dock: bottom; height: 1; background: $panel; color: $text-muted; }"

    def __init__(self, hints: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """``hints`` gives (key, what it does), the most useful first."""
        super().__init__()
        self._hints, self._news = hints, ""

    def tell(self, news: str) -> None:
        """Show what goes on."""
        news = printable(news)
        if news != self._news:
            self._news = news
            self.refresh()

    def render(self) -> Text:
        """Return the line: as many hints as fit beside the news."""
        width = self.size.width
        line = Text(no_wrap=True, end="")
        for key, name in self._hints():
            if line.cell_len + len(key) + len(name) + 4 + len(self._news) > width:
                break
            line.append(f" {key}", "bold")
            line.append(f" {name} ")
        line.append(" " * max(0, width - line.cell_len - len(self._news) - 1))
        line.append(self._news)
        return line


class FilterLine(Horizontal):
    """The line that ``/`` opens: what is typed is sent while it is typed; enter keeps it, esc takes it back."""

    DEFAULT_CSS = """
    FilterLine { dock: bottom; height: 1; display: none; margin-bottom: 1; background: $panel; }
    FilterLine.open { display: block; }
    FilterLine Static { width: auto; }
    FilterLine Input { width: 1fr; border: none; height: 1; padding: 0; background: $panel; }
    """

    class Typed(Message):
        """What is wanted now; ``is_kept`` once enter was pressed, and then the line is closed."""

        def __init__(self, wanted: str, is_kept: bool) -> None:
            super().__init__()
            self.wanted, self.is_kept = wanted, is_kept

    def __init__(self) -> None:
        super().__init__()
        self._soon = Timer(self, _TYPING_S)

    def compose(self) -> ComposeResult:
        """Yield the slash and the field behind it."""
        yield Static("/")
        yield Input(placeholder=_("words, status:failed, who:maria, -word"), compact=True)

    def open(self, wanted: str) -> None:
        """Open the line with what is wanted so far."""
        self.add_class("open")
        field = self.query_one(Input)
        field.value = wanted
        field.focus()

    def close(self) -> None:
        """Close the line."""
        self._soon.stop()
        self.remove_class("open")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._soon.stop()
        if self.has_class("open"):
            self._soon = self.set_timer(_TYPING_S, partial(self.post_message, self.Typed(event.value, False)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        self.post_message(self.Typed(event.value, True))

    def key_escape(self, event: Key) -> None:
        event.stop()  # else the screen goes back too
        self.close()
        self.post_message(self.Typed("", True))
