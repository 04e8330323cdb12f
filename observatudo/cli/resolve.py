"""``observatudo resolve``: a merge of two branches that both re-ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.audit.resolve import Resolved


def resolve(
    run: Annotated[bool, typer.Option("--repro", help=_("Then run what neither branch ran: dvc repro."))] = False,
    finish: Annotated[bool, typer.Option("--commit", help=_("Then end the merge, if nothing is left to run."))] = False,
) -> None:
    """Resolve dvc.lock, metrics and generated files of a merge, from the merged inputs."""
    from observatudo.audit import resolve as work
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    require_writable("resolve")
    root = repository()
    done = work.resolve(root)
    _show(done)
    to_run = done.choice.to_run
    if to_run and run:
        code = work.repro(root)
        if code:
            raise typer.Exit(code)
        to_run = []
    if finish and not to_run:
        work.commit(root, done.merge)
        typer.echo(_("ended: {command}").format(command=done.merge.go_on))
    else:
        typer.echo(_next(done, bool(to_run)))


def _next(done: Resolved, is_left: bool) -> str:
    if not is_left:
        return _("Next: {command}").format(command=done.merge.go_on)
    paths = "dvc.lock data/metrics audit/runs"
    return _("Next: dvc repro, git add {paths}, {command}   (or: observatudo resolve --repro --commit)").format(
        paths=paths, command=done.merge.go_on
    )


def _show(done: Resolved) -> None:
    choice, sides = done.choice, done.merge.sides
    typer.echo(
        _("{kind}: {ours} and {theirs}").format(
            kind=done.merge.kind,
            ours=(sides[0].version.commit or "")[:8],
            theirs=", ".join((side.version.commit or "")[:8] for side in sides[1:]),
        )
    )
    for name, origin in choice.origin.items():
        typer.echo(f"  {_word(origin, len(sides)).ljust(8)} {name}")
    for name in choice.to_run:
        note = _("   (its outputs are in neither cache nor remote)") if name in choice.absent else ""
        due = _("to run")
        typer.echo(f"  {due.ljust(8)} {name}{note}")
    typer.echo(_("resolved: {paths}").format(paths=", ".join(done.resolved)))


def _word(origin: frozenset[int], sides: int) -> str:
    if len(origin) == sides:
        return _("both")
    return _("ours") if 0 in origin else _("theirs")
