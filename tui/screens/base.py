"""What all screens of the dashboard have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from observatudo.i18n import _
from tui.actions import Action, bindings, method_name, with_keys
from tui.compositor import Compositor
from tui.panes import Panes
from tui.parts import Bottom, FilterLine, Top
from tui.table import VirtualTable
from tui.textview import TextView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.app import Dashboard
    from tui.context import Context

COMMON = (
    Action("screen.filter", "slash", lambda: _("filter or search"), "filter", hint=True),
    Action("screen.next", "n", lambda: _("next match"), "match(1)"),
    Action("screen.previous", "N", lambda: _("previous match"), "match(-1)"),
    Action("screen.refresh", "r", lambda: _("refresh"), "reload"),
    Action("screen.copy", "y", lambda: _("copy"), "copy"),
    Action("screen.back", "escape", lambda: _("back"), "back"),
    Action("screen.pane", "tab", lambda: _("next pane"), "pane(1)"),
    Action("screen.pane_back", "shift+tab,backtab,p", lambda: _("pane before"), "pane(-1)"),
)


class Base(Screen[None]):
    """A screen: its actions, the lines above and below, filter and search, what to do when the index changed.

    A screen gives ``body()``; it overrides ``load()`` (show anew what there is; called at first sight, on ``r``, and
    when the index changed), ``filtered(wanted)`` and ``copied()`` where it has something to filter or to copy.
    ``MODE`` is the name it has in the app; one that is opened from many has none, and is of the mode it was opened in.
    """

    MODE: ClassVar[str] = ""
    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    COMMON: ClassVar[tuple[Action, ...]] = COMMON
    BINDINGS: ClassVar[list[BindingType]] = bindings(COMMON)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-tall")]
    AUTO_FOCUS: ClassVar[str | None] = "VirtualTable, TextView"

    def __init__(self) -> None:
        super().__init__()
        self._compositor = Compositor()
        self.wanted = ""
        self._is_stale = False

    @property
    def dashboard(self) -> Dashboard:
        """Return the app."""
        from tui.app import Dashboard

        app = self.app
        assert isinstance(app, Dashboard)
        return app

    @property
    def context(self) -> Context:
        """Return what every screen is given."""
        return self.dashboard.context

    # --- for a screen to override

    def body(self) -> Iterable[Widget]:
        """Yield what stands between the top and the bottom line."""
        return ()

    def load(self) -> None:
        """Show anew what there is."""

    def filtered(self, wanted: str, is_kept: bool) -> None:
        """Show only what fits; by default, search the text that has the focus."""
        if isinstance(self.focused, TextView) and wanted:
            self.focused.find(wanted)

    def copied(self) -> str:
        """Return what ``y`` copies."""
        return self.focused.text if isinstance(self.focused, TextView) else ""

    # --- the frame

    def compose(self) -> ComposeResult:
        yield Top(self.dashboard.screen_names(), self.MODE or self.dashboard.current_mode, self.dashboard.badge)
        yield from self.body()
        yield FilterLine()
        yield Bottom(self._hints)

    def _hints(self) -> Iterator[tuple[str, str]]:
        keymap = self.context.settings.keys
        of_table = VirtualTable.ACTIONS if self.query(VirtualTable) else ()
        actions = [*self.ACTIONS, *of_table, *self.COMMON, *self.dashboard.ACTIONS]
        for action, keys in with_keys(actions, keymap):
            if action.hint and self.may(action):
                yield keys.split(" ")[0], action.name()

    def may(self, action: Action) -> bool:
        """Say whether the action is open here."""
        return not (action.changes and self.context.is_read_only)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have a key do nothing where its action is not open; the app's own check does not see a screen's actions."""
        del parameters
        return all(self.may(each) for each in self.ACTIONS if method_name(each) == action)

    def all_actions(self) -> list[Action]:
        """Return every action that can be done now, the screen's own first."""
        own = [*self.ACTIONS, *self.COMMON]
        widget = self.focused
        if isinstance(widget, VirtualTable | TextView):
            own += widget.ACTIONS
        return [action for action in own if self.may(action)]

    def on_mount(self) -> None:
        self.load()

    def on_screen_resume(self) -> None:
        self.show_news()
        if self._is_stale:
            self._is_stale = False
            self.load()

    def changed(self) -> None:
        """Take note that the index has changed: at once when this is what is seen, else when it is next."""
        if self.is_current:
            self.load()
        else:
            self._is_stale = True

    def show_news(self) -> None:
        """Show on the top and bottom lines what goes on in the app."""
        for top in self.query(Top):
            top.refresh()
        for bottom in self.query(Bottom):
            bottom.tell(self.dashboard.news)

    def on_filter_line_typed(self, message: FilterLine.Typed) -> None:
        message.stop()
        self.wanted = message.wanted
        if message.is_kept:
            self._focus_first()
        self.filtered(message.wanted, message.is_kept)

    def _focus_first(self) -> None:
        for widget in self.query("VirtualTable, TextView"):
            if widget.focusable and all(
                each.display for each in widget.ancestors_with_self if isinstance(each, Widget)
            ):
                widget.focus()
                return

    def action_filter(self) -> None:
        self.query_one(FilterLine).open(self.wanted)

    def action_match(self, step: int) -> None:
        if isinstance(self.focused, TextView):
            self.focused.find(self.wanted, step)
        elif isinstance(self.focused, VirtualTable) and len(self.focused):
            self.focused.cursor = (self.focused.cursor + step) % len(self.focused)

    def action_reload(self) -> None:
        self.load()

    def action_copy(self) -> None:
        text = self.copied()
        if not text:
            self.notify(_("there is nothing to copy here"), severity="warning")
            return
        self.app.copy_to_clipboard(text)
        shown = text if len(text) <= 60 else f"{text[:59]}…"
        self.notify(_("copied: {text}").format(text=shown))

    async def action_pane(self, step: int) -> None:
        """Go to the next pane, or to the next widget where there are no panes."""
        panes = self.query(Panes)
        if panes:
            await panes.first().step(step)
        elif step > 0:
            self.focus_next()
        else:
            self.focus_previous()

    async def action_see(self, pane: str) -> None:
        await self.query_one(Panes).see(pane)

    def leave(self) -> bool:
        """Go back to the screen below; say whether this was what is seen: of keys typed fast, the second is late."""
        if not self.is_active or len(self.app.screen_stack) < 2:
            return False
        self.dismiss()
        return True

    def action_back(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.leave()
        elif self.wanted:
            self.wanted = ""
            self.filtered("", True)
