"""``observatudo summary``: the closing lines of ``make repro``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from observatudo import paths
from observatudo.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

    from observatudo.datasets import DatasetState


def summary() -> None:
    """Say what the last run built, in a few lines, and what to type next."""
    from observatudo.datasets import states

    root = paths.repository()
    for line in [*map(_dataset, states(root)), *_axes(root), *_dbt(root)]:
        typer.echo(f"  {line}")
    typer.echo(_("Next, after `source .venv/bin/activate`:"))
    for command, purpose in (
        ('observatudo value "São Paulo" óbitos --ano 2019', _("look")),
        ("dvc metrics diff; observatudo runs", _("compare")),
        ('git add -A && git commit -m "…"', _("commit")),
    ):
        typer.echo(f"  {command:<50}# {purpose}")


def _dataset(state: DatasetState) -> str:
    if state.rows_read is None:
        rows = _("not ingested yet")
    else:
        rows = _("{kept:,} rows kept, {rejected:,} rejected").format(kept=state.rows_kept, rejected=state.rows_rejected)
    return f"{state.dataset:<24}{rows}"


def _axes(root: Path) -> list[str]:
    counts = _metrics(root, "classify").get("by_axis")
    if not isinstance(counts, dict):
        return []
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    axes = ", ".join(f"{axis} {count}" for axis, count in ordered if count)
    return [_("indicators by axis: {axes}").format(axes=axes)]


def _dbt(root: Path) -> list[str]:
    figures = _metrics(root, "transform")
    if not figures:
        return []
    return [
        _("dbt: {models} models; tests: {passed} passed, {warned} warned, {failed} failed").format(
            models=figures["models"],
            passed=figures["tests_passed"],
            warned=figures["tests_warned"],
            failed=figures["tests_failed"],
        )
    ]


def _metrics(root: Path, name: str) -> dict[str, object]:
    path = root / paths.METRICS / f"{name}.json"
    if not path.is_file():
        return {}
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))[name]
    return found
