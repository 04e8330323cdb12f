"""``observatudo log``: the versions in which a table changed, by how many rows, who changed it, and why.

``--json`` prints ``observatudo.audit.timeline.model.Log``: ``schema_version``, ``table``, ``key``, ``versions``,
``cut``, ``more``, ``next_step`` and ``entries``, newest first. An entry has ``commit`` (null: not committed yet),
``before``, ``author``, ``email``, ``date``, ``subject``, ``run``, ``cut``, ``status``, ``rows``, ``added``,
``removed``, ``changed`` (null where they cannot be counted, for the reason in ``why``) and ``causes`` as of ``blame``.
"""

from __future__ import annotations

from typing import Annotated

import typer

from observatudo.i18n import _

_DEFAULT_LIMIT = 20


def log(
    table: Annotated[str, typer.Argument(help=_("A table: fact_indicador, sidra/pib/observacao, rotulo, …"))],
    revision: Annotated[
        str | None, typer.Argument(metavar="REV", help=_("Up to this revision (default: HEAD and the work tree)."))
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help=_("How many of the newest changes to print."))
    ] = _DEFAULT_LIMIT,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print the versions in which a table changed: rows, added, removed, changed, and why in short."""
    from observatudo.cli import timeline as shown
    from observatudo.cli.progress import progress
    from observatudo.paths import repository

    root = repository()
    with progress() as tell:
        from observatudo.audit.timeline import log as find

        found = find(root, table, revision, limit, tell)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        shown.log(found)
