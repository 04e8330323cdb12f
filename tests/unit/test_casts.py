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
    """Read a number by hand: sign, groups of exactly three or none, at most one decimal part."""
    body = text[1:] if text[:1] in ("+", "-") else text
    whole, mark, rest = body.partition(decimal)
    groups = whole.split(group) if group else [whole]
    digits = all(part.isdigit() and part.isascii() for part in groups)
    first = 1 <= len(groups[0]) <= 3 and groups[0][0] != "0"
    sized = len(groups) == 1 or (first and all(len(part) == 3 for part in groups[1:]))
    if not (digits and sized) or (mark and not (rest.isdigit() and rest.isascii())):
        return None
    return float(("-" if text[:1] == "-" else "") + "".join(groups) + ("." + rest if mark else ""))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="0123456789.,+-e ", min_size=1, max_size=9), min_size=1, max_size=80))
def test_any_text_is_read_as_the_oracle_reads_it(texts: list[str]) -> None:
    assert cast(BRAZILIAN, texts) == [oracle(text, ",", ".") for text in texts]
    assert cast(PLAIN, texts) == [oracle(text, ".", "") for text in texts]
