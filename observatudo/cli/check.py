"""``observatudo check``: what a run would reject of a dataset, and whether it would fail, before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.trial import Counts, Failed, Reason, Trial

FAILS = 1


def check(
    dataset: Annotated[str, typer.Argument(metavar="FONTE/DATASET", help=_("A dataset of params.yaml."))],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help=_("Try this file in the place of the snapshot's."))
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help=_("Which file of the snapshot --file stands for."))
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=1000, help=_("Samples of each reason."))] = 3,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Ingest a dataset aside and explain what would be rejected; writes nothing.

    Ends with 0: a run would succeed, with these rejects; 1: it would fail; 64: wrong usage.
    """
    import json

    from observatudo.paths import repository
    from observatudo.trial import check as tried

    if as_ is not None and file is None:
        raise typer.BadParameter(_("--as names the file that --file stands for: give both"))
    found = tried(repository(), dataset, file, as_, limit)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        _show(found)
    raise typer.Exit(0 if found.would_run else FAILS)


def _show(found: Trial) -> None:
    if found.now is not None:
        _counts(found.now, found.before)
    if found.corrections:
        typer.echo(_("corrected: {count} values").format(count=found.corrections))
    for reason in found.rejects:
        _reason(reason)
    for check in found.checks:
        _failed(check)
    if found.stopped is not None:
        typer.echo(found.stopped.message)
        for sign, text in (("@", found.stopped.where), ("→", found.stopped.next_step)):
            if text:
                typer.echo(f"  {sign} {text}")
    typer.echo(
        _("{dataset}: a run would succeed").format(dataset=found.dataset)
        if found.would_run
        else _("{dataset}: a run would fail").format(dataset=found.dataset)
    )


def _counts(now: Counts, before: Counts | None) -> None:
    from observatudo import figures

    lines = (
        (_("read"), "rows_read"),
        (_("kept"), "rows_kept"),
        (_("rejected"), "rows_rejected"),
        (_("result"), "rows"),
    )
    width = max(len(word) for word, _name in lines)
    for word, name in lines:
        number = getattr(now, name)
        change = "" if before is None else _change(number - getattr(before, name))
        typer.echo(f"{word.ljust(width)}  {figures.count(number):>12}{change}")


def _change(rows: int) -> str:
    from observatudo import figures

    if not rows:
        return "  " + _("as in the last output")
    return "  " + _("{change} against the last output").format(
        change=("+" if rows > 0 else "−") + figures.count(abs(rows))
    )


def _reason(reason: Reason) -> None:
    from observatudo import figures

    typer.echo("")
    typer.echo(_("rejected, {reason}: {rows} rows").format(reason=reason.reason, rows=figures.count(reason.rows)))
    typer.echo(f"  → {reason.advice}")
    for sample in reason.samples:
        text = figures.printable(sample.text)
        typer.echo(f"    {figures.printable(sample.file)}:{sample.line}  {sample.column}  {text}")


def _failed(check: Failed) -> None:
    from observatudo import figures

    name = f"{check.check} {check.column}" if check.column else check.check
    level = _("stops the run") if check.level == "fatal" else _("warning")
    typer.echo("")
    typer.echo(_("check {check} fails ({level}): {failed}").format(check=name, level=level, failed=check.failed))
    if check.found is not None and check.limit is not None:
        typer.echo("    " + _("found {found:.12g}, limit {limit:.12g}").format(found=check.found, limit=check.limit))
    for text in check.sample:
        typer.echo("    " + figures.printable(text))
