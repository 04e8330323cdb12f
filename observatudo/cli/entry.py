"""Where the ``observatudo`` command begins: the dashboard at once, everything else through typer."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["tui"]:
        from observatudo.cli.tui import start

        start(sys.argv[2:])
    else:
        from observatudo.cli.app import main as run

        run()


if __name__ == "__main__":
    main()
