"""Stems: what makes no difference to a rule, and what does."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.classify.text import fold, sentence, stem, stems

WORDS = st.text(alphabet="aáâãbcçdeéêfghiíjlmnoóôõpqrstuúvxz", min_size=1, max_size=12)
# as pronouns these two say nothing; in capitals they are acronyms
TEXTS = st.lists(WORDS.filter(lambda word: word not in {"suas", "isso"}), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hospital", "Hospitais"),
        ("ação", "AÇÕES"),
        ("mulher", "mulheres"),
        ("jovem", "jovens"),
        ("infantil", "infantis"),
        ("imóvel", "imóveis"),
        ("idoso", "idosas"),
        ("escola", "escolas"),
        ("luz", "luzes"),
    ],
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("médico", "medicamento"), ("rio", "ria"), ("mar", "mal")])
def test_different_words_have_different_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_little_words_do_not_count_but_their_acronyms_do() -> None:
    assert stems("A proteção das suas famílias e isso") == stems("proteção famílias")
    assert stems("gestão do SUAS") == (stem("gestão"), stem("SUAS"))


@given(TEXTS)
def test_case_and_encoding_of_accents_make_no_difference(text: str) -> None:
    expected = stems(text)
    assert stems(text.upper()) == expected
    assert stems(unicodedata.normalize("NFD", text)) == expected
    assert stems(f"  {text.replace(' ', ', (')}!") == expected


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_the_sentence_does_not_shout_and_has_a_limit() -> None:
    assert sentence("TAXA DE ROUBOS ", " por mil ") == "Taxa de roubos. por mil"
    assert sentence("", "") == ""
    assert len(sentence("a", "b" * 5000)) == 2000
