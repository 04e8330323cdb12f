"""A repository with a past in which models were asked, by the product, over HTTP: every state, and what goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from observatudo import paths
from observatudo.ask import campaign
from tests.conftest import ROOT, once
from tests.endpoint import MODEL, Body, Call, Endpoint, Fault
from tests.labelled import IGNORED, classify, with_past
from tests.past import Past

HOSTILE = "# Título\n\n**negrito** \x1b[31mvermelho\x1b[0m \x1b]0;título\x07 [b]x[/] " + "longo " * 60
DEATHS_NAME, JOBS_NAME, BEDS_NAME, INCOME_NAME = "Óbitos", "Empregos", "Leitos", "Renda"
_PROVIDERS = """\
providers:
  teste:
    base_url: {url}
    model: {model}
    digest: abc123
    limits: {{concurrency: 1, timeout_s: 5, retries: 1, longest_wait_s: 1, failures: 50, pause_s: 0.1}}
    price: {{currency: BRL, input: 1, output: 2}}
  outro: {{base_url: "{url}", model: {model}}}
"""
_BEFORE, _MODELS = "{threshold: 0.3}", "{threshold: 0.3, providers: {teste: 0.8, outro: 0.5}}"


def labelled_once(factory: pytest.TempPathFactory) -> Path:
    """Return the repository of ``tests.labelled.with_past``, made once: copy it, do not change it."""
    return once(factory, "labelled", _labelled) / "repo"


def _labelled(folder: Path) -> None:
    with_past(folder / "repo")


def answer(nome: str, before: int, body: Body) -> str:
    """Keep to one axis, go to and fro, change at the end: by the name, and by how often it was asked about before."""
    del body
    if nome.startswith(INCOME_NAME):
        return "Economia" if before % 2 == 0 else "Saude"
    if nome.startswith(JOBS_NAME):
        return "Economia" if before in (0, 5) else "Saude"
    return "Economia" if nome.startswith(BEDS_NAME) and before == 0 else "Saude"


def _spoil(call: Call) -> Fault | None:
    return Fault("prose", text=HOSTILE) if call.nome.startswith(DEATHS_NAME) else None


def with_models(labelled: Path, root: Path) -> Path:
    """Make it from a copy of ``tests.labelled.with_past``: three more versions, the last of them not committed.

    Under a first prompt everything is asked once; under a second one five times, and then beds are ESTAVEL, income is
    OSCILANTE, deaths are INVALIDO, jobs DIVERGENTE. A second model counts, and was never asked.
    """
    shutil.copytree(labelled, root, symlinks=True)
    made = Past(root)
    made.write(".gitignore", IGNORED)
    prompt = (ROOT / paths.PROMPTS / "eixo.md").read_text(encoding="utf-8")
    made.write(f"{paths.PROMPTS}/eixo.md", prompt)
    params = (root / paths.PARAMS).read_text(encoding="utf-8")
    assert _BEFORE in params
    made.write(str(paths.PARAMS), params.replace(_BEFORE, _MODELS))
    with Endpoint() as server:
        made.write(str(paths.PROVIDERS), _PROVIDERS.format(url=server.url, model=MODEL))
        server.label = answer
        ask(root)
        classify(root)
        _version(made, "a model was asked", "2026-01-04")
        made.write(f"{paths.PROMPTS}/eixo.md", prompt.replace("exatamente um", "um só"))
        ask(root)
        server.faults = _spoil
        ask(root, rounds=4)
    classify(root)
    _version(made, "another prompt, and measured", "2026-01-05")
    return root


def ask(root: Path, rounds: int = 0) -> None:
    """Ask as ``observatudo ask`` does; ``rounds`` above 0 is how often to measure what is answered."""
    wish = campaign.Wish(providers=["teste"], rounds=rounds, include_stable=bool(rounds))
    _plans, results = campaign.carry_out(root, wish, lambda _plan, _progress: None)
    assert [own.outcome.end for own in results if own.outcome] == ["completa"], results


def _version(made: Past, subject: str, day: str) -> None:
    made.out("classify", paths.LABELS.as_posix(), paths.OVERRIDES.as_posix())
    made.commit(subject, when=f"{day}T12:00:00+00:00")
