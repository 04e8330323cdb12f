"""The closing lines of ``make repro``: what was built, and what to type next.

``make repro`` runs this module by itself, after every run, so it imports neither pydantic nor typer.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from observatudo import paths
from observatudo.i18n import _


def lines(root: Path) -> list[str]:
    """Return what the last run in the repository at ``root`` left there, a line per dataset, axes, dbt tests."""
    with (root / paths.PARAMS).open(encoding="utf-8") as file:
        keys = list(yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["datasets"])  # noqa: S506
    return [*(_dataset(root, key) for key in keys), *_axes(root), *_dbt(root)]


def _dataset(root: Path, key: str) -> str:
    report = _read(root / paths.INGESTED / key / "relatorio.json")
    rows = _("not ingested yet")
    if report:
        rows = _("{kept:,} rows kept, {rejected:,} rejected").format(
            kept=report["rows_kept"], rejected=report["rows_rejected"]
        )
    return f"{key:<24}{rows}"


def _axes(root: Path) -> list[str]:
    figures = _read(root / paths.METRICS / "classify.json").get("classify")
    if not isinstance(figures, dict):
        return []
    ordered = sorted(figures["by_axis"].items(), key=lambda item: (-item[1], item[0]))
    axes = ", ".join(f"{axis} {count}" for axis, count in ordered if count)
    return [_("indicators by axis: {axes}").format(axes=axes)]


def _dbt(root: Path) -> list[str]:
    figures = _read(root / paths.METRICS / "transform.json").get("transform")
    if not isinstance(figures, dict):
        return []
    return [
        _("dbt: {models} models; tests: {passed} passed, {warned} warned, {failed} failed").format(
            models=figures["models"],
            passed=figures["tests_passed"],
            warned=figures["tests_warned"],
            failed=figures["tests_failed"],
        )
    ]


def _read(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    content: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return content


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
    show(paths.repository())
