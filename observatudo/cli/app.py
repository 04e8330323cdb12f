"""The ``observatudo`` command: its subcommands, and the one place where errors become messages."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from types import TracebackType

import typer
import typer.main

from observatudo.audit.rollback import unfinished
from observatudo.cli import tui as dashboard
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
    _register_what_runs_and_tells()
    _register_what_looks_after_it()


def _register_what_runs_and_tells() -> None:
    from observatudo.cli import (
        ask,
        blame,
        check,
        classify,
        datasets,
        diff,
        explain,
        fetch,
        labels,
        log,
        repro,
        review,
        runs,
        update,
        value,
        verify,
    )

    app.command(help=_("Run what has changed, independent stages at once."))(repro.repro)
    app.command(help=_("Take snapshots anew, from packages or a local file."))(fetch.fetch)
    app.command(help=_("Say what a run would reject of a dataset, before it runs."))(check.check)
    app.command(help=_("Ask models about the indicators that wait for an answer."))(ask.ask)
    app.command(help=_("Fetch, ask and run what has changed: for a schedule."))(update.update)
    app.command(help=_("List the declared datasets: rows, match rate and version."))(datasets.datasets)
    app.command(help=_("List the runs, newest first."))(runs.runs)
    app.command(help=_("Show one run: what ran, with what, how it ended."))(runs.show)
    app.command(help=_("Compare two versions, down to the row."))(diff.diff)
    app.command(help=_("Say who changed a cell, in which version, and why."))(blame.blame)
    app.command(help=_("List the versions that changed a table, with their rows."))(log.log)
    app.command(help=_("Say whether data and records are as they were made."))(verify.verify)
    app.command(help=_("Print an indicator's values in a place and their origin."))(value.value)
    app.command(help=_("Classify the indicators of any CSV into the axes."))(classify.classify)
    app.command(help=_("State of the classification, or the labels that fit."))(labels.labels)
    app.command(help=_("Record which axis an indicator belongs to, and why."))(labels.label)
    app.command(help=_("Walk the labels that wait for a person's decision."))(review.review)
    app.command(help=_("Say all that led to one label: who, why, what models said."))(explain.explain)


def _register_what_looks_after_it() -> None:
    from observatudo.cli import (
        alerts,
        api,
        doctor,
        gc,
        generate,
        models,
        new,
        prompts,
        provenance,
        remote,
        remove,
        report,
        resolve,
        rollback,
        serve,
        summary,
        traces,
        warehouse,
    )

    app.command(
        "tui",
        help=_("Open the dashboard: runs, data, comparisons, audit."),
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(tui)
    app.command(help=_("Show the dashboard in a browser; read-only unless told."))(serve.serve)
    app.command(help=_("Answer other tools over HTTP; read-only, with a token."))(api.api)
    app.command(help=_("State of dbt: models, tests, freshness, lineage."))(models.models)
    app.command(help=_("What the warehouse holds: versions, loads; brings one."))(warehouse.warehouse)
    app.add_typer(prompts.app, name="prompts", help=_("What models are told; which prompt or model is right more."))
    app.command(help=_("Propose, try and add the declaration of a new file."))(new.new)
    app.command(help=_("Write the files that are made from the declarations."))(generate.generate)
    app.command(help=_("Make a folder the place for the data; push, pull."))(remote.remote)
    app.command(help=_("Merge what two branches ran: dvc.lock, metrics."))(resolve.resolve)
    app.command(help=_("State of the observatory on one page to publish."))(report.report)
    app.command(help=_("Go back to a version as a new commit; shows it first."))(rollback.rollback)
    app.command(help=_("Write where a version comes from, for other tools."))(provenance.provenance)
    app.command(help=_("Clean up the cache; shows what would be lost."))(gc.gc)
    app.command(help=_("Take off a dataset or what one left behind; shows it first."))(remove.remove)
    app.command(help=_("Say what the last run built and what to type next."))(summary.summary)
    app.add_typer(alerts.app, name="alerts", help=_("What is wrong, since when and why; tells who should know."))
    app.command(help=_("Send a run to OpenTelemetry's receiver again."))(traces.traces)
    app.command(help=_("Say what is missing on this machine and how to mend it."))(doctor.doctor)


def tui(context: typer.Context) -> None:
    """Open the dashboard, which reads its own options."""
    dashboard.start(context.args)


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell a user about an error nobody foresaw in one line; the traceback is there for who asks for it."""
    if os.environ.get("OBSERVATUDO_DEBUG"):
        traceback.print_exception(kind, error, trace)
        return
    message = _("this should not have happened: {kind}: {error}").format(kind=kind.__name__, error=error)
    print(message, file=sys.stderr)
    print("  → " + _("OBSERVATUDO_DEBUG=1 before the command shows where"), file=sys.stderr)


def _show_unprintable() -> None:
    """Have a stdout that lacks a character print “?” for it rather than stop."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _exit_code_of_wrong_usage() -> None:
    """End wrong usage with 64, as sysexits.h has it: the 2 of typer says of ``diff`` that it cannot compare."""
    typer.BadParameter.__mro__[1].exit_code = os.EX_USAGE  # type: ignore[attr-defined]  # UsageError has no public name


def _run() -> None:
    """Run the command; what it printed is written here, so that a full disk or closed pipe is noticed in time."""
    try:
        typer.main.get_command(app)()  # app() itself would put typer's own hook in place of ours
    finally:
        sys.stdout.flush()


def _refused(error: OSError) -> ObservatudoError:
    """Say what the system refused; nothing more goes to a stdout that may be what it refused."""
    if error.filename is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return ObservatudoError(
        _("the system refused: {reason}").format(reason=error.strerror or error),
        where=str(error.filename2 or error.filename or ""),  # of a copy, where to: that is what fills up
        next_step=_("make room, then run again") if error.errno == errno.ENOSPC else "",
    )


def main() -> None:
    """Run the command line; an ObservatudoError or what the system refused is printed and ends it with 1."""
    sys.excepthook = _unforeseen
    _show_unprintable()
    _exit_code_of_wrong_usage()
    _register()
    if "rollback" not in sys.argv[1:2]:  # which says it itself
        unfinished.mention()
    try:
        _run()
    except ObservatudoError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        refused = _refused(error)
        if os.environ.get("OBSERVATUDO_DEBUG"):
            raise
        if not isinstance(error, BrokenPipeError):  # nobody reads on: `| head`
            print(refused, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
