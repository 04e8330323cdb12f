"""A comparison as one HTML file that needs nothing else: no request leaves the page, and it is whole without script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape

from observatudo import figures
from observatudo.compare.model import Comparison
from observatudo.compare.show import words
from observatudo.compare.show.blocks import Block, Cell, Grid, Item, Items, Limits, Line, Pair, Report, Section
from observatudo.compare.show.build import report
from observatudo.compare.show.charts import attributes, draw
from observatudo.compare.show.page import SCRIPT, STYLE
from observatudo.i18n import _, language

LIMITS = Limits(
    tables=5000,
    details=500,
    columns=1000,
    segments=200,
    transitions=500,
    drift=200,
    samples=20,
    keys=3000,
    flips=3000,
    length=2000,
    same=True,
)


def text(comparison: Comparison) -> str:
    """Return the page. Numbers carry their place in the JSON (``data-at``) and their exact value (``data-value``)."""
    found = report(comparison, LIMITS)
    sections = [(f"part-{place}", section) for place, section in enumerate(found.sections)]
    sort, narrow = escape(_("sort")), escape(_("filter"))
    hints = f'data-sort="{sort}" data-filter="{narrow}"'
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{"pt-BR" if language() == "pt_BR" else "en"}">',
        _head(comparison),
        f"<body {hints}>",
        *_top(found, sections),
        "<main>",
        *(line for name, section in sections for line in _section(name, section)),
        "</main>",
        *_bottom(comparison, found),
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _head(comparison: Comparison) -> str:
    title = _("Data comparison: {a} → {b}").format(
        a=figures.printable(comparison.a.name), b=figures.printable(comparison.b.name)
    )
    policy = (
        f"default-src 'none'; style-src '{hashed(STYLE)}'; script-src '{hashed(SCRIPT)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
        ]
    )


def hashed(content: str) -> str:
    """Name an inline style or script by its hash, as a Content Security Policy wants it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _top(found: Report, sections: list[tuple[str, Section]]) -> Iterator[str]:
    title = escape(_("Data comparison"))
    yield f"<header><h1>{title}</h1>"
    yield f'<p class="verdict {found.outcome}">{escape(found.verdict)}</p>'
    yield '<dl class="sides">'
    for letter, name, what in found.sides:
        yield f"<dt>{letter}</dt><dd><code>{escape(name)}</code> {escape(what)}</dd>"
    yield "</dl>"
    yield from (_line(line) for line in found.policy)
    yield from (_line(Line(sentence, "bad")) for sentence in found.missing)
    yield "</header>"
    if sections:
        links = (f'<li><a href="#{name}">{escape(section.title)}</a></li>' for name, section in sections)
        what = escape(_("parts"))
        yield f'<nav aria-label="{what}"><ul>{"".join(links)}</ul></nav>'


def _bottom(comparison: Comparison, found: Report) -> Iterator[str]:
    again = _("again: {command}").format(command=words.command(comparison))
    yield "<footer>"
    if found.same:
        yield f"<p>{escape(found.same)}</p>"
    yield f"<p><code>{escape(again)}</code></p></footer>"


def _section(name: str, section: Section) -> Iterator[str]:
    yield f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{escape(section.title)}</h2>'
    for block in section.blocks:
        yield from _block(block, section.title)
    yield "</section>"


def _block(block: Block, heading: str) -> Iterator[str]:
    if isinstance(block, Line):
        yield _line(block)
        return
    if block.title:
        yield f"<h3>{escape(block.title)}</h3>"
    yield from _grid(block, heading) if isinstance(block, Grid) else _items(block)
    if block.more:
        more = _("… and {n} more").format(n=figures.count(block.more))
        yield f"<p>{escape(more)}</p>"


def _line(line: Line) -> str:
    kind = f' class="{line.tone}"' if line.tone else ""
    return f"<p{kind}>{escape(line.text)}</p>"


def _grid(grid: Grid, heading: str) -> Iterator[str]:
    numbers = [any(row[at].number for row in grid.rows) for at in range(len(grid.heads))]
    heads = (
        f'<th scope="col"{_kind("number" if number else "")}>{escape(head)}</th>'
        for head, number in zip(grid.heads, numbers, strict=True)
    )
    yield draw(grid)
    label = escape(f"{heading}: {grid.title}" if grid.title else heading)
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
    yield f"<thead><tr>{''.join(heads)}</tr></thead><tbody>"
    for row in grid.rows:
        yield f"<tr>{''.join(_cell(cell, at == 0) for at, cell in enumerate(row))}</tr>"
    yield "</tbody></table></div>"


def _cell(cell: Cell, is_first: bool) -> str:
    kind = _kind(" ".join(part for part in ("number" if cell.number else "", cell.tone) if part))
    more = attributes(cell)
    if cell.number and not cell.at:
        more = f' data-sort="{json.dumps(cell.raw)}"'
    opened, closed = ('<th scope="row"', "</th>") if is_first else ("<td", "</td>")
    return f"{opened}{kind}{more}>{_marked(cell)}{closed}"


def _kind(names: str) -> str:
    return f' class="{names}"' if names else ""


def _marked(cell: Cell) -> str:
    return f"<code>{escape(cell.text)}</code>" if cell.code and cell.text else escape(cell.text)


def _items(block: Items) -> Iterator[str]:
    yield '<ul class="items">'
    for item in block.items:
        yield from _item(item)
    yield "</ul>"


def _item(item: Item) -> Iterator[str]:
    kinds = {"added": _("added"), "removed": _("removed"), "changed": _("changed")}
    kind = kinds.get(item.head.tone, "")
    label = f'<span class="{item.head.tone}">{escape(kind)}</span> ' if kind else ""
    inside = f"<ul>{''.join(map(_pair, item.pairs))}</ul>" if item.pairs else ""
    yield f"<li>{label}<span{attributes(item.head)}>{_marked(item.head)}</span>{inside}</li>"


def _pair(pair: Pair) -> str:
    shown = [f'<span class="{cell.tone}"{attributes(cell)}>{_marked(cell)}</span>' for cell in (pair.a, pair.b) if cell]
    if len(shown) == 1:
        shown = [escape(_("added")) if pair.a is None else escape(_("removed")), *shown]
        change = " ".join(shown)
    else:
        change = " → ".join(shown)
    note = f" ({escape(pair.note)})" if pair.note else ""
    return f"<li>{_marked(pair.name)}: {change}{note}</li>"
