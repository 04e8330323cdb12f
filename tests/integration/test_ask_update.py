"""``observatudo update``, as a schedule runs it: no failure stops the rest, and new indicators are asked about."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatudo import paths
from tests import asking
from tests.asking import Asking
from tests.endpoint import Endpoint, status
from tests.integration.runs_repository import BIN

PIPELINE = """\
stages:
  ingest:
    cmd: python ingest.py
    deps: [ingest.py, source.txt]
    outs: [{data/ingested/brmunipanel/variavel/indicador.parquet: {cache: false}}]
  classify:
    cmd: python classify.py
    deps: [classify.py, data/ingested/brmunipanel/variavel/indicador.parquet, data/classified/answers]
    outs: [counted.txt]
"""
INGEST = """\
import shutil
shutil.copy("source.txt", "data/ingested/brmunipanel/variavel/indicador.parquet")
"""
CLASSIFY = """\
from pathlib import Path
from observatudo.classify import answers
if Path("broken").exists():
    raise SystemExit("no labels today")
Path("counted.txt").write_text(str(len(answers.read(Path()).by_series)))
"""


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with Endpoint() as own:
        yield own


@pytest.fixture
def place(server: Endpoint, tmp_path: Path) -> Asking:
    """Make a repository whose pipeline brings two indicators more than were there, and that fetches nothing."""
    made = asking.make(tmp_path / "r", server.url)
    made.declare(limits="{concurrency: 1, retries: 0}", output="json_schema_strict")
    indicators = made.root / paths.INGESTED / "brmunipanel/variavel/indicador.parquet"
    made.indicators([*asking.NAMES, "Roubos", "Matrículas"])
    shutil.copy(indicators, made.root / "source.txt")
    made.indicators(asking.NAMES)
    for name, text in (("dvc.yaml", PIPELINE), ("ingest.py", INGEST), ("classify.py", CLASSIFY)):
        (made.root / name).write_text(text)
    (made.root / paths.ANSWERS).mkdir(parents=True)
    (made.root / ".gitignore").write_text("/.observatudo/\n/data/ingested/\n")
    declared = made.root / "configs/datasets/brmunipanel/variavel.yaml"
    by_hand = re.sub(r"^snapshot:\n(  .*\n)+", "snapshot: {}\n", declared.read_text(), flags=re.MULTILINE)
    declared.write_text(by_hand)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=made.root, env=environment(made), check=True)
    return made


def environment(place: Asking) -> dict[str, str]:
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_SITE_CACHE_DIR": str(place.root.parent / "dvc")}
    return place.environment(own)


def fetches_nothing(place: Asking) -> None:
    """Declare a second dataset: several that are brought by hand are told, a single one is an error."""
    declared = place.root / "configs/datasets/brmunipanel/variavel.yaml"
    text = declared.read_text().replace("kind: catalogo", "kind: referencia\nprimaryKey: [nome]")
    declared.with_name("outra.yaml").write_text(text)
    params = place.root / paths.PARAMS
    line = "  brmunipanel/variavel: {params: brmunipanel.variavel, lista: data/ingested/ibge/municipio}\n"
    text = params.read_text().replace(line, line + line.replace("variavel", "outra"))
    params.write_text(text.replace("{variavel: {}}", "{variavel: {}, outra: {}}"))


def updated(place: Asking, *words: str, code: int) -> tuple[str, list[str]]:
    """Return all that an update says, and how its steps ended."""
    done = place.run("update", *words, code=code, extra=environment(place))
    return done.stdout + done.stderr, [line for line in done.stdout.splitlines() if line[:1] in "✓✗" and "(" in line]


def steps(lines: list[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines]


def test_what_the_pipeline_brings_is_asked_and_counted(place: Asking, server: Endpoint) -> None:
    fetches_nothing(place)
    said, ended = updated(place, "--jobs", "1", code=0)
    assert "new indicators wait for an answer" in said
    assert steps(ended) == ["✓ fetch", "✓ ask", "✓ repro", "✓ ask", "✓ repro"]
    assert [call.nome for call in server.questions] == [*asking.NAMES, "Roubos", "Matrículas"]
    assert (place.root / "counted.txt").read_text() == "8"


def test_a_step_that_fails_is_told_and_stops_no_other(place: Asking, server: Endpoint) -> None:
    """Nothing can be fetched, the key is refused, a stage fails: what needs none of them is done."""
    server.faults = lambda _call: status(401)
    (place.root / "broken").touch()
    place.indicators(asking.NAMES)
    shutil.copy(place.root / paths.INGESTED / "brmunipanel/variavel/indicador.parquet", place.root / "source.txt")
    _said, ended = updated(place, code=1)
    assert steps(ended) == ["✗ fetch", "✗ ask", "✗ repro"]
    assert "ended with 255" in ended[-1]
    assert [call.nome for call in server.questions] == [asking.NAMES[0]]


def test_told_to_stop_it_lets_answers_come_and_begins_nothing_more(place: Asking, server: Endpoint) -> None:
    server.hold.clear()
    process = place.start("update", extra=environment(place))
    server.wait_for(1)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    said = ""
    while "stopping" not in said:
        said += process.stdout.readline()
        assert process.poll() is None, said
    server.hold.set()
    said += process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "observatudo repro" not in said
    assert "✗ ask: ended with 130" in said
    assert len(place.replies) == len(server.questions) == 1


def test_without_asking_no_model_is_called(place: Asking, server: Endpoint) -> None:
    (place.root / "dvc.yaml").write_text("stages: {}\n")
    _said, ended = updated(place, "--no-ask", code=1)
    assert steps(ended) == ["✗ fetch", "✓ repro"]
    assert not server.calls
