"""The way to the network, over real HTTP, against a server that goes wrong in every way that services do."""

from __future__ import annotations

import email.utils
import hashlib
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from observatudo.errors import ConfigError, ObservatudoError, SnapshotError
from observatudo.snapshots import SnapshotFile
from observatudo.sources import address
from observatudo.sources.answers import StatusError
from observatudo.sources.client import open_client
from observatudo.sources.contract import Client, Response
from tests.faulty import Answer, Behaviour, Call, Cut, Faulty, File, InTurn, Page, Redirect, Status

CSV = b"id;valor\n" + b"".join(b"%d;%d\n" % (n, n * n) for n in range(20_000))
DATE = "Mon, 02 Nov 2026 10:00:00 GMT"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause never, and ask no proxy of this machine; be patient, for a test's own server may be slow to answer."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OBSERVATUDO_FETCH_PAUSE_S", "0")
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "60")
    monkeypatch.setenv("OBSERVATUDO_FETCH_SILENCE_S", "60")


@pytest.fixture
def server() -> Iterator[Faulty]:
    with Faulty() as served:
        yield served


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def client(heard: list[str]) -> Iterator[Client]:
    with open_client(heard.append) as opened:
        yield opened


def standing(url: str, response: Response, content: bytes = CSV) -> SnapshotFile:
    return SnapshotFile(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        origin="http",
        url=url,
        etag=response.etag,
        last_modified=response.last_modified,
    )


def test_a_file_comes_whole_with_its_validators_and_who_asks_is_told(
    server: Faulty, client: Client, tmp_path: Path
) -> None:
    server.routes["/a.csv"] = File(CSV, modified=DATE)
    found = client.download(f"{server.url}/a.csv", tmp_path / "a.csv", query={"uf": "SP,MG", "nome": "São João"})
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert found.etag and found.last_modified == DATE and not found.same
    assert found.url == f"{server.url}/a.csv?uf=SP,MG&nome=S%C3%A3o%20Jo%C3%A3o"
    assert server.calls[0].query == {"uf": "SP,MG", "nome": "São João"}
    assert server.calls[0].headers["user-agent"].startswith("observatudo/")


def test_what_has_not_changed_is_not_sent_again(server: Faulty, client: Client, tmp_path: Path) -> None:
    url = f"{server.url}/a.csv"
    server.routes["/a.csv"] = File(CSV, modified=DATE)
    before = standing(url, client.download(url, tmp_path / "a.csv"))
    again = client.download(url, tmp_path / "b.csv", before=before)
    assert again.same and again.etag == before.etag and not (tmp_path / "b.csv").exists()
    server.routes["/a.csv"] = File(CSV + b"1;1\n", modified=DATE)
    assert not client.download(url, tmp_path / "b.csv", before=before).same
    assert (tmp_path / "b.csv").read_bytes() == CSV + b"1;1\n"


def test_validators_of_another_address_are_not_sent(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes |= {"/2023.csv": File(CSV, etag='"1"'), "/2024.csv": File(b"other;file\n", etag='"1"')}
    old = f"{server.url}/2023.csv"
    before = standing(old, client.download(old, tmp_path / "a.csv"))
    assert not client.download(f"{server.url}/2024.csv", tmp_path / "a.csv", before=before).same
    assert (tmp_path / "a.csv").read_bytes() == b"other;file\n"


def test_a_304_that_nobody_asked_for_is_no_file(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes["/a.csv"] = InTurn(Status(304), File(CSV))
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(
    server: Faulty, client: Client, heard: list[str], tmp_path: Path, status: int
) -> None:
    server.routes["/a.csv"] = InTurn(Status(status), File(CSV))
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert any(str(status) in text for text in heard)


@pytest.mark.parametrize("as_date", [False, True])
def test_a_busy_server_says_how_long_to_wait(server: Faulty, client: Client, tmp_path: Path, as_date: bool) -> None:
    def busy(_call: Call) -> Answer:
        when = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if as_date else "1"
        return Answer(429, {"Retry-After": when})

    server.routes["/a.csv"] = InTurn(busy, File(CSV))
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    first, second = server.calls
    assert second.at - first.at >= 0.9


def test_a_wait_longer_than_the_deadline_is_not_waited_for(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes["/a.csv"] = Status(503, headers={"Retry-After": "3600"})
    with pytest.raises(SnapshotError, match="asks to wait 3600 s"):
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert len(server.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_what_will_not_pass_is_an_error_at_once_and_says_what_the_service_said(
    server: Faulty, client: Client, tmp_path: Path, status: int
) -> None:
    server.routes["/a.csv"] = Status(status, b"Quantidade de valores excede o limite")
    with pytest.raises(StatusError, match=f"{status}.*excede o limite") as raised:
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (raised.value.status, raised.value.said) == (status, "Quantidade de valores excede o limite")
    assert raised.value.where == f"{server.url}/a.csv" and len(server.calls) == 1


def test_a_cut_body_is_resumed_where_it_broke(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes["/a.csv"] = InTurn(Cut(File(CSV), 50_000), Cut(File(CSV), 70_000), File(CSV))
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert [call.headers.get("range") for call in server.calls] == [None, "bytes=50000-", "bytes=120000-"]


def test_a_body_that_falls_silent_is_resumed(server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_SILENCE_S", "2")
    server.routes["/a.csv"] = InTurn(Cut(File(CSV), 50_000, hang=True), File(CSV))
    with open_client(lambda _text: None) as client:
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert server.calls[1].headers["range"] == "bytes=50000-"


def test_a_file_that_changed_in_between_is_taken_from_its_beginning(
    server: Faulty, client: Client, tmp_path: Path
) -> None:
    new = CSV.replace(b"id;valor", b"ID;VALOR")
    server.routes["/a.csv"] = InTurn(Cut(File(CSV), 50_000), File(new))
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == new


def test_a_server_that_sends_a_part_of_a_changed_file_all_the_same_mixes_nothing(
    server: Faulty, client: Client, tmp_path: Path
) -> None:
    new = CSV.replace(b"id;valor", b"ID;VALOR")

    def careless(call: Call) -> Answer:
        headers = {**call.headers, "if-range": '"new"'} if "range" in call.headers else call.headers
        return File(new, etag='"new"')(Call(call.method, call.target, headers, b""))

    server.routes["/a.csv"] = InTurn(Cut(File(CSV), 50_000), careless)
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == new
    assert [call.headers.get("range") for call in server.calls] == [None, "bytes=50000-", None]


@pytest.mark.parametrize(
    "file", [File(CSV, ranges=False), File(CSV, etag=""), File(CSV, etag='W/"1"')], ids=["no-ranges", "none", "weak"]
)
def test_where_the_rest_cannot_be_asked_for_it_begins_anew(
    server: Faulty, client: Client, tmp_path: Path, file: File
) -> None:
    server.routes["/a.csv"] = InTurn(Cut(file, 50_000), file)
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV


def test_a_download_goes_on_in_the_next_process(server: Faulty, tmp_path: Path) -> None:
    server.routes["/a.csv"] = Cut(File(CSV), 50_000)
    with open_client(lambda _text: None, tmp_path / "parts") as client:
        original = client.download
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(time, "sleep", _interrupted)
            original(f"{server.url}/a.csv", tmp_path / "a.csv")
    server.routes["/a.csv"] = File(CSV)
    with open_client(lambda _text: None, tmp_path / "parts") as client:
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert server.calls[-1].headers["range"] == "bytes=50000-"
    assert not list((tmp_path / "parts").iterdir())


def _interrupted(seconds: float) -> None:
    if seconds > 0:
        raise KeyboardInterrupt


def test_what_is_there_already_whole_is_asked_for_anew(server: Faulty, tmp_path: Path) -> None:
    server.routes["/a.csv"] = InTurn(Cut(File(CSV), len(CSV)), File(CSV))
    parts = tmp_path / "parts"
    with open_client(lambda _text: None, parts) as client:
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
        name = hashlib.sha256(f"{server.url}/a.csv".encode()).hexdigest()
        (parts / name).write_bytes(CSV)
        etag = File(CSV)(server.calls[0]).headers["ETag"]
        (parts / f"{name}.json").write_text(
            f'{{"validator": {etag.replace(chr(34), chr(92) + chr(34))!r}}}'.replace("'", '"')
        )
        client.download(f"{server.url}/a.csv", tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == CSV


def test_a_gzip_encoded_body_is_decoded_and_resumed_as_it_came(server: Faulty, client: Client, tmp_path: Path) -> None:
    file = File(CSV, gzip=True)
    server.routes["/a.csv"] = InTurn(Cut(file, 9_000), file)
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV
    assert server.calls[1].headers["range"] == "bytes=9000-"


def test_a_body_that_says_gzip_and_is_none_is_refused(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "1")
    server.routes["/a.csv"] = lambda _call: Answer(200, {"Content-Encoding": "gzip"}, CSV)
    with open_client(lambda _text: None) as client, pytest.raises(SnapshotError, match="compressed body"):
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")


def test_an_encoding_nobody_asked_for_is_refused(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes["/a.csv"] = lambda _call: Answer(200, {"Content-Encoding": "br"}, CSV)
    with pytest.raises(SnapshotError, match="encoding nobody asked for"):
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")


@pytest.mark.parametrize("how", ["declared", "streamed", "packed"])
def test_a_file_over_the_limit_is_refused(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_MAX_MB", "0.1")
    bomb = b"0;" * 5_000_000
    chunked = b"30d40\r\n" + b"1;" * 100_000 + b"\r\n0\r\n\r\n"
    behaviours: dict[str, Behaviour] = {
        "declared": File(bomb),
        "streamed": lambda _call: Answer(200, {"Transfer-Encoding": "chunked"}, chunked),
        "packed": File(bomb, gzip=True),
    }
    server.routes["/a.csv"] = behaviours[how]
    with open_client(lambda _text: None) as client, pytest.raises(SnapshotError, match="OBSERVATUDO_FETCH_MAX_MB"):
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_000_000


def test_a_page_with_the_status_of_success_is_no_data(server: Faulty, client: Client, tmp_path: Path) -> None:
    for number, text in enumerate(("<!DOCTYPE html>", "\ufeff\n <!-- x --><HTML>", '<?xml version="1.0"?><html>')):
        server.routes["/a.csv"] = Page(text, type="text/csv")
        with pytest.raises(SnapshotError, match="a page of HTML came"):
            client.download(f"{server.url}/a.csv", tmp_path / f"{number}.csv")
    assert client.download(f"{server.url}/a.csv", tmp_path / "page.html", page=True).url


def test_data_that_the_server_calls_a_page_is_data(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes["/a.csv"] = File(CSV, type="text/html")
    client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV


@pytest.mark.parametrize(
    ("name", "body"),
    [("a.xlsx", b"a;b\n"), ("a.zip", b"erro"), ("a.csv", b'{"erro": 1}'), ("a.json", b"a;b"), ("a", b"")],
)
def test_what_cannot_be_the_file_that_was_asked_for_is_refused(
    server: Faulty, client: Client, tmp_path: Path, name: str, body: bytes
) -> None:
    server.routes["/x"] = File(body)
    with pytest.raises(SnapshotError, match=r"first bytes|JSON or XML|empty"):
        client.download(f"{server.url}/x", tmp_path / name)


def test_json_is_read_and_what_is_none_is_an_error(server: Faulty, client: Client) -> None:
    server.routes |= {
        "/ok": File('[{"V": "São Paulo"}]'.encode(), type="application/json"),
        "/half": File(b'[{"V": 1}, ', type="application/json"),
        "/deep": File(b"[" * 100_000, type="application/json"),
        "/page": Page(),
    }
    assert client.json(f"{server.url}/ok") == [{"V": "São Paulo"}]
    for path in ("/half", "/deep"):
        with pytest.raises(SnapshotError, match="no JSON"):
            client.json(server.url + path)
    with pytest.raises(SnapshotError, match="HTML"):
        client.json(f"{server.url}/page")


def test_a_form_is_posted(server: Faulty, client: Client, tmp_path: Path) -> None:
    server.routes["/f"] = InTurn(Status(502), File(CSV))
    client.download(f"{server.url}/f", tmp_path / "a.csv", form={"Linha": "Município"})
    client.download(f"{server.url}/f", tmp_path / "b.csv", form="Linha=Munic\xedpio".encode("latin-1"))
    bodies = [call.body for call in server.calls]
    assert bodies == [b"Linha=Munic%C3%ADpio"] * 2 + [b"Linha=Munic\xedpio"]
    assert {call.method for call in server.calls} == {"POST"}


def test_redirects_are_followed_but_never_from_https_to_http(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(address.MIRRORS, f"https://dados.example={server.url}/m http://dados.example={server.url}/h")
    server.routes |= {
        "/m/a.csv": Redirect("/m/b.csv"),
        "/m/b.csv": Redirect("https://dados.example/c.csv"),
        "/m/c.csv": File(CSV),
        "/m/down.csv": Redirect("http://dados.example/c.csv"),
        "/m/round.csv": Redirect("/m/round.csv"),
    }
    with open_client(lambda _text: None) as client:
        found = client.download("https://dados.example/a.csv", tmp_path / "a.csv")
        assert found.url == "https://dados.example/a.csv" and (tmp_path / "a.csv").read_bytes() == CSV
        with pytest.raises(SnapshotError, match="plain http"):
            client.download("https://dados.example/down.csv", tmp_path / "b.csv")
        with pytest.raises(SnapshotError, match="without end"):
            client.download("https://dados.example/round.csv", tmp_path / "b.csv")


def test_a_service_that_is_down_is_given_up_and_the_next_request_is_not_waited_for(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "4")
    server.unknown = Status(503)
    with open_client(lambda _text: None) as client:
        for _turn in range(2):
            with pytest.raises(SnapshotError, match="503") as raised:
                client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
            assert raised.value.where == f"{server.url}/a.csv" and "as it was" in raised.value.next_step
        many = len(server.calls)
        assert many > 2
        server.unknown = File(CSV)
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
        server.unknown = InTurn(Status(503), File(CSV))
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")


@pytest.mark.parametrize("url", ["ftp://x.example/a", "http://[x/a", "http:///a", "www.x.example/a", "http://a b/"])
def test_what_is_no_address_is_an_error_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_DEADLINE_S", "1")
    with open_client(lambda _text: None) as client, pytest.raises(SnapshotError):
        client.download(url, tmp_path / "a.csv")


def test_the_proxy_of_the_environment_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Faulty({"/a.csv": File(CSV)}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//ana:segredo1@"))
        with open_client(lambda _text: None) as client:
            client.download("http://dados.example/a.csv", tmp_path / "a.csv")
            assert proxy.calls[0].target == "http://dados.example/a.csv"
            assert proxy.calls[0].headers["proxy-authorization"].startswith("Basic ")
            proxy.routes["/a.csv"] = Status(407, b"no")
            with pytest.raises(SnapshotError) as raised:
                client.download("http://dados.example/a.csv", tmp_path / "a.csv")
    assert "segredo1" not in str(raised.value)


def test_no_secret_of_an_address_is_told(server: Faulty, client: Client, heard: list[str], tmp_path: Path) -> None:
    secret = f"s{random.Random(8).getrandbits(64):x}"
    url = f"{server.url.replace('//', f'//ana:{secret}@')}/a.csv"
    query = {"api_token": secret, "ano": "2024"}
    server.routes["/a.csv"] = InTurn(Status(500), File(CSV), Status(404))
    found = client.download(url, tmp_path / "a.csv", query=query)
    assert found.url == f"{server.url}/a.csv?api_token=***&ano=2024"
    assert server.calls[-1].query["api_token"] == secret and "authorization" in server.calls[-1].headers
    with pytest.raises(ObservatudoError) as raised:
        client.download(url, tmp_path / "a.csv", query=query)
    assert secret not in str(raised.value) + str(heard)


def test_news_is_told_from_validators_alone(server: Faulty, client: Client, tmp_path: Path) -> None:
    url = f"{server.url}/a.csv"
    server.routes["/a.csv"] = File(CSV, modified=DATE)
    before = standing(url, client.download(url, tmp_path / "a.csv"))
    assert client.head(url, before) is False
    server.routes["/a.csv"] = File(CSV + b"1;1\n", modified=DATE.replace("02", "03"))
    assert client.head(url, before) is True
    server.routes["/a.csv"] = File(CSV + b"1;1\n", modified=DATE)
    assert client.head(url, before) is None  # the ETag moved and the date did not
    server.routes["/a.csv"] = File(CSV, etag="")
    assert client.head(url, before) is None
    server.routes["/a.csv"] = Status(405)
    assert client.head(url, before) is None
    assert {call.method for call in server.calls[1:]} == {"HEAD"}


def test_two_requests_to_a_host_have_a_pause_between_them(
    server: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVATUDO_FETCH_PAUSE_S", "0.3")
    server.routes["/a.csv"] = File(CSV)
    with open_client(lambda _text: None) as client:
        for _turn in range(3):
            client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert len(server.calls) == 3
    gaps = [later.at - earlier.at for earlier, later in zip(server.calls, server.calls[1:], strict=False)]
    assert min(gaps) >= 0.29


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSERVATUDO_FETCH_PAUSE_S", "often"),
        ("OBSERVATUDO_FETCH_SILENCE_S", "0"),
        ("OBSERVATUDO_FETCH_MAX_MB", "nan"),
        (address.MIRRORS, "dados.example=http://127.0.0.1:1"),
        (address.MIRRORS, "https://dados.example"),
    ],
)
def test_settings_that_cannot_be_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised, open_client(lambda _text: None):
        pass
    assert name in str(raised.value)


def test_a_mirror_stands_for_whole_parts_of_an_address_only() -> None:
    mirrors = address.Mirrors({"https://a.br": "http://m:1", "https://a.br/api": "http://m:2"})
    assert mirrors.asked("https://a.br/x?y=1") == "http://m:1/x?y=1"
    assert mirrors.asked("https://a.br/api/x") == "http://m:2/x"
    assert mirrors.asked("https://a.br.evil/x") == "https://a.br.evil/x"
    assert mirrors.official(mirrors.asked("https://a.br/api?x")) == "https://a.br/api?x"


@pytest.mark.parametrize("charset", ["foo", "base64"])
def test_an_error_in_an_encoding_that_is_none_is_told(client: Client, tmp_path: Path, charset: str) -> None:
    refusal = Status(404, "não há".encode(), {"Content-Type": f"text/plain; charset={charset}"})
    with Faulty({"/a.csv": refusal}) as server, pytest.raises(StatusError, match="404"):
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")


@pytest.mark.parametrize("span", ["1000-4999/" + "9" * 6000, "1" * 6000 + "-4999/5000"])
def test_a_part_of_an_impossible_size_begins_anew(client: Client, tmp_path: Path, span: str) -> None:
    def part(_call: Call) -> Answer:
        return Answer(206, {"Content-Range": f"bytes {span}"}, b"b" * 4000)

    with Faulty({"/a.csv": InTurn(Cut(File(CSV), 1000), part, File(CSV))}) as server:
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV


@pytest.mark.parametrize("host", ["a" * 300 + ".example", "xn--"])
def test_a_redirect_to_a_host_that_cannot_be_is_told(client: Client, tmp_path: Path, host: str) -> None:
    with Faulty({"/a.csv": Redirect(f"http://{host}/b.csv")}) as server, pytest.raises(SnapshotError, match="address"):
        client.download(f"{server.url}/a.csv", tmp_path / "a.csv")
