"""The form of an answer: what a model is asked for at each level, and whether what came back is of it.

What is said to a model is Portuguese, as its prompt is, whatever the user's language.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from observatudo.classify.prompts import Form
from observatudo.classify.providers import LEVELS, Level

AXIS, CONFIDENCE = "eixo", "confianca"
_FENCE = re.compile(r"\A```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?```\Z", re.DOTALL)
_LONGEST_SHOWN = 60

Json = dict[str, object]


@dataclass(frozen=True)
class Verdict:
    """What an answer says. ``axis`` is None where it is no answer, and ``reason`` says why, in Portuguese."""

    axis: str | None
    confidence: float | None = None
    reason: str = ""


class _NotOfForm(Exception):
    """Why an answer is none."""


def spoken(level: Level) -> Form:
    """Return which form the prompt describes at this level."""
    return "texto" if level == "text" else "json"


def below(level: Level) -> Level | None:
    """Return the next lower level; None below the lowest."""
    place = LEVELS.index(level) + 1
    return LEVELS[place] if place < len(LEVELS) else None


def response_format(level: Level, order: Sequence[str]) -> Json | None:
    """Return what the request asks for: axes in this order; None at the level ``text``.

    OpenAI's "Structured Outputs" and "JSON mode"; the strict kind knows no bounds of numbers, so there are none.
    """
    if level == "text":
        return None
    if level == "json_object":
        return {"type": "json_object"}
    schema: Json = {
        "type": "object",
        "properties": {AXIS: {"type": "string", "enum": [*order]}, CONFIDENCE: {"type": "number"}},
        "required": [AXIS, CONFIDENCE],
        "additionalProperties": False,
    }
    described: Json = {"name": AXIS, "schema": schema}
    return {"type": "json_schema", "json_schema": described | ({"strict": True} if level == LEVELS[0] else {})}


def verdict(text: str, level: Level, keys: Collection[str]) -> Verdict:
    """Judge an answer: exactly one of ``keys``, letter by letter, in the level's form.

    Blanks around it and one code fence around the whole are taken off, nothing else is: what only resembles a key is
    no answer. A confidence that is missing or no number from 0 to 1 is None.
    """
    try:
        bare = _bare(text)
        if level == "text":
            return Verdict(_key(bare, keys))
        answer = _object(bare)
        if AXIS not in answer:
            raise _NotOfForm(f"falta “{AXIS}” no objeto JSON")
        return Verdict(_key(answer[AXIS], keys), _confidence(answer.get(CONFIDENCE)))
    except _NotOfForm as why:
        return Verdict(None, reason=str(why))


def _bare(text: str) -> str:
    bare = text.strip()
    fenced = _FENCE.match(bare)
    bare = fenced[1].strip() if fenced else bare
    if not bare:
        raise _NotOfForm("a resposta está vazia")
    return bare


def _key(found: object, keys: Collection[str]) -> str:
    if not isinstance(found, str):
        raise _NotOfForm(f"“{AXIS}” não é um texto")
    if found not in keys:
        raise _NotOfForm(f"“{_shown(found)}” não é uma das chaves")
    return found


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 1] + "…"


def _object(text: str) -> Json:
    try:
        found = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _NotOfForm("não é um objeto JSON, e só ele") from None
    if not isinstance(found, dict):
        raise _NotOfForm("não é um objeto JSON")
    return found


def _pairs(pairs: list[tuple[str, object]]) -> Json:
    found: Json = {}
    for name, value in pairs:
        if name in found and (found[name] != value or type(found[name]) is not type(value)):
            raise _NotOfForm(f"“{_shown(name)}” aparece duas vezes, com valores diferentes")
        found[name] = value
    return found


def _no_number(name: str) -> float:
    raise _NotOfForm(f"{name} não existe em JSON")


def _confidence(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if math.isfinite(found) and 0 <= found <= 1 else None
