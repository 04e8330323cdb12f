"""A comparison as a comment on a pull request: GitHub's and GitLab's Markdown, short enough for both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from observatudo import figures
from observatudo.compare.model import Comparison
from observatudo.compare.show import words
from observatudo.compare.show.blocks import Block, Cell, Grid, Item, Items, Limits, Line, Report, Section
from observatudo.compare.show.build import report
from observatudo.i18n import _

MARKER = "<!-- observatudo diff -->"
LIMIT = 60_000  # GitHub refuses a comment of more than 65,536 characters
LIMITS = Limits(
    tables=50, details=10, columns=20, segments=10, transitions=15, drift=10, samples=3, keys=60, flips=30, length=160
)
_STEPS = 9
_STEP = 0.65
_SPECIAL = re.compile(r"[&<>\\`*\[\]!~|$@#]|:(?=\S)|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.", re.IGNORECASE)
_AT_START = re.compile(r"^(?:[-+=_>]|\d(?=\d*[.)]))")
_OPEN = ("rows",)


def text(comparison: Comparison, *, limit: int = LIMIT) -> str:
    """Return the report in at most ``limit`` characters; the first line is a comment by which a job finds its own.

    A report that is too long is shown with fewer rows of everything, then with its last sections left out, and says so.
    """
    limits = LIMITS
    for _attempt in range(_STEPS):
        found = _document(comparison, report(comparison, limits), shortened=limits is not LIMITS)
        if len(found) <= limit:
            return found
        limits = limits.fewer(_STEP)
    return _beginning(comparison, report(comparison, limits), limit)


def _document(comparison: Comparison, found: Report, *, shortened: bool) -> str:
    sections = [_section(section) for section in found.sections]
    return "\n".join([_head(found), *sections, _foot(comparison, found, shortened)])


def _beginning(comparison: Comparison, found: Report, limit: int) -> str:
    """Return as many sections as fit; where not even the head does, its beginning."""
    head, foot = _head(found), _foot(comparison, found, shortened=True)
    shown = [head, foot]
    for section in map(_section, found.sections):
        if sum(map(len, shown)) + len(shown) + len(section) <= limit:
            shown.insert(-1, section)
    whole = "\n".join(shown)
    return whole if len(whole) <= limit else f"{head[: max(0, limit - len(foot) - 2)]}\n{foot}"[:limit]


def escaped(content: str) -> str:
    """Return text that no Markdown reads as markup, link, mention, emoji or formula, in and outside of tables.

    Characters become numeric references, which, unlike backslashes, hold in HTML and in tables too.
    """
    return _SPECIAL.sub(_reference, content)


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _sentence(content: str) -> str:
    """Return escaped text that may begin a line: no list, heading or rule begins with it."""
    return _AT_START.sub(_reference, escaped(content.strip()))


def _code(content: str) -> str:
    """Text out of data stands in ``<code>``: GitHub and GitLab look for no mentions and references in it."""
    return f"<code>{escaped(content)}</code>" if content.strip() else escaped(content)


def _cell(cell: Cell) -> str:
    return _code(cell.text) if cell.code else escaped(cell.text)


def _head(found: Report) -> str:
    lines = [MARKER, "### " + _("Data comparison: {a} → {b}").format(**_names(found)), ""]
    lines += [f"**{escaped(found.verdict)}**", ""]
    lines += [f"- {letter}: {_code(name)} {_code(what)}".rstrip() for letter, name, what in found.sides]
    lines += [f"- {'❌ ' if line.tone == 'bad' else ''}{_sentence(line.text)}" for line in found.policy]
    lines += [f"- ⚠️ {escaped(sentence)}" for sentence in found.missing]
    return "\n".join([*lines, ""])


def _names(found: Report) -> dict[str, str]:
    return {letter: _code(name) for letter, name, _what in found.sides}


def _foot(comparison: Comparison, found: Report, shortened: bool) -> str:
    lines = [_sentence(found.same), ""] if found.same else []
    if shortened:
        lines += [_("This report was shortened to fit into a comment; the first command below shows all of it."), ""]
    whole, again = words.command(comparison, "--html", "-o", "diff.html"), words.command(comparison)
    lines.append(_("Everything: {command}. Again: {again}.").format(command=_code(whole), again=_code(again)))
    return "\n".join(lines) + "\n"


def _section(section: Section) -> str:
    inner = "\n".join(line for part in section.blocks for line in block_lines(part))
    if section.key in _OPEN:
        return f"#### {escaped(section.title)}\n\n{inner}"
    summary = f"{escaped(section.title)} ({escaped(section.summary)})"
    return f"<details><summary>{summary}</summary>\n\n{inner}\n</details>\n"


def block_lines(block: Block) -> Iterator[str]:
    """Give the lines of a block, an empty one after it."""
    if isinstance(block, Line):
        yield from (_sentence(block.text), "")
        return
    if block.title:
        yield from (f"{_sentence(block.title)}:", "")
    yield from _grid(block) if isinstance(block, Grid) else _items(block)
    if block.more:
        yield from ("", _sentence(_("… and {n} more").format(n=figures.count(block.more))))
    yield ""


def _grid(grid: Grid) -> Iterator[str]:
    numbers = [any(row[at].number for row in grid.rows) for at in range(len(grid.heads))]
    yield _row(escaped(head) for head in grid.heads)
    yield _row("---:" if number else "---" for number in numbers)
    yield from (_row(map(_cell, row)) for row in grid.rows)


def _row(parts: Iterator[str]) -> str:
    return f"| {' | '.join(parts)} |"


def _items(block: Items) -> Iterator[str]:
    for item in block.items:
        yield from _item(item)


def _item(item: Item) -> Iterator[str]:
    kinds = {"added": _("added"), "removed": _("removed")}
    kind = kinds.get(item.head.tone, "")
    yield f"- {kind + ' ' if kind else ''}{_cell(item.head)}"
    for pair in item.pairs:
        if pair.a is not None and pair.b is not None:
            change = f"{_cell(pair.a)} → {_cell(pair.b)}"
        elif pair.b is not None:
            change = _("added {value}").format(value=_cell(pair.b))
        else:
            change = _("removed {value}").format(value=_cell(pair.a) if pair.a else "")
        note = f" ({escaped(pair.note)})" if pair.note else ""
        yield f"  - {_cell(pair.name)}: {change}{note}"
