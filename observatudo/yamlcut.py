"""One entry taken out of a YAML file as lines, so that comments and the style of all the rest stay as they are."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import yaml

from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.yamlfile import Lines, Location, parse

if TYPE_CHECKING:
    from pathlib import Path


def without(path: Path, location: Location, shown: str) -> str:
    """Return the file's text without the entry at ``location`` (keys from the top down).

    A mapping that becomes empty goes with it. ``shown`` is how the file is named in messages. Raises
    ConfigError when the entry shares a line with others, which only a person can take apart.
    """
    content, lines = parse(path)
    location = _outermost(content, location)
    text = path.read_text(encoding="utf-8")
    rows = text.splitlines(keepends=True)
    start = lines[location] - 1
    left = "".join(rows[:start] + rows[_end(rows, lines, location) :])
    if not _is_without(text, left, location):
        raise ConfigError(
            _("“{entry}” shares its line with other entries and has to be taken out by hand").format(
                entry=".".join(map(str, location))
            ),
            where=f"{shown}:{start + 1}",
            next_step=_("delete the entry in an editor, then type the command again"),
        )
    return left


def _outermost(content: object, location: Location) -> Location:
    """Return the entry, or the mapping around it that holds nothing else; never a key of the top level."""
    while len(location) > 2 and len(_at(content, location[:-1])) == 1:
        location = location[:-1]
    return location


def _at(content: object, location: Location) -> dict[object, object]:
    for part in location:
        content = content[part] if isinstance(content, dict) else {}
    return content if isinstance(content, dict) else {}


def _end(rows: list[str], lines: Lines, location: Location) -> int:
    """Return the index of the first row after the entry; comments that belong to what follows stay."""
    start = lines[location] - 1
    others = [line - 1 for at, line in lines.items() if at[: len(location)] != location and line - 1 > start]
    end = min(others, default=len(rows))
    indent = _indent(rows[start])
    while end > start + 1 and _is_loose(rows[end - 1], indent):
        end -= 1
    return end


def _is_loose(row: str, indent: int) -> bool:
    return not row.strip() or (row.lstrip().startswith("#") and _indent(row) <= indent)


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _is_without(text: str, left: str, location: Location) -> bool:
    """Say whether ``left`` means what ``text`` means but for the entry."""
    wanted = copy.deepcopy(yaml.safe_load(text))
    del _at(wanted, location[:-1])[location[-1]]
    try:
        return bool(yaml.safe_load(left) == wanted)
    except yaml.YAMLError:
        return False
