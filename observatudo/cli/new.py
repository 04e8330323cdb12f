"""``observatudo new``: a file nobody has declared yet becomes a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.onboard.propose import Asked
    from observatudo.onboard.trial import Trial
    from observatudo.sources.contract import Response


def new(
    dataset: Annotated[str, typer.Argument(metavar="FONTE/DATASET", help=_("The name the dataset shall have."))],
    from_: Annotated[str, typer.Option("--from", metavar="FILE_OR_URL", help=_("The file, here or on the web."))],
    kind: Annotated[str | None, typer.Option("--kind", help=_("observacao or referencia; else found out."))] = None,
    year: Annotated[
        int | None, typer.Option("--year", help=_("The year of all values, where no column says it."))
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option("--place", metavar="COLUMN", help=_("The column of codes; or those of name and state.")),
    ] = None,
    value: Annotated[str | None, typer.Option("--value", metavar="COLUMN", help=_("The one column of values."))] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_("Print the proposal and what it gives; write nothing."))
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask before writing."))] = False,
) -> None:
    """Look at a file, propose its declaration, try it, and put it in place."""
    from observatudo.onboard.trial import is_key
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    if not is_key(dataset):
        raise typer.BadParameter(
            _("a name is fonte/dataset: small letters, digits and _, each beginning with a letter")
        )
    if kind not in (None, "observacao", "referencia"):
        raise typer.BadParameter(_("--kind is observacao or referencia"))
    if year is not None and not 1900 <= year <= 2100:
        raise typer.BadParameter(_("--year is a year from 1900 to 2100"))
    if not dry_run:
        require_writable("new")
    root = repository()
    from observatudo.onboard import source
    from observatudo.onboard.propose import Asked

    with source.opened(root, from_, lambda text: typer.echo(f"  {text}", err=True)) as (file, url, response):
        asked = Asked(dataset, file, url, kind, year, place or None, value)
        _carry_out(root, asked, response, dry_run=dry_run, yes=yes)


def _carry_out(root: Path, asked: Asked, response: Response | None, *, dry_run: bool, yes: bool) -> None:
    from observatudo.onboard import trial

    with trial.tried(root, asked, response) as tried:
        if dry_run:
            typer.echo(tried.text)
        _show(tried)
        if dry_run:
            typer.echo(_("Nothing has been written. The same command without --dry-run does it."))
            return
        if not yes and not typer.confirm(_("Write these files?"), default=not tried.keeps_nothing):
            typer.echo(_("Nothing has been written."))
            raise typer.Exit(1)
        tried.install()
        _next(asked.key)


def _show(tried: Trial) -> None:
    report = tried.report
    counts = _("{key}: {read:,} rows read, {kept:,} kept, {rejected:,} rejected; {rows:,} rows in the result")
    typer.echo(
        counts.format(
            key=tried.draft.key,
            read=report.rows_read,
            kept=report.rows_kept,
            rejected=report.rows_rejected,
            rows=report.rows,
        )
    )
    for reason, count in report.rejected_by_reason.items():
        typer.echo(f"  {reason:<26} {count:>9,}")
    if report.match_rate is not None:
        typer.echo(_("  places found: {rate:.2%}").format(rate=report.match_rate))
    for check in report.checks:
        if not check.passed:
            typer.echo(f"  ! {check.title()}: {'; '.join(check.sample)[:200]}")
    if tried.keeps_nothing:
        _warn(report.rows_read)
    typer.echo(_("Guessed, to be confirmed in the declaration (each has a comment there):"))
    for guess in [_("title, description, publisher, licence, citation: no file says them"), *tried.draft.guessed()]:
        typer.echo(f"  ? {guess}")
    typer.echo(_("Files:"))
    for file in tried.files:
        sign = "~" if (tried.root / file).exists() else "+"
        typer.echo(f"  {sign} {file.as_posix()}")


def _warn(rows: int) -> None:
    """Say on the error stream, which ``--yes`` does not silence, that the dataset would be there and empty."""
    lost = _("WARNING: none of the {rows:,} rows is kept: the column of the year holds 0 in all of them").format(
        rows=rows
    )
    typer.secho(lost, fg="yellow", bold=True, err=True)
    what = _("the dataset stays empty until an edition has years; if all rows are of one year, give it: --year 2022")
    typer.secho(f"  → {what}", fg="yellow", err=True)


def _next(key: str) -> None:
    from observatudo.config import dataset_path

    typer.echo(
        _("Next: confirm the guesses in {file}, then: dvc repro, git add -A and commit").format(file=dataset_path(key))
    )
