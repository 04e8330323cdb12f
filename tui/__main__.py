"""``python -m tui``: the dashboard of the repository one is in (``observatudo tui``)."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from observatudo import paths
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

_SWITCH_S = 0.001  # a thread that reads the index keeps the keys waiting no longer than this


def main() -> int:
    """Run the dashboard; return the exit code."""
    gc.disable()  # until the first picture is there
    asked = _parsed()
    try:
        root = paths.repository()
    except ObservatudoError as error:
        print(error, file=sys.stderr)
        return 1
    if not asked.serving and not (sys.stdin.isatty() and sys.stdout.isatty()):
        where = _("the dashboard needs a terminal; it is read by no pipe")
        print(ObservatudoError(where, next_step="observatudo runs"), file=sys.stderr)
        return 1
    from observatudo.history.view import View
    from observatudo.readonly import VARIABLE, is_read_only
    from tui.app import Dashboard
    from tui.context import Context, read_settings, settings_file

    sys.setswitchinterval(_SWITCH_S)
    for name in ("COLUMNS", "LINES"):  # exported, they are the size of another terminal, and win over this one's
        os.environ.pop(name, None)
    settings = read_settings(settings_file())
    read_only = asked.read_only or is_read_only()
    if read_only:
        os.environ[VARIABLE] = "1"  # for the commands it runs
    app = Dashboard(Context(root, View(root), settings, read_only, asked.serving))
    app.run()
    return app.return_code or 0


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="observatudo tui", description=_("Runs, data, comparisons and audit in the terminal.")
    )
    parser.add_argument("--read-only", action="store_true", help=_("Look only: nothing that writes can be done."))
    parser.add_argument("--serving", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
