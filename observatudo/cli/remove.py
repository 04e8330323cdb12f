"""``observatudo remove``: take a dataset off, or clear away what one that was taken off left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.remove import Item, Plan


def remove(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="[FONTE/DATASET]", help=_("The dataset; without it, all that are no longer in params.yaml.")
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do it; without this, only show what would go."))] = False,
    with_declaration: Annotated[
        bool, typer.Option("--with-declaration", help=_("Delete its declaration too."))
    ] = False,
    with_snapshot: Annotated[bool, typer.Option("--with-snapshot", help=_("Delete its snapshot too."))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Show what taking a dataset off removes and what stays; with --yes, do it."""
    import json

    from observatudo.paths import repository
    from observatudo.readonly import require_writable
    from observatudo.remove import carry_out, plan

    if yes:
        require_writable("remove --yes")
    root = repository()
    made = plan(root, dataset, declaration=with_declaration, snapshot=with_snapshot)
    if yes and made:
        carry_out(root, made)
    if as_json:
        typer.echo(json.dumps(made.as_dict() | {"done": yes and bool(made)}, indent=2, ensure_ascii=False))
    elif made:
        _show(made, yes)
    else:
        typer.echo(_("nothing to remove: everything here belongs to a dataset of params.yaml"))


def _show(made: Plan, done: bool) -> None:
    from observatudo.leftovers import LOCK

    typer.echo(", ".join(made.datasets))
    for item in made.delete:
        typer.echo((_("  removed  {item}") if done else _("  goes     {item}")).format(item=_about(item)))
    for edit in made.edits:
        typer.echo((_("  edited   {item}") if done else _("  changes  {item}")).format(item=edit.path))
        shown = [] if edit.path == LOCK.as_posix() else edit.diff()[2:]
        for line in shown:
            typer.echo(f"             {line}")
    for name in made.generated:
        typer.echo((_("  written  {item}") if done else _("  changes  {item}")).format(item=name))
    for item in made.keep:
        typer.echo(_("  stays    {item}").format(item=_about(item)))
    typer.echo(_after(made) if done else _before(made))


def _about(item: Item) -> str:
    size = f"{item.bytes / 1e6:.1f} MB" if item.bytes >= 100_000 else f"{item.bytes:,} B"
    parts = [size] if item.files == 1 else [_("{count} files").format(count=item.files), size]
    if item.rows is not None:
        parts.append(_("{rows:,} rows").format(rows=item.rows))
    return f"{item.path}  ({', '.join(parts)})"


def _before(made: Plan) -> str:
    lines = [_("Nothing has changed yet. The same command with --yes does it.")]
    if made.keep:
        lines.append(_("What stays goes too with --with-declaration, --with-snapshot; Git then still has it."))
    return "\n".join(lines)


def _after(made: Plan) -> str:
    lines = [_("Next: dvc repro, then git add -A and commit.")]
    gone = [item.path for item in made.delete if item.path.startswith(("configs/", "data/raw/"))]
    gone = [name for name in gone if name not in made.remade]
    changed = [edit.path for edit in made.edits if edit.path == "params.yaml"]
    if gone or changed:
        back = _(
            "To have it back: git checkout HEAD -- {names} (HEAD~1 once you have committed), observatudo generate."
        )
        lines.append(back.format(names=" ".join([*changed, *gone])))
    return "\n".join(lines)
