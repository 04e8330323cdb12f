"""A comparison in words: the answer, the numbers in two languages, and the terminal's width."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from observatudo import figures
from observatudo.compare.model import (
    Change,
    Comparison,
    Dbt,
    KeyChange,
    Keys,
    Labels,
    MetricChange,
    Metrics,
    Sample,
    Schema,
    Table,
    Verdict,
)
from observatudo.compare.show import terminal, words
from observatudo.compare.show.build import report
from tests.comparisons import MART, NASTY, TABLE, any_comparison, changed, comparison, many, rich, side

_KINDS: tuple[Change, ...] = ("removed", "added", "changed")
BLOCK_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("number", "english", "portuguese"),
    [
        (0, "0", "0"),
        (1234567, "1,234,567", "1.234.567"),
        (1234.5678, "1,234.57", "1.234,57"),
        (-0.25, "-0.25", "-0,25"),
        (0.000123456789, "0.000123457", "0,000123457"),
        (1e-9, "1e-09", "1e-09"),
        (9.87654321e20, "9.87654e+20", "9,87654e+20"),
        (123456789.5, "123,456,790", "123.456.790"),
        (None, "–", "–"),
        (math.nan, "NaN", "NaN"),
        (math.inf, "∞", "∞"),
        (-math.inf, "-∞", "-∞"),
    ],
)
def test_numbers_are_written_as_the_language_has_it(
    monkeypatch: pytest.MonkeyPatch, number: float | None, english: str, portuguese: str
) -> None:
    assert figures.decimal(number) == english
    monkeypatch.setenv("OBSERVATUDO_LANG", "pt_BR")
    assert figures.decimal(number) == portuguese


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.00%"), (0.0004, "<0.01%"), (12.345, "12.35%"), (99.999, ">99.99%"), (100, "100.00%"), (math.inf, "∞")],
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(share: float, text: str) -> None:
    assert figures.percent(share) == text


def test_differences_have_their_sign() -> None:
    assert [figures.signed(number) for number in (1.5, -2, 0, None)] == ["+1.5", "-2", "0", "–"]
    assert [figures.signed_percent(part) for part in (0.5, -2, 0, None, math.inf)] == [
        "+50.00%",
        "-200.00%",
        "0.00%",
        "–",
        "+∞",
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("PIB", "PIB"),
        ("1", '"1"'),
        ("", '""'),
        (" x", '" x"'),
        ("null", '"null"'),
        (None, "null"),
        (1, "1"),
        (0.1, "0.1"),
        (True, "true"),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
        ("a\nb\x1b[m\u202e\xa0c", r"a\nb\x1b[m\u202e\xa0c"),
        ("a\n ", r'"a\n "'),
        ("x" * 30, "x" * 13 + "…" + "x" * 6),
    ],
)
def test_values_show_their_type_and_nothing_invisible(content: str | None, text: str) -> None:
    assert words.value(content, 20 if "…" in text else 40) == text


@given(st.text(), st.integers(1, 50))
def test_what_is_shortened_fits_and_keeps_both_ends(text: str, length: int) -> None:
    found = words.shortened(text, length)
    assert len(found) <= length
    assert found == text or (found[0] in (text[0], "…"))


def test_the_verdict_is_one_sentence() -> None:
    assert words.verdict(comparison()) == "same: nothing differs"
    assert words.verdict(comparison(dbt=Dbt(missing=["x"]))) == "same, as far as compared"
    one = comparison(
        verdict=Verdict(outcome="changed", changed=1, tables=[TABLE, MART]),
        rows={TABLE: changed(), MART: changed(derived=True), "d": Table(status="same", derived=True)},
        config=Keys(changes=[KeyChange(file="f", dataset=None, key="k", change="added", b=1)]),
        metrics=Metrics(changes=[MetricChange(file="m", key=key, change="added") for key in ("x.rows", "y", "z")]),
    )
    sentence = (
        f"changed: 1 row in {TABLE} (1 changed); config: k; metrics: x.rows and 2 more; tables that follow: {MART}"
    )
    assert words.verdict(one) == sentence
    broken = comparison(
        verdict=Verdict(outcome="not_comparable", not_comparable=["t"], missing=["m"]),
        rows={"t": Table(status="not_comparable", why="keys given twice"), "m": Table(status="missing")},
    )
    assert words.verdict(broken) == "not comparable: t: keys given twice, m: missing"


def test_examples_begin_with_one_of_each_kind() -> None:
    samples = [Sample(change=change, key={"id": f"{change}{n}"}) for change in _KINDS for n in range(3)]
    text = terminal.text(comparison(rows={"t": changed(samples=samples)}))
    lines = [line for line in text.splitlines() if line[:2] in ("~ ", "+ ", "- ")]
    assert lines == ["~ changed0", "+ added0", "- removed0"]
    assert "… and 6 more" in text


def test_the_command_can_be_typed() -> None:
    found = comparison(a=side("HEAD~1"), b=side("feature/x y"))
    assert words.command(found, "--md") == "observatudo diff HEAD~1 'feature/x y' --md"
    assert words.command(comparison(a=side("~/old"), b=side("HEAD@{1}"))) == "observatudo diff '~/old' 'HEAD@{1}'"


def test_the_terminal_says_the_answer_first_and_all_parts_after_it() -> None:
    text = terminal.text(rich(), width=120)
    order = [
        "changed: 28 rows",
        "policy broken (1):",
        "removed>0: 2 rows",
        "metrics not compared: HEAD~1 has no data/metrics/y.json",
        "fonte/lost/observacao not compared: its bytes are in neither cache nor remote → dvc pull",
        "rows per table",
        "cadastro/x/referencia is not comparable: the key has duplicates → git log",
        "schema: columns and tables that differ",
        f"{TABLE}: what changed",
        "by column",
        "where, most changed first",
        "from category to category",
        "distribution",
        "examples",
        "    valor: 1.5 → 2.5",
        f"{MART}: what changed",
        "labels: indicators",
        "fields.0.factor: 1 → 1000",
        "classify.threshold: 0.3 → ",
        "t.rows",
        "not_null_x",
        "observatudo diff HEAD~1 workspace --html",
        "again: observatudo diff HEAD~1 workspace",
    ]
    place = 0
    for words_in_order in order:
        place = text.find(words_in_order, place)
        assert place >= 0, words_in_order


def test_parts_without_a_difference_are_one_line_in_all() -> None:
    text = terminal.text(comparison(rows={"t": Table(status="same", same=3)}))
    assert text.splitlines()[3:5] == ["", "no difference in: rows, schema, labels, config, params, metrics, dbt"]
    assert len(text.splitlines()) < 10


@pytest.mark.parametrize("width", [40, 80, 133])
def test_nothing_is_wider_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    for found in (rich(), many(40)):
        text = terminal.text(found, width=width)
        wide = [line for line in text.splitlines() if terminal.cells(line) > width and "observatudo diff" not in line]
        assert not wide
        assert "1,234,567" in text


def test_colour_adds_nothing_but_colour() -> None:
    coloured = terminal.text(rich(), colour=True)
    assert "\x1b[31" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == terminal.text(rich())


def test_hundreds_of_tables_are_counted_not_listed() -> None:
    text = terminal.text(many(300))
    assert len(text.splitlines()) < 200
    assert "… and 280 more" in text
    assert "changed too, not shown here column by column: fonte/dataset_0002/observacao" in text


@given(any_comparison)
def test_text_out_of_data_cannot_steer_the_terminal(found: Comparison) -> None:
    text = terminal.text(found)
    assert not BLOCK_LINES.search(text)
    text.encode()  # a lone surrogate would stop the program


def test_nasty_text_is_shown_spelled_out() -> None:
    text = terminal.text(comparison(a=side(NASTY)), width=300)
    assert r"\n\t\x1b[31m é 漢字 \u202eabc" in text


def test_portuguese_has_its_own_separators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVATUDO_LANG", "pt_BR")
    text = terminal.text(rich(), width=120)
    assert "1.234.567" in text
    assert "1,234,567" not in text
    assert "valor: 1.5 → 2.5" in text  # a value stands as it is written


def test_what_was_not_compared_is_not_said_to_be_the_same() -> None:
    parts: dict[str, type[BaseModel]] = {
        "config": Keys,
        "params": Keys,
        "metrics": Metrics,
        "labels": Labels,
        "dbt": Dbt,
        "columns": Schema,
    }
    for part, kind in parts.items():
        found = report(comparison(**{part: kind.model_validate({"missing": ["one side has none"]})}), terminal.LIMITS)
        title = "schema" if part == "columns" else part
        assert title not in found.same.partition(":")[2].replace(",", "").split()
        assert "one side has none" in " ".join(found.missing)
    assert report(comparison(), terminal.LIMITS).same == (
        "no difference in: rows, schema, labels, config, params, metrics, dbt"
    )


def test_a_policy_is_kept_only_where_everything_could_be_compared() -> None:
    for outcome, is_said in (("same", True), ("changed", True), ("not_comparable", False)):
        verdict = Verdict.model_validate({"outcome": outcome, "policy": "schema"})
        assert ("policy kept" in terminal.text(comparison(verdict=verdict))) == is_said
