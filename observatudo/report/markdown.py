"""The report as Markdown, for a wiki, an issue or a README: the same tables, without the charts."""

from __future__ import annotations

from collections.abc import Iterator

from observatudo.compare.show.blocks import Section
from observatudo.compare.show.markdown import block_lines, escaped
from observatudo.report.build import Page


def text(page: Page) -> str:
    """Return the report; what comes out of data is never read as markup."""
    lines = [f"# {escaped(page.title)}", ""]
    for line in page.lead:
        lines += [escaped(line.text), ""]
    for section in page.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {escaped(section.title)}", "")
    for block in section.blocks:
        yield from block_lines(block)
