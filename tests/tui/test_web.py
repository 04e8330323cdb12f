"""``observatudo serve``: who is let in, what a dashboard gets and may do, and that none outlives its client."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest

from observatudo.errors import ObservatudoError
from tests.conftest import ROOT
from tests.tui.served_app import TABLE
from tests.tui.serving import TOKEN, Served, awaited, gone, served, status, terminal
from tui.web import page
from tui.web.server import listener
from tui.web.settings import PORT, Settings, checked_name, names, token

PATHS = ("/", "/state", "/static/textual.js", "/static/page.js", "/ws", "/download/x", "/nothing")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests that leave it as it was, under a name of its own besides."""
    options = ("--allow-host", "dash.example.org", "--max-clients", "50")
    with served(tmp_path_factory.mktemp("serve"), *options, OBSERVATUDO_TOKEN=TOKEN) as running:
        yield running
        assert gone(running.started()), "a closed tab ends its process, and what that started"
        assert running.stop() == 0
        assert TOKEN not in running.printed + running.errors
        assert running.errors == ""


@awaited
async def test_a_tab_is_closed_while_its_dashboard_hangs(server: Served) -> None:
    """That the process ends all the same, with what it started, is asserted for all when the server is left."""
    async with terminal(server) as opened:
        await opened.wait_for("count=0")
        await opened.say("stdin", "h")
        address, _slash, pid = (await opened.message("open_url"))["url"].rpartition("/")
    assert address == "https://example.org/hanging"
    assert int(pid) in server.started()[::2], "beside those of tabs that were closed while they began"


@awaited
async def test_without_the_token_there_is_nothing_to_see(server: Served) -> None:
    for path in PATHS:
        assert await status(server, path, **server.origin) == 401
        wrong = {"Authorization": f"Bearer {TOKEN}x", "Cookie": f"observatudo_{server.port}={TOKEN}"}
        assert await status(server, path, **server.origin, **wrong) == 401
    assert await status(server, "/?token=" + "x" * 40) == 401
    assert await status(server, f"/state?token={TOKEN}") == 401, "the token is taken at / alone"


@awaited
async def test_the_token_is_exchanged_for_a_cookie_that_opens_all(server: Served) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get(f"{server.url}?token={TOKEN}") as answer:
            cookie = answer.headers["Set-Cookie"]
            assert 'content="0;url=/"' in await answer.text()
            assert TOKEN not in await answer.text()
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
        for path, expected in zip(PATHS, (200, 200, 200, 200, 400, 404, 404), strict=True):
            async with client.get(server.url.rstrip("/") + path, headers=server.origin) as answer:
                assert answer.status == expected, path
        async with client.get(f"{server.url}?delay=1&ping=http://elsewhere", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "dash.example.org.evil.example", ""])
@awaited
async def test_under_another_name_it_is_not_served(server: Served, host: str) -> None:
    for path in ("/", "/static/page.js", "/ws"):
        assert await status(server, path, **server.bearer, **server.origin, Host=host) == 403


@pytest.mark.parametrize("host", ["localhost:{port}", "dash.example.org", "DASH.example.org:{port}"])
@awaited
async def test_under_its_own_names_it_is(server: Served, host: str) -> None:
    assert await status(server, **server.bearer, Host=host.format(port=server.port)) == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "http://[", None])
@awaited
async def test_a_page_of_another_site_gets_no_socket(server: Served, origin: str | None) -> None:
    headers = server.bearer | ({} if origin is None else {"Origin": origin})
    async with aiohttp.ClientSession(headers=headers) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"ws://127.0.0.1:{server.port}/ws")
    assert refused.value.status == 403
    assert await status(server, "/", "POST", **headers) == 403


@awaited
async def test_methods_that_change_things_need_the_own_origin_and_are_not_there(server: Served) -> None:
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        assert await status(server, "/", method, **server.bearer) == 403
        assert await status(server, "/", method, **server.bearer, **server.origin) == 405


@awaited
async def test_behind_a_proxy_the_origin_is_the_public_name(server: Served) -> None:
    headers = server.bearer | {"Origin": "https://dash.example.org"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.ws_connect(f"ws://127.0.0.1:{server.port}/ws") as opened,
    ):
        assert not opened.closed
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{server.url}?token={TOKEN}", headers={"X-Forwarded-Proto": "https"}) as answer,
    ):
        assert "; Secure" in answer.headers["Set-Cookie"]


@awaited
async def test_the_page_may_load_nothing_from_elsewhere_and_no_script_stands_in_it(server: Served) -> None:
    async with aiohttp.ClientSession(headers=server.bearer) as client, client.get(server.url) as answer:
        text, headers = await answer.text(), answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://127.0.0.1:{server.port} wss://127.0.0.1:{server.port}"
    assert policy["frame-ancestors"] == "'none'"
    assert re.findall(r"<script(.*?)>(.*?)</script>", text) and not re.search(r"<script[^>]*>[^<]|\son\w+=", text)
    assert "//" not in text.replace("<!DOCTYPE", "")
    assert headers["Referrer-Policy"] == "no-referrer" and "aiohttp" not in headers["Server"]


@awaited
async def test_a_dashboard_is_read_only_twice_over_and_does_not_know_the_token(server: Served) -> None:
    async with terminal(server) as opened:
        await opened.wait_for("arguments=--serving|--read-only READ_ONLY=1 token=False")


@awaited
async def test_keys_and_sizes_reach_the_app_and_pings_are_answered(server: Served) -> None:
    async with terminal(server, "width=9999999&height=1") as opened:
        await opened.wait_for("size=600x5")
        await opened.say("resize", {"width": 70, "height": 20})
        await opened.wait_for("size=70x20")
        await opened.say("ping", "17")
        assert await opened.message("pong") == "17"
        await opened.say("stdin", "+")
        await opened.wait_for("count=1")


@pytest.mark.parametrize(
    ("said", "code"),
    [('["stdin", "' + "x" * 70_000 + '"]', 1009), ("nonsense", 1008), ('["stdin", 3]', 1008), ("[" * 5000, 1008)],
    ids=["large", "no JSON", "another type", "deep"],
)
@awaited
async def test_what_no_terminal_says_closes_the_socket(server: Served, said: str, code: int) -> None:
    async with terminal(server) as opened:
        await opened.socket.send_str(said)
        assert await opened.closed() == code


@awaited
async def test_a_delivered_file_is_fetched_once_whole_and_by_who_has_the_token(server: Served) -> None:
    async with terminal(server) as opened:
        await opened.wait_for("count=0")
        await opened.say("stdin", "d")
        key = await opened.message("deliver_file_start")
        assert await status(server, f"/download/{key}") == 401
        async with opened.client.get(f"{server.url}download/{key}") as answer:
            assert await answer.text() == TABLE
            assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
            given = answer.headers["Content-Disposition"]
        assert given == "attachment; filename=\"compara___o.csv\"; filename*=UTF-8''compara%22%C3%A7%C3%A3o.csv"
        assert await status(server, f"/download/{key}", **server.bearer) == 404


@awaited
async def test_only_links_to_pages_are_opened(server: Served) -> None:
    async with terminal(server) as opened:
        await opened.wait_for("count=0")
        await opened.say("stdin", "j")
        await opened.say("stdin", "o")
        assert await opened.message("open_url") == {"url": "https://example.org/page", "new_tab": True}
        assert len([told for told in opened.told if told[0] == "open_url"]) == 1


async def room(client: aiohttp.ClientSession, server: Served) -> None:
    """Return once the server has room for one more: it has it when a dashboard has ended, which takes its time."""
    async with asyncio.timeout(120):
        while True:
            async with client.get(f"{server.url}state") as answer:
                if (await answer.json())["has_room"]:
                    return
            await asyncio.sleep(0.05)


@awaited
async def test_one_more_client_than_allowed_is_told_so_until_another_leaves(tmp_path: Path) -> None:
    with served(tmp_path, "--max-clients", "1") as server:
        async with terminal(server) as first, aiohttp.ClientSession(headers=server.bearer | server.origin) as client:
            await first.wait_for("count=0")
            async with client.get(server.url) as answer:
                assert answer.status == 503 and "--max-clients 2" in await answer.text()
            async with client.get(f"{server.url}state") as answer:
                assert await answer.json() == {"has_room": False}
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(f"ws://127.0.0.1:{server.port}/ws")
            assert refused.value.status == 503
            await first.socket.close()
            assert gone(server.started()) and len(server.started()) == 2
            await room(client, server)
            async with client.get(server.url) as answer:
                assert answer.status == 200


@awaited
async def test_who_does_not_answer_pings_has_left(tmp_path: Path) -> None:
    with served(tmp_path, "--heartbeat", "0.4", "--max-clients", "1") as server:
        async with terminal(server, autoping=False) as silent:
            await silent.closed()
            await room(silent.client, server)
            async with silent.client.get(server.url) as answer:
                assert answer.status == 200
        assert gone(server.started())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGKILL, -9)])
@awaited
async def test_no_dashboard_outlives_the_server(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with served(tmp_path) as server:
        async with terminal(server) as opened:
            await opened.wait_for("count=0")
            assert await asyncio.to_thread(server.stop, number) == code
        assert len(server.started()) == 2 and gone(server.started())
        assert server.errors == ""


@awaited
async def test_with_actions_none_is_read_only_and_one_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    with served(tmp_path, "--allow-actions") as server:
        assert "can change the repository" in server.printed
        async with terminal(server) as opened:
            await opened.wait_for("arguments=--serving READ_ONLY=unset")
            await opened.say("stdin", "x")
            await opened.closed()
        async with terminal(server) as opened:
            await opened.wait_for("count=0")
            await opened.say("stdin", "q")
            assert await opened.closed() == 1000
        server.stop()
        assert server.errors.splitlines()[0].startswith("a dashboard failed with 1: RuntimeError: as a test wants it")
        assert len(server.errors.splitlines()) == 2


def start(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "observatudo.cli.app", "serve", *words]
    given = {**os.environ, "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=120)


def test_a_port_that_is_taken_is_named_with_the_next_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start("--port", str(port))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr and "→ observatudo serve --port 0" in done.stderr


def test_where_the_usual_port_is_taken_a_free_one_is_used_and_said(tmp_path: Path) -> None:
    try:
        taken: socket.socket | None = socket.create_server(("127.0.0.1", PORT))
    except OSError:
        taken = None  # by something else on this machine: as good
    with listener(Settings(tmp_path, TOKEN)) as found:
        assert found.getsockname()[1] != PORT
    if taken is not None:
        taken.close()


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "cannot be read"), ("short\n", "at least 16"), ("with a blank " * 3, "at least 16"), ("é" * 20, "ASCII")],
)
def test_a_token_that_is_none_is_refused(tmp_path: Path, content: str | None, expected: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ObservatudoError, match=expected) as refused:
        token(file)
    assert refused.value.where == str(file) and refused.value.next_step
    assert content is None or content.strip() not in str(refused.value)


def test_a_token_of_the_environment_is_inherited_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_TOKEN", TOKEN)
    assert token(None) == (TOKEN, True)
    first, second = token(None), token(None)
    assert first[0] != second[0] and len(first[0]) >= 43 and not first[1]


def test_wrong_usage_is_64_and_what_cannot_be_is_a_message(tmp_path: Path) -> None:
    assert start("--port", "70000").returncode == os.EX_USAGE
    done = start("--allow-host", "a b", "--token-file", str(tmp_path / "none"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 3)
    assert "not an Observatudo repository" in start(cwd=tmp_path).stderr


@pytest.mark.parametrize("name", ["a b", "http://a", "a/b", "a:b", "", "a:123456"])
def test_what_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(ObservatudoError, match="no host name"):
        checked_name(name)


@pytest.mark.parametrize(
    ("host", "port", "allowed", "expected"),
    [
        ("127.0.0.1", 8765, (), {"127.0.0.1:8765", "localhost:8765"}),
        ("::1", 8765, (), {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}),
        ("localhost", 80, (), {"127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"}),
        ("10.1.2.3", 8765, ("Data.example.org",), {"10.1.2.3:8765", "data.example.org", "data.example.org:8765"}),
        ("0.0.0.0", 8765, ("a.example:99",), {"127.0.0.1:8765", "localhost:8765", "a.example:99"}),
    ],
)
def test_the_names_it_goes_by(host: str, port: int, allowed: tuple[str, ...], expected: set[str]) -> None:
    assert names(host, port, allowed) == expected


def test_what_is_changed_in_the_terminals_script_is_there_to_be_changed() -> None:
    """A new textual-serve may spell it otherwise: its font and its trouble without WebGL would be back."""
    original = (files("textual_serve") / "static/js/textual.js").read_text(encoding="utf-8")
    assert [original.count(before) for before, _after in page.CHANGES] == [1, 1]
    assert "Roboto" not in page.static()["textual.js"][0]


@awaited
async def test_the_command_becomes_the_server_with_the_token_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    command = [sys.executable, "-m", "observatudo.cli.app", "serve", "--port=0", f"--token-file={tmp_path / 'token'}"]
    environment = os.environ | {"OBSERVATUDO_LANG": "pt_BR"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _line in range(2)]
    port = int(lines[1].split(":")[2].split("/")[0])
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"bearer {TOKEN}"}) as client,
        client.get(f"http://127.0.0.1:{port}/") as answer,
    ):
        assert answer.status == 200 and '<html lang="pt-BR">' in await answer.text()
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert TOKEN not in "".join(lines) + process.stdout.read()
