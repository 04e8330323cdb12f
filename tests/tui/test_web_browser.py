"""The dashboard in Chromium, with no host but 127.0.0.1 to be found, as behind a firewall that lets nothing out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.emulators import free_port
from tests.tui.browser import Chromium
from tests.tui.served_app import TABLE
from tests.tui.serving import TOKEN, gone, served

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One Chromium for all, on a machine without WebGL."""
    with Chromium(tmp_path_factory.mktemp("browser"), "--disable-3d-apis") as started:
        yield started


@pytest.fixture
def browser(chromium: Chromium) -> Chromium:
    """The browser with an empty page, and nothing asked for yet."""
    chromium.open("about:blank")
    chromium.requests.clear()
    chromium.failures.clear()
    return chromium


def test_a_page_of_its_own_with_keys_sizes_files_and_an_end(browser: Chromium, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        browser.open(server.url)
        assert "Open the address that observatudo serve printed" in browser.page()
        browser.open(f"{server.url}?token={server.token}")
        assert "┌─┬─┐│ ▁▂▃▄▅▆▇█ ✓ ✗ ◌ ▶" in browser.wait_for("count=0")
        assert browser.script("document.querySelector('.xterm-text-layer').tagName") == "CANVAS", "lines join"
        assert browser.script("location.href + document.cookie") == server.url

        browser.press("+")  # nobody has clicked: the terminal has the keyboard by itself
        browser.wait_for("count=1")
        browser.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 2_000
        browser.resize(700, 400)
        browser.wait_for("size=87x")

        (tmp_path / "saved").mkdir()
        browser.downloads_to(tmp_path / "saved")
        browser.press("d")
        browser.until(lambda: [file.suffix for file in (tmp_path / "saved").iterdir()] == [".csv"], "the file")
        (saved,) = (tmp_path / "saved").iterdir()
        browser.until(lambda: saved.read_text(encoding="utf-8") == TABLE, "all of the file")

        assert [failure for failure in browser.failures if "401" not in failure] == [], "the policy fits the page"
        browser.press("q")
        browser.until(lambda: "The dashboard has ended.\n\nStart it again" in browser.page(), "the end to be told")
        browser.press("enter")
        browser.wait_for("count=0")
        browser.press("o")
        browser.until(lambda: "https://example.org/page" in browser.opened(), "the link")

        assert browser.outside(server.port) == []
        running = server.started()[-2:]
        browser.open("about:blank")
        assert gone(running)


def test_a_server_that_is_gone_is_told_and_found_again(browser: Chromium, tmp_path: Path) -> None:
    port = str(free_port())  # none that another could be given while no server has it
    with served(tmp_path, "--port", port, OBSERVATUDO_TOKEN=TOKEN, OBSERVATUDO_LANG="pt_BR") as server:
        browser.open(f"{server.url}?token={TOKEN}")
        browser.wait_for("count=0")
        assert browser.script("document.documentElement.lang") == "pt-BR"
    told = browser.script("document.getElementById('over').dataset.gone")
    browser.until(lambda: told in browser.page(), "the page to say so")
    with served(tmp_path, "--port", port, OBSERVATUDO_TOKEN=TOKEN):
        browser.until(lambda: told not in browser.page(), "the page to come back")
        browser.wait_for("count=0")


def test_a_page_of_another_site_gets_nothing_of_it(browser: Chromium, tmp_path: Path) -> None:
    """Two servers are two sites: what a page of the one asks of the other is what a stranger's page would ask."""
    with served(tmp_path, OBSERVATUDO_TOKEN=TOKEN) as server, served(tmp_path) as other:
        browser.open(f"{server.url}?token={TOKEN}")
        browser.wait_for("count=0")
        count = len(server.started())
        browser.call("Page.setBypassCSP", enabled=True)  # a stranger's page has no policy of ours
        browser.open(f"{other.url}nothing")
        socket = f"new WebSocket('ws://127.0.0.1:{server.port}/ws')"
        opened = (
            f"new Promise(done => {{ const s = {socket}; s.onopen = () => done(true); s.onerror = () => done(0) }})"
        )
        assert browser.script(opened) == 0
        assert len(server.started()) == count
        read = f"fetch('{server.url}state', {{credentials: 'include'}}).then(() => 'read', () => 'refused')"
        assert browser.script(read) == "refused"
        assert any(f":{server.port}/ws" in url for url in browser.outside(other.port)), "it was asked"
