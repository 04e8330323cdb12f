"""The command ``observatudo tui``: the dashboard. No typer here: it would cost more time than the first row."""

from __future__ import annotations

import runpy
import sys

from observatudo import paths
from observatudo.errors import ObservatudoError


def start(arguments: list[str]) -> None:
    """Run the dashboard of the repository one is in, from that repository's own package ``tui``; ends the process."""
    try:
        sys.path.insert(0, str(paths.repository()))
    except ObservatudoError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    sys.argv = ["observatudo tui", *arguments]
    runpy.run_module("tui", run_name="__main__", alter_sys=True)
