"""Several views of one thing, one at a time: their names on a line, tab goes to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from tui.clean import Static


@dataclass(frozen=True)
class Pane:
    """One view: a stable id, its name in the user's language, and what makes its widget when it is first seen."""

    id: str
    name: Callable[[], str]
    make: Callable[[], Widget]


class Panes(Vertical):
    """The names, and the pane that is seen."""

    DEFAULT_CSS = """
    Panes { height: 1fr; }
    Panes > #panes--names {
        height: 1; background: $panel; padding: 0 1; link-style: none; link-color: $text;
    }
    """

    class Switched(Message):
        """Another pane is seen."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, panes: Sequence[Pane], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._panes = {pane.id: pane for pane in panes}
        self._made: dict[str, Widget] = {}
        self.current = panes[0].id

    def compose(self) -> ComposeResult:
        """Yield the names and the first pane."""
        yield Static(self._line(), id="panes--names")
        yield self._widget(self.current)

    def _widget(self, name: str) -> Widget:
        if name not in self._made:
            self._made[name] = self._panes[name].make()
        return self._made[name]

    def on_resize(self) -> None:
        self.query_one("#panes--names", Static).update(self._line())

    def _line(self) -> Text:
        """Return the names; where they do not all fit, those before the current one leave first."""
        line = Text(no_wrap=True, end="")
        panes = list(self._panes.values())
        at = list(self._panes).index(self.current)
        first = 0
        while first < at and sum(cell_len(pane.name()) + 3 for pane in panes[first : at + 2]) > self.size.width - 4:
            first += 1
        line.append("‹ " if first else "")
        for pane in panes[first:]:
            is_current = pane.id == self.current
            meta = {"@click": f"screen.see('{pane.id}')"}
            line.append(f" {pane.name()} ", Style(bold=is_current, reverse=is_current, meta=meta))
            line.append(" ")
        return line

    @property
    def widget(self) -> Widget:
        """Return the widget of the pane that is seen."""
        return self._widget(self.current)

    async def see(self, name: str) -> None:
        """Show a pane and give it the focus."""
        if name not in self._panes:
            return
        self._made[self.current].display = False
        self.current = name
        widget = self._widget(name)
        if not widget.is_attached:
            await self.mount(widget)
        widget.display = True
        self.query_one("#panes--names", Static).update(self._line())
        focusable = widget if widget.focusable else next(iter(widget.query("VirtualTable, TextView")), None)
        if focusable is not None:
            focusable.focus()
        self.post_message(self.Switched(name))

    async def step(self, step: int) -> None:
        """Show the next pane, or the one before."""
        names = list(self._panes)
        await self.see(names[(names.index(self.current) + step) % len(names)])
