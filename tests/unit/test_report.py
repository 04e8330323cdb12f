"""The report: what it says of facts; nothing in data is markup; the same facts give the same bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser

import pytest
import typer

from observatudo.alerts.model import Alert, Bounds, State
from observatudo.checks import LastCheck
from observatudo.cli import report as command
from observatudo.datasets import DatasetState
from observatudo.freshness import Freshness
from observatudo.history.model import Run, VersionRow
from observatudo.report import build, html, markdown
from observatudo.report.facts import Change, Facts, Point
from observatudo.report.moved import Moved

HOSTILE = '<script>alert(1)</script>|`"\x1b[31m@all'
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COMMIT = "ab" * 20
VERSION = VersionRow(COMMIT, (), "Maria", "2026-11-20T10:00:00-03:00", HOSTILE, (), (), ("data",))
RUN = Run(
    "20261120T100000Z-1", "failed", VERSION.date, VERSION.date, 61.0, COMMIT, True, "repro", None, "h", (), "record"
)
DATASET = DatasetState(
    dataset="a/um",
    title=HOSTILE,
    kind="observacao",
    rows_read=1200,
    rows_kept=1100,
    rows_rejected=100,
    rejected_by_reason={"fora_do_filtro": 100},
    rows=1100,
    match_rate=0.5,
    null_rate=0.25,
    warnings=["few rows"],
    version="cd" * 16,
    snapshot={"publisher": "IBGE", "license": "CC-BY-4.0"},
    freshness=Freshness("mensal", "2026-01-01T00:00:00+00:00", 326, 31, True),
    last_check=LastCheck("2026-11-22T10:00:00+00:00", "same", "", True),
)
ALERT = Alert(
    "i1", "rows", "critical", "open", "a/um", None, HOSTILE, "why", Bounds(9.0, 10.0, None, "rows"), VERSION.date,
    None, VERSION.date, None, 2,
)  # fmt: skip
FACTS = Facts(
    at=NOW,
    commit=COMMIT,
    committed=VERSION.date,
    is_dirty=False,
    lock="ef" * 32,
    datasets=(DATASET,),
    volumes={"a/um": (Point(COMMIT, VERSION.date, 1000, 0), Point("cd" * 20, VERSION.date, 1100, 100))},
    labels={"indicators": 4, "by_axis": {"Saude": 3, "Economia": 1}, "by_origin": {"regra": 4}},
    tests={"tests_passed": 7, "tests_failed": 1},
    changes=(Change(VERSION, (Moved("a/um", 1000, 1100, 130, 30, 4321),)),),
    runs=(RUN,),
    alerts=State(NOW.isoformat(), (ALERT, replace(ALERT, id="i2", status="recovered"))),
    problems=(),
)
EMPTY = Facts(NOW, None, None, False, None, (), {}, {}, {}, (), (), None, ("no rules",))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "link", "line", "rect", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect", "polyline"):
            assert self.open.pop() == tag


@pytest.mark.parametrize("facts", [FACTS, EMPTY], ids=["full", "empty"])
def test_the_page_is_well_formed_and_has_neither_script_nor_address(facts: Facts) -> None:
    page = html.text(build.page(facts))
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert "script" not in tags.seen
    assert tags.seen.count("table") == tags.seen.count("caption")
    assert not re.search(r'(?:src|href)="(?!#|data:,")', page)
    assert "default-src 'none'" in page
    assert page == html.text(build.page(facts))


def test_what_is_wrong_comes_first_and_numbers_are_in_both_forms() -> None:
    page, text = html.text(build.page(FACTS)), markdown.text(build.page(FACTS))
    for shown in (unescape(page), unescape(text)):
        assert shown.index("Alerts") < shown.index("Freshness")
        for told in ("1,100", "8.33%", "75.00%", "! late", "nothing new", "1 min 01 s", "CC-BY-4.0", "4,321", COMMIT):
            assert told in shown, told
    assert page.count("<svg") == 4, "volume, reasons, axes, origins"
    assert "--at 2026-11-23T12:00:00+00:00" in page


def test_nothing_in_data_is_markup() -> None:
    page, text = html.text(build.page(FACTS)), markdown.text(build.page(FACTS))
    assert "<script" not in page + text
    assert "\x1b" not in page + text
    table = [line for line in text.splitlines() if "a/um" in line and line.startswith("|")]
    assert table
    assert all("@all" not in line and "`" not in line for line in table)


def test_the_language_is_that_of_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", "pt_BR")
    page = html.text(build.page(FACTS))
    assert '<html lang="pt-BR">' in page
    assert all(told in page for told in ("1.100", "8,33%", "20/11/2026"))


def test_the_time_zone_of_the_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    before = html.text(build.page(FACTS))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert html.text(build.page(FACTS)) == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_changes_that_nobody_committed_are_told() -> None:
    assert "not committed" in html.text(build.page(replace(FACTS, is_dirty=True)))


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "ontem"])
def test_a_time_that_no_age_can_be_counted_from_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        command._time(text)


def test_a_time_of_another_zone_is_the_same_moment_in_utc() -> None:
    assert command._time("2026-11-23T12:00:00-03:00").isoformat() == "2026-11-23T15:00:00+00:00"
