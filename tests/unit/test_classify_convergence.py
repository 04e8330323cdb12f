"""States of a series of answers: each rule, their order, and what holds of any series."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.classify.convergence import Convergence, evaluate, goes_to_and_fro
from observatudo.config import ConvergenceParams
from tests.answering import observations

RULE = ConvergenceParams()  # N 3, W 10, F 3, K 3
series = st.text("ABCxe", max_size=30)


def after(letters: str) -> Convergence:
    return evaluate(observations(letters), RULE)


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("", "NOVO"),
        ("ee", "NOVO"),
        ("A", "EM_OBSERVACAO"),
        ("AA", "EM_OBSERVACAO"),
        ("x", "EM_OBSERVACAO"),
        ("AAA", "ESTAVEL"),
        ("AeAeA", "ESTAVEL"),
        ("AAxA", "EM_OBSERVACAO"),
        ("AAAx", "EM_OBSERVACAO"),
        ("AB", "DIVERGENTE"),
        ("ABA", "DIVERGENTE"),
        ("ABBB", "ESTAVEL"),
        ("ABCD", "DIVERGENTE"),
        ("ABAB", "OSCILANTE"),
        ("ABCA", "OSCILANTE"),
        ("AxBxAxB", "OSCILANTE"),
        ("ABABBB", "OSCILANTE"),
        ("ABABBBBB", "OSCILANTE"),
        ("ABABBBBBB", "ESTAVEL"),
        ("ABABBBBBBA", "DIVERGENTE"),
        ("ABABBBBBBAB", "DIVERGENTE"),
        ("ABABBBBBBABA", "OSCILANTE"),
        ("xxx", "INVALIDO"),
        ("AAAxxx", "INVALIDO"),
        ("ABABxxx", "INVALIDO"),
        ("xxxA", "EM_OBSERVACAO"),
        ("xxxAB", "DIVERGENTE"),
        ("ABABxxxA", "OSCILANTE"),
        # the first change has left the window of ten answers
        ("AB" + "B" * 2 + "x" * 2 + "B" * 2 + "x" * 2 + "BBx" + "A", "DIVERGENTE"),
    ],
)
def test_the_state_after_these_answers(letters: str, state: str) -> None:
    assert after(letters).state == state


def test_what_is_counted() -> None:
    found = after("AAeBxAA")
    assert (found.answers, found.invalid, found.errors, found.flips, found.streak) == (6, 1, 1, 2, 2)
    assert (found.label, found.shares) == ("A", {"A": 4 / 6, "B": 1 / 6})


def test_of_labels_given_equally_often_the_last_one_counts() -> None:
    assert [after(letters).label for letters in ("AB", "BA", "ABAB", "BABA")] == ["B", "A", "B", "A"]


def test_a_stable_label_that_changes_is_a_regression_told_with_its_execution() -> None:
    (event,) = after("AAAB").events
    assert (event.kind, event.de, event.para) == ("regressao", "A", "B")
    assert (event.execucao, event.hora) == ("20260101T000000Z-000000", "2026-01-01T00:04:00+00:00")
    assert after("AAAxB").events == ()  # an answer that was none had ended the streak


def test_an_oscillation_is_told_once_until_it_was_over() -> None:
    assert [event.kind for event in after("ABABABABAB").events] == ["oscilacao"]
    assert [event.kind for event in after("ABAB" + "B" * 5 + "ABA").events] == ["oscilacao", "regressao", "oscilacao"]


@given(series, st.data())
def test_failed_calls_change_nothing(letters: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(letters)))
    one, other = after(letters), after(letters[:at] + "e" + letters[at:])
    assert (one.state, one.label, one.shares, one.streak) == (other.state, other.label, other.shares, other.streak)
    assert [(event.kind, event.de, event.para) for event in one.events] == [
        (event.kind, event.de, event.para) for event in other.events
    ]


@given(series)
def test_names_of_axes_make_no_difference(letters: str) -> None:
    one, other = after(letters), after(letters.translate(str.maketrans("ABC", "CAB")))
    assert (one.state, one.streak, one.flips, len(one.events)) == (
        other.state,
        other.streak,
        other.flips,
        len(other.events),
    )


@given(series)
def test_states_by_their_definitions(letters: str) -> None:
    """Each state is held against a plain reading of the definition, over the answers that counted."""
    found, told = after(letters), letters.replace("e", "")
    valid = told.replace("x", "")
    if told.endswith("xxx"):
        assert found.state == "INVALIDO"
    elif not told:
        assert found.state == "NOVO"
    elif told[-3:] in ("AAA", "BBB", "CCC"):
        assert found.state in ("ESTAVEL", "OSCILANTE")
    else:
        assert found.state in ("OSCILANTE", "DIVERGENTE", "EM_OBSERVACAO")
    if valid[-6:] in ("AAAAAA", "BBBBBB", "CCCCCC") and told.endswith(valid[-6:]):
        assert found.state == "ESTAVEL"
    if len(set(valid)) == 1 and not told.endswith("xxx"):
        assert found.state in ("EM_OBSERVACAO", "ESTAVEL")
    assert (found.state == "OSCILANTE") <= (found.flips >= RULE.oscillates_at)


@given(series)
def test_shares_are_of_the_window_and_the_label_has_the_largest(letters: str) -> None:
    found = after(letters)
    assert sum(found.shares.values()) <= 1 + 1e-9
    assert (found.label is None) == (not found.shares)
    if found.label:
        assert found.shares[found.label] == max(found.shares.values())


def test_to_and_fro_needs_both_changes_and_a_return() -> None:
    assert goes_to_and_fro("ABAB", 3)
    assert not goes_to_and_fro("ABCD", 3)
    assert not goes_to_and_fro("AABA", 3)
    assert goes_to_and_fro([*"AB", None, *"AB"], 3)
