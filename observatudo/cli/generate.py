"""``observatudo generate``: write what is made from the declarations, or check that it is up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from observatudo.i18n import _


def generate(
    check: Annotated[
        bool, typer.Option("--check", help=_("Write nothing; exit 1 naming the files that are stale."))
    ] = False,
) -> None:
    """Write staging models, sources, column docs, seeds and schemas from the declarations."""
    from observatudo import generate as generator
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    if not check:
        require_writable("generate")
    root = repository()
    changed = generator.stale(root) if check else generator.generate(root)
    for name in changed:
        typer.echo(name)
    if not changed:
        typer.echo(_("everything generated is up to date"))
    elif check:
        typer.echo(_("these files are stale; type: observatudo generate"), err=True)
        raise typer.Exit(1)
