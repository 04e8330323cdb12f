"""JSON as services publish it → rows, by the path ``records`` (docs/reading.md gives every step with an example).

What a mapping on the way holds besides the next step is known of every record below it, so it becomes columns
too: its scalars, and what nested mappings hold, under dotted names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo.errors import DataError
from observatudo.i18n import _
from observatudo.ingest.readers.encoding import Text, open_text
from observatudo.ingest.readers.native import Number, as_text
from observatudo.ingest.readers.source import Source, batches_of, named

if TYPE_CHECKING:
    from observatudo.resource import Resource

# how deep on the path, the last named step before, the name there
_Key = tuple[int, str, str]
_Row = dict[_Key, object]
COLUMNS = "columns()"


def read(path: Path, resource: Resource) -> Source:
    """Open a JSON file, which is read whole; raises DataError when ``records`` does not fit what it holds."""
    text = open_text(path, resource)
    try:
        rows = list(_walk(_content(text), resource.records.split("."), {}, (0, ""), text.where))
    except RecursionError:
        raise DataError(_("the JSON is nested too deeply to be a table"), where=text.where) from None
    names = _names(rows)
    start = 1
    if resource.dialect.headerRows and rows:
        deepest = max(names)[0]
        names |= {key: (as_text(value) or "").strip() for key, value in rows[0].items() if key[0] == deepest}
        start = 2
    columns = named(list(names.values()) or [""], text.where)
    data = ([row.get(key) for key in names] for row in rows[start - 1 :])
    return Source(columns, batches_of(enumerate(data, start=start), columns, text.where), encoding=text.encoding)


def _content(text: Text) -> object:
    def mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = sorted({key for key, _value in pairs if [k for k, _v in pairs].count(key) > 1})
            raise DataError(
                _("a mapping of the JSON has a key twice: {names}").format(names=", ".join(twice)), where=text.where
            )
        return found

    try:
        content: object = json.loads(
            text.whole(), parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=mapping
        )
    except json.JSONDecodeError as error:
        raise DataError(
            _("this is not valid JSON: {error}").format(error=error.msg),
            where=f"{text.where}:{error.lineno}",
            next_step=_("get it again: observatudo fetch; or correct “format” in the dataset's declaration"),
        ) from None
    return content


def _names(rows: list[_Row]) -> dict[_Key, str]:
    """Name the columns: where two levels have the same name the outer keeps it, over the whole file."""
    found = dict.fromkeys(key for row in rows for key in row)
    names: dict[_Key, str] = {}
    taken: set[str] = set()
    for key in sorted(found, key=lambda key: key[0]):
        _level, step, name = key
        names[key] = f"{step}.{name}" if name.casefold() in taken and step else name
        taken.add(names[key].casefold())
    return names


def _walk(node: object, steps: list[str], found: _Row, at: tuple[int, str], where: str) -> Iterator[_Row]:
    """Yield one row per place the path leads to, with what was passed on the way."""
    if not steps:
        yield found | _fields(_mapping(node, "{}", where), at, where)
        return
    step, rest = steps[0], steps[1:]
    level, named_step = at
    if step == "[]":
        if not isinstance(node, list):
            raise _no_such_path(where, step, node)
        for item in node:
            yield from _walk(item, rest, found, (level + 1, named_step), where)
    elif step == COLUMNS:
        yield from _transposed(_mapping(node, step, where), found, at, where)
    elif step.startswith("{") and ":" in step:
        yield from _pairs(_mapping(node, step, where), step, found, at, where)
    elif step == "*" or step.startswith("{"):
        name = step.strip("{}")
        for key, value in _mapping(node, step, where).items():
            passed: _Row = {} if step == "*" else {(level, name, name): key}
            yield from _walk(value, rest, found | passed, (level + 1, named_step if step == "*" else name), where)
    else:
        mapping = _mapping(node, step, where)
        if step not in mapping:
            raise _no_such_path(where, step, node)
        others = {key: value for key, value in mapping.items() if key != step and not isinstance(value, list)}
        yield from _walk(mapping[step], rest, found | _fields(others, at, where), (level + 1, step), where)


def _mapping(node: object, step: str, where: str) -> dict[str, object]:
    if not isinstance(node, dict):
        raise _no_such_path(where, step, node)
    return node


def _fields(mapping: dict[str, object], at: tuple[int, str], where: str, above: str = "") -> _Row:
    """Return the values of a mapping, those of mappings inside it under dotted names."""
    row: _Row = {}
    for key, value in mapping.items():
        if isinstance(value, dict):
            inner = _fields(value, at, where, f"{above}{key}.")
        else:
            inner = {(*at, above + key): _single(value)}
        if clash := sorted(name for _level, _step, name in set(row) & set(inner)):
            raise DataError(
                _("two values of one record would be called {names}").format(names=", ".join(clash)), where=where
            )
        row |= inner
    return row


def _pairs(mapping: dict[str, object], step: str, found: _Row, at: tuple[int, str], where: str) -> Iterator[_Row]:
    name, _colon, value_name = step.strip("{}").partition(":")
    for key, value in mapping.items():
        if isinstance(value, dict | list):
            raise _no_such_path(where, step, value)
        yield found | {(*at, name): key, (*at, value_name): value}


def _transposed(mapping: dict[str, object], found: _Row, at: tuple[int, str], where: str) -> Iterator[_Row]:
    """Yield the rows of a mapping of lists; what is no list holds for every row."""
    lists = {key: value for key, value in mapping.items() if isinstance(value, list)}
    lengths = {len(values) for values in lists.values()}
    if len(lengths) != 1:
        told = ", ".join(f"{key}: {len(values)}" for key, values in lists.items())
        raise DataError(
            _("the lists that shall be columns are not of one length: {lengths}").format(lengths=told or "–"),
            where=where,
            next_step=_("correct “records” in the dataset's declaration"),
        )
    found = found | _fields({key: value for key, value in mapping.items() if key not in lists}, at, where)
    for values in zip(*lists.values(), strict=True):
        yield found | {(*at, key): _single(value) for key, value in zip(lists, values, strict=True)}


def _single(value: object) -> object:
    return _as_json(value) if isinstance(value, list | dict) else value


def _as_json(value: object) -> str:
    """Return the JSON of a value, its numbers with the digits they are published with."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join([_as_json(item) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join([f"{_as_json(key)}: {_as_json(item)}" for key, item in value.items()]) + "}"
    return json.dumps(value, ensure_ascii=False)


def _no_such_path(where: str, step: str, node: object) -> DataError:
    return DataError(
        _("“records” does not fit the file: at “{step}” it holds a {kind}").format(step=step, kind=type(node).__name__),
        where=where,
        next_step=_("correct “records” in the dataset's declaration"),
    )
