"""The report as one HTML file that needs nothing else: no script, and no request leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from observatudo import figures
from observatudo.compare.show.blocks import Block, Cell, Grid, Line, Section
from observatudo.compare.show.html import hashed
from observatudo.compare.show.page import STYLE as SHARED
from observatudo.i18n import _, language
from observatudo.report.build import Page
from observatudo.report.charts import draw

STYLE = (
    SHARED
    + """
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
td code { overflow-wrap: normal; }
.chart .curve { fill: none; stroke: var(--bar); stroke-width: 2; }
.chart .sideb { fill: var(--bar); }
"""
)


def text(page: Page) -> str:
    """Return the page."""
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{"pt-BR" if language() == "pt_BR" else "en"}">',
        *_head(page),
        "<body>",
        *_top(page),
        "<main>",
        *(line for section in page.sections for line in _section(section)),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _head(page: Page) -> Iterator[str]:
    policy = f"default-src 'none'; style-src '{hashed(STYLE)}'; img-src data:; base-uri 'none'; form-action 'none'"
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="generator" content="observatudo report">'
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{escape(page.title)}</title>"
    yield f"<style>{STYLE}</style>"
    yield "</head>"


def _top(page: Page) -> Iterator[str]:
    yield f"<header><h1>{escape(page.title)}</h1>"
    yield from map(_line, page.lead)
    yield "</header>"
    links = (f'<li><a href="#{section.key}">{escape(section.title)}</a></li>' for section in page.sections)
    label = escape(_("parts"))
    yield f'<nav aria-label="{label}"><ul>{"".join(links)}</ul></nav>'


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.key}" aria-labelledby="{section.key}-title">'
    yield f'<h2 id="{section.key}-title">{escape(section.title)}</h2>'
    for block in section.blocks:
        yield from _block(block)
    yield "</section>"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Line):
        yield _line(block)
    elif isinstance(block, Grid):
        yield from _grid(block)


def _line(line: Line) -> str:
    kind = f' class="{line.tone}"' if line.tone else ""
    return f"<p{kind}>{escape(line.text)}</p>"


def _grid(grid: Grid) -> Iterator[str]:
    numbers = [any(row[at].number for row in grid.rows) for at in range(len(grid.heads))]
    heads = (
        f'<th scope="col"{_kind("number" if number else "")}>{escape(head)}</th>'
        for head, number in zip(grid.heads, numbers, strict=True)
    )
    chart = draw(grid)
    if chart:
        yield f"<h3>{escape(grid.title)}</h3>{chart}"
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(grid.title)}"><table>'
    yield f"<caption{_kind('unseen' if chart else '')}>{escape(grid.title)}</caption>"
    yield f"<thead><tr>{''.join(heads)}</tr></thead><tbody>"
    for row in grid.rows:
        yield f"<tr>{''.join(_cell(cell, is_first=at == 0) for at, cell in enumerate(row))}</tr>"
    yield "</tbody></table></div>"
    if grid.more:
        more = _("… and {n} more").format(n=figures.count(grid.more))
        yield f"<p>{escape(more)}</p>"


def _cell(cell: Cell, *, is_first: bool) -> str:
    kind = _kind(" ".join(part for part in ("number" if cell.number else "", cell.tone) if part))
    shown = f"<code>{escape(cell.text)}</code>" if cell.code else escape(cell.text)
    opened, closed = ('<th scope="row"', "</th>") if is_first else ("<td", "</td>")
    return f"{opened}{kind}>{shown}{closed}"


def _kind(names: str) -> str:
    return f' class="{names}"' if names else ""
