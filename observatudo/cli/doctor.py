"""``observatudo doctor``: what is missing on this machine and in this clone, and how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from observatudo.i18n import _

SIGNS = {"ok": "✓", "missing": "✗", "optional": "–"}


def doctor(json: Annotated[bool, typer.Option("--json", help=_("Print a JSON list."))] = False) -> None:
    """Say what is missing and how to mend it. Exits 1 when something that is needed is missing."""
    from dataclasses import asdict
    from json import dumps

    from observatudo.doctor import examine
    from observatudo.paths import repository

    findings = list(examine(repository()))
    if json:
        typer.echo(dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        width = max(len(finding.check) for finding in findings)
        for finding in findings:
            typer.echo(f"{SIGNS[finding.status]} {finding.check:<{width}}  {finding.detail}")
            if finding.next_step:
                typer.echo(f"  {'':<{width}}  → {finding.next_step}")
    if any(finding.status == "missing" for finding in findings):
        raise typer.Exit(1)
