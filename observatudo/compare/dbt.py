"""Part dbt: models by their SQL, tests by how they ended, rows per model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from observatudo import paths
from observatudo.compare.model import Dbt, DbtRows, DbtTest
from observatudo.i18n import _
from observatudo.runs.inputs import is_input
from observatudo.versions import Version

_METRICS = (paths.METRICS / "transform.json").as_posix()
_COUNTS = ("models", "tests_passed", "tests_warned", "tests_failed")
Build = Mapping[str, object]


def dbt(a: Version, b: Version) -> Dbt:
    """Compare the dbt projects of two versions, and how their last build ended."""
    before, after = _project(a), _project(b)
    built_a, built_b = _build(a), _build(b)
    missing = [
        _("{side} has no {place}").format(side=side.name, place=place)
        for place, found_a, found_b in (("dbt", before, after), (_METRICS, built_a, built_b))
        for side, found, other in ((a, found_a, found_b), (b, found_b, found_a))
        if other and not found
    ]
    both = before.keys() & after.keys()
    is_comparable = bool(before and after)
    unnamed = [side.name for side, build in ((a, built_a), (b, built_b)) if _is_unnamed(build)]
    missing += [_("{side} does not name its tests that warn").format(side=name) for name in unnamed]
    began, ceased = _tests(built_a, built_b) if not unnamed else ([], [])
    return Dbt(
        added=_names(after.keys() - before.keys()) if is_comparable else [],
        removed=_names(before.keys() - after.keys()) if is_comparable else [],
        changed=_names(path for path in both if before[path] != after[path]),
        began_to_fail=began,
        ceased_to_fail=ceased,
        tests=[DbtTest(name=name, a=_count(built_a, name), b=_count(built_b, name)) for name in _COUNTS],
        rows=_rows(built_a, built_b),
        missing=missing,
    )


def _project(version: Version) -> dict[str, str]:
    return {path: blob for path, blob in version.tree.paths("dbt").items() if is_input(path)}


def _names(files: Iterable[str]) -> list[str]:
    return sorted(map(_name, files))


def _name(path: str) -> str:
    """Return a model's name; other files of the project (macros, tests, seeds) have their path."""
    inside = PurePosixPath(path).relative_to("dbt")
    return inside.stem if inside.parts[0] == "models" and inside.suffix == ".sql" else inside.as_posix()


def _build(version: Version) -> Build:
    text = version.text(_METRICS)
    try:
        content = json.loads(text) if text else {}
    except ValueError:
        return {}
    found = content.get("transform") if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def _tests(a: Build, b: Build) -> tuple[list[str], list[str]]:
    """Return the names of the tests that fail (here: warn) on one side only, those of ``b`` first."""
    before, after = _mapping(a, "warned"), _mapping(b, "warned")
    if not a or not b:
        return [], []
    return sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())


def _is_unnamed(build: Build) -> bool:
    """Say whether tests warned whose names were not kept: versions of before they were."""
    return bool(_count(build, "tests_warned")) and not _mapping(build, "warned")


def _rows(a: Build, b: Build) -> list[DbtRows]:
    before, after = _mapping(a, "rows"), _mapping(b, "rows")
    names = sorted(before.keys() | after.keys())
    return [DbtRows(model=name, a=_whole(before.get(name)), b=_whole(after.get(name))) for name in names]


def _mapping(build: Build, name: str) -> Mapping[str, object]:
    found = build.get(name)
    return found if isinstance(found, Mapping) else {}


def _count(build: Build, name: str) -> int | None:
    return _whole(build.get(name))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
