"""``observatudo repro``: the pipeline, with independent stages at work at once."""

from __future__ import annotations

from typing import Annotated

import typer

from observatudo.i18n import _


def repro(
    targets: Annotated[
        list[str] | None, typer.Argument(help=_("Stages to bring up to date, with what they need; default: all."))
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help=_("Stages at work at once; default: one per core."))
    ] = None,
) -> None:
    """Run what has changed. Exits 255 when a stage failed, as DVC does; 130 and 143 when interrupted."""
    import os
    import sys

    from observatudo.errors import ObservatudoError
    from observatudo.parallel.repro import FAILURE, cores
    from observatudo.parallel.repro import repro as run
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    require_writable("repro")
    root = repository()
    os.chdir(root)  # stages are named as seen from the root
    try:
        code = run(root, targets or [], jobs or cores())
    except ObservatudoError as error:
        print(error, file=sys.stderr)
        code = FAILURE
    raise typer.Exit(code)
