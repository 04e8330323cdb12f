"""docs/faults.md has a row for each fault that is tried, in order, and nothing else; its test holds what a row says."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.faults import catalogue
from tests.faults.page import HEAD, TABLE
from tests.faults.record import PAGE


def test_the_page_has_every_fault_once_and_no_other() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", text, re.MULTILINE)
    assert [row for row in rows if row != "fault"] == list(catalogue.FAULTS)
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections == list(catalogue.SECTIONS)


def test_there_is_nothing_on_the_page_that_no_test_wrote() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    rest = re.sub(r"^(\| .*|## .*|)\n", "", text.removeprefix(HEAD).replace(TABLE, ""), flags=re.MULTILINE)
    assert rest == ""


def test_every_fault_is_tried() -> None:
    """A fault that no test names would keep its row for ever."""
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/faults").glob("test_*.py"))
    assert not [fault for fault in catalogue.FAULTS if f'"{fault}"' not in tests]
