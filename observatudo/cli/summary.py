"""``observatudo summary``: the closing lines of ``make repro``."""

from __future__ import annotations

import typer

from observatudo.i18n import _


def summary() -> None:
    """Say what the last run built, in a few lines, and what to type next."""
    import json

    from observatudo import paths
    from observatudo.datasets import states

    root = paths.repository()
    for state in states(root):
        rows = (
            _("not ingested yet")
            if state.rows_read is None
            else _("{kept:,} rows kept, {rejected:,} rejected").format(
                kept=state.rows_kept, rejected=state.rows_rejected
            )
        )
        typer.echo(f"  {state.dataset:<24} {rows}")

    def metrics(name: str) -> dict[str, dict[str, int]]:
        path = root / paths.METRICS / f"{name}.json"
        found: dict[str, dict[str, int]] = json.loads(path.read_text())[name] if path.is_file() else {}
        return found

    axes = metrics("classify").get("by_axis", {})
    if axes:
        typer.echo(
            "  "
            + _("indicators by axis: {axes}").format(
                axes=", ".join(
                    f"{axis} {count}" for axis, count in sorted(axes.items(), key=lambda x: (-x[1], x[0])) if count
                )
            )
        )
    transform = metrics("transform")
    if transform:
        typer.echo(
            "  "
            + _("dbt: {models} models; tests: {passed} passed, {warned} warned, {failed} failed").format(
                models=transform["models"],
                passed=transform["tests_passed"],
                warned=transform["tests_warned"],
                failed=transform["tests_failed"],
            )
        )
    typer.echo(_("Next, after `source .venv/bin/activate`:"))
    typer.echo('  observatudo value "São Paulo" óbitos --ano 2019   # ' + _("look"))
    typer.echo("  dvc metrics diff; observatudo runs               # " + _("compare"))
    typer.echo('  git add -A && git commit -m "…"                  # ' + _("commit"))
