"""Parts config, params and metrics: files of two versions, compared key by key rather than line by line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import PurePosixPath

import yaml
from pydantic import JsonValue

from observatudo import paths
from observatudo.compare.model import Change, KeyChange, Keys, MetricChange, Metrics
from observatudo.i18n import _
from observatudo.runs.inputs import EVIDENCE, is_input
from observatudo.snapshots import SIDECAR
from observatudo.versions import Version
from observatudo.yamlfile import plain

_CONFIGS = ("configs", paths.RAW.as_posix(), *EVIDENCE)
_NAMES = ("name", "id", "eixo", "slug")  # what tells the items of a list apart, in the order they are tried
_WHOLE, _FORM = "(text)", "(order or form)"
_PARSED = (".yaml", ".yml", ".dvc", ".json")
_MOST = 100_000  # keys in one file: aliases of YAML multiply
Flat = dict[str, JsonValue]


def config(a: Version, b: Version) -> Keys:
    """Compare declarations, tables, prompts, human decisions and the snapshots' sidecars."""
    missing = _without(a, b, "configs")
    if missing:
        return Keys(missing=missing)
    before, after = _files(a), _files(b)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return Keys(changes=[change for path in changed for change in _changes(path, a.text(path), b.text(path))])


def params(a: Version, b: Version) -> Keys:
    """Compare params.yaml."""
    path = paths.PARAMS.as_posix()
    before, after = a.text(path), b.text(path)
    missing = one_sided([_has_no(side, path) for side, text in ((a, before), (b, after)) if text is None])
    return Keys(missing=missing) if missing else Keys(changes=list(_changes(path, before, after)))


def metrics(a: Version, b: Version) -> Metrics:
    """Compare what is under data/metrics, by key."""
    place = paths.METRICS.as_posix()
    missing = _without(a, b, place)
    if missing:
        return Metrics(missing=missing)
    before, after = a.tree.paths(place), b.tree.paths(place)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    found = [
        change for path in changed if path.endswith(".json") for change in _changes(path, a.text(path), b.text(path))
    ]
    return Metrics(changes=[_metric(change) for change in found])


def _metric(change: KeyChange) -> MetricChange:
    a, b = change.a, change.b
    delta = relative = None
    if (
        isinstance(a, int | float)
        and isinstance(b, int | float)
        and not isinstance(a, bool)
        and not isinstance(b, bool)
    ):
        with suppress(OverflowError):  # a number of hundreds of digits
            delta = float(b) - float(a)
            relative = delta / abs(float(a)) if a else None
    return MetricChange(
        file=change.file, key=change.key, change=change.change, a=a, b=b, delta=delta, relative=relative
    )


def _without(a: Version, b: Version, place: str) -> list[str]:
    return one_sided([_has_no(side, place) for side in (a, b) if not side.tree.paths(place)])


def one_sided(missing: list[str]) -> list[str]:
    """Return what one side is said to lack; what neither has is no difference, and nothing to say."""
    return missing if len(missing) == 1 else []


def _has_no(side: Version, place: str) -> str:
    return _("{side} has no {place}").format(side=side.name, place=place)


def _files(version: Version) -> dict[str, str]:
    found = {path: blob for place in _CONFIGS for path, blob in version.tree.paths(place).items()}
    return {path: blob for path, blob in found.items() if is_input(path) and _is_read(path)}


def _is_read(path: str) -> bool:
    """A snapshot's bytes are told by its sidecar."""
    is_raw = path.startswith(f"{paths.RAW.as_posix()}/")
    return not is_raw or PurePosixPath(path).name == SIDECAR


def _changes(path: str, before: bytes | None, after: bytes | None) -> Iterator[KeyChange]:
    width = _width(before, after) if path.endswith(".csv") else 0
    a, b = flat(path, before, width), flat(path, after, width)
    found = False
    for key in sorted(a.keys() | b.keys()):
        if key in a and key in b and _is_equal(a[key], b[key]):
            continue
        found = True
        change: Change = "added" if key not in a else "removed" if key not in b else "changed"
        yield KeyChange(file=path, dataset=_dataset(path, key), key=key, change=change, a=a.get(key), b=b.get(key))
    if not found and before and after and _form(path, before) != _form(path, after):
        yield KeyChange(file=path, dataset=_dataset(path, _FORM), key=_FORM, change="changed")


def _is_equal(a: JsonValue, b: JsonValue) -> bool:
    return type(a) is type(b) and (a == b or (a != a and b != b))  # NaN is NaN


def _dataset(path: str, key: str) -> str | None:
    """Name the dataset a key belongs to: by its file, or, in params.yaml, by its section."""
    for place in (paths.DATASET_CONFIGS, paths.RAW, paths.METRICS / "ingest"):
        if PurePosixPath(path).is_relative_to(place.as_posix()):
            inside = PurePosixPath(path).relative_to(place.as_posix())
            return "/".join((inside.parts[0], PurePosixPath(inside.parts[1]).stem)) if len(inside.parts) > 1 else None
    section = key.split(".")
    if path == paths.PARAMS.as_posix() and section[0] == "ds" and len(section) > 2:
        return "/".join(section[1:3])
    return section[1] if path == paths.PARAMS.as_posix() and section[0] == "datasets" and len(section) > 1 else None


def flat(path: str, text: bytes | None, width: int = 0) -> Flat:
    """Return the content of a file as dotted key → value; a file of another kind is one key, its text.

    Items of a list are told apart by their name where each has one, lines of a CSV by their first ``width`` cells; so a
    line that moved is no change. A file that cannot be parsed, or holds more keys than anybody writes, is compared as
    text.
    """
    if text is None:
        return {}
    try:
        if path.endswith(".csv"):
            return _lines(text.decode(), width)
        if path.endswith(_PARSED):
            pairs = list(islice(_flatten("", _parsed(path, text)), _MOST + 1))
            if len(pairs) <= _MOST:
                return dict(pairs)
    except (yaml.YAMLError, ValueError, csv.Error, RecursionError):
        pass
    return {_WHOLE: text.decode(errors="replace")}


def _parsed(path: str, text: bytes) -> object:
    return json.loads(text) if path.endswith(".json") else plain(text)


def _form(path: str, text: bytes) -> object:
    """Return what flat keys cannot tell: the order of lists, types of containers, the header of a CSV."""
    try:
        if path.endswith(".csv"):
            header, *rows = csv.reader(io.StringIO(text.decode(), newline=""), strict=True)
            return header, sorted(rows)
        return _typed(_parsed(path, text)) if path.endswith(_PARSED) else None
    except (yaml.YAMLError, ValueError, csv.Error, RecursionError):
        return None


def _typed(value: object) -> object:
    if isinstance(value, Mapping):
        return "mapping", sorted((str(key), repr(_typed(inner))) for key, inner in value.items())
    return [_typed(item) for item in value] if isinstance(value, list) else (type(value).__name__, str(value))


def _flatten(prefix: str, value: object) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flatten(_join(prefix, str(key)), inner)
    elif isinstance(value, list) and value:
        for key, inner in _named(value):
            yield from _flatten(_join(prefix, key), inner)
    else:
        yield prefix, _plain(value)


def _plain(value: object) -> JsonValue:
    """An empty list or mapping stays one; a date of YAML becomes its text."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if value == []:
        return []
    return {} if value == {} else str(value)


def _join(prefix: str, key: str) -> str:
    return f"{prefix}.{key}" if prefix else key


def _named(items: list[object]) -> Iterable[tuple[str, object]]:
    for name in _NAMES:
        names = [item.get(name) for item in items if isinstance(item, Mapping)]
        if len(names) == len(items) == len({str(found) for found in names}) and None not in names:
            return [(str(found), item) for found, item in zip(names, items, strict=True)]
    scalars = [item for item in items if isinstance(item, str | int | float)]
    if len(scalars) == len(items) == len(set(map(str, scalars))):
        return [(str(item), item) for item in scalars]
    return [(str(number), item) for number, item in enumerate(items)]


def _width(*texts: bytes | None) -> int:
    """Return how many of its first cells tell the lines of a CSV apart, in each of the texts; 0 where none do."""
    try:
        tables = [list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))[1:] for text in texts if text]
    except (ValueError, csv.Error):
        return 0
    longest = max((len(row) for rows in tables for row in rows), default=0)
    return next(
        (n for n in range(1, longest + 1) if all(len({tuple(r[:n]) for r in rows}) == len(rows) for rows in tables)), 0
    )


def _lines(text: str, width: int) -> Flat:
    """Return each cell of a CSV under the beginning of its line and its column's name; without a width by number."""
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: Flat = {}
    for number, row in enumerate(rows):
        key = " | ".join(row[:width]) if width else str(number)
        names = [*header, *(str(n + 1) for n in range(len(header), len(row)))]
        cells = list(zip(names, row, strict=False))
        for name, cell in cells[width:] or cells:
            found[f"{key}.{name}"] = cell
    return found
