"""``observatudo remote``: a place for the data, a folder or a bucket, and what is there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.remote import Remote


def remote(
    place: Annotated[
        str | None,
        typer.Argument(
            help=_("A folder, or gs://bucket/path; without it, what is set, or else a folder beside the repository."),
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
    """Make a folder or a bucket DVC's default remote; show the one that is set; push, pull."""
    from observatudo.paths import repository
    from observatudo.readonly import require_writable
    from observatudo.remote import current, reachable

    root = repository()
    if place is None and (send or bring or current(root) is not None):
        if send or bring:
            require_writable("remote --push" if send else "remote --pull")
        found = reachable(root)
    else:
        require_writable("remote")
        found = _set_up(root, place, shared=shared, replace=replace)
    _show(found)
    if send:
        _push(root)
    if bring:
        _pull(root, found)
    if not (send or bring):
        _say_next(root, found)


def _set_up(root: Path, place: str | None, *, shared: bool, replace: bool) -> Remote:
    from observatudo.cloud.bucket import SCHEME
    from observatudo.errors import ObservatudoError
    from observatudo.remote import default_folder, set_up, set_up_bucket

    if place is not None and place.startswith(SCHEME):
        return set_up_bucket(root, place, shared=shared, replace=replace)
    if place is not None and "://" in place:
        raise ObservatudoError(
            _("only a folder or gs:// is set here"), where=place, next_step="dvc remote add --default NAME URL"
        )
    return set_up(root, Path(place) if place else default_folder(root), shared=shared, replace=replace)


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
    elif found.bucket(root) is not None:
        typer.echo(
            _("the history's objects in this clone's cache: {here:,}; of them in that bucket: {there:,}").format(
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

    done = push(root, tell=_progress if sys.stderr.isatty() else None)
    before = done.named - done.sent
    typer.echo(_("sent {sent:,} objects; {before:,} were there already").format(sent=done.sent, before=before))
    if done.renewed:
        typer.echo(_("{count:,} of them were there with other bytes, and were put right").format(count=done.renewed))
    if done.absent:
        typer.echo(_("{count:,} files of old versions are not in this clone's cache").format(count=done.absent))


def _progress(arrived: int, total: int) -> None:
    sys.stderr.write(f"\r{arrived:,} / {total:,}" + ("\n" if arrived == total else ""))
    sys.stderr.flush()


def _pull(root: Path, found: Remote) -> None:
    import subprocess

    place = found.bucket(root)
    if place is not None:
        place.check()  # DVC would ask again and again
    code = subprocess.run([sys.executable, "-m", "dvc", "pull"], cwd=root, check=False).returncode
    if code:
        typer.echo(
            _("not all is there: on the machine that has it, make push; or here, dvc repro makes it again"), err=True
        )
        raise typer.Exit(code)
