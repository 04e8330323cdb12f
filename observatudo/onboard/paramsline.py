"""A dataset's line and section put into params.yaml as lines, so that comments and style of all the rest stay."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from observatudo import paths
from observatudo.errors import ConfigError
from observatudo.i18n import _
from observatudo.yamlfile import Lines, Location, parse

_LIST = "data/ingested/ibge/municipio"


def with_dataset(text: str, key: str, params: Mapping[str, float]) -> str:
    """Return the text of params.yaml with the dataset on its list and its section under ``ds``.

    Raises ConfigError when the file is written so that only a person can add to it.
    """
    source, _slash, name = key.partition("/")
    section = "{" + ", ".join(f"{param}: {value:g}" for param, value in params.items()) + "}"
    line = f"{key}: {{params: {source}.{name}, lista: {_LIST}}}"
    wanted = copy.deepcopy(yaml.safe_load(text))
    wanted["datasets"][key] = {"params": f"{source}.{name}", "lista": _LIST}
    wanted["ds"].setdefault(source, {})[name] = dict(params)
    made = _added(text, ("datasets",), [line])
    if source in yaml.safe_load(text)["ds"]:
        made = _added(made, ("ds", source), [f"{name}: {section}"])
    else:
        made = _added(made, ("ds",), [f"{source}:", f"  {name}: {section}"])
    if not _means(made, wanted):
        raise ConfigError(
            _("params.yaml is written in a way that a line cannot be added to"),
            where=str(paths.PARAMS),
            next_step=_("put “datasets” and “ds” in block form, one entry a line"),
        )
    return made


def _added(text: str, location: Location, added: list[str]) -> str:
    """Return the text with lines after the last entry of the mapping at ``location``."""
    rows = text.splitlines(keepends=True)
    lines = _lines(text)
    inside = {at: line for at, line in lines.items() if at[: len(location)] == location and len(at) > len(location)}
    if not inside:
        return text
    last = max(inside.values())
    first = min(line for at, line in inside.items() if len(at) == len(location) + 1)
    indent = " " * (len(rows[first - 1]) - len(rows[first - 1].lstrip(" ")))
    if rows[last - 1].endswith("\n") is False:
        rows[last - 1] += "\n"
    return "".join([*rows[:last], *(f"{indent}{line}\n" for line in added), *rows[last:]])


def _lines(text: str) -> Lines:
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, paths.PARAMS.name)
        draft.write_text(text, encoding="utf-8")
        return parse(draft)[1]


def _means(text: str, wanted: object) -> bool:
    try:
        return bool(yaml.safe_load(text) == wanted)
    except yaml.YAMLError:
        return False
