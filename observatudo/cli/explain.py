"""The command ``observatudo explain``: everything that led to one label.

``--json`` prints ``observatudo.labels.explain.Explanation``: ``id``, ``name``, ``description``, ``dataset``, ``axis``,
``confidence`` (0 to 1), ``origin``; ``versions`` (``classifier``, ``model``, ``prompt``, ``taxonomy``); ``votes``, one
per classifier, as they stood when the label was made: ``classifier``, ``axis`` (null: silent), ``confidence``,
``weight``, ``deterministic``, ``state``, ``series``, ``answers``, ``streak``, ``flips``, ``invalid`` and ``detail``,
the object of the column ``detalhe`` of data/classified/evidencia.parquet; ``answers`` of models, newest first
(``explain.Told``); ``lineage``: which series follows which, and why (``explain.Link``); ``prompts``: hash → what models
were told; ``history`` as ``labels --history`` prints it; ``problems``: what is missing, in words.
"""

from __future__ import annotations

import re
import shutil
from typing import Annotated

import typer

from observatudo.i18n import _

_WIDEST = 100


def explain(
    indicator: Annotated[str, typer.Argument(metavar="ID", help=_("The indicator's id."))],
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
    raw: Annotated[bool, typer.Option("--raw", help=_("Print answers and prompts in full."))] = False,
) -> None:
    """Print who put an indicator on its axis, on what grounds, and what models answered."""
    from observatudo.labels.explain import explain as explained
    from observatudo.labels.page import page
    from observatudo.paths import repository

    if as_json and raw:
        raise typer.BadParameter(_("--json prints everything already: leave --raw out"), param_hint="--raw")
    found = explained(repository(), indicator)
    if as_json:
        typer.echo(json_text(found.as_dict()))
        return
    for line in page(found, width(), raw=raw):
        typer.echo(line)
    typer.echo("")
    following = _("Next: observatudo label {id} AXIS -m “why” · observatudo explain {id} --raw")
    typer.echo(following.format(id=indicator))


def width() -> int:
    """Return how many characters a line may have: the terminal's, within reason; 80 where there is none."""
    return min(shutil.get_terminal_size().columns, _WIDEST)


def json_text(content: object) -> str:
    """Return JSON in which no character steers a terminal: what models wrote is in it."""
    import json

    text = json.dumps(content, indent=2, ensure_ascii=False)
    return re.sub(r"[^\n -~]", lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)
