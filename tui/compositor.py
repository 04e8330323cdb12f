"""Textual's compositor, without its way to leave a new widget without a size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual._compositor import Compositor as Textuals

if TYPE_CHECKING:
    from textual._compositor import CompositorMap, ReflowResult
    from textual.geometry import Size
    from textual.widget import Widget


class Compositor(Textuals):
    """Finds what is new on the screen since the layout before.

    Textual's finds what is new since somebody asked where a widget is: one that came between a scrolling, such a
    question and the layout was never told its size, and stood there empty until the terminal got another one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._laid_out: CompositorMap = {}

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Lay out anew; return what is hidden, shown and resized since the last time."""
        self._full_map = self._laid_out
        result = super().reflow(parent, size)
        self._laid_out = self._full_map
        return result

    def clear(self) -> None:
        """Forget all widgets: the screen closes."""
        super().clear()
        self._laid_out = {}
