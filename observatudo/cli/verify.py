"""``observatudo verify``: whether records, locks, objects, snapshots and the warehouse are as they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from observatudo.audit.verify.report import Report

_MB = 1_000_000


def verify(
    revision: Annotated[str, typer.Argument(metavar="[REV]", help=_("The version (HEAD and the work tree)."))] = "HEAD",
    whole: Annotated[bool, typer.Option("--all", help=_("Every version that this one comes from."))] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help=_("Read every byte: cache, remote, warehouse.")),
    ] = False,
    rebuild: Annotated[
        str | None, typer.Option("--rebuild", metavar="REV", help=_("Run a version again in a clone; compare outputs."))
    ] = None,
    anchor: Annotated[
        str, typer.Option("--anchor", metavar="REF|FILE", help=_("Hold the records against this too."))
    ] = "",
    export_head: Annotated[
        Path | None, typer.Option("--export-head", metavar="FILE", help=_("Write the head, to be kept elsewhere."))
    ] = None,
    json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Say whether records, locks, objects, snapshots and the warehouse are as they were made.

    Exits 0 when they are (also when nothing outside this clone anchors the records), 1 when something was tampered
    with, 2 when nothing was but something is missing. A version that a run would renew is said to be stale; that
    exits 0.
    """
    from observatudo import history, paths
    from observatudo.readonly import require_writable

    if rebuild is not None or export_head is not None:
        require_writable("verify --rebuild" if rebuild is not None else "verify --export-head")
    root = paths.repository()
    if rebuild is not None:
        _rebuild(root, rebuild, as_json=json)
        return
    history.close_interrupted(root)
    if export_head is not None:
        _export(root, revision, export_head)
        return
    _verify(root, revision, whole=whole, deep=deep, anchor=anchor, as_json=json)


def _verify(root: Path, revision: str, *, whole: bool, deep: bool, anchor: str, as_json: bool) -> None:
    from json import dumps

    from observatudo.audit.verify.run import Asked
    from observatudo.audit.verify.run import verify as run
    from observatudo.audit.verify.text import render

    progress, done = _progress()
    try:
        report = run(root, Asked(revision, whole, deep, anchor), progress)
    finally:
        done()
    if revision == "HEAD":
        _remember(root, report, thorough=deep or whole)
    if as_json:
        typer.echo(dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in render(report):
            typer.echo(line)
    raise typer.Exit(report.exit_code)


def _remember(root: Path, report: Report, *, thorough: bool) -> None:
    """Write down how it ended, for the alerts; where that cannot be, what was found is still printed."""
    from observatudo.alerts import ledger
    from observatudo.errors import ObservatudoError
    from observatudo.readonly import is_read_only

    if is_read_only():
        return
    problems = len(report.of("tampered")) + len(report.of("missing"))
    try:
        ledger.append(root, "verified", exit_code=report.exit_code, problems=problems, thorough=thorough)
    except ObservatudoError as error:
        typer.echo(error, err=True)


def _export(root: Path, revision: str, file: Path) -> None:
    from observatudo.audit.verify.anchors import head_of
    from observatudo.audit.verify.gitdata import GitData
    from observatudo.versions import Versions

    versions = Versions(root)
    commit = versions.commit(revision).commit or ""
    head = head_of(GitData(root, versions.prefix), commit)
    file.write_text(head.model_dump_json(indent=2) + "\n", encoding="utf-8")
    typer.echo(
        _("{count} run record(s) at {commit} written to {file}; keep it where this machine cannot write").format(
            count=head.records, commit=commit[:8], file=file
        )
    )
    typer.echo(f"  → observatudo verify --anchor {file}")


def _rebuild(root: Path, revision: str, *, as_json: bool) -> None:
    from json import dumps

    from observatudo.audit.verify.rebuild import rebuild

    done = rebuild(root, revision, tell=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(dumps(done.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in done.lines():
            typer.echo(line)
    raise typer.Exit(0 if done.is_equal else 1)


def _progress() -> tuple[Callable[[int], None] | None, Callable[[], None]]:
    """Return what draws a counter of bytes read on a terminal or for a dashboard, and what wipes it."""
    import os
    import sys
    import time

    from observatudo.cli.progress import ASKED

    if not (sys.stderr.isatty() or os.environ.get(ASKED)):
        return None, lambda: None
    read, told = 0, 0.0

    def progress(count: int) -> None:
        nonlocal read, told
        read += count
        if time.monotonic() - told > 0.1:
            told = time.monotonic()
            sys.stderr.write("\r" + _("{mb} MB read").format(mb=read // _MB) + "\x1b[K")
            sys.stderr.flush()

    def done() -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    return progress, done
