"""The one registry of what a key can do: bindings, palette, help, bottom line and the user's keymap come from it.

Each widget and screen lists its actions in ``ACTIONS``; their ids are stable, because keymaps name them. Every key
with Ctrl or Alt stands beside a plain one: terminal multiplexers take the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from observatudo.i18n import _

_SHOWN = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "space": "space",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


@dataclass(frozen=True)
class Action:
    """One thing a key can do.

    ``keys`` are Textual's names, with commas between; ``name`` gives the words for it in the user's language;
    ``method`` is a Textual action, such as ``move(1)`` or ``app.go('live')``; ``hint`` puts it on the bottom line;
    ``changes`` says that it writes to the repository, so that a read-only dashboard does without it.
    """

    id: str
    keys: str
    name: Callable[[], str]
    method: str
    hint: bool = False
    changes: bool = False

    @property
    def shown(self) -> str:
        """Return the keys as people write them."""
        return shown(self.keys)


def moving(where: str, page_down: str = "pagedown,ctrl+f,J") -> tuple[Action, ...]:
    """Return the ways up and down that all lists and texts have; the widget ``where`` has their methods."""
    return (
        Action(f"{where}.down", "down,j", lambda: _("down"), "move(1)"),
        Action(f"{where}.up", "up,k", lambda: _("up"), "move(-1)"),
        Action(f"{where}.page_down", page_down, lambda: _("page down"), "page(1)"),
        Action(f"{where}.page_up", "pageup,ctrl+b,K", lambda: _("page up"), "page(-1)"),
        Action(f"{where}.top", "home,g", lambda: _("first"), "edge(0)"),
        Action(f"{where}.bottom", "end,G", lambda: _("last"), "edge(1)"),
    )


def shown(keys: str) -> str:
    """Return keys as people write them: ``/``, ``^p``, ``G``."""
    names = [_SHOWN.get(key.strip(), key.strip()).replace("ctrl+", "^") for key in keys.split(",")]
    return " ".join(names)


def bindings(actions: Iterable[Action]) -> list[BindingType]:
    """Return Textual's bindings for actions; ids make them open to the keymap."""
    return [Binding(action.keys, action.method, id=action.id, show=False) for action in actions]


def method_name(action: Action) -> str:
    """Return the bare name of the method behind an action: ``move`` of ``table.move(1)``."""
    return action.method.partition("(")[0].rpartition(".")[2]


def are_keys(value: str) -> bool:
    """Say whether a keymap's value names keys at all: none may be empty, nor only what is held beside one."""
    return all(key.strip() and not key.strip().endswith("+") for key in value.split(","))


def with_keys(actions: Iterable[Action], keymap: dict[str, str]) -> Iterator[tuple[Action, str]]:
    """Yield actions with the keys they have under a keymap."""
    for action in actions:
        yield action, shown(keymap.get(action.id, action.keys))


def clashes(keymap: dict[str, str], actions: Sequence[Action]) -> Iterator[tuple[str, str]]:
    """Yield pairs of ids in one list of actions that a keymap gives the same key."""
    owner: dict[str, str] = {}
    for action in actions:
        for key in keymap.get(action.id, action.keys).split(","):
            other = owner.setdefault(key.strip(), action.id)
            if other != action.id:
                yield other, action.id
