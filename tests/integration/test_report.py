"""The report over a repository in which the whole pipeline has been run; opened in Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_in
from tests.tui.browser import Chromium

AT = "--at 2026-11-23T21:00:00+00:00"


def test_the_same_repository_and_time_give_the_same_bytes_and_change_nothing(built: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "a.html", tmp_path / "b.html"]
    for page in pages:
        done = run_in(built, f"observatudo report {AT} -o {page}")
        assert done.returncode == 0, done.stderr
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert run_in(built, "git status --porcelain").stdout == ""
    text = run_in(built, f"observatudo report {AT} --markdown --lang pt_BR").stdout
    assert "225.440" in text
    assert "<code>fora_do_filtro</code>" in text


@pytest.mark.parametrize("option", ["--at yesterday", "--lang fr"])
def test_wrong_usage_is_told(built: Path, option: str) -> None:
    done = run_in(built, f"observatudo report {option}")
    assert done.returncode == 64
    assert "Traceback" not in done.stderr


@pytest.mark.needs("chromium")
def test_it_opens_in_a_browser_with_charts_and_asks_nobody_for_anything(built: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert run_in(built, f"observatudo report {AT} -o {page}").returncode == 0
    with Chromium(tmp_path) as browser:
        browser.open(page.as_uri())
        assert "State of the observatory" in browser.page()
        widths = browser.script("[...document.querySelectorAll('svg')].map(each => each.getBoundingClientRect().width)")
        assert len(widths) >= 9
        assert min(widths) > 100
        assert [url for url in browser.requests if not url.startswith(("file:", "data:", "about:"))] == []
        assert browser.failures == []
