"""Every label of the marts leads to its evidence, whatever decided it."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from observatudo import paths
from observatudo.classify import labelling
from observatudo.classify.names import EMBEDDED, PERSON, RULES, SOURCE
from observatudo.labels import decide, sources
from observatudo.labels.explain import Explainer, Explanation
from observatudo.labels.page import page
from tests.conftest import run_in
from tests.labelled import MODEL, answer

DAY = datetime.date(2026, 11, 23)


def _has_grounds(own: Explanation) -> bool:
    """Say whether the evidence that its origin calls for is there."""
    if own.origin in (SOURCE, PERSON):
        wanted = {SOURCE: ("eixo_fonte",), PERSON: ("autor", "data", "justificativa")}[own.origin]
        said = own.vote(own.origin)
        return said is not None and all(said.detail.get(key) for key in wanted) and said.axis == own.axis
    if own.origin == "consenso":
        return any(one.raw and one.is_current and one.status == "ok" for one in own.answers)
    name, needed = (RULES, "termos") if own.origin == "regra" else (EMBEDDED, "exemplos")
    said = own.vote(name)
    return said is not None and bool(said.detail.get(needed))


def _origins_with_grounds(root: Path) -> Counter[str]:
    ids = pq.read_table(root / paths.MARTS / "dim_indicador.parquet").column("id_indicador").to_pylist()
    explainer, found = Explainer(sources.load(root)), Counter[str]()
    for key in ids:
        own = explainer.explain(key, with_history=False)
        assert (own.id, own.problems) == (key, ())
        assert _has_grounds(own), f"{key}: {own.origin} without its evidence"
        text = "\n".join(page(own, 80))
        assert own.axis in text
        assert own.name.split()[0] in text
        found[own.origin] += 1
    return found


def test_every_label_of_the_marts_leads_to_its_evidence(built: Path) -> None:
    before = _origins_with_grounds(built)
    assert min(before[name] for name in ("fonte", "regra", "modelo")) > 0
    _ask_and_decide(built)
    after = _origins_with_grounds(built)
    assert after.total() == before.total()
    assert (after["humano"], after["consenso"]) == (2, after.total() - after["fonte"] - 2)


def _ask_and_decide(root: Path) -> None:
    """Have a person decide on two labels and a model answer about all others, and classify anew."""
    (root / paths.PROVIDERS).write_text(
        f"providers:\n  {MODEL}: {{base_url: 'http://127.0.0.1:9/v1', model: m}}\n", encoding="utf-8"
    )
    params = (root / paths.PARAMS).read_text(encoding="utf-8")
    assert "providers: {}" in params
    (root / paths.PARAMS).write_text(params.replace("providers: {}", f"providers: {{{MODEL}: 0.8}}"), encoding="utf-8")
    own = sources.load(root)
    left = [key for key, label in sorted(own.labels.items()) if label.origin not in (SOURCE, PERSON)]
    for key in left[:2]:
        decide.record(root, key, "Saude", "para o teste", "Ana", DAY)
    answer(root, dict.fromkeys(left[2:], "Saude"))
    labelling.write(root, labelling.label_all(root))


def test_the_command_explains_and_lists_what_waits(built: Path) -> None:
    labels = sources.load(built).labels
    some = {label.origin: key for key, label in sorted(labels.items())}
    for origin, key in some.items():
        done = run_in(built, f"observatudo explain {key} --json")
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert (told["id"], told["origin"], told["problems"]) == (key, origin, [])
        assert told["history"]["steps"], "the run was committed"
    done = run_in(built, "observatudo review --json")
    assert done.returncode == 0, done.stderr
    queue = json.loads(done.stdout)["queue"]
    assert queue[0]["value"] >= queue[-1]["value"] > 0
