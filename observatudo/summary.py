"""The closing lines of ``make repro``: what was built, and what to type next.

``make repro`` runs this module by itself, after every run, so it imports neither pydantic nor typer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

Told = TypeVar("Told")


def lines(root: Path) -> list[str]:
    """Return what the last run in the repository at ``root`` left there, a line per dataset, axes, dbt tests.

    Raises ObservatudoError for a file that is not as a run writes it.
    """
    keys = _told(root / paths.PARAMS, _keys) or []
    told = [
        _told(root / paths.METRICS / "classify.json", _axes),
        _told(root / paths.METRICS / "transform.json", _dbt),
    ]
    return [*(_dataset(root, key) for key in keys), *(line for line in told if line)]


def _told(path: Path, tell: Callable[[str], Told]) -> Told | None:
    """Return what ``tell`` makes of the file's text, None where there is no file."""
    if not path.is_file():
        return None
    try:
        return tell(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ObservatudoError(
            _("the file is damaged or not as a run writes it ({kind}: {error})").format(
                kind=type(error).__name__, error=" ".join(str(error).split())
            ),
            where=str(path),
            next_step="dvc repro",
        ) from error


def _keys(text: str) -> list[str]:
    return list(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["datasets"])  # noqa: S506


def _dataset(root: Path, key: str) -> str:
    rows = _told(root / paths.INGESTED / key / "relatorio.json", _rows) or _("not ingested yet")
    return f"{key:<24}{rows}"


def _rows(text: str) -> str:
    report = json.loads(text)
    return _("{kept:,} rows kept, {rejected:,} rejected").format(
        kept=report["rows_kept"], rejected=report["rows_rejected"]
    )


def _axes(text: str) -> str:
    figures = json.loads(text)["classify"]["by_axis"]
    ordered = sorted(figures.items(), key=lambda item: (-item[1], item[0]))
    axes = ", ".join(f"{axis} {count}" for axis, count in ordered if count)
    return _("indicators by axis: {axes}").format(axes=axes)


def _dbt(text: str) -> str:
    figures = json.loads(text)["transform"]
    return _("dbt: {models} models; tests: {passed} passed, {warned} warned, {failed} failed").format(
        models=figures["models"],
        passed=figures["tests_passed"],
        warned=figures["tests_warned"],
        failed=figures["tests_failed"],
    )


def show(root: Path) -> None:
    """Print the lines and the next commands."""
    print(*(f"  {line}" for line in lines(root)), sep="\n")
    print(_("Next, after `source .venv/bin/activate`:"))
    for command, purpose in (
        ('observatudo value "São Paulo" óbitos --ano 2019', _("look")),
        ("dvc metrics diff; observatudo runs", _("compare")),
        ('git add -A && git commit -m "…"', _("commit")),
    ):
        print(f"  {command:<50}# {purpose}")


if __name__ == "__main__":
    try:
        show(paths.repository())
    except ObservatudoError as problem:
        raise SystemExit(str(problem)) from None
