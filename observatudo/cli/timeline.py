"""How ``observatudo blame`` and ``observatudo log`` show a history: 80 columns, colour on a terminal only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from observatudo.audit.timeline import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observatudo.audit.timeline.model import Blame, Log

_WIDTH = 80


def blame(found: Blame) -> None:
    """Print the history of a cell."""
    _say(words.blame(found))


def log(found: Log) -> None:
    """Print the history of a table."""
    _say(words.log(found))


def _say(lines: Iterable[words.Line]) -> None:
    import os

    plain = bool(os.environ.get("NO_COLOR"))
    for line in lines:
        for text in line.wrapped(_WIDTH):
            styled = typer.style(text, bold=line.bold, fg=line.colour) if line.bold or line.colour else text
            typer.echo(styled, color=False if plain else None)
