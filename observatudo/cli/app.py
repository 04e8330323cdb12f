"""The ``observatudo`` command: its subcommands, and the one place where errors become messages."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType

import typer
import typer.main

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

app = typer.Typer(
    help=_("Versions, classifies, models, observes and audits Brazil's public municipal data."),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _register() -> None:
    from observatudo.cli import classify, datasets, doctor, fetch, generate, runs, summary, value

    app.command(help=_("Take snapshots of datasets anew, from packages or a local file."))(fetch.fetch)
    app.command(help=_("List the declared datasets: rows, match rate and version."))(datasets.datasets)
    app.command(help=_("List the runs, newest first."))(runs.runs)
    app.command(help=_("Show one run: what ran, with what, how it ended."))(runs.show)
    app.command(help=_("Print an indicator's values in a place and where they come from."))(value.value)
    app.command(help=_("Classify the indicators of any CSV into the axes."))(classify.classify)
    app.command(help=_("Write the files that are made from the declarations."))(generate.generate)
    app.command(help=_("Say what the last run built and what to type next."))(summary.summary)
    app.command(help=_("Say what is missing on this machine and how to mend it."))(doctor.doctor)


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell a user about an error nobody foresaw in one line; the traceback is there for who asks for it."""
    if os.environ.get("OBSERVATUDO_DEBUG"):
        traceback.print_exception(kind, error, trace)
        return
    message = _("this should not have happened: {kind}: {error}").format(kind=kind.__name__, error=error)
    print(message, file=sys.stderr)
    print("  → " + _("OBSERVATUDO_DEBUG=1 before the command shows where"), file=sys.stderr)


def main() -> None:
    """Run the command line; an ObservatudoError is printed and ends it with 1."""
    sys.excepthook = _unforeseen
    _register()
    try:
        typer.main.get_command(app)()  # app() itself would put typer's own hook in place of ours
    except ObservatudoError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
