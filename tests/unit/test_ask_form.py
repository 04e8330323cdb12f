"""An answer counts only where it is of the form, letter by letter; everything else is said to be none, and why."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.ask import form
from observatudo.classify.providers import LEVELS, Level

KEYS = ["Saude", "Economia", "Financas", "Aeronautica", "Indefinido"]
JSON_LEVELS = LEVELS[:3]
json_levels = st.sampled_from(JSON_LEVELS)
keys = st.sampled_from(KEYS)
blanks = st.text(" \t\r\n", max_size=3)


def fenced(text: str, word: str) -> str:
    return f"```{word}\n{text}\n```"


@given(json_levels, keys, st.none() | st.floats(0, 1), blanks, blanks, st.sampled_from(["", "fence", "json"]))
def test_an_object_with_a_key_is_an_answer(
    level: Level, key: str, confidence: float | None, before: str, after: str, fence: str
) -> None:
    text = json.dumps({"eixo": key} | ({} if confidence is None else {"confianca": confidence}))
    if fence:
        text = fenced(text, "json" if fence == "json" else "")
    assert form.verdict(before + text + after, level, KEYS) == form.Verdict(key, confidence)


@given(keys, blanks, blanks)
def test_a_key_alone_is_an_answer_where_text_is_asked_for(key: str, before: str, after: str) -> None:
    assert form.verdict(before + key + after, "text", KEYS) == form.Verdict(key)


@given(st.text(max_size=40), st.sampled_from(LEVELS))
def test_no_text_is_mended_into_an_answer(text: str, level: Level) -> None:
    """What comes out as an axis stands in the answer, word for word."""
    found = form.verdict(text, level, KEYS)
    assert (found.axis is None) == bool(found.reason)
    assert found.axis is None or found.axis in text


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), st.lists, max_leaves=5), json_levels)
def test_another_shape_is_no_answer(value: object, level: Level) -> None:
    assert form.verdict(json.dumps(value), level, KEYS).axis is None
    if value not in KEYS:
        assert form.verdict(json.dumps({"eixo": value}), level, KEYS).axis is None


@given(keys, st.one_of(st.none(), st.booleans(), st.text(), st.floats(min_value=1.01), st.floats(max_value=-0.01)))
def test_an_odd_confidence_is_none_and_the_answer_stands(key: str, confidence: object) -> None:
    text = (
        json.dumps({"eixo": key, "confianca": confidence}).replace("-Infinity", "-1e999").replace("Infinity", "1e999")
    )
    assert form.verdict(text, "json_object", KEYS) == form.Verdict(key, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a resposta está vazia"),
        ("```json\n\n```", "a resposta está vazia"),
        ('{"eixo": "Aeronatura"}', "“Aeronatura” não é uma das chaves"),
        ('{"eixo": "Financeiras"}', "“Financeiras” não é uma das chaves"),
        ('{"eixo": "Saúde"}', "“Saúde” não é uma das chaves"),
        ('{"eixo": "saude"}', "“saude” não é uma das chaves"),
        ('{"eixo": " Saude"}', "“Saude” não é uma das chaves"),
        ('{"eixo": ["Saude", "Economia"]}', "“eixo” não é um texto"),
        ('{"Eixo": "Saude"}', "falta “eixo” no objeto JSON"),
        ('{"eixo": "Saude"} {"eixo": "Economia"}', "não é um objeto JSON, e só ele"),
        ('{"eixo": "Saude"}.', "não é um objeto JSON, e só ele"),
        ('Claro: {"eixo": "Saude"}', "não é um objeto JSON, e só ele"),
        ('{"eixo": "Saude", "eixo": "Economia"}', "“eixo” aparece duas vezes, com valores diferentes"),
        ('{"eixo": "Saude", "confianca": NaN}', "NaN não existe em JSON"),
        ('{"eixo": "Saude"', "não é um objeto JSON, e só ele"),
        ('["Saude"]', "não é um objeto JSON"),
        ("Saude", "não é um objeto JSON, e só ele"),
        ("[" * 100_000, "não é um objeto JSON, e só ele"),
        ("```\n```\n" + '{"eixo": "Saude"}', "não é um objeto JSON, e só ele"),
    ],
)
def test_why_it_is_none_is_told(text: str, reason: str) -> None:
    assert form.verdict(text, "json_object", KEYS) == form.Verdict(None, reason=reason)


@pytest.mark.parametrize(
    "text", ["Saude.", "Saude Economia", "Saude\nEconomia", '"Saude"', '{"eixo": "Saude"}', "É Saude"]
)
def test_more_than_a_key_is_none_where_text_is_asked_for(text: str) -> None:
    assert form.verdict(text, "text", KEYS).axis is None


def test_the_same_key_twice_with_one_value_is_one_answer() -> None:
    assert form.verdict('{"eixo": "Saude", "eixo": "Saude"}', "json_schema", KEYS).axis == "Saude"
    assert form.verdict('{"eixo": "Saude", "confianca": 1, "confianca": true}', "json_schema", KEYS).axis is None


def test_a_long_answer_is_shown_short() -> None:
    reason = form.verdict("Economia e " * 1000, "text", KEYS).reason
    assert len(reason) < 100
    assert "…" in reason


def test_each_level_asks_less_than_the_one_above() -> None:
    order = ["Saude", "Economia"]
    strict, schema, loose, text = (form.response_format(level, order) for level in LEVELS)
    assert isinstance(strict, dict)
    assert isinstance(schema, dict)
    described = strict["json_schema"]
    assert isinstance(described, dict)
    assert described["strict"] is True
    assert described["schema"]["properties"]["eixo"]["enum"] == order
    assert described["schema"]["additionalProperties"] is False
    assert set(described["schema"]["required"]) == set(described["schema"]["properties"])
    assert schema["json_schema"] == {key: value for key, value in described.items() if key != "strict"}
    assert (loose, text) == ({"type": "json_object"}, None)
    assert [form.below(level) for level in LEVELS] == [*LEVELS[1:], None]
    assert [form.spoken(level) for level in LEVELS] == ["json", "json", "json", "texto"]
