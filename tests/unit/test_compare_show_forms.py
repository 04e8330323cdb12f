"""Terminal, Markdown, HTML and JSON hold the same numbers; Markdown and HTML take no text out of data for markup."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from pydantic import JsonValue

from observatudo import figures
from observatudo.compare.model import Comparison, schema_text, to_text
from observatudo.compare.show import html, markdown, terminal, words
from observatudo.compare.show.blocks import pointer
from observatudo.compare.show.page import SCRIPT, STYLE
from tests.comparisons import NASTY, any_comparison, comparison, many, rich
from tests.conftest import ROOT

EMPTY = {"meta", "link", "input", "br", "hr"}
MARKDOWN_TAGS = {"h3", "h4", "p", "strong", "ul", "li", "code", "details", "summary"}
MARKDOWN_TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
HTML_TAGS = {"html", "head", "meta", "link", "title", "style", "body", "header", "main", "section", "footer", "nav"}
HTML_TAGS |= {"h1", "h2", "h3", "p", "dl", "dt", "dd", "ul", "li", "a", "code", "div", "span", "script"}
HTML_TAGS |= {"table", "thead", "tbody", "tr", "th", "td", "svg", "text", "rect", "line"}


class Page(HTMLParser):
    """What a browser would find: tags, attributes, the text of each table cell and of each marked number."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.tables: list[list[list[str]]] = []
        self.numbers: list[tuple[str, JsonValue, str]] = []
        self.codes: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(content)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "code":
            self.codes.append("")
        found = dict(attrs)
        place = found.get("data-at")
        if place is not None:
            self.numbers.append((unquote(place[1:], errors="surrogatepass"), json.loads(found["data-value"] or ""), ""))
        if tag not in EMPTY:
            self._open.append((tag, found))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _attributes in self._open]
        if ("td" in tags or "th" in tags) and self.tables:
            self.tables[-1][-1][-1] += data
        if "code" in tags:
            self.codes[-1] += data
        if any("data-at" in attributes for _tag, attributes in self._open[-2:]):
            place, value, said = self.numbers[-1]
            self.numbers[-1] = (place, value, said + data)


def at(content: JsonValue, place: str) -> JsonValue:
    """Return what a JSON pointer points to."""
    for part in place.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        content = content[int(name)] if isinstance(content, list) else content[name]  # type: ignore[index]
    return content


def number(text: str) -> float | None:
    """Read a number as the English forms write it; ``<0.01%`` as its bound."""
    plain = re.sub(r"[%<>+,]", "", text).replace("∞", "inf")
    return None if plain == "–" else float(plain)


def rendered(content: str) -> Page:
    return Page(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(content))


def published(found: Comparison) -> JsonValue:
    content: JsonValue = json.loads(to_text(found))
    return content


def scores(rows: list[list[str]]) -> dict[str, list[str]]:
    return {row[0].removesuffix(" *"): row[2:6] for row in rows[1:]}


def said_on_terminal(text: str) -> list[list[str]]:
    """Return the rows of the tables of a wide enough terminal, cell by cell."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


@settings(max_examples=60, deadline=None)
@given(any_comparison)
def test_every_number_of_the_page_is_the_one_in_the_json(found: Comparison) -> None:
    content = published(found)
    for place, value, text in Page(html.text(found)).numbers:
        expected = at(content, place)
        assert value == expected and type(value) is type(expected), place
        if isinstance(expected, float | int) and not isinstance(expected, bool) and "/samples/" not in place:
            said, exact = number(text), expected * (100 if place.endswith(("/relative", "/share")) else 1)
            rounded = 0.0100001 if "%" in text else 0
            assert said is not None and math.isclose(said, exact, rel_tol=1e-5, abs_tol=rounded), (place, text)


@settings(max_examples=50, deadline=None)
@given(any_comparison)
def test_every_count_of_the_json_is_on_the_page(found: Comparison) -> None:
    shown = {place for place, _value, _text in Page(html.text(found)).numbers}
    expected = set()
    for name, table in found.rows.items():
        if any(other.status != "same" for other in found.rows.values()):
            expected |= {pointer("rows", name, part) for part in ("added", "removed", "changed", "same")}
        if table.status == "changed":
            expected |= {
                pointer("rows", name, "segments", by, place, "changed")
                for by, segments in table.segments.items()
                for place in range(len(segments))
            }
            expected |= {pointer("rows", name, "columns", column, "percent") for column in table.columns}
            expected |= {pointer("rows", name, "transitions", at, "rows") for at in range(len(table.transitions))}
    expected |= {pointer("metrics", "changes", place, "delta") for place in range(len(found.metrics.changes))}
    if found.labels.status == "changed":
        expected |= {pointer("labels", "causes", cause) for cause in found.labels.causes}
        expected |= {pointer("labels", "matrix", a, b) for a, line in found.labels.matrix.items() for b in line}
    assert expected <= shown


@settings(max_examples=50, deadline=None)
@given(any_comparison)
def test_terminal_and_markdown_say_what_the_page_says(found: Comparison) -> None:
    page, comment = Page(html.text(found)), rendered(markdown.text(found))
    on_page = Counter(tuple(row) for table in page.tables for row in table)
    in_comment = [tuple(row) for table in comment.tables for row in table]
    assert all(on_page[row] for row in in_comment if "…" not in "".join(row))
    scoreboard = {
        name: [figures.count(number) for number in (table.added, table.removed, table.changed, table.same)]
        for name, table in ((figures.printable(name), table) for name, table in found.rows.items())
        if table.status != "same" and name and name.strip() == name
    }
    text = terminal.text(found, width=1000)
    for name, counts in scoreboard.items():
        assert scores(comment.tables[0])[name] == counts
        if "  " not in name:
            assert any(row[-5:-1] == counts and row[0].removesuffix(" *") == name for row in said_on_terminal(text))
    assert words.shortened(words.verdict(found), 400).rstrip() in text.replace("\n  ", " ")


def test_the_forms_of_the_rich_comparison_agree_number_by_number() -> None:
    """The same cells, parsed out of three texts: all rows of all tables that no form had to shorten."""
    found = rich()
    on_page = {tuple(row) for table in Page(html.text(found)).tables for row in table}
    in_comment = {tuple(row) for table in rendered(markdown.text(found)).tables for row in table}
    on_terminal = {tuple(row) for row in said_on_terminal(terminal.text(found, width=1000))}
    plain = {row for row in on_page if not any(NASTY[:10] in cell or cell == "" for cell in row)}
    assert len(plain) > 40
    same = {row for row in plain if row[-1] in ("same", "0.00%") or row in (("Saude", "Saude", "100"),)}
    assert {row for row in plain - in_comment if "3" in row[-1]} <= same
    common = plain & in_comment
    assert len(common) > 35
    assert {row for row in common - on_terminal if row[0] not in ("state",)} == set()


def test_the_json_follows_the_published_schema() -> None:
    assert (ROOT / "configs/schema/comparison.json").read_text(encoding="utf-8") == schema_text()
    for found in (rich(), comparison()):
        jsonschema.validate(published(found), json.loads(schema_text()))
        assert to_text(Comparison.model_validate(published(found))) == to_text(found)


@settings(max_examples=50, deadline=None)
@given(any_comparison)
def test_markdown_takes_no_text_for_markup(found: Comparison) -> None:
    page = rendered(markdown.text(found))
    assert set(page.tags) <= MARKDOWN_TAGS
    assert page.tags["h3"] == 1


@pytest.mark.parametrize(
    "text", [NASTY, "@all", "#1", "http://a.b", "www.a.b", ":x:", "`", "a|b", "</code>", "**", "- a", "1. a", "$x$"]
)
def test_what_is_in_markdown_comes_out_as_it_went_in(text: str) -> None:
    wanted = figures.printable(text)
    page = rendered(f"- <code>{markdown.escaped(wanted)}</code>\n\n| a |\n|---|\n| {markdown.escaped(wanted)} |\n")
    assert page.codes == [wanted]
    assert page.tables[0][1] == [wanted]
    assert not re.search(r"[@#`|$]|:\S|www\.", re.sub(r"&#\d+;", "", markdown.escaped(wanted)))


def test_a_comment_begins_with_its_marker_and_folds_the_details() -> None:
    text = markdown.text(rich())
    assert text.splitlines()[0] == "<!-- observatudo diff -->"
    page = rendered(text)
    assert page.tags["details"] == page.tags["summary"] == 8
    assert page.tables[0][0] == ["table", "what", "added", "removed", "changed", "same", "%"]
    assert r"\n\t\x1b[31m é 漢字 \u202eabc" in "".join(page.codes)


@pytest.mark.parametrize("limit", [60_000, 20_000, 5_000, 2_000])
def test_a_long_comment_is_shortened_whole_and_says_so(limit: int) -> None:
    text = markdown.text(many(300), limit=limit)
    assert limit / 4 < len(text) <= limit
    assert "This report was shortened to fit into a comment" in text
    assert rendered(text).tags["h3"] == 1


def test_a_comment_that_fits_is_not_shortened() -> None:
    assert "shortened" not in markdown.text(rich())
    assert len(markdown.text(many(300), limit=10)) <= 10


@settings(max_examples=50, deadline=None)
@given(any_comparison)
def test_the_page_takes_no_text_for_markup_and_its_pictures_are_xml(found: Comparison) -> None:
    text = html.text(found)
    assert set(Page(text).tags) <= HTML_TAGS
    for picture in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        ElementTree.fromstring(picture)


def test_the_page_asks_nobody_for_anything() -> None:
    page = Page(html.text(rich()))
    addresses = {name: value or "" for name, value in page.attributes if name in ("href", "src", "srcset", "action")}
    assert all(value == "data:," or value.startswith("#part-") for value in addresses.values())
    assert not [name for name, _value in page.attributes if name.startswith("on") or name == "style"]
    text = html.text(rich())
    assert "url(" not in text and "@import" not in text and "fetch(" not in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_the_page_lets_only_its_own_style_and_script_run() -> None:
    text = html.text(rich())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    digests = {
        name: base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        for name, content in (("style", STYLE), ("script", SCRIPT))
    }
    assert re.findall(r"<style>(.*?)</style>", text, re.DOTALL) == [STYLE]
    assert re.findall(r"<script>(.*?)</script>", text, re.DOTALL) == [SCRIPT]
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digests['style']}'",
        f"script-src 'sha256-{digests['script']}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_page_can_be_read_by_a_machine_that_reads_aloud() -> None:
    text = html.text(rich())
    tables = re.findall(r"<table>(.*?)</table>", text, flags=re.DOTALL)
    assert tables and all('scope="col"' in table and 'scope="row"' in table for table in tables)
    pictures = re.findall(r"<svg([^>]*)>(<title>[^<]+</title>)?", text)
    assert len(pictures) >= 6
    assert all('role="img"' in attributes and "aria-label=" in attributes and title for attributes, title in pictures)
    names = re.findall(r'id="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert {name[1:] for name in re.findall(r'href="(#[^"]+)"', text)} <= set(names)
    assert '<html lang="en">' in text


def test_every_kind_of_chart_is_drawn() -> None:
    text = html.text(rich())
    titles = [
        "values changed per column",
        "rows added, removed and changed by state",
        "nota: rows from category",
        "indicators from axis",
        "distributions before",
    ]
    assert [title for title in titles if f'aria-label="{title}' not in text] == []


def test_hundreds_of_tables_are_all_on_the_page() -> None:
    text = html.text(many(300))
    assert text.count(": what changed</h2>") == 300


def test_equal_comparisons_give_equal_texts() -> None:
    for form in (html.text, markdown.text, terminal.text, to_text):
        assert form(rich()) == form(rich())
