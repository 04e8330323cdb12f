"""Chromium without a screen, driven over its DevTools protocol: the page of ``observatudo serve`` as a person has it.

    with Chromium(tmp_path) as browser:
        browser.open(address)
        browser.wait_for("count=0")
        browser.press("+", "enter", "ctrl+p")
        assert "count=1" in browser.wait_for("count=1")
        assert browser.outside(port) == []

No name but 127.0.0.1 resolves, so whatever asks for another host fails; what was asked for is kept in ``requests``.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import aiohttp

from tests.tui import PATIENCE_S

Fields: TypeAlias = dict[str, Any]  # what Chromium answers is another program's JSON
T = TypeVar("T")

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # in containers tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "about:blank",
)
# xterm.js is not reachable from outside textual-serve's bundle; the bundle sets this property of the object that
# holds the terminal, so a setter that all objects inherit gets to see it.
CATCH = """
Object.defineProperty(Object.prototype, "weblinksAddon", {configurable: true, set(value) {
  Object.defineProperty(this, "weblinksAddon", {value, writable: true});
  window.caughtTerminal = this.terminal;
}});
window.opened = [];
const open = window.open;
window.open = (...words) => { window.opened.push(words[0]); return open.apply(window, words); };
"""
TEXT = """(() => {
  const terminal = window.caughtTerminal;
  if (!terminal) return "";
  const buffer = terminal.buffer.active;
  return Array.from({length: terminal.rows}, (_, row) =>
    buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? "").join("\\n");
})()"""
KEYS = {  # name → (key, code, virtual key code, text)
    "enter": ("Enter", "Enter", 13, "\r"),
    "escape": ("Escape", "Escape", 27, ""),
    "tab": ("Tab", "Tab", 9, ""),
    "space": (" ", "Space", 32, " "),
    "backspace": ("Backspace", "Backspace", 8, ""),
    "up": ("ArrowUp", "ArrowUp", 38, ""),
    "down": ("ArrowDown", "ArrowDown", 40, ""),
    "left": ("ArrowLeft", "ArrowLeft", 37, ""),
    "right": ("ArrowRight", "ArrowRight", 39, ""),
    "pageup": ("PageUp", "PageUp", 33, ""),
    "pagedown": ("PageDown", "PageDown", 34, ""),
    "home": ("Home", "Home", 36, ""),
    "end": ("End", "End", 35, ""),
}
MODIFIERS = {"alt": 1, "ctrl": 2, "shift": 8}
BETWEEN_PAGES = ("context", "navigated or closed", "Promise was collected")  # what Chromium says where there is none


class Chromium:
    """One Chromium with one tab, 1,000 by 640 pixels. Every call waits for its answer, 120 s at most."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder / "chromium"
        self.flags = flags
        self.requests: list[str] = []
        self.failures: list[str] = []
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Fields]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Chromium:
        self.folder.mkdir(parents=True)
        command = ["chromium", f"--user-data-dir={self.folder}", *self.flags, *FLAGS]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._thread.start()
        try:
            self._run(self._connect())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end()

    def open(self, url: str) -> None:
        """Go to an address and return when the page has loaded, whatever it says; one more follows a refresh."""
        self.call("Page.navigate", url=url)
        self.until(lambda: self.script("document.readyState") == "complete", f"{url} to load")

    def press(self, *keys: str) -> None:
        """Press keys one after another: a character, a name in ``KEYS``, or either behind ``ctrl+``, ``alt+``."""
        for key in keys:
            *held, name = key.split("+") if key != "+" else [key]
            modifiers = sum(MODIFIERS[word] for word in held)
            shown, code, number, text = KEYS.get(name, (name, "", ord(name.upper()[0]), name))
            given = {"key": shown, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
            typed = {"text": text} if text and not held else {}
            self.call("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **given, **typed)
            self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def text(self) -> str:
        """Return what the terminal shows, a line each, trailing blanks cut off; "" before there is a terminal."""
        return "\n".join(line.rstrip() for line in str(self.script(TEXT)).split("\n"))

    def page(self) -> str:
        """Return the text of the page that is visible, without the terminal's, which is drawn."""
        return str(self.script("document.body?.innerText ?? ''"))

    def wait_for(self, words: str, seconds: float = PATIENCE_S) -> str:
        """Return the terminal's text once it has ``words`` in it."""
        self.until(lambda: words in self.text(), f"{words!r} on the screen", seconds)
        return self.text()

    def until(self, is_so: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
        """Return once ``is_so()``; fail after ``seconds`` with what the page and the terminal show then."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}\n{self.page()}\n{self.text()}\n{self.failures}")
            time.sleep(0.05)

    def screenshot(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def resize(self, width: int, height: int) -> None:
        """Make the tab that many pixels large."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def downloads_to(self, folder: Path) -> None:
        """Have what is downloaded saved in ``folder``, under the name the server gives it."""
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def opened(self) -> list[str]:
        """Return the addresses that the page has opened in other tabs."""
        return [str(url) for url in self.script("window.opened")]

    def outside(self, port: int) -> list[str]:
        """Return the requests made, sockets too, to anything but 127.0.0.1 at ``port``."""
        at_home = {(scheme, f"127.0.0.1:{port}") for scheme in ("http", "ws")}
        found = [(url, urlsplit(url)) for url in self.requests]
        return [url for url, parts in found if parts.scheme != "data" and (parts.scheme, parts.netloc) not in at_home]

    def script(self, expression: str) -> Any:
        """Return what a JavaScript expression gives in the page; a promise is waited for.

        A page that leads on to another one goes when it wants to: between the two, it is asked again.
        """
        asked: Fields = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        deadline = time.monotonic() + PATIENCE_S
        while "error" in (answer := self._run(self._answered("Runtime.evaluate", asked))):
            said = answer["error"]["message"]
            assert any(words in said for words in BETWEEN_PAGES) and time.monotonic() < deadline, said
            time.sleep(0.05)
        done = answer["result"]
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def call(self, method: str, **parameters: object) -> Fields:
        """Send one DevTools command to the tab and return its result."""
        return self._run(self._call(method, parameters))

    def _run(self, what: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(150)

    async def _connect(self) -> None:
        self._session = aiohttp.ClientSession()
        place = self.folder / "DevToolsActivePort"
        async with asyncio.timeout(PATIENCE_S):
            while not place.exists() or len(place.read_text().split()) < 2:
                assert self._process.poll() is None, "Chromium ended at once"
                await asyncio.sleep(0.05)
            port = place.read_text().split()[0]
            tabs: list[Fields] = []
            while not tabs:  # it listens before it has one
                async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    tabs = [tab for tab in await answer.json() if tab["type"] == "page"]
                await asyncio.sleep(0.05)
        self._socket = await self._session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self._call(f"{domain}.enable", {})
        await self._call("Page.addScriptToEvaluateOnNewDocument", {"source": CATCH})
        size: Fields = {"width": 1000, "height": 640, "deviceScaleFactor": 1, "mobile": False}
        await self._call("Emulation.setDeviceMetricsOverride", size)

    async def _call(self, method: str, parameters: Fields) -> Fields:
        answer = await self._answered(method, parameters)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    async def _answered(self, method: str, parameters: Fields) -> Fields:
        number = next(self._ids)
        self._answers[number] = self._loop.create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], PATIENCE_S)
        del self._answers[number]
        return answer

    async def _read(self) -> None:
        async for message in self._socket:
            content = json.loads(message.data)
            if content.get("id") in self._answers:
                self._answers[content["id"]].set_result(content)
            elif "method" in content:
                self._note(content["method"], content["params"])

    def _note(self, method: str, found: Fields) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(found["url"])
        elif method == "Runtime.exceptionThrown":
            self.failures.append(json.dumps(found["exceptionDetails"]))
        elif method == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.failures.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")

    def _end(self) -> None:
        async def close() -> None:
            await self._session.close()

        if hasattr(self, "_session"):
            self._run(close())
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
