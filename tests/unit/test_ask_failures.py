"""What went wrong with a call decides what is done about it; the key is in nothing that is said of it."""

from __future__ import annotations

import base64
import email.utils
import json
import time
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.ask import failures, secret
from observatudo.ask.failures import (
    FormRefusedError,
    PassingError,
    QuestionRefusedError,
    RefusedError,
    SeedRefusedError,
)
from observatudo.classify.providers import Provider
from observatudo.errors import ConfigError

ASKED = ("model", "messages", "response_format", "seed", "max_tokens")


def body(message: str, **more: object) -> str:
    return json.dumps({"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (400, body("Invalid parameter: 'response_format'", param="response_format"), FormRefusedError),
        (404, body("No endpoints found that support structured outputs"), FormRefusedError),
        (422, '{"detail": [{"loc": ["body", "response_format"], "msg": "unexpected"}]}', FormRefusedError),
        (500, body("failed to parse grammar"), FormRefusedError),
        (501, body("json_schema is not implemented"), FormRefusedError),
        (400, body("Unsupported parameter: 'seed'", param="seed"), SeedRefusedError),
        (400, body("unknown field: seed"), SeedRefusedError),
        (400, body("Unsupported parameter", param="max_tokens"), RefusedError),
        (400, body("maximum context length exceeded", param="messages"), QuestionRefusedError),
        (400, "no", QuestionRefusedError),
        (413, "too large", QuestionRefusedError),
        (403, body("the input was flagged"), QuestionRefusedError),
        (401, body("Incorrect API key"), RefusedError),
        (402, "", RefusedError),
        (403, "", RefusedError),
        (404, body("no such model"), RefusedError),
        (405, "", RefusedError),
        (302, "", RefusedError),
        (501, "", RefusedError),
        (429, body("x", code="insufficient_quota"), RefusedError),
        *((code, "", PassingError) for code in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
    ],
)
def test_a_status_says_what_is_to_be_done(code: int, text: str, kind: type[Exception]) -> None:
    assert type(failures.of_status(code, {}, text, ASKED)) is kind


def test_what_was_not_asked_for_cannot_be_what_is_refused() -> None:
    assert type(failures.of_status(400, {}, body("response_format"), ("messages",))) is QuestionRefusedError
    assert type(failures.of_status(400, {}, body("seed"), ("messages",))) is QuestionRefusedError
    assert type(failures.of_status(500, {}, body("grammar"), ("messages",))) is PassingError


def test_an_error_in_a_success_counts_as_its_status() -> None:
    assert type(failures.of_error_in_success({"code": 401}, body("x"))) is RefusedError
    assert type(failures.of_error_in_success({"code": 429}, body("x"))) is PassingError
    assert type(failures.of_error_in_success("overloaded", '{"error": "overloaded"}')) is PassingError


def test_a_page_is_not_quoted_and_a_long_text_is_cut() -> None:
    assert failures.of_status(502, {}, "<!DOCTYPE html><p>" + "x" * 9999).text == "HTTP 502: an HTML page"
    assert len(failures.of_status(500, {}, "x" * 9999).text) < 400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "3", "retry-after-ms": "soon"}, 3),
        ({"retry-after": email.utils.formatdate(0, usegmt=True)}, 0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert failures.wait_asked(headers) == seconds


def test_a_date_to_wait_until_is_a_number_of_seconds() -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    assert 3500 < (failures.wait_asked({"retry-after": date}) or 0) <= 3600


KEY = "sk-Zeta+9/abc=def 01"


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        KEY.upper(),
        urllib.parse.quote(KEY, safe=""),
        urllib.parse.quote(KEY),
        urllib.parse.quote_plus(KEY),
        KEY.encode().hex(),
        *(base64.b64encode(b"x" * before + KEY.encode() + b"y" * 4).decode() for before in range(4)),
        *(base64.urlsafe_b64encode(b"\xff" * before + KEY.encode()).decode() for before in range(4)),
    ],
)
def test_a_key_is_taken_out_however_it_is_spelled(spelled: str) -> None:
    found = secret.Redactor(KEY)(f"Authorization: Bearer {spelled}!")
    assert secret.HIDDEN in found
    assert KEY[3:] not in found
    assert spelled[8:-8] not in found


@given(st.integers(7, len(KEY) - 1))
def test_a_key_that_was_cut_off_is_taken_out_too(length: int) -> None:
    assert secret.Redactor(KEY)(f"Bearer {KEY[:length]}") == f"Bearer {secret.HIDDEN}"


@given(st.text())
def test_other_texts_stay_but_for_what_no_file_holds(text: str) -> None:
    assert secret.Redactor("")(text) == secret.Redactor(KEY)(text) == text.encode(errors="replace").decode()
    assert secret.Redactor(KEY)("\ud800") == "?"


def test_a_word_that_local_servers_take_for_a_key_is_no_secret() -> None:
    assert secret.Redactor("none")("none of these") == "none of these"


def declared(name: str) -> Provider:
    return Provider(base_url="http://127.0.0.1:9/v1", model="m", api_key_env=name)


def test_a_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not ours")
    assert secret.key("m", declared("")) == ""
    monkeypatch.setenv("OWN_KEY", f" {KEY}\n")
    assert secret.key("m", declared("OWN_KEY")) == KEY


@pytest.mark.parametrize("value", [None, "", "  ", "chave-é", "a\nb"])
def test_a_key_that_is_missing_or_none_is_told_without_it(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("OWN_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("OWN_KEY", value)
    with pytest.raises(ConfigError) as caught:
        secret.key("m", declared("OWN_KEY"))
    assert "OWN_KEY" in str(caught.value)
    assert not (value or "").strip() or str(value) not in str(caught.value)
