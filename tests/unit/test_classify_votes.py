"""The mean of distributions: what one, two and three classifiers come to."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from observatudo.classify.calibration import best, distribution
from observatudo.classify.votes import of_answers, pool

KEYS = ["A", "B", "C", "D"]
weights = st.floats(0.05, 1)
scores = st.lists(st.floats(-3, 3), min_size=4, max_size=4)


def test_one_answer_is_worth_its_weight_and_the_rest_is_spread_evenly() -> None:
    found = of_answers({"B": 1.0}, 0.8, KEYS)
    assert [round(share, 9) for share in found] == [0.05, 0.85, 0.05, 0.05]


def test_answers_that_were_none_and_divided_ones_say_less() -> None:
    found = of_answers({"A": 0.5, "B": 0.25}, 0.8, KEYS)
    assert [round(share, 9) for share in found] == [0.5, 0.3, 0.1, 0.1]


def test_two_that_agree_keep_their_confidence_and_two_that_do_not_lose_it() -> None:
    sure, other = of_answers({"A": 1.0}, 0.9, KEYS), of_answers({"B": 1.0}, 0.8, KEYS)
    assert pool([sure, sure]) == (0, 0.925)
    index, confidence = pool([sure, other])
    assert (index, confidence) == (0, round((0.925 + 0.05) / 2, 4))


def test_of_equals_the_first_axis_stands() -> None:
    assert pool([[0.5, 0.5], [0.5, 0.5]]) == (0, 0.5)


@given(st.dictionaries(st.sampled_from(KEYS), st.floats(0.01, 0.25)), weights)
def test_a_distribution_adds_up_to_one(shares: dict[str, float], weight: float) -> None:
    found = of_answers(shares, weight, KEYS)
    assert abs(sum(found) - 1) < 1e-9
    assert min(found) >= 0


@example([0.0, 0.0, 0.0, 1e-9], 0.5)
@given(scores, st.floats(0.5, 8))
def test_alone_the_pool_says_what_its_only_member_says(given_scores: list[float], sharpness: float) -> None:
    one = distribution(given_scores, sharpness)
    assert abs(sum(one) - 1) < 1e-9
    index, confidence = best(given_scores, sharpness)
    chosen, mean = pool([one])
    assert one[index] - one[chosen] <= 1.1e-9  # of those that are equal to nine decimals the first stands
    assert abs(mean - confidence) <= 1e-4


@given(st.lists(scores, min_size=2, max_size=4))
def test_the_order_of_classifiers_makes_no_difference(rows: list[list[float]]) -> None:
    found = [distribution(row, 2.0) for row in rows]
    assert pool(found) == pool(list(reversed(found)))
