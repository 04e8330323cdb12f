"""A key comes from the environment and stands nowhere else, whatever an endpoint does with it.

Everything that asking and the run after it leave is searched: answers, logs, records, MLflow's folder, every object
of Git and DVC, tables, what is printed, and what other users of the machine see of a process.
"""

from __future__ import annotations

import base64
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from observatudo import paths
from tests import asking
from tests.asking import Asking
from tests.endpoint import Call, Endpoint, Fault

KEY = "sk-Zq7/segredo+da=prefeitura&Xw9<vJ4>%2fKd82mQ"  # with what URLs, HTML and base64 write in another way
# the last one asked about stops the asking
NAMES = ("Leitos hospitalares", "Renda média", "Vacinas", "Óbitos infantis", "Código da praça", "Empregos formais")
VARIABLE = "CHAVE_DE_TESTE"
LIMITS = "{concurrency: 1, timeout_s: 5, retries: 0}"
PIPELINE = """\
stages:
  classify:
    cmd: python -m stages.classify
    deps: [data/classified/answers, configs]
    outs: [data/classified/rotulo.parquet, data/classified/evidencia.parquet]
    metrics: [{data/metrics/classify.json: {cache: false}}]
  record:
    cmd: python -m stages.record
    deps: [data/classified/rotulo.parquet]
    always_changed: true
"""
IGNORED = "/logs/\n/.observatudo/\n/mlruns/\n/data/classified/*.parquet\n"
_PIECE = 12  # letters of the key in a row that are no accident


def spellings(key: str) -> set[bytes]:
    """Return what a search looks for: every piece of the key, and the key as others would write it."""
    pieces = {key[at : at + _PIECE] for at in range(len(key) - _PIECE + 1)}
    quoted = {urllib.parse.quote(key, safe=safe) for safe in ("", "/", "/+=&")} | {urllib.parse.quote_plus(key)}
    encoded = set()
    for shift in range(3):
        whole = base64.b64encode(b"x" * shift + key.encode()).decode()
        middle = whole[4:-4]  # whatever comes before and after
        encoded |= {middle, middle.replace("+", "-").replace("/", "_")}
    texts = pieces | quoted | {text.lower() for text in quoted} | encoded | {key.encode().hex(), key[::-1]}
    return {text.encode() for text in texts}


def leaks(key: str, places: Mapping[str, bytes]) -> list[str]:
    """Return where the key stands, and how much around it."""
    wanted = sorted(spellings(key))
    return [
        f"{place}: {content[max(0, content.index(own) - 30) : content.index(own) + 60]!r}"
        for place, content in places.items()
        for own in wanted
        if own in content
    ]


def everything(root: Path) -> dict[str, bytes]:
    """Return place → content of all files below ``root``, of what is compressed in them, and of all Git objects."""
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for name in [name for name, content in found.items() if content[:4] == b"PAR1"]:
        table = pq.read_table(root / name)
        found[f"{name} (rows)"] = f"{table.to_pylist()} {table.schema.metadata}".encode()
    if (root / ".git").is_dir():
        objects = ["git", "cat-file", "--batch-all-objects", "--batch"]
        found["git objects"] = subprocess.run(objects, cwd=root, capture_output=True, check=True).stdout
    return found


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with Endpoint() as own:
        own.key = KEY
        yield own


@pytest.fixture
def place(server: Endpoint, tmp_path: Path) -> Asking:
    """A repository whose model wants a key."""
    made = asking.make(tmp_path / "r", server.url, NAMES)
    made.declare(LIMITS, api_key_env=VARIABLE, output="json_schema_strict")
    return made


@pytest.fixture
def versioned(place: Asking) -> Asking:
    """The same in Git and DVC, with the two stages that a label and its record need."""
    for name, content in {"dvc.yaml": PIPELINE, ".gitignore": IGNORED, ".dvcignore": ""}.items():
        (place.root / name).write_text(content, encoding="utf-8")
    for command in ("git init -q", "dvc init -q", "git add -A", "git commit -q -m start"):
        subprocess.run(command.split(), cwd=place.root, check=True, capture_output=True)
    return place


class Told:
    """What commands said, with the key in their environment."""

    def __init__(self, place: Asking) -> None:
        self._place = place
        self.said: dict[str, bytes] = {}

    def run(self, *command: str, code: int, **extra: str) -> None:
        """Run a command to its end and keep what it says."""
        environment = self._place.environment({VARIABLE: KEY, "OBSERVATUDO_DEBUG": "1", **extra})
        done = subprocess.run(
            command, cwd=self._place.root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=300
        )
        self.said[f"{len(self.said)} {' '.join(command)} {extra}"] = done.stdout + done.stderr
        assert done.returncode == code, (done.stdout + done.stderr).decode()

    def ask(self, *words: str, code: int = 0, **extra: str) -> None:
        self.run(*self._place.command("ask", *words), code=code, **extra)


def quoting(call: Call) -> Fault | None:
    """Quote the key: in an answer, in an error that passes, and in one that does not."""
    faults = {
        "Leitos hospitalares": Fault("echo_key", code=200),
        "Renda média": Fault("echo_key", code=500),
        "Vacinas": Fault("status", code=502, body=f"<html>{KEY}</html>".encode(), headers={"Server": KEY}),
        "Óbitos infantis": Fault("other_shape", body={"debug": {"Authorization": [KEY]}}),
        "Empregos formais": Fault("redirect", text=f"/login?key={urllib.parse.quote(KEY)}"),
    }
    return faults.get(call.nome)


def test_a_key_is_nowhere_but_in_the_environment(versioned: Asking, server: Endpoint) -> None:
    told = Told(versioned)
    server.faults = quoting
    told.ask(code=1, OPENAI_LOG="debug")  # has the SDK tell of every request and every answer, headers too
    assert {call.fault.kind for call in server.questions if call.fault} == {"echo_key", "status", "other_shape"} | {
        "redirect"
    }, "every way of quoting it was tried"
    server.faults = lambda _call: Fault("echo_key", code=401)
    told.ask("--json", code=1)
    told.ask("--dry-run", "--json")
    server.faults = []
    told.ask()
    assert {call.headers.get("Authorization") for call in server.calls} == {f"Bearer {KEY}", None}
    told.run("dvc", "repro", code=0)
    told.run("git", "add", "-A", code=0)
    told.run("git", "commit", "-q", "-m", "labels", code=0)
    told.run(*versioned.command("explain", "brmunipanel_i000", "--json"), code=0)

    found = everything(versioned.root)
    assert leaks(KEY, found | told.said) == []
    for part in (paths.ANSWERS.as_posix(), "logs/", "audit/runs/", "mlruns/", ".dvc/cache/", ".observatudo/"):
        assert any(name.startswith(part) for name in found), f"nothing of {part} was searched"
    told_of = [content for name, content in found.items() if name.startswith(paths.ANSWERS.as_posix())]
    assert "•••" in b"".join(told_of).decode()


def test_a_key_is_not_in_what_others_see_of_the_process(place: Asking, server: Endpoint) -> None:
    server.hold.clear()
    process = place.start("ask", extra={VARIABLE: KEY})
    server.wait_for(1)
    seen = {
        f"/proc/{pid}/cmdline": Path(f"/proc/{pid}/cmdline").read_bytes()
        for pid in [process.pid, *_children(process.pid)]
    }
    server.hold.set()
    said = process.communicate()[0]
    assert process.returncode == 0, said
    assert b"ask" in seen[f"/proc/{process.pid}/cmdline"]
    assert leaks(KEY, seen | {"said": said.encode()}) == []


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(word) for word in text.split()]


def test_a_key_does_not_follow_to_where_an_endpoint_sends_us(place: Asking, server: Endpoint) -> None:
    told = Told(place)
    with Endpoint() as other:
        server.faults = [Fault("redirect", text=f"{other.url}/chat/completions")]
        told.ask("--limit", "1", code=1)
        assert other.calls == []


def test_the_search_finds_a_key_wherever_it_stands(versioned: Asking) -> None:
    """Without this, the tests above might pass by looking at nothing."""
    ways = {
        "plain": KEY.encode(),
        "quoted": urllib.parse.quote(KEY).lower().encode(),
        "basic": base64.b64encode(f"user:{KEY}".encode()),
        "cut off": KEY[:_PIECE].encode(),
    }
    assert {line.partition(":")[0] for line in leaks(KEY, ways)} == set(ways)
    (versioned.root / "committed.txt").write_text(f"Authorization: Bearer {KEY}", encoding="utf-8")
    for command in ("git add committed.txt", "git commit -q -m x", "git rm -q committed.txt", "git commit -q -m y"):
        subprocess.run(command.split(), cwd=versioned.root, check=True, capture_output=True)
    assert {line.partition(":")[0] for line in leaks(KEY, everything(versioned.root))} == {"git objects"}
