"""What the test endpoint says: good answers, spoilt ones, refusals; and what can go wrong with a call."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from observatudo.classify.providers import LEVELS, Level

MODEL = "modelo-de-teste"
FINGERPRINT = "fp_teste"
UNDEFINED = "Indefinido"
# the beginning of a word, without accents and in small letters, and the axis it speaks for; the first one found counts
WORDS: Mapping[str, str] = {
    "leito": "Saude", "saude": "Saude", "hospital": "Saude", "vacin": "Saude", "obito": "Saude", "nascid": "Saude",
    "mortalidade": "Saude", "medic": "Saude", "escol": "Educacao", "matricula": "Educacao", "aluno": "Educacao",
    "alfabet": "Educacao", "ideb": "Educacao", "bolsa": "Assistencia Social", "pobreza": "Assistencia Social",
    "beneficiari": "Assistencia Social", "homicidio": "Seguranca", "roubo": "Seguranca", "furto": "Seguranca",
    "floresta": "Meio Ambiente", "desmat": "Meio Ambiente", "emiss": "Meio Ambiente", "agua": "Urbanismo",
    "esgoto": "Urbanismo", "domicilio": "Urbanismo", "moradia": "Urbanismo", "onibus": "Mobilidade",
    "veiculo": "Mobilidade", "transito": "Mobilidade", "pib": "Economia", "produto": "Economia", "renda": "Economia",
    "empreg": "Economia", "empresa": "Economia", "receita": "Financas", "despesa": "Financas", "imposto": "Financas",
    "eleit": "Governanca", "voto": "Governanca", "conselho": "Governanca", "servidor": "Administracao",
}  # fmt: skip

Body = Mapping[str, object]
Kind = Literal[
    "html200", "truncated", "cut_json", "not_json", "other_shape", "error200", "empty_choices", "hang", "drip",
    "disconnect", "status", "wrong_axis", "prose", "two_answers", "duplicate_keys", "length", "refusal",
    "content_filter", "no_usage", "echo_key", "redirect",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    ``code``, ``headers``, ``body`` (bytes as they are, everything else as JSON) and ``retry_after`` (seconds; as the
    date of that moment with ``as_date``) are of ``status``; ``body`` also takes the place of what ``other_shape``
    answers. ``code`` of ``echo_key`` may be 200: then the answer itself quotes the key. ``text`` is the axis of
    ``wrong_axis``, the words of ``prose``, or where ``redirect`` leads. ``drip`` sends a byte every ``pause`` seconds.
    """

    kind: Kind
    code: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    retry_after: float | None = None
    as_date: bool = False
    text: str = ""
    pause: float = 1


def status(code: int, *, retry_after: float | None = None, as_date: bool = False, **headers: str) -> Fault:
    """Return the fault of an error status; underscores in the names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("status", code=code, headers=named, retry_after=retry_after, as_date=as_date)


def insufficient_quota() -> Fault:
    """Return what OpenAI says when the account is empty: a 429 that no waiting mends."""
    text = "You exceeded your current quota, please check your plan and billing details."
    return Fault("status", code=429, body=error_body(text, "insufficient_quota", "insufficient_quota"))


def error_body(message: str, kind: str = "server_error", code: str | None = None, param: str | None = None) -> Body:
    """Return an error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass
class Call:
    """One request. ``received`` and ``done`` are ``time.monotonic()``; ``answered``: all of the answer was sent.

    ``content`` is the text of the model's answer, if it gave one; ``fault`` what went wrong on purpose.
    """

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, object]
    received: float
    fault: Fault | None = None
    code: int = 0
    content: str | None = None
    answered: bool = False
    done: float | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        messages = self.body.get("messages")
        return messages if isinstance(messages, list) else []

    @property
    def nome(self) -> str:
        """Return the name asked about: what stands after ``Nome:`` in the first thing the user says."""
        said = [str(message.get("content")) for message in self.messages if message.get("role") == "user"]
        found = re.search(r"^Nome: (.*)$", said[0], re.MULTILINE) if said else None
        return found[1].strip() if found else "".join(said[:1])

    @property
    def level(self) -> Level:
        """Return how strictly the answer's form is asked for."""
        wanted = self.body.get("response_format")
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if kind == "json_schema" and isinstance(wanted, dict):
            schema = wanted.get("json_schema")
            return "json_schema_strict" if isinstance(schema, dict) and schema.get("strict") else "json_schema"
        return "json_object" if kind == "json_object" else "text"

    @property
    def is_repair(self) -> bool:
        return any(message.get("role") == "assistant" for message in self.messages)


def schema_of(body: Body) -> dict[str, object]:
    """Return the JSON schema a request asks for; empty without one."""
    wanted = body.get("response_format")
    outer = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = outer.get("schema") if isinstance(outer, dict) else None
    return schema if isinstance(schema, dict) else {}


def axes(body: Body) -> list[str]:
    """Return the axes a request offers, in its order: of its schema, or the headings of the first message."""
    properties = schema_of(body).get("properties")
    own = properties.get("eixo") if isinstance(properties, dict) else None
    if isinstance(own, dict) and isinstance(own.get("enum"), list):
        return [str(key) for key in own["enum"]]
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else {}
    return re.findall(r"^## (.+?) *$", str(first.get("content", "")), re.MULTILINE)


def by_words(nome: str, times_asked: int, body: Body) -> str:
    """Return the axis that the name's first known word speaks for, if it is offered; else Indefinido."""
    plain = unicodedata.normalize("NFD", nome.lower()).encode("ascii", "ignore").decode()
    for word in re.findall(r"\w+", plain):
        for start, axis in WORDS.items():
            if word.startswith(start) and axis in axes(body):
                return axis
    return UNDEFINED


PROSE = "Claro! Este indicador parece ser sobre o tema da economia, mas também pode ser outro."
# faults of what a model says; all others come before a model would be asked
OF_AN_ANSWER = frozenset({
    "other_shape", "error200", "empty_choices", "wrong_axis", "prose", "two_answers", "duplicate_keys", "length",
    "refusal", "content_filter", "no_usage",
})  # fmt: skip


def completion(call: Call, content: str | None, finish: str = "stop", refused: str | None = None) -> dict[str, object]:
    """Return an answer in OpenAI's form; tokens are a fourth of the letters."""
    call.content = content
    asked = sum(len(message.get("content") or "") for message in call.messages) // 4
    said = len(content or "") // 4
    return {
        "id": f"chatcmpl-{call.number}",
        "object": "chat.completion",
        "created": 0,
        "model": call.body.get("model"),
        "system_fingerprint": FINGERPRINT,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": refused},
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def form(axis: str, level: Level, confidence: float | None) -> str:
    if level == "text":
        return axis
    return json.dumps({"eixo": axis} | ({} if confidence is None else {"confianca": confidence}), ensure_ascii=False)


def spoilt(fault: Fault, call: Call, axis: str, confidence: float | None) -> object:
    """Return what comes with status 200 and is no good answer; ``axis`` is what a good one would say."""
    good, other = (form(key, call.level, confidence) for key in (axis, UNDEFINED))
    twice = f'{{"eixo": {json.dumps(axis)}, "eixo": {json.dumps(UNDEFINED)}, "confianca": 1}}'
    texts: dict[Kind, str] = {
        "wrong_axis": form(fault.text or "Aeronatura", call.level, confidence),
        "two_answers": f"{good}\n{other}",
        "duplicate_keys": twice,
        "prose": fault.text or PROSE,
    }
    match fault.kind:
        case "other_shape":
            return {"ok": True} if fault.body is None else fault.body
        case "error200":
            return error_body("the model is overloaded")
        case "empty_choices":
            return completion(call, None) | {"choices": []}
        case "length":
            return completion(call, good[: len(good) // 2], "length")
        case "refusal":
            return completion(call, None, refused="I'm sorry, I can't help with that.")
        case "content_filter":
            return completion(call, "", "content_filter")
        case "no_usage":
            whole = completion(call, good)
            return {key: value for key, value in whole.items() if key not in ("usage", "system_fingerprint")}
    return completion(call, texts[fault.kind])


def refusal(call: Call, models: Sequence[str] | None, level: Level, refuses: frozenset[str]) -> tuple[int, Body] | None:
    """Return the status and body with which real endpoints refuse such a request; None: it is taken."""
    kind = "invalid_request_error"
    if models is not None and call.body.get("model") not in models:
        name = call.body.get("model")
        return 404, error_body(f"The model `{name}` does not exist.", kind, "model_not_found", "model")
    for name in sorted(refuses & call.body.keys()):
        return 400, error_body(f"Unsupported parameter: '{name}'", kind, "unsupported_parameter", name)
    if LEVELS.index(call.level) < LEVELS.index(level):
        text = f"Invalid parameter: 'response_format' {call.level} is not supported with this model."
        return 400, error_body(text, kind, None, "response_format")
    schema, said = schema_of(call.body), json.dumps(call.messages).lower()
    properties = schema.get("properties")
    names = list(properties) if isinstance(properties, dict) else []
    closed = schema.get("additionalProperties") is False and schema.get("required") == names
    if call.level == "json_schema_strict" and not closed:
        text = "Invalid schema for response_format: 'required' must name every key, 'additionalProperties' be false."
        return 400, error_body(text, kind, None, "response_format")
    if call.level == "json_object" and "json" not in said:
        return 400, error_body("'messages' must contain the word 'json' in some form.", kind, None, "messages")
    return None
