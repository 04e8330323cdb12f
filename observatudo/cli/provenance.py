"""``observatudo provenance``: where a version comes from, for other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.audit.provenance.facts import Facts


class Format(StrEnum):
    """What can be written."""

    intoto = "in-toto"
    openlineage = "openlineage"
    rocrate = "ro-crate"


def provenance(
    revision: Annotated[str, typer.Argument(help=_("A commit, tag, branch or experiment."))] = "HEAD",
    form: Annotated[
        Format, typer.Option("--format", help=_("A statement, events (a line each), or a folder."))
    ] = Format.intoto,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=_("Where to; default: the terminal, ro-crate-COMMIT for a folder.")),
    ] = None,
) -> None:
    """Write where a version comes from as in-toto statement, OpenLineage events or RO-Crate."""
    from observatudo.audit.provenance import facts, intoto, openlineage, rocrate
    from observatudo.paths import repository
    from observatudo.readonly import require_writable
    from observatudo.versions import Versions

    if output is not None or form is Format.rocrate:
        require_writable("provenance -o")
    found = facts.gather(Versions(repository()), revision)
    if form is Format.rocrate:
        folder = rocrate.write(found, output or Path(f"ro-crate-{found.commit[:10]}"))
        typer.echo(str(folder), err=True)
    else:
        text = intoto.statement(found) if form is Format.intoto else openlineage.events(found)
        _write(text, output)
    _say_what_is_not_known(found)


def _write(text: str, output: Path | None) -> None:
    from observatudo import wholefile

    if output is None:
        typer.echo(text, nl=False)
        return
    wholefile.write(output, text)
    typer.echo(str(output), err=True)


def _say_what_is_not_known(found: Facts) -> None:
    record = found.record
    if record is None:
        typer.echo(
            _("no run record in {commit} made these outputs: who ran it, when and with what code is left out").format(
                commit=found.commit[:10]
            ),
            err=True,
        )
    elif record.dirty:
        typer.echo(
            _("the run was dirty: {names} differed from the commit it began from").format(
                names=", ".join(record.changed) or "?"
            ),
            err=True,
        )
