"""What the screens of labels make of JSON: sequences of answers, figures, concerns; whatever is missing in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observatudo.journal import Json
from tui import label_answers, label_concerns, label_evidence, label_figures, label_queue, label_words, labelled
from tui.label_answers import Answer


def _answer(axis: str | None, number: int, status: str = "ok", **more: Json) -> Answer:
    content: dict[str, Json] = {
        "provider": "m",
        "axis": axis,
        "status": status,
        "time": f"2026-01-01T00:00:{number:02}Z",
    }
    return label_answers.answers([{**content, **more}])[0]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("", ""),
        ("A", "A"),
        ("AAA", "A A A"),
        ("AB", "A›B"),
        ("AABA", "A A›B↔A"),
        ("ABAB", "A›B↔A↔B"),
        ("ABC", "A›B›C"),
        ("ABCB", "A›B›C↔B"),
        ("A·A", "A · A"),
        ("A·B", "A ·›B"),
        ("·A×", "· A ×"),
    ],
)
def test_changes_and_returns_stand_between_the_letters(said: str, shown: str) -> None:
    status = {"·": "invalida", "×": "erro"}
    found = [
        _answer(None if sign in status else f"axis {sign}", at, status.get(sign, "ok")) for at, sign in enumerate(said)
    ]
    letters = {f"axis {sign}": sign for sign in "ABC"}
    assert label_answers.sequence(reversed(found), letters).plain == shown


def test_a_long_sequence_says_how_much_is_left_out_and_attempts_do_not_count() -> None:
    found = [_answer("x", 0, round=number) for number in range(70)]
    found.append(_answer(None, 0, "invalida", round=3, is_whole=False))
    told = label_answers.sequence(found, {"x": "A"}).plain
    assert told.startswith("… 10 before A A") and told.count("A") == 60 and "·" not in told


def test_letters_are_given_in_the_order_of_time_and_end_somewhere() -> None:
    assert label_answers.letters([_answer("late", 2), _answer("early", 1), _answer(None, 0)]) == {
        "early": "A",
        "late": "B",
    }
    many = label_answers.letters([_answer(f"axis {number}", 0, round=number) for number in range(60)])
    assert len(many) == 60 and set(list(many.values())[52:]) == {"?"}


def test_the_series_in_force_comes_first_then_the_newest() -> None:
    found = [_answer("x", 9, series="b"), _answer("x", 1, series="a", is_current=True), _answer("x", 5, series="c")]
    assert list(label_answers.by_series(found)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "content", [None, [], {}, {"indicators": [{}], "models": [{}], "problems": [{}], "queue": [{}]}]
)
def test_what_is_missing_stops_nothing(content: Json) -> None:
    state = labelled.state(content)
    label_concerns.concerns(state)
    label_figures.rows(state, [("2026-01-01", {})])
    assert label_figures.rows(state, []) == label_figures.rows(labelled.state(content), ())
    for own in state.indicators:
        assert label_words.in_short(own)
    for queued in label_queue.queue(content):
        assert label_queue.in_short(queued)
    assert label_evidence.grounds(label_evidence.evidence({"votes": content, "problems": content})) == []
    label_evidence.grounds(label_evidence.evidence({"votes": [{}], "answers": [{}], "lineage": [{}], "versions": [{}]}))


def test_votes_of_any_form_are_told() -> None:
    kinds = ("fonte", "humano", "regras", "embutido", "model")
    content: dict[str, Json] = {
        "axis": "A",
        "votes": [{"classifier": name} for name in kinds],
        "answers": [{"provider": "model", "status": "erro", "reason": "no route"}],
        "lineage": [{"provider": "model", "series": "b", "follows": "a", "cause": "prompt", "before": "B"}],
    }
    told = "\n".join(line.plain for line in label_evidence.grounds(label_evidence.evidence(content)))
    for wanted in ("no word of it is in the taxonomy", "it has not answered yet", "×", "the prompt changed; it said B"):
        assert wanted in told


def _many(count: int) -> dict[str, Json]:
    vote: dict[str, Json] = {"classifier": "m", "axis": None, "confidence": None, "state": "NOVO"}
    rows: list[Json] = [
        {"id": f"i{n:05}", "name": f"Nome {n}", "axis": "A", "origin": "regra", "confidence": 0.9, "state": "NOVO",
         "votes": [vote], "waits_for": ["m"]} for n in range(count)
    ]  # fmt: skip
    return {"total": count, "indicators": rows, "models": [{"name": "m", "waiting": count, "states": {"NOVO": count}}]}


def test_a_model_that_waits_for_thousands_is_one_concern() -> None:
    state = labelled.state(_many(5000))
    assert [(own.id, own.key) for own in label_concerns.concerns(state)] == [("m", "waits:m")]
    assert len(labelled.chosen(state, "waits:m state:novo", "name")) == 5000
    assert labelled.chosen(state, "-waits:m", "name") == []
    assert label_words.sign(state.indicators[0]) == "◌"
    assert label_words.sign(replace(state.indicators[0], state="ESTAVEL")) == "✓◌"


def test_how_steady_a_model_is_leaves_out_what_it_did_not_answer_and_stands_below_how_right_it_is() -> None:
    states: dict[str, Json] = {"ESTAVEL": 3, "DIVERGENTE": 1, "NOVO": 10, "FIXADO": 5}
    state = labelled.state({"models": [{"name": "m", "states": states, "waiting": 10}]})
    past: list[tuple[str, dict[str, Json]]] = [
        ("2026-01-01", {}),
        ("2026-01-02", {"right": {"m": {"compared": 4, "share": 0.5}}, "models": {"m": {"states": states}}}),
    ]
    right, steady = label_figures.rows(state, past)[1:3]
    assert (right.shown, right.second, right.points) == ("50.00%", "of 4", (("2026-01-01", None), ("2026-01-02", 50.0)))
    assert (steady.shown, steady.points[-1], steady.key) == ("75.00%", ("2026-01-02", 75.0), "state:ESTAVEL")
