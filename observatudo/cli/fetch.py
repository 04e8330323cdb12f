"""``observatudo fetch``: take snapshots anew, from their packages or from a local file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.snapshots import Changes


def fetch(
    datasets: Annotated[
        list[str] | None, typer.Argument(help=_("Datasets (fonte/dataset); all that are declared if none is named."))
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help=_("Take this local file as the new snapshot."))
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help=_("Which file of the snapshot --from replaces."))
    ] = None,
) -> None:
    """Take the snapshots of datasets anew. Without a change at the source nothing changes."""
    from observatudo.config import load_params
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    require_writable("fetch")
    root = repository()
    params = load_params(root)
    keys = datasets or list(params.datasets)
    for key in keys:
        params.dataset(key)  # an unknown name fails here, with the nearest one
    if from_ is not None or as_ is not None:
        _from_file(root, keys if datasets else [], from_, as_)
    else:
        _from_packages(root, keys)


def _from_file(root: Path, keys: list[str], file: Path | None, name: str | None) -> None:
    from observatudo.config import load_dataset
    from observatudo.sources import file as connector

    if len(keys) != 1 or file is None:
        raise ObservatudoError(
            _("--from and --as take exactly one dataset and one file"),
            next_step="observatudo fetch fonte/dataset --from FILE",
        )
    changes = connector.take(root, keys[0], load_dataset(root, keys[0]), file, name)
    _report(root, keys[0], changes)
    if changes:
        _next_step()


def _from_packages(root: Path, keys: list[str]) -> None:
    """Take each in turn; one that fails keeps its old snapshot and does not stop the others."""
    from rich.console import Console

    from observatudo.config import load_dataset
    from observatudo.sources import package

    console = Console(stderr=True)
    failed = changed = False
    for number, key in enumerate(keys, 1):
        label = f"{number}/{len(keys)} {key}"
        try:
            with console.status(label) as status:  # draws nothing when standard error is not a terminal

                def report(text: str, label: str = label) -> None:
                    status.update(f"{label} · {text}")

                dataset = load_dataset(root, key)
                if len(keys) > 1 and not dataset.snapshot.packages:
                    by_hand = _("brought by hand: observatudo fetch {key} --from FILE").format(key=key)
                    typer.echo(f"– {key}: {by_hand}")
                    continue
                changes = package.take(root, key, dataset, report)
        except ObservatudoError as error:
            if len(keys) == 1:
                raise
            failed = True
            typer.echo(f"✗ {key}: {error}", err=True)
        else:
            changed = changed or bool(changes)
            _report(root, key, changes)
    if changed:
        _next_step()
    if failed:
        raise typer.Exit(1)


def _report(root: Path, key: str, changes: Changes) -> None:
    from observatudo import snapshots

    snapshot = snapshots.read(root, key)
    about = _("{count} files, {size:.1f} MB, taken {when}").format(
        count=len(snapshot.files),
        size=sum(entry.bytes for entry in snapshot.files.values()) / 1e6,
        when=snapshot.fetched_at,
    )
    typer.echo(f"✓ {key}: " + (_("changed") if changes else _("unchanged")) + f" ({about})")
    for sign, names in (("+", changes.added), ("~", changes.changed), ("-", changes.removed)):
        for name in names:
            entry = snapshot.files.get(name)
            typer.echo(f"  {sign} {name}" + (f"  {entry.bytes:,} B  sha256 {entry.sha256[:12]}…" if entry else ""))
    if changes.sidecar and not (changes.added or changes.changed or changes.removed):
        typer.echo("  ~ " + snapshots.SIDECAR)


def _next_step() -> None:
    typer.echo(_("Next: git diff --stat data/raw, dvc repro, then git add data/raw and commit."))
