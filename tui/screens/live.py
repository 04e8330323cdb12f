"""Screen 2, Live: the run in progress, whoever started it: its stages, what they take, the log as it grows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget

from observatudo import figures
from observatudo.i18n import _
from observatudo.live.events import LEVELS
from tui.actions import Action, bindings
from tui.clean import Static
from tui.logview import LogView
from tui.screens import live_board as board
from tui.screens.base import Base
from tui.screens.live_error import ErrorScreen, ErrorView
from tui.screens.live_repro import OUTPUT, Repro, ReproScreen
from tui.screens.live_watch import Picture, Watcher
from tui.tones import toned

if TYPE_CHECKING:
    from observatudo.live.events import Event

ACTIONS = (
    Action("live.follow", "f", lambda: _("follow"), "follow", hint=True),
    Action("live.level", "L", lambda: _("level"), "level", hint=True),
    Action("live.open", "enter", lambda: _("details"), "open_run", hint=True),
    Action("live.error", "e", lambda: _("error"), "error", hint=True),
    Action("live.repro", "R", lambda: _("start dvc repro"), "ask_repro", hint=True, changes=True),
    Action("live.stop", "X", lambda: _("stop what was started here"), "stop_repro", changes=True),
    Action("live.mlflow", "o", lambda: _("open in MLflow"), "mlflow"),
)
_AROUND = 4  # lines that are neither stages nor log: the screens, the run, the machine, the hints
_LEAST_LOG = 4  # lines of the log with the line above it


class LiveScreen(Base):
    """The run, the machine, the stages beside or above the log."""

    MODE = "live"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    AUTO_FOCUS: ClassVar[str | None] = "#log"
    CSS = """
    LiveScreen #machine { height: 1; padding: 0 1; }
    LiveScreen #hint { height: auto; padding: 0 1; display: none; }
    LiveScreen #stages { padding: 0 1; width: 1fr; height: 1; }
    LiveScreen #follow { height: 1; padding: 0 1; background: $panel; color: $text-muted; }
    LiveScreen ErrorView { display: none; }
    LiveScreen.-narrow #both { layout: vertical; }
    LiveScreen.-wide #stages { width: 54%; max-width: 90; height: 1fr; }
    """

    class News(Message):
        """What the watcher's thread has to tell."""

        def __init__(self, events: Sequence[Event], picture: Picture) -> None:
            super().__init__()
            self.events, self.picture = events, picture

    def __init__(self) -> None:
        super().__init__()
        self._picture = Picture()
        self._least = 0
        self._watcher: Watcher | None = None
        self._repro: Repro | None = None
        self._told = ""  # what became of a dvc repro that came to no run

    def body(self) -> Iterable[Widget]:
        self._log = LogView(id="log")
        yield Static(_("reading …"), id="about", classes="title")
        yield Static("", id="machine")
        yield Static("", id="hint")
        yield Horizontal(Static("", id="stages"), Vertical(ErrorView(), Static("", id="follow"), self._log), id="both")

    # --- what there is to show

    def on_mount(self) -> None:
        self._watcher = Watcher(self.context.root, self._pass_on)
        self._follow_log(self._watcher)

    def _pass_on(self, events: Sequence[Event], picture: Picture) -> None:
        self.post_message(self.News(events, picture))

    @work(thread=True, group="watch")
    def _follow_log(self, watcher: Watcher) -> None:
        watcher.run()

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    def on_screen_suspend(self) -> None:
        if self._watcher is not None:
            self._watcher.look(is_seen=False)

    def on_screen_resume(self) -> None:
        if self._watcher is not None:
            self._watcher.look(is_seen=True)

    def on_live_screen_news(self, message: News) -> None:
        message.stop()
        self._picture = message.picture
        if message.events:
            self._log.append(message.events)
        self._look_after()
        if self.is_current:
            self._paint()

    def load(self) -> None:
        self.call_after_refresh(self._paint)

    def on_resize(self) -> None:
        self.call_after_refresh(self._paint)

    def _paint(self) -> None:
        now, width, run = time.time(), self.size.width - 2, self._picture.run
        self.query_one("#about", Static).update(board.about(run, now, width), layout=False)
        self.query_one("#machine", Static).update(board.machine(self._picture, width), layout=False)
        told = [self._told, figures.printable(self._picture.problem)]
        hints = [toned(f"! {each}", "warn") for each in told if each]
        hints += board.hint(run, now, width, may_start=not self.context.is_read_only)
        hint = self.query_one("#hint", Static)
        hint.display = bool(hints)
        hint.update(Text("\n").join(hints))
        self._paint_error()
        self._paint_stages(now, width)
        self._paint_follow()

    def _paint_error(self) -> None:
        run, view = self._picture.run, self.query_one(ErrorView)
        lines = board.error(run.error) if run is not None and run.error else []
        view.most = 4 if self.has_class("-short") else 8
        if view.text != "\n".join(line.plain for line in lines):
            view.display = bool(lines)
            view.show(lines)

    def _paint_stages(self, now: float, width: int) -> None:
        view, is_wide = self.query_one("#stages", Static), self.has_class("-wide")
        if is_wide:
            size = view.content_size
            lines = board.stages(self._picture, now, size.width, size.height, is_wide=True)
            view.styles.height = None
        else:
            error, hint = self.query_one(ErrorView), self.query_one("#hint")
            taken = sum(each.size.height for each in (error, hint) if each.display)
            room = max(1, min(self.size.height // 3 + 1, self.size.height - _AROUND - _LEAST_LOG - taken))
            lines = board.stages(self._picture, now, width, room, is_wide=False)
            view.styles.height = max(1, len(lines))
        view.update(Text("\n").join(lines), layout=False)

    def _paint_follow(self) -> None:
        """Say above the log whether it follows, what it shows of what there is, and what hinders it."""
        log, words = self._log, (_("all"), _("warnings and errors"), _("errors"))
        below = log.below
        parts = [
            "● " + _("follows") if log.is_following else "‖ " + _("f follows"),
            self._of_all(),
            words[self._least] if self._least else "",
            f"/{self.wanted}" if self.wanted else "",
            _("{count} below").format(count=figures.count(below)) if below and not log.is_following else "",
        ]
        line = Text("  ".join(filter(None, parts)), no_wrap=True, overflow="ellipsis")
        self.query_one("#follow", Static).update(line, layout=False)

    def _of_all(self) -> str:
        shown, total = figures.count(len(self._log)), figures.count(self._log.total)
        if self._least or self.wanted:
            return _("{shown} of {total} lines").format(shown=shown, total=total)
        return _("{total} lines").format(total=total)

    def on_log_view_changed(self, message: LogView.Changed) -> None:
        message.stop()
        self._paint_follow()

    # --- the log

    def filtered(self, wanted: str, is_kept: bool) -> None:
        self._log.filter(LEVELS[self._least], wanted)

    def action_match(self, step: int) -> None:
        if not self._log.find("", step):
            self.notify(_("no match; / looks for words"), severity="warning")

    def action_back(self) -> None:
        if not self.wanted:
            self._log.forget_words()
        super().action_back()

    def action_follow(self) -> None:
        self._log.follow(not self._log.is_following)

    def action_level(self) -> None:
        self._least = (self._least + 1) % len(LEVELS)
        self._log.filter(LEVELS[self._least], self.wanted)

    # --- the run

    def copied(self) -> str:
        return self._picture.run.run_id if self._picture.run else ""

    def action_open_run(self) -> None:
        from tui.screens.run import RunScreen

        run = self._picture.run
        if isinstance(self.focused, ErrorView):
            self.action_error()
        elif run is None:
            self.notify(_("nothing has run here yet"), severity="warning")
        elif (known := self.context.view.run(run.run_id)) is not None:
            self.app.push_screen(RunScreen(known))
        else:
            self.notify(_("the history does not have this run yet; try again in a moment"), severity="warning")

    def action_error(self) -> None:
        run = self._picture.run
        if run is not None and run.error:
            self.app.push_screen(ErrorScreen(run))
        else:
            self.notify(_("this run has no error"))

    def action_mlflow(self) -> None:
        if self._picture.run is not None:
            self.dashboard.open_mlflow(self._picture.run.run_id)

    # --- dvc repro from here

    def action_ask_repro(self) -> None:
        run = self._picture.run
        if self._repro is not None or (run is not None and not run.is_over):
            self.notify(_("a run is at work; DVC takes one at a time"), severity="warning")
        else:
            self.app.push_screen(ReproScreen(self._begin_repro))

    def _begin_repro(self) -> None:
        try:
            self._repro = Repro(self.context.root)
        except OSError as error:
            self._told = _("dvc repro could not be started: {error}").format(error=error)
        else:
            self._told = _("dvc repro is starting …")
        self._paint()

    def _look_after(self) -> None:
        """Take note that what was started here has come to a run, or has ended without one."""
        if self._repro is None:
            return
        run, code = self._picture.run, self._repro.code()
        has_run = run is not None and self._repro.is_run(run.run_id)
        if has_run:
            self._told = ""
        elif code is not None:
            self._told = _("dvc repro ended with {code}: {said} (all of it: {file})").format(
                code=code, said=figures.printable(self._repro.last_words()), file=OUTPUT
            )
        if code is not None:
            self._repro = None

    def action_stop_repro(self) -> None:
        if self._repro is None:
            self.notify(_("nothing that was started here is at work"), severity="warning")
        else:
            self._repro.stop()
            self.notify(_("dvc repro was told to stop"))
