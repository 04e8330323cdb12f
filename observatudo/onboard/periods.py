"""How a period is written, in cells or in names of columns: ways to take year and month out of a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from observatudo.onboard.words import YEAR

_MONTH = "(?:0?[1-9]|1[0-2])"
_NAME = "[A-Za-zçÇ]{3,9}"


@dataclass(frozen=True)
class Way:
    """A way to write a period: the whole text, and the patterns (for ingest) that take year and month out of it.

    ``step`` is how many months one count of the part taken out for the month stands for (3: a quarter); a month with
    a ``name`` is looked up. ``short`` years have two digits.
    """

    form: re.Pattern[str]
    year: str
    month: str = ""
    step: int = 1
    named: bool = False
    short: bool = False
    frequency: str = "mensal"


WAYS: Final = (
    Way(re.compile(YEAR), "", frequency="anual"),
    Way(re.compile(rf"{YEAR}-{_MONTH}-\d\d([T ].*)?"), r"^(\d{4})", r"^\d{4}-(\d{2})"),
    Way(re.compile(rf"\d\d?/{_MONTH}/{YEAR}( .*)?"), r"^\d+/\d+/(\d{4})", r"^\d+/(\d+)/"),
    Way(re.compile(rf"\d\d?-{_MONTH}-{YEAR}"), r"-(\d{4})$", r"^\d+-(\d+)-"),
    Way(re.compile(rf"{YEAR}[-/. _]?(?:0[1-9]|1[0-2])"), r"^(\d{4})", r"(\d{2})$"),
    Way(re.compile(rf"{YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"), r"^(\d{4})", r"^\d{4}(\d{2})"),
    Way(re.compile(rf"{_MONTH}[-/. ]{YEAR}"), r"(\d{4})$", r"^(\d+)"),
    Way(re.compile(rf"{_NAME}\.?(?:[-/. _]| de ){YEAR}"), r"(\d{4})$", rf"^({_NAME})", named=True),
    Way(re.compile(rf"{YEAR}[-/. _]{_NAME}"), r"^(\d{4})", rf"({_NAME})$", named=True),
    Way(re.compile(rf"{_NAME}\.?[-/. _]\d\d"), r"(\d{2})$", rf"^({_NAME})", named=True, short=True),
    Way(re.compile(rf"{YEAR}[-/. _]?[TtQq][1-4]"), r"^(\d{4})", r"([1-4])$", step=3, frequency="trimestral"),
    Way(
        re.compile(rf"[1-4][ºoO°]?[-/. _]?(?:[TtQq]|[Tt]ri\w*\.?)[-/. _]*(?:de )?{YEAR}"),
        r"(\d{4})$",
        r"^([1-4])",
        step=3,
        frequency="trimestral",
    ),
    Way(
        re.compile(rf"[1-6][ºoO°]?[-/. _]?(?:[Bb]im\w*\.?)[-/. _]*(?:de )?{YEAR}"),
        r"(\d{4})$",
        r"^([1-6])",
        step=2,
        frequency="bimestral",
    ),
    Way(
        re.compile(rf"[12][ºoO°]?[-/. _]?(?:[Ss]em\w*\.?|[Ss])[-/. _]*(?:de )?{YEAR}"),
        r"(\d{4})$",
        r"^([12])",
        step=6,
        frequency="semestral",
    ),
    Way(re.compile(rf"{YEAR}[-/. _]?[Ss][12]"), r"^(\d{4})", r"([12])$", step=6, frequency="semestral"),
    Way(re.compile(rf"{YEAR}[-/](?:{YEAR}|\d\d)"), r"^(\d{4})", frequency="anual"),
)


def way_of(texts: dict[str, int], least: float = 0.95) -> Way | None:
    """Return the way in which nearly all of the texts write a period, weighed by their counts."""
    from observatudo.onboard.words import month

    total = sum(texts.values())
    for way in WAYS:
        fits = [text for text in texts if way.form.fullmatch(text)]
        if way.named:
            fits = [text for text in fits if (name := re.search(_NAME, text)) and month(name.group())]
        if total and sum(texts[text] for text in fits) >= least * total:
            return way
    return None
