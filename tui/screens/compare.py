"""Screen 4, Compare: what differs between two versions, runs or experiments, from the answer down to one cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from tui.actions import Action, bindings
from tui.clean import Static
from tui.jobs import Failed
from tui.panes import Panes
from tui.parts import Bottom
from tui.screens.base import Base
from tui.screens.compare_found import Found, Kept, compared, said, short, typed
from tui.screens.compare_names import NamesScreen, resolved
from tui.table import VirtualTable
from tui.textview import TextView
from tui.tones import toned

if TYPE_CHECKING:
    from textual.worker import Worker

ACTIONS = (
    Action("compare.edit", "e", lambda: _("which two"), "edit_sides", hint=True),
    Action("compare.swap", "x", lambda: _("swap"), "swap_sides", hint=True),
    Action("compare.export", "w", lambda: _("write to a file"), "export", hint=True),
    Action("compare.blame", "b", lambda: _("blame of the row"), "blame_row"),
    Action("compare.full", "v", lambda: _("the text in full"), "read_text"),
)
_DEFAULT = ("HEAD~1", "HEAD")


class CompareScreen(Base):
    """One comparison in its parts; asks for the two sides when there is none yet."""

    MODE = "compare"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    CSS = "CompareScreen #parts { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._sides = _DEFAULT
        self._found: Found | None = None
        self._kept = Kept()
        self._at_work: Worker[None] | None = None
        self._has_asked = False
        self._pane = "verdict"
        self._command: list[str] = []

    def body(self) -> Iterable[Widget]:
        yield Static(Text(_("Compare")), id="about", classes="title")
        yield TextView(id="said")
        yield Vertical(id="parts")

    def load(self) -> None:
        if not self._has_asked:
            self._has_asked = True
            self._say([Text(_("nothing is compared yet")), *_how_to_begin()])
            self.call_after_refresh(self.action_edit_sides)

    # --- comparing

    def compare(self, a: str, b: str) -> None:
        """Compare two sides; what was compared a while ago and cannot have changed is shown at once."""
        self._has_asked = True
        self._sides = (a, b)
        view = self.context.view
        found = self._kept.get(resolved(view, a), resolved(view, b))
        self._stop()
        if found is None:
            self._at_work = self._compare(a, b)
        else:
            self._take(found)

    @work(exclusive=True, group="compare")
    async def _compare(self, a: str, b: str) -> None:
        self._command = ["diff", a, b]
        self._title(_("comparing {a} with {b} …").format(a=short(a), b=short(b)))
        await self.query_one("#parts").remove_children()

        def tell(line: str) -> None:
            self._say([Text(line or _("reading the versions …")), Text(), Text(_("esc stops it"), "dim")])

        tell("")
        try:
            found = await compared(self.context.root, a, b, tell)
        except Failed as failed:
            self._fail(said(failed, self._command))
        else:
            self._kept.put(found)
            if self.is_attached:
                await self._show(found)
        self._at_work = None

    @work(exclusive=True, group="compare")
    async def _take(self, found: Found) -> None:
        await self._show(found)

    async def _show(self, found: Found) -> None:
        from tui.screens.compare_panes import panes

        self._found = found
        a, b = (figures.printable(side.name) for side in (found.comparison.a, found.comparison.b))
        self._title(f"{short(a)} → {short(b)}")
        parts = self.query_one("#parts")
        await parts.remove_children()
        self._say([])
        shown = Panes(panes(found))
        await parts.mount(shown)
        await shown.see(self._pane)
        self.query_one(Bottom).refresh()

    def _fail(self, lines: list[str]) -> None:
        self._found = None
        if self.is_attached:
            self._title(_("not compared: {a} and {b}").format(a=short(self._sides[0]), b=short(self._sides[1])))
            told = [toned(figures.printable(line), "accent" if "→" in line else "bad") for line in lines]
            self._say([*told, Text(), *_how_to_begin()])
            self.query_one(Bottom).refresh()

    def _title(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#about", Static).update(Text(text, no_wrap=True))

    def _say(self, lines: list[Text]) -> None:
        if self.is_attached:
            view = self.query_one("#said", TextView)
            view.display = bool(lines)
            self.query_one("#parts").display = not lines
            view.show(lines)

    def _stop(self) -> bool:
        worker, self._at_work = self._at_work, None
        if worker is None:
            return False
        worker.cancel()
        return True

    # --- what keys do

    def action_reload(self) -> None:
        if self._found is not None or self._command:
            self._stop()
            self._at_work = self._compare(*self._sides)

    def action_edit_sides(self) -> None:
        if self.is_current:
            self.app.push_screen(NamesScreen(*self._sides, self.compare))

    def action_swap_sides(self) -> None:
        self.compare(*reversed(self._sides))

    def action_back(self) -> None:
        if self._stop():
            self._command = ["diff", *self._sides]
            self._fail([_("stopped")])
        else:
            super().action_back()

    def action_read_text(self) -> None:
        from tui.screens.compare_parts import TextScreen, verdict_lines

        if self._found is not None:
            self.app.push_screen(TextScreen(_("Verdict"), verdict_lines(self._found), self.copied()))

    def action_export(self) -> None:
        from tui.screens.compare_export import ExportScreen

        if self._found is None:
            self.notify(_("nothing is compared yet"), severity="warning")
        elif self.may(_EXPORT):
            self.app.push_screen(ExportScreen(self._found))
        else:
            self.notify(_("this dashboard writes no files: it is read-only"), severity="warning")

    def may(self, action: Action) -> bool:
        """A file is written by who may write, or downloaded."""
        context = self.context
        if action == _EXPORT:
            return self._found is not None and (context.is_served or not context.is_read_only)
        return super().may(action)

    def on_virtual_table_opened(self, message: VirtualTable.Opened) -> None:
        from tui.screens.compare_panes import opened

        if self._found is not None and isinstance(message.table, VirtualTable):
            opened(self, self._found, message.table.row)

    def action_blame_row(self) -> None:
        from tui.screens.compare_panes import blamed

        if self._found is not None:
            blamed(self, self._found, self._row)

    @property
    def _row(self) -> object:
        return self.focused.row if isinstance(self.focused, VirtualTable) else None

    def filtered(self, wanted: str, is_kept: bool) -> None:
        from tui.screens.compare_parts import narrow

        del is_kept
        if self._found is not None:
            narrow(self, wanted)

    def on_panes_switched(self, message: Panes.Switched) -> None:
        self._pane = message.pane
        if self.wanted:
            self.wanted = ""
            self.filtered("", True)

    def copied(self) -> str:
        if self._found is None:
            return typed(*self._command) if self._command else ""
        from tui.screens.compare_panes import copied

        return copied(self._found, self._row)


_EXPORT = next(action for action in ACTIONS if action.id == "compare.export")


def _how_to_begin() -> list[Text]:
    return [
        Text(_("e asks for two names: commits, branches, experiments, runs, workspace"), "dim"),
        Text(_("or mark two on the History screen with the space bar, and press c"), "dim"),
    ]
