"""Tables of the commands: aligned columns, with colour on a terminal only."""

from __future__ import annotations

from collections.abc import Sequence

import typer

WIDTH = 80
_LEAST = 8  # characters that a shortened column keeps


def table(
    heads: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    styles: Sequence[str] | None = None,
    *,
    right: Sequence[int] = (),
    flexible: int | None = None,
) -> None:
    """Print a table. ``styles`` are colours of the rows' second cells, ``right`` the columns set to the right.

    The column ``flexible`` is shortened, with “…”, where a line would be longer than 80 characters; without one
    nothing is.
    """
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    if flexible is not None:
        room = WIDTH - sum(widths) + widths[flexible] - 2 * (len(heads) - 1)
        widths[flexible] = min(widths[flexible], max(room, _LEAST))
    for number, row in enumerate([heads, *rows]):
        cells = [
            short(cell, width).rjust(width) if column in right else short(cell, width).ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        cells[-1] = cells[-1].rstrip()
        if number == 0:
            cells = [typer.style(cell, bold=True) for cell in cells]
        elif styles and styles[number - 1]:
            cells[1] = typer.style(cells[1], fg=styles[number - 1])
        typer.echo("  ".join(cells))


def short(text: str, width: int) -> str:
    """Return a text of at most ``width`` characters, its end cut with “…”."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
