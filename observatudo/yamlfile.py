"""YAML read into strict pydantic models; every error names file, line, key, what was expected, and the nearest name."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from observatudo.errors import ConfigError
from observatudo.i18n import _

_Part = str | int
Location = tuple[_Part, ...]
Lines = dict[Location, int]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(BaseModel):
    """Base of every model read from YAML: unknown keys are errors, values are not converted, objects are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False)


Model = typing.TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model], *, shows_values: bool = True) -> Model:
    """Read one YAML file into ``model``; without ``shows_values`` no error repeats a value, which may be a secret.

    Raises ConfigError for a missing or unreadable file, a syntax error, a key given twice, and for
    every key the model does not accept; all problems of a file are named in one error.
    """
    content, lines = parse(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = [_explain(path, lines, model, detail, shows_values=shows_values) for detail in error.errors()]
        raise ConfigError(
            "\n".join(problems),
            where=str(path),
            next_step=_("correct the file; the schema for editors is in configs/schema/"),
        ) from None


def plain(text: bytes | str | None) -> object:
    """Return the content of a YAML text, of no text None. Raises yaml.YAMLError; ``load`` explains what is wrong."""
    return yaml.load(text or b"", LOADER)  # noqa: S506 a safe loader


def parse(path: Path) -> tuple[object, Lines]:
    """Return the plain content of a YAML file and the line (from 1) of every key and item.

    Raises ConfigError as ``load`` does.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            _("the file cannot be read as UTF-8 text: {error}").format(error=error), where=str(path)
        ) from None
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        lines: Lines = {(): 1}
        content = _build(loader, node, (), lines, path) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(
            _("this is not valid YAML: {problem}").format(problem=error.problem),
            where=f"{path}:{line}",
            next_step=_("correct the line; look for a missing colon, quote or indentation"),
        ) from None
    except RecursionError:
        raise ConfigError(_("the YAML is nested too deeply, or holds itself"), where=str(path)) from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(_("this is not text: {error}").format(error=error.reason), where=str(path)) from None
    finally:
        loader.dispose()
    return content, lines


def _missing(path: Path) -> ConfigError:
    siblings = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    hint = _("did you mean {name}?").format(name=path.parent / close[0]) if close else ""
    return ConfigError(_("the file is not there"), where=str(path), next_step=hint)


def _build(loader: yaml.SafeLoader, node: yaml.Node, at: Location, lines: Lines, path: Path) -> object:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, at, lines, path)
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*at, i), lines, path) for i, item in enumerate(node.value)]
    try:
        return loader.construct_object(node)
    except ValueError as error:  # a date that is none, a number too long
        raise ConfigError(
            _("this value cannot be read: {error}").format(error=error),
            where=f"{path}:{node.start_mark.line + 1}",
            next_step=_("put it in quotes if it is meant as text"),
        ) from None


def _mapping(
    loader: yaml.SafeLoader, node: yaml.MappingNode, at: Location, lines: Lines, path: Path
) -> dict[str, object]:
    result: dict[str, object] = {}
    for key_node, value_node in node.value:
        # a key is text as written: YAML would read a bare NO (a region, a state) as false
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if key in result:
            raise ConfigError(
                _("the key “{key}” stands twice, first on line {line}").format(key=key, line=lines[(*at, key)]),
                where=f"{path}:{line}",
                next_step=_("delete one of the two"),
            )
        lines[(*at, key)] = line
        result[key] = _build(loader, value_node, (*at, key), lines, path)
    return result


def _explain(path: Path, lines: Lines, model: type[BaseModel], detail: ErrorDetails, *, shows_values: bool) -> str:
    location = tuple(part for part in detail["loc"] if not _is_marker(part))
    line = _line_of(lines, location)
    key = ".".join(str(part) for part in location) or _("(the whole file)")
    return f"{path}:{line}: {key}: {_problem(model, detail, shows_values=shows_values)}"


def _is_marker(part: _Part) -> bool:
    """Pydantic puts names of union members (``ParamRef``, ``float``, ``function-after[…]``) into a location."""
    return isinstance(part, str) and (part in _TYPE_NAMES or "[" in part or part[:1].isupper())


_TYPE_NAMES = frozenset({"int", "float", "str", "bool", "list", "dict", "none"})


def _line_of(lines: Lines, location: Location) -> int:
    for length in range(len(location), -1, -1):
        if location[:length] in lines:
            return lines[location[:length]]
    # a discriminated union puts its tag into the location: leave out one part at a time
    for skip in range(len(location)):
        shorter = location[:skip] + location[skip + 1 :]
        if shorter in lines:
            return lines[shorter]
    return 1


def _problem(model: type[BaseModel], detail: ErrorDetails, *, shows_values: bool) -> str:
    kind, name = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return _("unknown key") + _nearest(name, _keys_at(model, detail["loc"][:-1]))
    if kind == "missing":
        return _("this key is required")
    context = detail.get("ctx", {})
    if not shows_values and kind != "value_error":
        return _("expected: {expected}").format(expected=context.get("expected") or detail["msg"])
    if kind in {"literal_error", "union_tag_invalid", "enum"}:
        expected = str(context.get("expected") or context.get("expected_tags"))
        found = str(context.get("tag", detail["input"]))
        return _("found {found}, expected {expected}").format(
            found=repr(found), expected=expected.replace(" or ", _(" or "))
        ) + _nearest(found, expected.replace("'", "").replace(" or ", ", ").split(", "))
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    return _("found {found}, expected: {expected}").format(found=repr(detail["input"]), expected=detail["msg"])


def _nearest(name: str, valid: Iterable[str]) -> str:
    options = sorted(valid)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    if close:
        return "; " + _("did you mean “{name}”?").format(name=close[0])
    return "; " + _("valid here: {names}").format(names=", ".join(options)) if options else ""


def _keys_at(model: type[BaseModel], location: tuple[_Part, ...]) -> list[str]:
    """Return the keys a mapping at ``location`` accepts, as they are written in YAML."""
    candidates: list[object] = [model]
    for part in location:
        candidates = [inner for c in candidates for inner in _step(c, part)]
    names: set[str] = set()
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            names |= {field.alias or key for key, field in candidate.model_fields.items()}
    return sorted(names)


def _step(annotation: object, part: _Part) -> list[object]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for key, field in annotation.model_fields.items():
            if part in (key, field.alias):
                return _members(field.annotation)
        return [annotation]  # the tag of a discriminated union
    origin = typing.get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _members(typing.get_args(annotation)[1])
    if origin in (list, tuple):
        return _members(typing.get_args(annotation)[0])
    return [annotation]


def _members(annotation: object) -> list[object]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [m for arg in typing.get_args(annotation) for m in _members(arg)]
    return [annotation]
