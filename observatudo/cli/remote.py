"""``observatudo remote``: a place for the data without a cloud, and what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.remote import Remote


def remote(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help=_("The folder; without it, the one that is set, or else one beside the repository."),
            show_default=False,
        ),
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help=_("Set it for every clone, in .dvc/config, not for this one only."))
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help=_("Take it in place of another remote."))] = False,
    send: Annotated[bool, typer.Option("--push", help=_("Send what the whole history needs."))] = False,
    bring: Annotated[bool, typer.Option("--pull", help=_("Bring what the work tree needs."))] = False,
) -> None:
    """Make a folder DVC's default remote; show the one that is set; push, pull."""
    from observatudo.paths import repository
    from observatudo.readonly import require_writable
    from observatudo.remote import current, default_folder, reachable, set_up

    root = repository()
    if folder is None and (send or bring or current(root) is not None):
        if send or bring:
            require_writable("remote --push" if send else "remote --pull")
        found = reachable(root)
    else:
        require_writable("remote")
        found = set_up(root, folder or default_folder(root), shared=shared, replace=replace)
    _show(found)
    if send:
        _push(root)
    if bring:
        _pull(root)
    if not (send or bring):
        _say_next(root, found)


def _show(found: Remote) -> None:
    where = _("every clone: .dvc/config") if found.is_shared else _("this clone only: .dvc/config.local")
    typer.echo(_("{name}  {url}  ({where})").format(name=found.name, url=found.url, where=where))
    if not found.verify:
        typer.echo(
            _("what is pulled from it is not checked; to have it checked: dvc remote modify {name} verify true").format(
                name=found.name
            )
        )


def _say_next(root: Path, found: Remote) -> None:
    from observatudo.remote import standing

    here, there = standing(root, found)
    if found.folder is not None:
        typer.echo(
            _("the history's objects in this clone's cache: {here:,}; of them in that folder: {there:,}").format(
                here=here, there=there
            )
        )
    if there < here:
        typer.echo(_("Next: make push"))
    elif here == 0:
        typer.echo(_("Next: make pull, or dvc repro and make push"))
    if found.is_shared:
        typer.echo(_("Others get the setting with: git add .dvc/config, commit"))


def _push(root: Path) -> None:
    from observatudo.remote import push

    done = push(root)
    before = done.named - done.sent
    typer.echo(_("sent {sent:,} objects; {before:,} were there already").format(sent=done.sent, before=before))
    if done.absent:
        typer.echo(_("{count:,} files of old versions are not in this clone's cache").format(count=done.absent))


def _pull(root: Path) -> None:
    import subprocess
    import sys

    code = subprocess.run([sys.executable, "-m", "dvc", "pull"], cwd=root, check=False).returncode
    if code:
        typer.echo(
            _("not all is there: on the machine that has it, make push; or here, dvc repro makes it again"), err=True
        )
        raise typer.Exit(code)
