"""``observatudo gc``: clean-up of the cache, with what would be lost said first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.audit.keep import Lost, Plan

_SHOWN = 10


def gc(
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", help=_("Keep this revision, range or run beside what has a name; may be repeated.")),
    ] = None,
    since: Annotated[str, typer.Option("--since", help=_("Keep commits from this date (YYYY-MM-DD) on."))] = "",
    last: Annotated[int | None, typer.Option("--last", min=1, help=_("Keep so many commits of every branch."))] = None,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do it without asking."))] = False,
    for_good: Annotated[
        bool, typer.Option("--for-good", help=_("Also what neither the remote nor anything else has."))
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Show what no kept version needs, and delete it from this clone's cache when told to."""
    import json
    import sys
    from dataclasses import asdict

    from observatudo.audit.keep import Wish, carry_out, plan
    from observatudo.paths import repository
    from observatudo.readonly import is_read_only, require_writable

    if yes:
        require_writable("gc --yes")
    root, wish = repository(), Wish(tuple(keep or ()), since, last)
    made = plan(root, wish)
    if as_json:
        typer.echo(json.dumps(asdict(made) | {"done": yes}, indent=2, ensure_ascii=False))
    else:
        _show(made)
    if not made.goes:
        return
    asked = sys.stdin.isatty() and not as_json and not is_read_only()
    if yes or (asked and typer.confirm(_("Delete them from this clone's cache?"))):
        count, size = carry_out(root, made, wish, for_good=for_good)
        typer.echo(_("deleted {count:,} objects, {size}").format(count=count, size=_size(size)), err=as_json)
    elif not as_json:
        typer.echo(_("Nothing has changed. The same command with --yes does it."))


def _show(made: Plan) -> None:
    typer.echo(
        _("kept: {versions:,} commits, the work tree and their runs, {objects:,} objects").format(
            versions=made.versions, objects=made.kept
        )
    )
    if not made.goes:
        typer.echo(_("nothing to clean up: all that is in the cache is needed"))
        return
    groups = (
        (made.unnamed, _("of no version, experiment or run")),
        (made.there, _("of versions not kept; the remote has them")),
        (made.nowhere, _("nowhere else: LOST FOR GOOD, needs --for-good")),
    )
    for group, words in groups:
        if group:
            line = _("goes: {count:,} objects, {size}, {what}").format(
                count=len(group), size=_size(sum(group.values())), what=words
            )
            typer.echo(line)
    if made.doubtful and made.nowhere:
        typer.echo(
            _("{count} folders of versions have no listing here, so that nobody can tell what belongs to them").format(
                count=made.doubtful
            )
        )
    if made.lost:
        typer.echo(_("could no longer be compared or restored from this cache:"))
    for lost in made.lost[:_SHOWN]:
        typer.echo(f"  {_line(lost)}")
    if len(made.lost) > _SHOWN:
        typer.echo(_("  … and {count} more; all of them: --json").format(count=len(made.lost) - _SHOWN))


def _line(lost: Lost) -> str:
    what = f"{lost.commit[:8]} {lost.date} {lost.subject}" if lost.commit else _("run {run}").format(run=lost.run)
    tables = ", ".join(lost.tables[:4]) + (f", … ({len(lost.tables)})" if len(lost.tables) > 4 else "")
    back = _("can be pulled again") if lost.in_remote else _("for good")
    return "  ".join(part for part in (what, tables, f"[{back}]") if part)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count:,} B"
