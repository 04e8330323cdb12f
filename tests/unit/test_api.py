"""The HTTP API: who comes in, what is answered, and that every failure is a problem."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from observatudo import config
from observatudo.api import server
from observatudo.api.app import create
from observatudo.api.gate import Gate
from observatudo.api.work import Workshop
from observatudo.errors import ObservatudoError
from tests import api_repository, histories
from tests.cloud.emulators import free_port
from tests.conftest import ROOT
from tests.labelled import LEITO

TOKEN = "um-token-de-teste-bem-longo"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DIFF = "/v1/diff?a=HEAD~1&b=HEAD"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return api_repository.make(tmp_path_factory.mktemp("api") / "repository")


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    """The command itself, over the loopback."""
    port = free_port()
    environment = os.environ | {"OBSERVATUDO_API_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "observatudo.cli.entry", "api", f"--port={port}"]
    with subprocess.Popen(words, cwd=root, env=environment, stdout=subprocess.DEVNULL) as process:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _try in range(1200):
        assert process.poll() is None
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers=BEARER, timeout=120) as made:
        yield made


def inside(root: Path, **more: float) -> httpx.AsyncClient:
    """The application in this process."""
    app = Gate(create(root, **more), server.names("testserver", ()), TOKEN)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://testserver", headers=BEARER)


def problem(response: httpx.Response, status: int) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert set(found) == {"type", "title", "status", "detail", "where", "next_step"}
    assert found["status"] == status
    return cast("dict[str, object]", found)


def test_health_and_description_are_open_and_nothing_else_is(address: str) -> None:
    with httpx.Client(base_url=address, timeout=120) as client:
        assert client.get("/health").json() == {"status": "ok"}
        paths = client.get("/openapi.json").json()["paths"]
        for path in paths:
            if path != "/health":
                assert problem(client.get(path), 401)
        for wrong in (TOKEN[:-1], TOKEN + "x", "x", "ção"):
            given = [(b"Authorization", f"Bearer {wrong}".encode())]
            problem(client.get("/v1/runs", headers=given), 401)
        twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")]
        problem(client.get("/v1/runs", headers=twice), 401)
        problem(client.get(f"/v1/runs?token={TOKEN}"), 401)


def test_another_host_name_is_refused(client: httpx.Client) -> None:
    for name in ("evil.example", "127.0.0.1.evil.example", ""):
        problem(client.get("/v1/runs", headers={"Host": name}), 403)
    assert client.get("/v1/runs", headers={"Host": "LOCALHOST:1"}).status_code == 200


def test_it_only_reads(client: httpx.Client, root: Path) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = client.request(method, "/v1/runs", content=b"{}")
        problem(refused, 405)
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    assert (client.options("/v1/runs").status_code, client.head("/v1/runs").content) == (204, b"")
    assert client.head("/v1/runs").headers["content-length"] == client.get("/v1/runs").headers["content-length"]


def test_runs_are_paged(client: httpx.Client) -> None:
    told = client.get("/v1/runs", params={"limit": 1}).json()
    assert (told["total"], [run["run_id"] for run in told["items"]]) == (2, [histories.TWO])
    told = client.get("/v1/runs", params={"limit": 1, "offset": 1}).json()
    assert [run["run_id"] for run in told["items"]] == [histories.ONE]
    found = client.get(f"/v1/runs/{histories.ONE}").json()
    assert (found["run"]["status"], found["datasets"][0]["rows_kept"]) == ("success", 2)
    problem(client.get("/v1/runs/20990101T000000Z-1"), 404)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "offset=-1", "limit=x", "limits=1", "limit=1&limit=2", "%00=1"]
)
def test_a_wrong_parameter_is_named(client: httpx.Client, query: str) -> None:
    problem(client.get(f"/v1/runs?{query}"), 422)


def test_versions_and_their_comparison(client: httpx.Client) -> None:
    versions = client.get("/v1/versions").json()
    assert (versions["total"], versions["items"][0]["subject"]) == (3, "beds are health")
    newest, older = (each["commit"] for each in versions["items"][:2])
    found = client.get("/v1/diff", params={"a": older, "b": newest})
    assert found.status_code == 200, found.text
    flips = found.json()["labels"]["flips"]
    assert [flip["id_indicador"] for flip in flips] == [LEITO]


@pytest.mark.parametrize(
    "name", ["/etc", "../..", "configs", "params.yaml", "HEAD:params.yaml", "--help", "~", "a\x00b"]
)
def test_no_path_is_a_version(client: httpx.Client, name: str) -> None:
    refused = client.get("/v1/diff", params={"a": name, "b": "HEAD"})
    assert refused.status_code in (404, 422)
    problem(refused, refused.status_code)


def test_what_cannot_be_compared_says_what_to_type_next(client: httpx.Client) -> None:
    told = problem(client.get("/v1/diff", params={"a": "HEAD~1", "b": "HEAD", "table": "nenhuma"}), 409)
    assert "HEAD~1" not in str(told["detail"]) and "has a table" in str(told["detail"])
    assert told["next_step"] == "git log --oneline -- dvc.lock"
    told = problem(client.get("/v1/diff", params={"a": "nenhuma", "b": "HEAD"}), 404)
    assert told["next_step"] == "git log --oneline"


def test_a_comparison_out_of_time_ends_and_tells(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)

    async def twice() -> list[httpx.Response]:
        async with inside(root, diff_seconds=0.01) as client:
            return [await client.get(DIFF) for _each in range(2)]

    for answer in asyncio.run(twice()):
        assert "took longer" in str(problem(answer, 503)["detail"])
        assert answer.headers["retry-after"] == "5"


def test_one_comparison_is_made_at_a_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)

    async def both() -> tuple[httpx.Response, httpx.Response]:
        begun, enough = asyncio.Event(), asyncio.Event()

        async def run(_shop: Workshop, _words: list[str]) -> bytes:
            begun.set()
            await enough.wait()
            return b"{}"

        monkeypatch.setattr(Workshop, "_run", run)
        async with inside(root) as client:
            first = asyncio.create_task(client.get(DIFF))
            await begun.wait()
            second = await client.get(DIFF)
            enough.set()
            return await first, second

    first, second = asyncio.run(both())
    assert first.status_code == 200
    assert "Another comparison" in str(problem(second, 503)["detail"])
    assert second.headers["retry-after"] == "5"


def test_labels_and_why(client: httpx.Client) -> None:
    found = client.get("/v1/labels", params={"words": "leitos", "limit": 10}).json()
    assert LEITO in {each["id"] for each in found["items"]}
    assert client.get(f"/v1/labels/{LEITO}").json()["axis"] == "Saude"
    problem(client.get("/v1/labels/nada"), 404)


def test_what_is_missing_in_the_repository_is_a_conflict_without_its_path(client: httpx.Client, root: Path) -> None:
    told = problem(client.get("/v1/datasets"), 409)
    assert told["detail"]
    assert str(root) not in json.dumps(told)


def test_datasets_are_told_with_their_freshness() -> None:
    async def asked(path: str) -> httpx.Response:
        async with inside(ROOT) as client:
            return await client.get(path)

    found = asyncio.run(asked("/v1/datasets")).json()
    assert found["total"] == len(config.declared(ROOT))
    one = asyncio.run(asked("/v1/datasets/ibge/municipio")).json()
    assert (one["dataset"], one["freshness"]["frequency"]) == ("ibge/municipio", "anual")
    problem(asyncio.run(asked("/v1/datasets/ibge/nada")), 404)


def test_a_token_is_required_where_others_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(server.TOKEN, raising=False)
    made, is_new = server.token("127.0.0.1")
    assert (is_new, len(made) > 30) == (True, True)
    with pytest.raises(ObservatudoError):
        server.token("0.0.0.0")
    monkeypatch.setenv(server.TOKEN, "curto")
    with pytest.raises(ObservatudoError) as refused:
        server.token("127.0.0.1")
    assert "curto" not in str(refused.value)
    monkeypatch.setenv(server.TOKEN, TOKEN)
    assert server.token("0.0.0.0") == (TOKEN, False)


def test_schemathesis_finds_nothing(address: str) -> None:
    """Every operation, with data that fits and data that does not: no 500, and the answers are as described."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")

    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        _each(operation, 2 if operation.path == "/v1/diff" else 8)  # which starts a process for each
        tried += 1
    assert tried > 8


def _each(operation: APIOperation[Any, Any, Any, Any], examples: int) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def holds(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=BEARER, timeout=120)

    holds()
