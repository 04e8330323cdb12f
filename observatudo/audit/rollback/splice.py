"""One entry of a YAML file taken from another version of the file, as lines: comments and style of the rest stay."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import yaml

from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.yamlfile import LOADER, plain

Location = Sequence[str]


def spliced(text: str, other: str, location: Location, shown: str) -> str:
    """Return ``text`` with the entry at ``location`` (keys from the top down) as ``other`` has it, or without it.

    A mapping that loses its last entry goes too, and one that is missing comes along. ``shown`` names the file in
    messages. Raises ConfigError when an entry shares its line with others, which only a person can take apart.
    """
    wanted = _expected(_data(text), _data(other), location)
    if wanted == _data(text):
        return text
    mine, theirs = _depth(text, location), _depth(other, location)
    result = _joined(text, other, location, mine, theirs)
    if _data_or_none(result) != wanted:
        raise ConfigError(
            _("“{entry}” shares its line with other entries and has to be put back by hand").format(
                entry=".".join(location)
            ),
            where=shown,
            next_step=_("write one entry per line and commit, then type the command again"),
        )
    return result


def value(content: object, location: Location) -> tuple[bool, object]:
    """Return whether the keys lead to something in plain content, and what."""
    for part in location:
        if not isinstance(content, dict) or part not in content:
            return False, None
        content = content[part]
    return True, content


def _expected(mine: object, theirs: object, location: Location) -> object:
    result = copy.deepcopy(mine)
    there, taken = value(theirs, location)
    if there:
        _put(result, location, taken)
    elif value(mine, location)[0]:
        _drop(result, location)
    return result


def _put(content: object, location: Location, taken: object) -> None:
    for part in location[:-1]:
        if isinstance(content, dict):
            if not isinstance(content.get(part), dict):
                content[part] = {}
            content = content[part]
    if isinstance(content, dict):
        content[location[-1]] = taken


def _drop(content: object, location: Location) -> None:
    found, around = value(content, location[:-1])
    if found and isinstance(around, dict):
        del around[location[-1]]
        if not around and len(location) > 2:
            _drop(content, location[:-1])


def _depth(text: str, location: Location) -> int:
    """Return how many of the keys, from the top, lead somewhere."""
    data = _data(text)
    return max(depth for depth in range(len(location) + 1) if value(data, location[:depth])[0])


def _joined(text: str, other: str, location: Location, mine: int, theirs: int) -> str:
    rows = text.splitlines(keepends=True)
    whole = len(location)
    if theirs < whole:  # it was not there
        goes = _outermost(text, location)
        start, end = _lines(text, goes)
        left = rows[:start] + rows[end:]
        around = value(_data(text), goes[:-1])[1]
        if isinstance(around, dict) and len(around) == 1:
            head = _lines(text, goes[:-1])[0]
            left[head] = f"{left[head].split('#')[0].rstrip()} {{}}\n"
        return "".join(left)
    if mine == whole:
        start, end = _lines(text, location)
        return "".join([*rows[:start], *_shifted(_taken(other, location), _indent(rows[start])), *rows[end:]])
    start, end = _lines(text, location[:mine]) if mine else (0, len(rows))
    if mine and not value(_data(text), location[:mine])[1]:
        rows[start] = f"{rows[start].partition(':')[0]}:\n"  # {} gives way
    if rows and not rows[end - 1].endswith("\n"):
        rows[end - 1] += "\n"
    others = other.splitlines(keepends=True)
    heads = [others[_lines(other, location[:depth])[0]] for depth in range(mine + 1, whole)]  # mappings around it
    return "".join(
        [*rows[:end], *_shifted([*heads, *_taken(other, location)], _child(text, location[:mine])), *rows[end:]]
    )


def _child(text: str, location: Location) -> int | None:
    """Return the indentation of what a mapping holds, None where it holds nothing."""
    found = value(_data(text), location)[1]
    first = str(next(iter(found), "")) if isinstance(found, dict) else ""
    return _indent(text.splitlines()[_lines(text, [*location, first])[0]]) if first else None


def _shifted(rows: list[str], indent: int | None) -> list[str]:
    """Return lines moved sideways so that the first has this indentation."""
    by = 0 if indent is None else indent - _indent(rows[0])
    return [" " * by + row if by > 0 else row[min(-by, _indent(row)) :] for row in rows]


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _taken(other: str, location: Location) -> list[str]:
    start, end = _lines(other, location)
    rows = other.splitlines(keepends=True)[start:end]
    return [*rows[:-1], rows[-1] if rows[-1].endswith("\n") else f"{rows[-1]}\n"]


def _outermost(text: str, location: Location) -> Location:
    """Return the entry, or the mapping around it that holds nothing else; never a key of the top level."""
    data = _data(text)
    while len(location) > 2 and isinstance(around := value(data, location[:-1])[1], dict) and len(around) == 1:
        location = location[:-1]
    return location


def _lines(text: str, location: Location) -> tuple[int, int]:
    """Return the first row (from 0) of an entry and the one after it, without blank lines and comments behind it."""
    node = yaml.compose(f"{text}\n", LOADER)
    start = end = 0
    for part in location:
        assert isinstance(node, yaml.MappingNode)
        key, node = next((key, child) for key, child in node.value if key.value == part)
        start = key.start_mark.line
        is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style  # ends where the next thing begins
        end = node.end_mark.line + (0 if is_block or not node.end_mark.column else 1)
    rows = text.splitlines()
    end = min(end, len(rows))
    while end > start + 1 and _is_loose(rows[end - 1]):
        end -= 1
    return start, end


def _is_loose(row: str) -> bool:
    return not row.strip() or row.lstrip().startswith("#")


def _data(text: str) -> object:
    return plain(text) or {}


def _data_or_none(text: str) -> object:
    try:
        return _data(text)
    except yaml.YAMLError:
        return None
