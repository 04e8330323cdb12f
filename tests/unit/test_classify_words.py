"""Pieces of words, and the two ways of encoding: what the model's likeness of two texts is made of."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.classify.encoder import SIZE, Encoder
from observatudo.classify.words import WORDS, Vocabulary

NAMES = ["Leitos de hospital", "Leitos de UTI", "Vagas em creches", "Hospitais e creches"]
VOCABULARY = Vocabulary(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("description", ["", "Vagas no hospital"])
def test_words_and_letters_weigh_the_same(name: str, description: str) -> None:
    pieces = VOCABULARY.pieces(name, description)
    letters = math.fsum(weight**2 for piece, weight in pieces.items() if piece.startswith("-"))
    words = math.fsum(weight**2 for piece, weight in pieces.items() if not piece.startswith("-"))
    assert letters == pytest.approx(1)
    assert words == pytest.approx(1)


def test_plural_case_and_accents_make_no_difference_and_a_pair_of_words_is_a_piece() -> None:
    pieces = VOCABULARY.pieces("LEITO DE HOSPITÁL", "")
    assert pieces == VOCABULARY.pieces("Leitos de hospital", "")
    assert {"leit", "hospital", "leit hospital"} <= pieces.keys()


def test_a_rare_word_weighs_more_and_the_name_more_than_the_description() -> None:
    pieces = VOCABULARY.pieces("Leitos de UTI", "")
    assert pieces["uti"] > pieces["leit"]
    named = VOCABULARY.pieces("creches", "hospital")
    assert named["crech"] > named["hospital"] > 0


@given(st.text(alphabet="xyzw ", max_size=30))
def test_unknown_words_have_no_pieces(text: str) -> None:
    assert VOCABULARY.pieces(text, text) == {}


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert VOCABULARY.pieces("x " * WORDS + "leitos", "") == {}


def test_texts_encoded_together_mean_what_they_mean_alone() -> None:
    encoder = Encoder()
    texts = [("Leitos", ""), ("Leitos", "de UTI"), ("", "")]
    together = encoder.vectors(texts)
    assert together.shape == (3, SIZE)
    for row, (name, description) in zip(together[:2], texts[:2], strict=True):
        alone = encoder.vector(name, description)
        assert row == pytest.approx(alone, abs=1e-5)
        assert (alone**2).sum() == pytest.approx(2, abs=1e-4)
    assert not encoder.vector("", "").any()
    assert encoder.vectors([]).shape == (0, SIZE)
