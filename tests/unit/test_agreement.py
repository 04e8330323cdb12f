"""Agreement and certainty: against published examples, against the definitions in exact fractions, by symmetry."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo.classify import agreement

AXES = ("Saude", "Educacao", "Economia")
SAID = st.sampled_from([*AXES, None])
Rater = list[str | None]
NEAR = pytest.approx
PATIENT = settings(deadline=None)  # the first call imports a library


@st.composite
def raters(draw: st.DrawFn, least: int = 0, most: int = 4) -> list[Rater]:
    items = draw(st.integers(0, 12))
    return draw(st.lists(st.lists(SAID, min_size=items, max_size=items), min_size=least, max_size=most))


def complete(rows: Sequence[Rater]) -> list[list[str]]:
    return [[axis for axis in item if axis] for item in zip(*rows, strict=True) if all(item)]


def share(part: int, whole: int) -> Fraction:
    return Fraction(part, whole)


def corrected(observed: Fraction, by_chance: Fraction) -> float | None:
    return None if by_chance == 1 else float((observed - by_chance) / (1 - by_chance))


def cohen_by_definition(a: Rater, b: Rater) -> float | None:
    pairs = complete([a, b])
    if len(pairs) < 2:
        return None
    first, second = (Counter(column) for column in zip(*pairs, strict=True))
    by_chance = sum((share(first[axis] * second[axis], len(pairs) ** 2) for axis in AXES), Fraction())
    return corrected(share(sum(x == y for x, y in pairs), len(pairs)), by_chance)


def fleiss_by_definition(rows: list[Rater]) -> float | None:
    items, n = complete(rows), len(rows)
    if n < 2 or len(items) < 2:
        return None
    equal = [share(sum(x == y for x, y in permutations(item, 2)), n * (n - 1)) for item in items]
    counts = Counter(axis for item in items for axis in item)
    by_chance = sum((share(count, n * len(items)) ** 2 for count in counts.values()), Fraction())
    return corrected(sum(equal, Fraction()) / len(items), by_chance)


def alpha_by_definition(rows: list[Rater]) -> float | None:
    """Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability": 1 - observed / expected disagreement."""
    items = [[axis for axis in item if axis] for item in zip(*rows, strict=True)]
    items = [item for item in items if len(item) > 1]
    values = [axis for item in items for axis in item]
    if len(items) < 2 or len(set(values)) < 2:
        return None
    observed = sum((share(sum(x != y for x, y in permutations(own, 2)), len(own) - 1) for own in items), Fraction())
    expected = share(sum(x != y for x, y in permutations(values, 2)), len(values) - 1)
    return float(1 - observed / expected)


def same(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return found == round(found, 4) and math.isclose(found, wanted, abs_tol=0.5001e-4)


@PATIENT
@given(raters(2, 2))
def test_cohens_kappa_is_what_its_definition_says(rows: list[Rater]) -> None:
    assert same(agreement.cohen(*rows), cohen_by_definition(*rows))
    assert agreement.cohen(*rows) == agreement.cohen(*reversed(rows))


@PATIENT
@given(raters())
def test_fleiss_kappa_is_what_its_definition_says(rows: list[Rater]) -> None:
    assert same(agreement.fleiss(rows), fleiss_by_definition(rows))


@PATIENT
@given(raters())
def test_alpha_is_what_its_definition_says(rows: list[Rater]) -> None:
    assert same(agreement.krippendorff_alpha(rows), alpha_by_definition(rows))


@PATIENT
@given(raters(2), st.randoms())
def test_neither_the_order_of_raters_nor_of_items_nor_the_axes_names_matter(rows: list[Rater], random: Random) -> None:
    items = list(zip(*rows, strict=True))
    random.shuffle(items)
    mixed: list[Rater] = [list(row) for row in zip(*items, strict=True)] or [[] for _ in rows]
    random.shuffle(mixed)
    other = dict(zip(AXES, reversed(AXES), strict=True))
    renamed: list[Rater] = [[other[axis] if axis else None for axis in row] for row in rows]
    for figure in (agreement.fleiss, agreement.krippendorff_alpha):
        assert figure(rows) == figure(mixed) == figure(renamed)


def rater(text: str) -> Rater:
    return [None if letter == "*" else letter for letter in text]


def test_cohens_kappa_of_the_published_example() -> None:
    """Fifty grant proposals, as the encyclopaedias have them: 20 both yes, 15 both no, 5 and 10 apart; 0.4."""
    both = "y" * 20 + "n" * 15
    assert agreement.cohen(rater(both + "y" * 5 + "n" * 10), rater(both + "n" * 5 + "y" * 10)) == 0.4


def test_fleiss_kappa_of_the_published_example() -> None:
    """Ten subjects, fourteen raters, five categories; 0.210."""
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    items = ["".join(letter * count for letter, count in zip("abcde", row, strict=True)) for row in table]
    rows = [rater("".join(item[number] for item in items)) for number in range(14)]
    assert agreement.fleiss(rows) == NEAR(0.210, abs=5e-4)


def test_alpha_of_krippendorffs_own_example() -> None:
    """Four observers, twelve units, some missing: nominal alpha 0.743."""
    rows = [rater(text) for text in ("123321412***", "1233224125*3", "*3332342251*", "12332441251*")]
    assert agreement.krippendorff_alpha(rows) == NEAR(0.743, abs=5e-4)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="nobody"),
        pytest.param([rater("ab")], id="one rater"),
        pytest.param([rater(""), rater("")], id="no item"),
        pytest.param([rater("a"), rater("b")], id="one item"),
        pytest.param([rater("a*b"), rater("*a*")], id="never the same item"),
        pytest.param([rater("aaa"), rater("aaa")], id="one axis only"),
        pytest.param([rater("aab"), rater("aa*")], id="one axis only where both spoke"),
    ],
)
def test_what_cannot_be_said_is_none(rows: list[Rater]) -> None:
    assert agreement.fleiss(rows) is None
    assert agreement.krippendorff_alpha(rows) is None
    if len(rows) == 2:
        assert agreement.cohen(*rows) is None


def test_agreement_no_better_than_chance_is_a_plain_zero() -> None:
    found = agreement.cohen(rater("aaaa"), rater("aabb"))
    assert found == 0
    assert math.copysign(1, found) == 1


def test_raters_of_unequal_length_are_a_mistake() -> None:
    for rows in ([rater("ab"), rater("a")], [rater("a"), rater("")]):
        for figure in (agreement.fleiss, agreement.krippendorff_alpha):
            with pytest.raises(ValueError, match="shorter"):
                figure(rows)
        with pytest.raises(ValueError, match="shorter"):
            agreement.cohen(*rows)


def test_the_share_of_equal_answers_leaves_out_what_one_did_not_say() -> None:
    assert agreement.share_equal(rater("aab*"), rater("ab*b")) == 0.5
    assert agreement.share_equal(rater("a*"), rater("*a")) is None


@PATIENT
@given(st.lists(st.integers(0, 500), max_size=8))
def test_entropy_is_what_its_definition_says_and_does_not_see_the_order(counts: list[int]) -> None:
    total = sum(counts)
    found = agreement.entropy(counts)
    if not total:
        assert found is None
        return
    assert found == NEAR(-sum(n / total * math.log2(n / total) for n in counts if n), abs=0.51e-4)
    assert found == agreement.entropy(sorted(counts))


@pytest.mark.parametrize(
    ("counts", "axes", "bits", "even"),
    [
        ([5], 4, 0.0, 0.0),
        ([7, 7], 2, 1.0, 1.0),
        ([3, 3, 3, 3], 4, 2.0, 1.0),
        ([3, 3, 0, 0], 4, 1.0, 0.5),
        ([1, 1, 2], 4, 1.5, 0.75),
        ([], 4, None, None),
        ([0, 0], 4, None, None),
        ([9], 1, 0.0, None),
    ],
)
def test_entropy_of_spreads_known_by_heart(
    counts: list[int], axes: int, bits: float | None, even: float | None
) -> None:
    assert agreement.entropy(counts) == bits
    assert agreement.evenness(counts, axes) == even


@PATIENT
@given(st.integers(1, 2000), st.data())
def test_wilsons_interval_holds_the_shares_that_do_not_contradict_what_was_seen(
    total: int, data: st.DataObject
) -> None:
    """At its ends p, the share seen is 1.96 standard errors, of p itself, away."""
    right = data.draw(st.integers(0, total))
    found = agreement.wilson(right, total)
    assert found is not None
    low, high = found
    seen = right / total
    assert 0 <= low <= round(seen, 4) + 1e-4 and round(seen, 4) - 1e-4 <= high <= 1
    for end in (low, high):
        if 0.01 < end < 0.99 and total < 200:
            error = math.sqrt(end * (1 - end) / total)
            slack = 1e-4 * (1 + 1.96 / math.sqrt(total)) / error * 2
            assert abs(seen - end) / error == NEAR(1.96, abs=0.001 + slack)
    mirrored = agreement.wilson(total - right, total)
    assert mirrored is not None
    assert list(mirrored) == NEAR([1 - high, 1 - low], abs=1.1e-4)


def test_wilsons_interval_at_the_edges() -> None:
    assert agreement.wilson(0, 10) == (0.0, 0.2775)
    assert agreement.wilson(10, 10) == (0.7225, 1.0)
    assert agreement.wilson(0, 0) is None
    for right, total in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="of 3"):
            agreement.wilson(right, total)


@PATIENT
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_test_counts_what_a_fair_coin_would_do(b: int, c: int) -> None:
    n = b + c
    tail = Fraction(sum(math.comb(n, k) for k in range(min(b, c) + 1)), 2**n)
    assert agreement.mcnemar(b, c) == NEAR(float(min(Fraction(1), 2 * tail)), rel=1e-3)
    assert agreement.mcnemar(b, c) == agreement.mcnemar(c, b)
    assert 0 < agreement.mcnemar(b, c) <= 1


def test_mcnemars_test_of_nothing_says_nothing() -> None:
    assert agreement.mcnemar(0, 0) == 1
    with pytest.raises(ValueError, match="-1"):
        agreement.mcnemar(-1, 2)
