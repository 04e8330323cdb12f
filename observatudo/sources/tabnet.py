"""DataSUS TabNet: a form is filled in by its own words, and the table in the page that comes back is kept.

TabNet has no interface for programs. The page's form is read, and sent in Latin-1 with ``formato=prn``, which brings
the table as semicolon-separated text between ``<PRE>`` and a line ``&`` (real answers: brmunipanel 0.3.0,
``tests/data/tabnet_*.html``). The page around it changes without the data changing, so the snapshot keeps three lines
(title, what is counted, period) and the table, in UTF-8.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urljoin

from observatudo.errors import SnapshotError
from observatudo.i18n import _
from observatudo.origins import Tabnet
from observatudo.sources import payload
from observatudo.sources.contract import Before, Client, Report, Taken

_EMPTY = "Nenhum registro selecionado"
_END = "&"
Pairs = list[tuple[str, str]]


class TabnetConnector:
    """One table, one file."""

    def take(self, spec: Tabnet, client: Client, folder: Path, before: Before, report: Report) -> list[Taken]:
        """Write the table; raises SnapshotError for a choice the form does not offer, and for an empty or cut table."""
        form = Form(_page(client, spec.url, None))
        action = urljoin(spec.url, form.action or spec.url)
        body = "&".join(f"{_said(name)}={_said(value)}" for name, value in form.filled(spec)).encode("ascii")
        rows = _table(_page(client, action, body), spec.url)
        out = io.StringIO()
        csv.writer(out, delimiter=";", lineterminator="\n").writerows(rows)
        (folder / spec.file).write_text(out.getvalue(), encoding="utf-8")
        return [Taken(spec.file, f"TabNet {rows[0][0]}".strip(), spec.url)]

    def news(self, spec: Tabnet, client: Client, before: Before) -> bool | None:
        """Only taking it tells: TabNet gives neither validators nor a date."""
        return None if spec.file in before else True


class Form(HTMLParser):
    """The lists of the page's form: name → its options as value, label and whether chosen beforehand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self._lists: dict[str, list[tuple[str, str, bool]]] = {}
        self._name = ""
        self._open = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, a list, or an option of it; options of such pages are rarely closed."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = given.get("action", "")
        elif tag == "select":
            self._name = given.get("name", "")
            self._lists.setdefault(self._name, [])
        elif tag == "option" and self._name:
            self._lists[self._name].append((given.get("value", ""), "", "selected" in given))
        self._open = tag == "option"

    def handle_endtag(self, tag: str) -> None:
        """End a list or an option."""
        self._open = False
        if tag == "select":
            self._name = ""

    def handle_data(self, data: str) -> None:
        """Take the text of an option as its label."""
        if self._open and self._name:
            value, label, chosen = self._lists[self._name][-1]
            self._lists[self._name][-1] = (value, label + data, chosen)

    def filled(self, spec: Tabnet) -> Pairs:
        """Return what is sent. Raises SnapshotError for a list or choice the form does not have."""
        wanted = [("Linha", [spec.line]), ("Coluna", [spec.column]), ("Incremento", spec.contents)]
        pairs = [(name, self._value(name, label, spec)) for name, labels in wanted for label in labels]
        pairs += [("Arquivos", self._value("Arquivos", label, spec)) for label in spec.files]
        filters = {self._filter(label, spec): choices for label, choices in spec.filters.items()}
        for name, choices in filters.items():
            pairs += [(name, self._value(name, label, spec)) for label in choices]
        return [*pairs, *self._beforehand(set(filters)), ("formato", "prn"), ("mostre", "Mostra")]

    def _beforehand(self, but: set[str]) -> Iterator[tuple[str, str]]:
        for name, options in self._lists.items():
            if name.startswith("S") and name not in but:
                yield from ((name, value) for value, _label, chosen in options if chosen)

    def _filter(self, label: str, spec: Tabnet) -> str:
        lists = [name for name in self._lists if name.startswith("S")]
        found = next((name for name in lists if _bare(name[1:]) == _bare(label)), None)
        if found is None:
            raise _lacks(spec, _("list"), label, [name[1:] for name in lists])
        return found

    def _value(self, name: str, label: str, spec: Tabnet) -> str:
        options = self._lists.get(name, [])
        for value, own, _chosen in options:
            if _bare(label) in (_bare(own), _bare(value)):
                return value
        raise _lacks(spec, name, label, [own.strip() or value for value, own, _chosen in options])


def _lacks(spec: Tabnet, what: str, label: str, known: list[str]) -> SnapshotError:
    return SnapshotError(
        _("the form of TabNet has no {what} “{label}”").format(what=what, label=label),
        where=spec.url,
        next_step=_("it has: {known}").format(known=", ".join(known[:40]) or "–"),
    )


def _bare(label: str) -> str:
    """Return a label as it compares: TabNet's own values write blanks as ``_``, and ``--`` around what is not used."""
    return " ".join(re.sub(r"[_\s-]+", " ", label).split()).casefold()


def _said(text: str) -> str:
    return quote(text, safe="", encoding="latin-1", errors="xmlcharrefreplace")


def _page(client: Client, url: str, form: bytes | None) -> str:
    with TemporaryDirectory(prefix="observatudo-") as folder:
        target = Path(folder) / "page.html"
        client.download(url, target, form=form, page=True)
        return target.read_bytes().decode("latin-1")


def _table(page: str, url: str) -> list[list[str]]:
    """Return the rows: title, what is counted, period, header, the table. Raises SnapshotError."""
    if _EMPTY in page:
        raise SnapshotError(
            _("TabNet answers “{text}”").format(text=_EMPTY),
            where=url,
            next_step=_("choose other files or filters in the declaration"),
        )
    found = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL | re.IGNORECASE)
    if found is None:
        raise payload.unexpected(url, _("the page has no table between <PRE> and </PRE>"))
    lines = found[1].strip().splitlines()
    if not lines or lines[-1].strip() != _END:
        raise payload.unexpected(url, _("the table is cut"))
    rows = [[html.unescape(cell).strip() for cell in row] for row in csv.reader(lines[:-1], delimiter=";") if row]
    if len(rows) < 2 or rows[-1][0].casefold() != "total":
        raise payload.unexpected(url, _("the table has no line of totals"))
    if any(len(row) != len(rows[0]) for row in rows):
        raise payload.unexpected(url, _("a line of the table has more or fewer columns than the header"))
    return [*_above(page[: found.start()]), *rows]


def _above(page: str) -> list[list[str]]:
    """Return the title, what is counted and the period, a line each; headers of the table then stand on line 4."""
    title = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL | re.IGNORECASE)
    rest = re.split(r"<br\s*/?>", page[title.end() :] if title else page, flags=re.IGNORECASE)
    lines = [title[1] if title else "", rest[0] if title else "", " ".join(rest[1:])]
    return [[" ".join(html.unescape(re.sub(r"<[^>]+>", " ", line)).split())] for line in lines]


CONNECTOR = TabnetConnector()
