"""The dashboard: one mode per screen, the keys they share, and the child process that keeps the index up to date."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from observatudo import figures
from observatudo.i18n import _
from tui.actions import Action, are_keys, bindings, clashes, with_keys
from tui.alert_count import MODE as ALERTS
from tui.alert_count import AlertCount
from tui.clean import clean
from tui.context import Context
from tui.screens.base import Base

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.notifications import SeverityLevel

    from observatudo.alerts.model import State
    from observatudo.journal import Json

_TOGETHER_S = 0.5  # changes of the index within this time are shown together
_ALERTS_AFTER_S = 3.0  # alerts are counted once there is time: they are another process
# mode → (key, module of tui.screens, class, name)
SCREENS: dict[str, tuple[str, str, str, Callable[[], str]]] = {
    "history": ("1", "history", "HistoryScreen", lambda: _("History")),
    "live": ("2", "live", "LiveScreen", lambda: _("Live")),
    "datasets": ("3", "datasets", "DatasetsScreen", lambda: _("Datasets")),
    "compare": ("4", "compare", "CompareScreen", lambda: _("Compare")),
    "labels": ("5", "labels", "LabelsScreen", lambda: _("Labels")),
    "models": ("6", "models", "ModelsScreen", lambda: "dbt"),
    "audit": ("7", "audit", "AuditScreen", lambda: _("Audit")),
    "alerts": ("8", "alerts", "AlertsScreen", lambda: _("Alerts")),
}

ACTIONS = (
    *(Action(f"app.{mode}", key, name, f"app.go('{mode}')") for mode, (key, _module, _class, name) in SCREENS.items()),
    Action("app.palette", "colon,ctrl+p", lambda: _("all actions"), "command_palette"),
    Action("app.theme", "T", lambda: _("light or dark"), "switch_theme"),
    Action("app.help", "question_mark,f1", lambda: _("help"), "help_keys", hint=True),
    Action("app.quit", "q,ctrl+q", lambda: _("quit"), "quit", hint=True),
)


class Dashboard(App[None]):
    """The app; see the module."""

    TITLE = "Observatudo"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)
    DEFAULT_MODE = "history"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS = """
    * { scrollbar-size: 1 1; }
    .-narrow .wide-only { display: none; }
    .-short .tall-only { display: none; }
    .title { height: 1; background: $panel; color: $text; text-style: bold; padding: 0 1; text-wrap: nowrap; }
    .title { text-overflow: ellipsis; }
    """

    def __init__(self, context: Context, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self.context = context
        self.news = ""
        self._alerts = AlertCount(context)
        self._is_told = False
        self._watcher: asyncio.subprocess.Process | None = None
        for mode, (_key, module, name, _title) in SCREENS.items():
            self.add_mode(mode, self._maker(module, name))

    @staticmethod
    def _maker(module: str, name: str) -> Callable[[], Screen[None]]:
        """Return what makes a screen, importing its module only then: each costs time before the first row."""

        def make() -> Screen[None]:
            made = getattr(import_module(f"tui.screens.{module}"), name)()
            assert isinstance(made, Base)
            return made

        return make

    def screen_names(self) -> list[tuple[str, str, str]]:
        """Return (key, mode, name) of every screen."""
        keys = self.context.settings.keys
        return [(keys.get(f"app.{mode}", key), mode, name()) for mode, (key, _m, _c, name) in SCREENS.items()]

    def badge(self, mode: str) -> str:
        """Return what stands beside a screen's name: how many alerts nobody has acknowledged."""
        return self._alerts.badge if mode == ALERTS else ""

    # --- starting

    async def on_mount(self) -> None:
        for problem in self._take_settings():
            self.notify(problem, severity="warning", timeout=10)
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        """Do what can wait for the first picture; what is there by now is no garbage, ever."""
        if not self.is_headless:  # tests have many in one process
            gc.freeze()
        gc.enable()
        if not (self.is_headless or self.context.is_served):
            from tui.ending import heed_signals

            heed_signals(self)
        self._watch()

    def _take_settings(self) -> list[str]:
        settings = self.context.settings
        problems = list(settings.problems)
        if settings.theme in self.available_themes:
            if settings.theme != self.theme:  # another one has all styles worked out anew
                self.theme = settings.theme
        else:
            problems.append(_("there is no theme {name}").format(name=settings.theme))
        if settings.keys:
            problems += self._take_keys(settings.keys)
        return problems

    def _take_keys(self, keys: dict[str, str]) -> Iterator[str]:
        """Give actions the user's keys; yield what is wrong with them."""
        known = {action.id: action for action in every_action()}
        for name in keys.keys() - known.keys():
            yield _("there is no action {name} to give a key").format(name=name)
        for name, value in list(keys.items()):
            if not are_keys(value):
                yield _("{name}: {value} is no key; it keeps its own").format(name=name, value=repr(value))
                del keys[name]
        self.set_keymap({name: value for name, value in keys.items() if name in known})
        own = (action for name, action in known.items() if name in keys and action not in ACTIONS)
        for first, second in dict.fromkeys(clashes(keys, [*ACTIONS, *own])):
            yield _("{first} and {second} have the same key").format(first=first, second=second)

    # --- the index

    @work(group="watch")
    async def _watch(self) -> None:
        """Follow the child process that keeps the index up to date, and pass on what it says."""
        words = [sys.executable, "-m", "observatudo.history.watch", str(self.context.root)]
        words += ["--read-only"] if self.context.is_read_only else []
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            self._watcher = await asyncio.create_subprocess_exec(
                *words, cwd=str(self.context.root), stdin=pipe, stdout=pipe, stderr=nothing, start_new_session=True
            )
        except OSError as error:
            self._tell(_("the index is not brought up to date: {error}").format(error=error))
            return
        assert self._watcher.stdout is not None
        async for line in self._watcher.stdout:
            with suppress(ValueError):  # half a line: the child was killed
                self._heard(json.loads(line))
        await self._watcher.wait()
        self._tell(_("the index is no longer brought up to date"))

    def _heard(self, event: Json) -> None:
        match event:
            case {"event": "progress", "what": str(what), "done": int(done), "total": int(total)}:
                words = {"records": _("runs"), "log": _("log"), "versions": _("versions")}
                news = f"◌ {words.get(what, what)} {figures.count(done)}/{figures.count(total)}"
                self._tell(news if done < total else "")
            case {"event": "changed", "what": list()} if not self._is_told:
                self._is_told = True
                self.set_timer(_TOGETHER_S, self._changed)
            case {"event": "idle"}:
                self._tell("")
                self.set_timer(_ALERTS_AFTER_S, self._count_alerts)
            case {"event": "problem", "message": str(message)}:
                self._tell(f"! {message}")

    def _tell(self, news: str) -> None:
        is_read_only = self.context.is_read_only
        self.news = " · ".join(filter(None, [news, _("read-only") if is_read_only else ""]))
        if isinstance(self.screen, Base):
            self.screen.show_news()

    @work(group="alerts")
    async def _count_alerts(self) -> None:
        if await self._alerts.look():
            self._show_badges()

    def count_alerts(self, state: State) -> None:
        """Take the number of alerts from what the screen was told of them."""
        if self._alerts.take(state):
            self._show_badges()

    def _show_badges(self) -> None:
        if isinstance(self.screen, Base):
            self.screen.show_news()

    def _changed(self) -> None:
        self._is_told = False
        self.set_timer(_ALERTS_AFTER_S, self._count_alerts)
        for stack in self._screen_stacks.values():
            for screen in stack:
                if isinstance(screen, Base):
                    screen.changed()

    async def on_unmount(self) -> None:
        """End the child process; it would also end by itself when this one is gone."""
        watcher = self._watcher
        if watcher is None or watcher.returncode is not None:
            return
        assert watcher.stdin is not None
        watcher.stdin.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(watcher.pid, signal.SIGTERM)
        await watcher.wait()

    # --- actions

    async def action_go(self, mode: str) -> None:
        """Go to a screen, as it was left."""
        if mode != self.current_mode:
            await self.switch_mode(mode)

    @work(group="go")
    async def compare(self, a: str, b: str) -> None:
        """Compare two versions, runs or experiments on the screen for that."""
        from tui.screens.compare import CompareScreen

        await self.switch_mode("compare")
        first = self._screen_stacks["compare"][0]
        while self.screen is not first and self.current_mode == "compare":  # what lies open above the one before
            await self.pop_screen()
        assert isinstance(first, CompareScreen)
        first.compare(a, b)

    @work(thread=True, group="mlflow", exclusive=True)
    def open_mlflow(self, run_id: str) -> None:
        """Open a run in MLflow's screens, where they are running; say how to start them where not."""
        from observatudo.mlflow_link import link

        found = link(self.context.root, run_id)
        if found.url:
            self.call_from_thread(self.open_url, found.url)
        self.call_from_thread(self.notify, found.url or found.why, timeout=10)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a message for a while, as it is: most hold names and texts from data, so none is markup."""
        del markup  # screens and widgets pass on True
        super().notify(clean(message), title=title, severity=severity, timeout=timeout, markup=False)

    def action_command_palette(self) -> None:
        from tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))  # as Textual's own knows it

    def action_switch_theme(self) -> None:
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_help_keys(self) -> None:
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def _print_error_renderables(self) -> None:
        """Tell about an error nobody foresaw in one line; Textual would print a traceback with all variables."""
        if not self._exit_renderables or os.environ.get("OBSERVATUDO_DEBUG"):
            super()._print_error_renderables()
            return
        error = self._exception
        told = _("this should not have happened: {kind}: {error}").format(kind=type(error).__name__, error=error)
        print(told, file=sys.stderr)
        print("  → " + _("OBSERVATUDO_DEBUG=1 before the command shows where"), file=sys.stderr)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Give the palette what the registry has for this screen, and the themes."""
        own = screen.all_actions() if isinstance(screen, Base) else []
        for action, keys in with_keys([*own, *ACTIONS], self.context.settings.keys):
            name = f"{action.name()}  ({keys})".replace("[", "\\[")  # it is taken for markup
            yield SystemCommand(name, action.id, self._runner(action))
        yield SystemCommand(_("theme"), _("choose the colours"), self.action_change_theme)

    def _runner(self, action: Action) -> Callable[[], object]:
        async def run() -> None:
            target = self.screen.focused or self.screen
            if not await self.run_action(action.method, target):
                await self.run_action(action.method, self.screen)

        return run


def every_action() -> Iterator[Action]:
    """Yield the actions of the app, of every screen and of every widget, each once."""
    from tui import screens, table, textview

    found = {action.id: action for action in (*ACTIONS, *table.ACTIONS, *textview.ACTIONS)}
    for module in iter_modules(screens.__path__):
        for item in vars(import_module(f"tui.screens.{module.name}")).values():
            if isinstance(item, type) and issubclass(item, Base):
                found |= {action.id: action for action in (*item.ACTIONS, *item.COMMON)}
    yield from found.values()
