"""``observatudo report``: the state of the observatory on one page that can be published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from datetime import datetime

_LANGUAGES = ("en", "pt_BR")
_FIRST_YEAR = 1970


def report(
    output: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help=_("Write to a file, not to the terminal."))
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help=_("Markdown, without charts, in place of HTML."))
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help=_("en or pt_BR; default: as the messages."))] = "",
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help=_("Ages as of this time, ISO 8601; default: now."))
    ] = "",
) -> None:
    """Print the page, or write it to a file. Exits 64 for wrong usage."""
    import os

    from observatudo import paths, wholefile
    from observatudo.readonly import require_writable

    when = _time(at)
    if lang and lang not in _LANGUAGES:
        raise typer.BadParameter(_("one of: {words}").format(words=", ".join(_LANGUAGES)), param_hint="--lang")
    if output is not None:
        require_writable("report --out")
    if lang:
        os.environ["OBSERVATUDO_LANG"] = lang
    from observatudo.report import build, facts, html
    from observatudo.report import markdown as as_markdown

    page = build.page(facts.gather(paths.repository(), when))
    shown = as_markdown.text(page) if markdown else html.text(page)
    if output is None:
        typer.echo(shown, nl=False)
    else:
        wholefile.write(output, shown)
        typer.echo(_("written: {file}").format(file=output))


def _time(text: str) -> datetime:
    from datetime import MAXYEAR, UTC, datetime

    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        when = datetime.fromisoformat(text)
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        if not _FIRST_YEAR <= when.year < MAXYEAR:  # ages and spans are counted from it, back and forth
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(_("a time such as 2026-11-23T12:00:00+00:00 is wanted"), param_hint="--at") from None
    return when
