"""Text to read: scrolled, wrapped to the width, searched with / n N. Only visible lines are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from observatudo.history.store import fold
from tui.actions import Action, bindings, moving
from tui.clean import cleaned

ACTIONS = moving("text", "pagedown,ctrl+f,J,space")


class TextView(ScrollView, can_focus=True):
    """Lines of styled text."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--found"}
    DEFAULT_CSS = """
    TextView {
        height: 1fr; background: $surface; padding: 0 1;
        overflow-x: hidden; scrollbar-gutter: stable; scrollbar-size: 1 1;
    }
    TextView .text--found { background: $warning-muted; color: $text-warning; text-style: bold; }
    """

    def __init__(self, lines: Sequence[Text] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = [cleaned(line) for line in lines]
        self._wrapped: list[Text] = []
        self._first_of: list[int] = []
        self._wanted = ""

    def show(self, lines: Sequence[Text], *, keep: bool = False) -> None:
        """Show other lines; from the top, unless ``keep``."""
        self._lines = [cleaned(line) for line in lines]
        self._wrap()
        if not keep:
            self.scroll_to(y=0, animate=False)

    @property
    def text(self) -> str:
        """Return all of it, to be copied."""
        return "\n".join(line.plain for line in self._lines)

    def on_resize(self, _event: Resize) -> None:
        self._wrap()

    def _wrap(self) -> None:
        width = max(1, self.scrollable_content_region.width or self.size.width)
        console = self.app.console
        self._wrapped, self._first_of = [], []
        for line in self._lines:
            self._first_of.append(len(self._wrapped))
            self._wrapped += list(line.wrap(console, width)) or [Text()]
        self.virtual_size = Size(width, len(self._wrapped))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = int(self.scroll_offset.y) + y
        base = self.rich_style
        if number >= len(self._wrapped):
            return Strip.blank(width, base)
        line = self._wrapped[number].copy()
        if self._wanted:
            self._highlight(line)
        line.end = ""
        segments = [
            Segment(segment.text, base + (segment.style or Style()))
            for segment in line.render(self.app.console)
            if segment.text
        ]
        return Strip(segments).crop_extend(0, width, base)

    def _highlight(self, line: Text) -> None:
        text = fold(line.plain)
        if len(text) != len(line.plain):  # folding changed the length: positions would be wrong
            return
        start = text.find(self._wanted)
        while start >= 0:
            line.stylize(self.get_component_rich_style("text--found", partial=True), start, start + len(self._wanted))
            start = text.find(self._wanted, start + 1)

    def find(self, wanted: str, step: int = 0) -> bool:
        """Scroll to the next line (``step`` 1), the one before (-1) or the first from here (0) with this text."""
        self._wanted = fold(wanted)
        self.refresh()
        here = int(self.scroll_offset.y)
        hits = [n for n, line in enumerate(self._wrapped) if self._wanted and self._wanted in fold(line.plain)]
        if not hits:
            return False
        after = [n for n in hits if n > here - (step == 0)]
        before = [n for n in hits if n < here]
        target = (before or hits)[-1] if step < 0 else (after or hits)[0]
        self.scroll_to(y=target, animate=False)
        return True

    def action_move(self, step: int) -> None:
        self.scroll_to(y=max(0, self.scroll_offset.y + step), animate=False)

    def action_page(self, step: int) -> None:
        self.scroll_to(y=max(0, self.scroll_offset.y + step * max(1, self.size.height - 1)), animate=False)

    def action_edge(self, end: int) -> None:
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False)
