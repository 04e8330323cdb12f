"""The keys of a screen, out of the registry of actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from observatudo.i18n import _
from tui.actions import Action, bindings, with_keys
from tui.context import settings_file
from tui.screens.base import Base
from tui.textview import TextView

ACTIONS = (Action("help.close", "question_mark,f1,q", lambda: _("close"), "back", hint=True),)


class HelpScreen(Base):
    """Every action of the screen below, with its keys and the id a keymap gives it keys by."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._below = below

    def body(self) -> Iterable[Widget]:
        yield TextView(self._lines())

    def _lines(self) -> list[Text]:
        keys = self.context.settings.keys
        lines = [Text(_("Keys of this screen"), "bold")]
        own = self._below.all_actions() if isinstance(self._below, Base) else []
        lines += _listed(own, keys)
        lines += [Text(), Text(_("Everywhere"), "bold")]
        lines += _listed(self.dashboard.ACTIONS, keys)
        lines += [
            Text(),
            Text(_("Filters: words that must be there, -word that must not, field:word for one field.")),
            Text(_("Keys of your own: {file}, under [keys], as id = keys.").format(file=settings_file())),
        ]
        return lines


def _listed(actions: Iterable[Action], keymap: dict[str, str]) -> list[Text]:
    return [
        Text.assemble((f"  {keys:<16} ", "bold"), f"{action.name()}  ", (action.id, "dim"))
        for action, keys in with_keys(actions, keymap)
    ]
