"""``observatudo datasets``: what is declared, what came in, which version is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.datasets import DatasetState

_WIDEST = 1_000  # characters of a line


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON, with the snapshots' provenance."))] = False,
) -> None:
    """List the declared datasets with their rows, match rate and version."""
    import json

    from observatudo import leftovers
    from observatudo.datasets import states
    from observatudo.paths import repository

    root = repository()
    found = states(root)
    if as_json:
        typer.echo(json.dumps([state.as_dict() for state in found], indent=2, ensure_ascii=False))
    else:
        _show(found, leftovers.find(root))


def _show(found: list[DatasetState], left: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in (_("dataset"), _("version"), _("snapshot")):
        table.add_column(heading, no_wrap=True)
    for heading in (_("read"), _("kept"), _("rejected"), _("matched")):
        table.add_column(heading, justify="right", no_wrap=True)
    for state in found:
        table.add_row(
            state.dataset,
            (state.version or "–")[:7],
            str(state.snapshot["fetched_at"])[:10],
            _number(state.rows_read),
            _number(state.rows_kept),
            _number(state.rows_rejected),
            "–" if state.match_rate is None else f"{state.match_rate:.2%}",
        )
    console = Console(soft_wrap=True)  # what is wider than the terminal is wrapped there, not cut off
    table.width = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    console.print(table)
    for state in found:
        for warning in state.warnings:
            console.print(f"! {state.dataset}: {warning}", style="yellow", markup=False, highlight=False)
    if any(state.rows_read is None for state in found):
        console.print(_("not ingested yet where there is “–”: type dvc repro"))
    if left:
        behind = _("left behind by datasets that are not in params.yaml: {keys}; type observatudo remove")
        console.print(behind.format(keys=", ".join(left)), markup=False, highlight=False)


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
