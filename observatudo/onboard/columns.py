"""What stands in a column: numbers and how they are written, marks of missing values, years, months, dates, words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from observatudo.ingest.casts import grammar_of
from observatudo.ingest.readers.native import NATIVE
from observatudo.onboard.words import YEAR, folded, is_missing, month

if TYPE_CHECKING:
    import pyarrow as pa

BLANKS: Final = " \t\n\r\xa0"  # as ingest trims
_STYLES: Final = ((".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (".", " "))
_MOST_TEXTS: Final = 5_000
# what surrounds a number: a sign of money before it, a sign of percent or a mark of a note behind it
_DRESSED: Final = re.compile(r"(?P<before>R\$|US\$|€)?\s*(?P<number>[+-]?\d[\d., ]*?)\s*(?P<after>%|\*+|hab\.?|km²)?")
_ANSWERS: Final = frozenset({"sim", "nao", "parcial", "parcialmente"})  # a value, not the lack of one
_SENTINELS: Final = frozenset({"-999", "-9999", "-99999", "-1.0E38"})


@dataclass(frozen=True)
class Numbers:
    """How the numbers of a column are written; ``doubt`` says why another reading is possible, "" where none is."""

    decimal: str
    group: str
    whole: bool
    share: float
    dressed: bool = False
    doubt: str = ""


@dataclass
class Column:
    """The distinct texts of a column with their counts, trimmed; ``native`` are numbers of the file."""

    name: str
    texts: dict[str, int]
    native: dict[str, int]
    empty: int
    missing: dict[str, int] = field(default_factory=dict)

    @property
    def filled(self) -> int:
        return sum(self.texts.values()) + sum(self.native.values())

    @property
    def known(self) -> int:
        """Return how many cells hold something that is no mark of a missing value."""
        return self.filled - sum(self.missing.values())

    def values(self) -> dict[str, int]:
        """Return the texts and numbers that are no marks of missing values, with their counts."""
        return {t: n for t, n in (self.texts | self.native).items() if t not in self.missing}

    def share(self, test: re.Pattern[str]) -> float:
        """Return the share of the values that the pattern matches whole."""
        values = self.values()
        return sum(n for t, n in values.items() if test.fullmatch(t)) / max(sum(values.values()), 1)


def profile(table: pa.Table, name: str) -> Column:
    """Return what stands in one column of a table of texts."""
    import pyarrow.compute as compute

    counts = compute.value_counts(compute.utf8_trim(table.column(name), BLANKS).combine_chunks())
    texts: dict[str, int] = {}
    native: dict[str, int] = {}
    empty = 0
    for text, count in zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True):
        if not text:
            empty += count
        elif text.startswith(NATIVE):
            native[text[1:]] = count
        else:
            texts[text] = count
    found = Column(name, texts, native, empty)
    found.missing = {text: count for text, count in texts.items() if is_missing(text)}
    words = [text for text in texts if text not in found.missing]
    if words and sum(map(_looks_numeric, texts)) <= len(words) / 2 and not native:
        found.missing = {text: n for text, n in found.missing.items() if not text.isalpha() or len(text) > 2}
    _strange_marks(found)
    return found


def _strange_marks(column: Column) -> None:
    """Take as marks of missing values the few words that come again and again among numbers, and -999."""
    numeric = sum(n for t, n in column.texts.items() if _looks_numeric(t)) + sum(column.native.values())
    rest = {t: n for t, n in column.texts.items() if not _looks_numeric(t) and t not in column.missing}
    rest = {t: n for t, n in rest.items() if folded(t) not in _ANSWERS}
    if numeric and sum(rest.values()) <= 0.5 * numeric and len(rest) <= 3:
        column.missing |= {t: n for t, n in rest.items() if n >= 3 and len(t) <= 25 and not re.search(r"\d", t)}
    if numeric and numeric > 10 * sum(column.texts.get(t, 0) + column.native.get(t, 0) for t in _SENTINELS):
        column.missing |= {t: column.texts[t] for t in _SENTINELS if t in column.texts}


def _looks_numeric(text: str) -> bool:
    return _DRESSED.fullmatch(text) is not None


def numbers(column: Column, usual: str = "") -> Numbers | None:
    """Return how the column's numbers are written, None where most of it are no numbers.

    ``usual`` is the decimal sign that other columns of the file leave no doubt about.
    """
    texts = {t: n for t, n in column.texts.items() if t not in column.missing}
    total = sum(texts.values()) + sum(column.native.values())
    if total == 0:
        return None
    plain = _best(texts, column, usual, total)
    dressed = _best(*_undressed(texts), usual, total) if plain is None or plain.share < 0.9 else None
    if dressed is not None and (plain is None or dressed.share > plain.share + 0.05):
        return replace(dressed, dressed=True)
    return plain


def _undressed(texts: dict[str, int]) -> tuple[dict[str, int], Column]:
    bare: dict[str, int] = {}
    for text, count in texts.items():
        match = _DRESSED.fullmatch(text)
        key = match["number"] if match else text
        bare[key] = bare.get(key, 0) + count
    return bare, Column("", {}, {}, 0)


def signs(column: Column) -> set[str]:
    """Return what surrounds numbers in the column: R$, %, *."""
    found = (_DRESSED.fullmatch(text) for text in column.texts)
    return {sign for match in found if match for sign in (match["before"], match["after"]) if sign}


def _best(texts: dict[str, int], column: Column, usual: str, total: int) -> Numbers | None:
    native = sum(column.native.values())
    if len(texts) > _MOST_TEXTS:  # a part of them, evenly, tells as much
        texts = dict(list(texts.items())[:: len(texts) // _MOST_TEXTS])
        total = sum(texts.values()) + native
    counted = [(_count(texts, decimal, group), decimal, group) for decimal, group in _STYLES]
    most = max(count for count, _decimal, _group in counted)
    if (most + native) / total < 0.5:
        return None
    ties = [(decimal, group) for count, decimal, group in counted if count == most]
    decimal, group, doubt = _settle(texts, ties, usual)
    whole = all(re.fullmatch(grammar_of(decimal, group, whole_only=True), t) for t in texts if _fits(t, decimal, group))
    whole = whole and all("." not in text for text in column.native)
    return Numbers(decimal, group, whole, (most + native) / total, doubt=doubt)


def _count(texts: dict[str, int], decimal: str, group: str) -> int:
    return sum(count for text, count in texts.items() if _fits(text, decimal, group))


def _fits(text: str, decimal: str, group: str) -> bool:
    return re.fullmatch(grammar_of(decimal, group, whole_only=False), text) is not None


def _settle(texts: dict[str, int], ties: list[tuple[str, str]], usual: str) -> tuple[str, str, str]:
    """Return decimal sign, sign of groups, and the doubt that is left: 1.234 is two numbers."""
    if not any(re.search(r"[.,]", text) for text in texts):
        comma = usual == "," and (",", "") in ties
        return (",", "", "") if comma else (*ties[0], "")
    three = [text for text in texts if re.search(r"[.,]", text)]
    if all(re.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", text) for text in three) and len(ties) > 1:
        sign = "." if "." in three[0] else ","
        as_group = sign == "." if usual == "," else sign == "," if usual == "." else sign == "." and _spread(three)
        chosen = ("," if sign == "." else ".", sign) if as_group else (sign, "")
        return (*chosen, three[0]) if chosen in ties else (*ties[0], three[0])
    decimals = [tie for tie in ties if tie[0] == usual]
    return (*(decimals or ties)[0], "")


def _spread(texts: Iterable[str]) -> bool:
    """Say whether the parts before the sign differ in length, as those of thousands do."""
    return len({len(re.split(r"[.,]", text)[0]) for text in texts}) > 1


def usual_decimal(columns: Iterable[Column]) -> str:
    """Return the decimal sign that the file's columns leave no doubt about, "" where none does."""
    votes = {".": 0, ",": 0}
    for column in columns:
        for text, count in column.texts.items():
            if re.fullmatch(r"[+-]?\d+,(?:\d{1,2}|\d{4,})%?|[+-]?\d{1,3}(\.\d{3})+,\d+%?|[+-]?0,\d+", text):
                votes[","] += count
            elif re.fullmatch(r"[+-]?\d+\.(?:\d{1,2}|\d{4,})%?|[+-]?\d{1,3}(,\d{3})+\.\d+%?|[+-]?0\.\d+", text):
                votes["."] += count
    if votes[","] == votes["."]:
        return ""
    return "," if votes[","] > votes["."] else "."


def mixed(column: Column) -> bool:
    """Say whether both decimal signs are in use in the column."""
    comma = any(re.fullmatch(r"[+-]?[\d.]*\d,\d{1,2}", text) for text in column.texts)
    return comma and any(re.fullmatch(r"[+-]?\d+\.(?:\d{1,2}|\d{4,})", text) for text in column.texts)


YEARS: Final = re.compile(rf"{YEAR}(\.0)?")
YEARS_OR_NONE: Final = re.compile(rf"{YEAR}|0")
MONTH_NUMBERS: Final = re.compile(r"0?[1-9]|1[0-2]")


def months_by_name(column: Column) -> bool:
    values = column.values()
    return bool(values) and all(month(text) for text in values)
