"""Fields of values: how their numbers are written, what is missing, in which unit they are."""

from __future__ import annotations

import re
from typing import Final

from pydantic import JsonValue

from observatudo.i18n import _
from observatudo.onboard.columns import Column, Numbers, mixed, signs
from observatudo.onboard.draft import Keys, Part
from observatudo.onboard.words import REASONS, folded, says_decimals, unit_of

_UNDRESS: Final = r"^(?:R\$|US\$|€)?[\s\p{Zs}]*(.*?)[\s\p{Zs}]*(?:%|\*+|hab\.?|km²)?$"
_PROOF: Final = 20  # values of different indicators, by different hands
_IBGE: Final = {"..": "não se aplica", "...": "não disponível", "X": "omitido para não identificar o informante"}


def text(column: Column, name: str) -> Keys:
    """Return the keys of a field of text."""
    keys: Keys = {"name": name, "type": "string", "source": column.name}
    return keys | missing(column)


def number(column: Column, style: Numbers, name: str, source: str, *, is_text_file: bool) -> list[Part]:
    """Return the fields of a numeric column: one, or two where a sign stands beside the number."""
    if style.dressed and not is_text_file and (style.decimal != "." or style.group):
        why = _("a text: numbers with signs beside them cannot be taken out of a sheet's cells")
        return [Part(text(column, name), why)]
    keys: Keys = {"name": name, "type": _type(column, style), "source": source}
    keys |= _written(column, style) | missing(column)
    unit, factor, _said = unit_of(column.name, whole=style.whole)
    if factor != 1:
        keys["factor"] = factor
    keys["unit"] = "%" if "%" in signs(column) else unit
    guess = _doubt(style) or _marks(column) or _shares(column, str(keys["unit"]))
    if not style.dressed:
        return [Part(keys, guess)]
    words: Keys = {"name": f"{name}_texto", "type": "string", "source": keys.pop("source")}
    words |= {key: keys.pop(key) for key in ("missingValues", "recode") if key in keys}
    keys["derive"] = {"extract": {"of": f"{name}_texto", "pattern": _UNDRESS}}
    return [Part(words), Part(keys, guess or _("the number without the sign beside it"))]


def _shares(column: Column, unit: str) -> str:
    """Say that a sheet shows 0.85 as 85 %, and holds 0.85."""
    if unit != "%" or not column.native or any(abs(float(text)) > 1 for text in column.native):
        return ""
    return _("all values lie between -1 and 1: where they are shares of one, write factor: 100")


def _type(column: Column, style: Numbers) -> str:
    longest = max((len(text) for text in column.values()), default=0)
    return "integer" if style.whole and not says_decimals(column.name) and longest < 19 else "number"


def _written(column: Column, style: Numbers) -> Keys:
    if not column.texts:
        return {}
    if mixed(column) and not style.dressed:
        return {"decimalChar": "any"}
    keys: Keys = {}
    if style.decimal != "." and (not style.whole or says_decimals(column.name)):
        keys["decimalChar"] = style.decimal
    if style.group:
        keys["groupChar"] = style.group
        if style.decimal == style.group or ("decimalChar" not in keys and style.group == "."):
            keys["decimalChar"] = ","
    return keys


def _doubt(style: Numbers) -> str:
    if not style.doubt:
        return ""
    if style.group:
        return _("{text} is read as thousands, and could be decimals").format(text=style.doubt)
    return _("{text} is read as decimals, and could be thousands").format(text=style.doubt)


def missing(column: Column) -> Keys:
    """Return ``missingValues`` (and IBGE's zero, a dash) of the column, nothing where no mark was found."""
    marks = sorted(column.missing)
    if not marks:
        return {}
    if "-" in marks and ("..." in marks or ".." in marks):
        listed: list[JsonValue] = [{"value": mark, "label": label} for mark, label in _IBGE.items()]
        listed += [_mark(mark) for mark in marks if mark not in _IBGE and mark != "-"]
        return {"recode": {"-": "0"}, "missingValues": ["", *listed]}
    return {"missingValues": ["", *(_mark(mark) for mark in marks)]}


def _mark(mark: str) -> JsonValue:
    label = REASONS.get(folded(mark))
    return {"value": mark, "label": label} if label else mark


def _marks(column: Column) -> str:
    """Say what was taken as a mark of a missing value, unless it is one everywhere."""
    if not column.missing:
        return ""
    shown = ", ".join(f"“{mark}” ({count})" for mark, count in sorted(column.missing.items())[:6])
    if "-" in column.missing and ("..." in column.missing or ".." in column.missing):
        return _("IBGE's marks: a dash is zero; {marks}").format(marks=shown)
    return _("these mean that there is no value: {marks}").format(marks=shown)


def speaks(column: Column, style: Numbers) -> bool:
    """Say whether the column speaks in words as well, so that a field of text should stand beside the number."""
    rest = {t: n for t, n in column.texts.items() if t not in column.missing and not re.search(r"^[+-]?[\d.,]+%?$", t)}
    return style.share < 0.98 and bool(rest) and any(re.search(r"[^\W\d]{2,}|\d - [+-]?\d", text) for text in rest)


def any_manner(keys: Keys, column: Column) -> str:
    """Take both manners of writing decimals where few values prove neither; return the guess, "" where they do."""
    signs_there = any(re.search(r"[.,]", text) for text in column.values())
    if column.known >= _PROOF or not signs_there or keys["type"] != "number" or "derive" in keys:
        return ""
    keys.pop("groupChar", None)
    keys["decimalChar"] = "any"
    return _("both manners of decimals, because {n} values prove neither; what reads two ways is rejected").format(
        n=column.known
    )


def beside(name: str, source: str) -> Part:
    """Return the text field that speaks where the value is no number: a word or a range."""
    pattern = "[^0-9]*|[+-]?[0-9.,]+ - [+-]?[0-9.,]+"
    keys: Keys = {"name": f"{name}_texto", "type": "string", "source": source, "constraints": {"pattern": pattern}}
    return Part(keys, _("words or a range in place of a number"))
