"""``observatudo rollback``: an earlier version as a new commit, after a preview in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observatudo.audit.rollback.apply import Done
    from observatudo.audit.rollback.model import Effect, Request, Scope


def rollback(
    revision: Annotated[
        str | None, typer.Argument(metavar="REV", help=_("Revision, tag, branch or experiment to go back to."))
    ] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help=_("Only this dataset, as fonte/dataset."))] = None,
    config_only: Annotated[bool, typer.Option("--config-only", help=_("Only configuration and snapshots."))] = False,
    data_only: Annotated[bool, typer.Option("--data-only", help=_("Only outputs and metrics."))] = False,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do it without asking."))] = False,
    why: Annotated[str, typer.Option("-m", "--message", help=_("Why, for the commit and the record."))] = "",
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
    finish: Annotated[bool, typer.Option("--continue", help=_("Finish a rollback that was cut off."))] = False,
    abort: Annotated[bool, typer.Option("--abort", help=_("Undo a rollback that was cut off."))] = False,
    if_preview: Annotated[
        str,
        typer.Option("--if-preview", metavar="SHA256", help=_("With --yes: only if this is still its preview.")),
    ] = "",
) -> None:
    """Show what going back to a version changes, ask, and do it as a new commit. Exits 64 for wrong usage."""
    from observatudo.audit.rollback import intent
    from observatudo.audit.rollback.model import Request
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    if [revision is not None, finish, abort].count(True) != 1 or (config_only and data_only):
        raise typer.BadParameter(
            _("name a version and at most one of --config-only and --data-only; or one of --continue, --abort alone")
        )
    if if_preview and not yes:
        raise typer.BadParameter(_("it goes with --yes"), param_hint="--if-preview")
    if yes or revision is None:
        require_writable("rollback")
    root = repository()
    if revision is None:
        _recover(root, finish=finish, as_json=as_json)
        return
    intent.refuse_another(root)
    scope: Scope = "config" if config_only else "data" if data_only else "all"
    _roll_back(root, Request(revision, scope, dataset or ""), yes=yes, why=why, as_json=as_json, seen=if_preview)


def _roll_back(root: Path, request: Request, *, yes: bool, why: str, as_json: bool, seen: str) -> None:
    from observatudo.audit.rollback import preview
    from observatudo.audit.rollback.plan import effect
    from observatudo.audit.rollback.show import after, as_dict, before

    if yes:
        why = _reason(why)
    try:
        found = effect(root, request, _reading)
    finally:
        _reading("")
    if seen:
        preview.require(root, found, seen)
    if not as_json:
        typer.echo(before(found))
    done = None
    if found.plan and (yes or _agreed(as_json)):
        done = _carried_out(root, found, why if yes else _reason(why))
    if as_json:
        _print_json(as_dict(found, done))
    elif done:
        typer.echo(after(request, done))


def _carried_out(root: Path, found: Effect, why: str) -> Done:
    from observatudo.audit.rollback.apply import Watch, carry_out

    try:
        return carry_out(root, found, why, Watch(progress=_progress()))
    finally:
        _reading("")


def _reading(table: str) -> None:
    """Say on a terminal, or to a dashboard, which table is being compared; an empty name clears the line."""
    import os
    import sys

    from observatudo.cli.progress import ASKED

    if sys.stderr.isatty() or os.environ.get(ASKED):
        text = _("comparing {table}").format(table=table) if table else ""
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _reason(why: str) -> str:
    """Return the reason given, or ask for it. Raises ObservatudoError where nobody can be asked."""
    import sys

    from observatudo.errors import ObservatudoError

    if not why.strip() and sys.stdin.isatty():
        why = str(typer.prompt(_("Why? (for the commit and the record)"), err=True))
    if not why.strip():
        raise ObservatudoError(
            _("a rollback is recorded with its reason, and none was given"), next_step='observatudo rollback … -m "…"'
        )
    return why.strip()


def _agreed(as_json: bool) -> bool:
    """Ask; where nobody can be asked, refuse, unless only the plan was wanted."""
    import sys

    from observatudo.errors import ObservatudoError
    from observatudo.readonly import require_writable

    if as_json:
        return False
    require_writable("rollback")
    if not sys.stdin.isatty():
        raise ObservatudoError(
            _("nothing has changed: nobody is here to be asked"), next_step=_("the same command with --yes -m “why”")
        )
    if not typer.confirm(_("Roll back?"), default=False, err=True):
        typer.echo(_("Nothing has changed."))
        raise typer.Exit(0)
    return True


def _progress() -> Callable[[int, int], None]:
    """Return what tells of dbt's progress on a terminal or to a dashboard."""
    import os
    import sys

    from observatudo.cli.progress import ASKED

    is_watched = sys.stderr.isatty() or bool(os.environ.get(ASKED))

    def tell(done: int, total: int) -> None:
        if is_watched:
            told = _("warehouse: {done} of {total}").format(done=done, total=total)
            print(f"\r\x1b[K{told}", end="", file=sys.stderr, flush=True)

    return tell


def _recover(root: Path, *, finish: bool, as_json: bool) -> None:
    from observatudo.audit.rollback import apply
    from observatudo.audit.rollback.show import recovered, recovered_dict

    state = apply.state(root)
    if not as_json:
        typer.echo(state)
    try:
        done = apply.resume(root, apply.Watch(progress=_progress())) if finish else apply.abort(root)
    finally:
        _reading("")
    if as_json:
        _print_json(recovered_dict(state, done))
    else:
        typer.echo(recovered(done))


def _print_json(content: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
