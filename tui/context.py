"""What every screen is given: where the repository is, the index, and what may be done."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from observatudo.history.view import View
from observatudo.i18n import _

_SETTINGS = "observatudo/tui.toml"
THEMES = {"dark": "textual-dark", "light": "textual-light"}


@dataclass(frozen=True)
class Settings:
    """A user's own settings: a theme (``dark``, ``light`` or one of Textual's) and keys by action id."""

    theme: str = THEMES["dark"]
    keys: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """``root`` is the repository; ``is_served`` says that the terminal is a browser."""

    root: Path
    view: View
    settings: Settings
    is_read_only: bool = False
    is_served: bool = False


def settings_file() -> Path:
    """Return where a user's settings are: ``$XDG_CONFIG_HOME/observatudo/tui.toml``, by default in ``~/.config``."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / _SETTINGS


def read_settings(path: Path) -> Settings:
    """Return the settings in a file; what is wrong in it is told in ``problems``, and the rest holds.

    theme = "light"
    [keys]
    "history.compare" = "c,="
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        return Settings(problems=(f"{path}: {error}",))
    theme, keys = content.get("theme", "dark"), content.get("keys", {})
    problems = []
    if not isinstance(theme, str):
        problems.append(_("{file}: theme: a name is wanted").format(file=path))
        theme = "dark"
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        problems.append(_('{file}: [keys]: lines such as "history.compare" = "c" are wanted').format(file=path))
        keys = {}
    return Settings(THEMES.get(theme, theme), keys, tuple(problems))
