"""Numbers by the strict grammar, against Python's own arithmetic as the oracle."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from observatudo.config import Field
from observatudo.ingest import casts

BRAZILIAN = Field(name="v", type="number", decimalChar=",", groupChar=".")
PLAIN = Field(name="v", type="number")


def cast(field: Field, texts: list[str]) -> list[float | None]:
    rows = 'SELECT unnest(?) AS "dado:v", unnest(range(?)) AS i'
    query = f"SELECT {casts.typed(field)} FROM ({rows}) ORDER BY i"
    with duckdb.connect() as con:
        return [row[0] for row in con.execute(query, [texts, len(texts)]).fetchall()]


def brazilian(value: Decimal, grouped: bool) -> str:
    text = f"{value:,f}" if grouped else f"{value:f}"
    return text.translate(str.maketrans(",.", ".,"))


decimals = st.decimals(min_value=-(10**12), max_value=10**12, places=2, allow_nan=False)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(decimals, st.booleans()), min_size=1, max_size=50))
def test_every_brazilian_number_is_read_as_written(values: list[tuple[Decimal, bool]]) -> None:
    found = cast(BRAZILIAN, [brazilian(value, grouped) for value, grouped in values])
    assert found == [float(value) for value, _grouped in values]


def oracle(text: str, decimal: Literal[".", ","], group: str) -> float | None:
    """Read a number by hand: sign, groups of exactly three or none, at most one decimal part; or one with exponent."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if "e" in body.lower():
        return scientific(text, body.lower(), decimal)
    whole, mark, rest = body.partition(decimal)
    groups = whole.split(group) if group else [whole]
    digits = all(part.isdigit() and part.isascii() for part in groups)
    first = 1 <= len(groups[0]) <= 3 and groups[0][0] != "0"
    sized = len(groups) == 1 or (first and all(len(part) == 3 for part in groups[1:]))
    if not (digits and sized) or (mark and not (rest.isdigit() and rest.isascii())):
        return None
    return float(("-" if text[:1] == "-" else "") + "".join(groups) + ("." + rest if mark else ""))


def scientific(text: str, body: str, decimal: str) -> float | None:
    """Read ``d.ddde±dd`` by hand."""
    mantissa, _e, exponent = body.partition("e")
    digits = mantissa[:1] + mantissa[2:]
    plain = digits.isdecimal() and digits.isascii() and mantissa[1:2] in ("", decimal) and len(mantissa) != 2
    power = exponent[1:]
    signed = exponent[:1] in ("+", "-") and power.isdecimal() and power.isascii() and 2 <= len(power) <= 3
    return float(text.replace(",", ".")) if plain and signed and int(power) < 300 else None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80), st.integers(0, 16))
def test_what_programs_write_of_any_double_is_that_double(values: list[float], places: int) -> None:
    values = [value for value in values if value == 0 or 1e-299 < abs(value) < 1e299]
    for form in (f".{places}e", f".{places}E"):
        texts = [f"{value:{form}}" for value in values]
        assert cast(PLAIN, texts) == [float(text) for text in texts]
        assert cast(BRAZILIAN, [text.replace(".", ",") for text in texts]) == [float(text) for text in texts]


def test_codes_with_an_e_and_exponents_no_double_holds_are_no_numbers() -> None:
    texts = ["12E5", "1E5", "1e3", "12E+05", "1E+5", "1.E+05", ".5E-05", "1E+300", "1E-999", "1.234E+05,0", "E+05"]
    assert cast(PLAIN, texts) == [None] * len(texts)
    assert cast(Field(name="v", type="integer"), ["1E+05", "100000"]) == [None, 100000]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="0123456789.,+-e ", min_size=1, max_size=9), min_size=1, max_size=80))
def test_any_text_is_read_as_the_oracle_reads_it(texts: list[str]) -> None:
    assert cast(BRAZILIAN, texts) == [oracle(text, ",", ".") for text in texts]
    assert cast(PLAIN, texts) == [oracle(text, ".", "") for text in texts]
