"""Points, against a plain search for words; and words of form, which yield to a subject."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.classify.rules import Rulebook
from observatudo.classify.taxonomy import Axis, RuleGroup, Taxonomy


def _axis(key: str, *groups: RuleGroup) -> Axis:
    return Axis(key=key, title=key, definition=key, examples=["um", "dois", "três"], rules=list(groups))


TERMS = {"Saude": {"vacina": 3, "agente vacina": 2}, "Economia": {"renda": 2, "vacina": 1}, "Indefinido": {"nome": 4}}
TAXONOMY = Taxonomy(
    version="1",
    axes=[_axis(key, *(RuleGroup(weight=w, terms=[t]) for t, w in terms.items())) for key, terms in TERMS.items()],
)
WITH_FORM = Taxonomy(
    version="1",
    axes=[
        _axis("Saude", RuleGroup(weight=3, terms=["saúde"]), RuleGroup(weight=1, terms=["morte"])),
        _axis("Financas", RuleGroup(weight=4, form=True, terms=["despesa"]), RuleGroup(weight=2, terms=["dívida"])),
        _axis("Indefinido", RuleGroup(weight=4, terms=["nome"])),
    ],
)
TEXTS = st.lists(st.sampled_from(["vacina", "agente", "renda", "nome", "outro"]), max_size=6).map(" ".join)


def _expected(name: str, description: str) -> list[float]:
    """The same by searching for whole words in a text; the words used here are their own singular."""
    points = []
    for terms in TERMS.values():
        worth = 0.0
        for term, weight in terms.items():
            if f" {term} " in f" {name} ":
                worth += weight
            elif f" {term} " in f" {description} ":
                worth += weight / 2
        points.append(worth)
    return points


@given(TEXTS, TEXTS)
def test_points_are_those_of_a_plain_search(name: str, description: str) -> None:
    assert Rulebook(TAXONOMY).points(name, description) == _expected(name, description)


@pytest.mark.parametrize(
    ("name", "description", "points"),
    [
        ("Despesa", "", [0, 4, 0]),
        ("Despesa com saúde", "", [3, 0, 0]),
        ("Despesa com a dívida", "", [0, 6, 0]),
        ("Despesa por morte", "", [1, 4, 0]),
        ("Despesa", "em saúde", [1.5, 4, 0]),
        ("Saúde", "despesa empenhada", [3, 0, 0]),
    ],
)
def test_form_counts_only_without_a_subject_of_another_axis(name: str, description: str, points: list[float]) -> None:
    assert Rulebook(WITH_FORM).points(name, description) == points
