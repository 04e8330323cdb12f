"""What goes wrong at an endpoint, through the real ``observatudo ask``: nothing paid for is lost, nothing asked twice.

The default run provokes every fault, many in one execution; the drills each alone at every place, and many kills.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from observatudo import paths
from tests import asking
from tests.asking import Asking
from tests.endpoint import Call, Endpoint, Fault, insufficient_quota, status

SEED = 20261123
STRICT = "json_schema_strict"


def limits(concurrency: int = 1, **more: float) -> str:
    """Return limits as YAML, so small that waiting for them is quick."""
    own = {"timeout_s": 1.0, "retries": 2, "longest_wait_s": 3, "failures": 50, "pause_s": 0.1, **more}
    return f"{{concurrency: {concurrency}, " + ", ".join(f"{key}: {value}" for key, value in own.items()) + "}"


# what may go well the next time, and what a person is told where it never does
PASSING: dict[str, tuple[Fault, str]] = {
    "html": (Fault("html200"), "HTML page"),
    "truncated": (Fault("truncated"), "the connection failed"),
    "cut_json": (Fault("cut_json"), "no whole JSON"),
    "not_json": (Fault("not_json"), "no whole JSON"),
    "other_shape": (Fault("other_shape"), "another shape"),
    "a_list": (Fault("other_shape", body=[1, 2]), "another shape"),
    "a_number": (Fault("other_shape", body=7), "another shape"),
    "choices_text": (Fault("other_shape", body={"choices": "x"}), "another shape"),
    "choice_null": (Fault("other_shape", body={"choices": [None]}), "another shape"),
    "message_null": (Fault("other_shape", body={"choices": [{"message": None}]}), "another shape"),
    "content_list": (Fault("other_shape", body={"choices": [{"message": {"content": ["x"]}}]}), "another shape"),
    "error200": (Fault("error200"), "the model is overloaded"),
    "empty_choices": (Fault("empty_choices"), "no answer in it"),
    "hang": (Fault("hang"), "no whole answer within 1 s"),
    "drip": (Fault("drip", pause=0.05), "no whole answer within 1 s"),
    "disconnect": (Fault("disconnect"), "the connection failed"),
    "echo_key": (Fault("echo_key", code=500), "HTTP 500"),
    **{f"http_{code}": (status(code), f"HTTP {code}") for code in (408, 409, 429, 500, 502, 503, 529)},
}
# answers that are none
SPOILT: dict[str, tuple[Fault, str]] = {
    "aeronatura": (Fault("wrong_axis", text="Aeronatura"), "“Aeronatura” não é uma das chaves"),
    "financeiras": (Fault("wrong_axis", text="Financeiras"), "“Financeiras” não é uma das chaves"),
    "accent": (Fault("wrong_axis", text="Saúde"), "“Saúde” não é uma das chaves"),
    "small_letters": (Fault("wrong_axis", text="saude"), "“saude” não é uma das chaves"),
    "prose": (Fault("prose"), "não é um objeto JSON"),
    "prose_around": (Fault("prose", text='Claro: {"eixo": "Saude", "confianca": 1}'), "não é um objeto JSON"),
    "two_answers": (Fault("two_answers"), "não é um objeto JSON"),
    "duplicate_keys": (Fault("duplicate_keys"), "duas vezes"),
    "nan": (Fault("prose", text='{"eixo": "Saude", "confianca": NaN}'), "NaN"),
    "length": (Fault("length"), "cortada no limite de tokens"),
    "refusal": (Fault("refusal"), "se recusou"),
    "content_filter": (Fault("content_filter"), "filtro de conteúdo"),
    "quotes_the_key": (Fault("echo_key", code=200), "não é um objeto JSON"),
}
# what no waiting and no other question mends: asking stops at once
FOR_GOOD: dict[str, tuple[Fault, str]] = {
    "http_401": (status(401), "HTTP 401"),
    "http_403": (status(403), "HTTP 403"),
    "http_404": (status(404), "HTTP 404"),
    "quota": (insufficient_quota(), "You exceeded your current quota"),
    "redirect": (Fault("redirect"), "/login"),
    "long_wait": (status(429, retry_after=86_400), "longest_wait_s"),
    "long_wait_until": (status(503, retry_after=86_400, as_date=True), "longest_wait_s"),
}


@dataclass
class Faults:
    """Faults by the name asked about; each once, if ``times`` does not say how often."""

    by_name: dict[str, Fault]
    times: dict[str, int] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)

    def __call__(self, call: Call) -> Fault | None:
        fault = self.by_name.get(call.nome)
        if fault is None or self.given[call.nome] >= self.times.get(call.nome, 1):
            return None
        self.given[call.nome] += 1
        return fault


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with Endpoint() as own:
        yield own


@pytest.fixture
def make(server: Endpoint, tmp_path: Path) -> Callable[[list[str]], Asking]:
    return lambda names: asking.make(tmp_path / "r", server.url, names)


def named(faults: dict[str, tuple[Fault, str]], word: str = "Leitos") -> dict[str, Fault]:
    """Return a name for each fault: the one it comes to when an indicator of that name is asked about."""
    return {f"{word} {name}": fault for name, (fault, _said) in faults.items()}


def asks_for_nothing(place: Asking, server: Endpoint) -> None:
    """Check that another ``ask`` makes no call."""
    before = len(server.questions)
    place.ask()
    assert len(server.questions) == before


def test_what_passes_is_asked_again_and_what_does_not_is_an_error_of_that_question(
    make: Callable[[list[str]], Asking], server: Endpoint
) -> None:
    """Each fault comes once to one indicator, which is answered, and always to another, which the next ``ask`` asks."""
    once, always = named(PASSING), named(PASSING, "Vacinas")
    place = make([*once, *always])
    place.declare(limits(16, retries=1, timeout_s=0.7), output=STRICT)
    server.faults = Faults({**once, **always}, {**dict.fromkeys(always, 2)})
    text = place.ask(code=1)

    assert place.labels == dict.fromkeys(once, "Saude")
    assert Counter(call.nome for call in server.questions) == dict.fromkeys([*once, *always], 2)
    assert all(own.reply.tentativa == 1 for own in place.answers.all()), "a call that failed leaves no trace"
    for name, (_fault, said) in PASSING.items():
        reply = place.observation(f"Vacinas {name}").reply
        assert (reply.status, reply.eixo, reply.encerrada) == ("erro", None, True)
        assert said.replace("1 s", "0.7 s") in reply.motivo, name
    assert f"{len(always)} failed" in text

    place.ask()
    assert place.labels == dict.fromkeys([*once, *always], "Saude")
    assert Counter(call.nome for call in server.questions) == {**dict.fromkeys(once, 2), **dict.fromkeys(always, 3)}


def test_an_answer_that_is_none_is_said_to_the_model_once_and_never_mended(
    make: Callable[[list[str]], Asking], server: Endpoint
) -> None:
    """Each fault comes once to one indicator, whose second answer counts, and always to another, which has none."""
    once, always = named(SPOILT), named(SPOILT, "Vacinas")
    place = make([*once, *always])
    place.declare(limits(4), output=STRICT)
    server.faults = Faults({**once, **always}, {**dict.fromkeys(always, 2)})
    text = place.ask()

    assert {name: axis for name, axis in place.labels.items() if axis} == dict.fromkeys(once, "Saude")
    for name, (_fault, said) in SPOILT.items():
        first, second = place.observation(f"Leitos {name}").attempts
        assert (first.status, first.eixo, first.encerrada) == ("invalida", None, False)
        assert (second.status, second.tentativa, second.encerrada) == ("ok", 2, True)
        assert said in first.motivo, name
        *_before, repair = [call for call in server.questions if call.nome == f"Leitos {name}"]
        assert said in repair.messages[-1]["content"], "the model is told why"
        ends = [(own.status, own.eixo, own.encerrada) for own in place.observation(f"Vacinas {name}").attempts]
        assert ends == [("invalida", None, False), ("invalida", None, True)]
    kept = {(own.nome, own.resposta) for own in place.replies}
    assert {(call.nome, call.content) for call in server.questions if call.content} <= kept, "as it came"
    assert f"{len(always)} invalid" in text
    asks_for_nothing(place, server)


def test_a_refused_question_is_no_reason_to_stop_and_an_answer_needs_no_usage(
    make: Callable[[list[str]], Asking], server: Endpoint
) -> None:
    place = make(["Leitos", "Renda", "Vacinas"])
    place.declare(limits(), output=STRICT, price="{input: 1, output: 1}")
    server.faults = Faults({"Leitos": Fault("no_usage"), "Renda": status(400)})
    place.ask(code=1)

    assert place.labels == {"Leitos": "Saude", "Vacinas": "Saude"}
    assert "HTTP 400" in place.observation("Renda").reply.motivo
    assert len(server.questions) == 3
    reply = place.observation("Leitos").reply
    assert (reply.tokens_entrada, reply.tokens_saida, reply.custo, reply.impressao) == (None, None, None, None)
    assert place.observation("Vacinas").reply.custo


SLOW_DOWN = {
    "date": status(503, retry_after=1, as_date=True),
    "seconds": status(429, retry_after=1),
    "milliseconds": status(429, retry_after_ms="1000"),
}


@pytest.mark.parametrize(
    "name", ["date", *(pytest.param(name, marks=pytest.mark.drill) for name in ("seconds", "milliseconds"))]
)
def test_nobody_is_asked_sooner_than_an_endpoint_wishes(
    make: Callable[[list[str]], Asking], server: Endpoint, name: str
) -> None:
    place = make(["Leitos", "Renda", "Vacinas"])
    place.declare(limits(), output=STRICT)
    server.faults = [None, SLOW_DOWN[name]]
    place.ask()

    assert len(server.questions) == 4
    assert set(place.labels) == {"Leitos", "Renda", "Vacinas"}
    _first, refused, again, _last = server.questions
    assert refused.done is not None
    assert (again.nome, again.received - refused.done >= 1) == (refused.nome, True)


def stops_for_good(place: Asking, server: Endpoint, names: list[str], at: int, fault: Fault, said: str) -> None:
    """Check that a fault at one question stops asking, keeps what came before, and the next ``ask`` does the rest."""
    server.faults = Faults({names[at]: fault}, {names[at]: 99})
    text = place.ask(code=1)
    assert said in text
    kept = place.labels
    assert names[at] not in kept
    answered = {call.nome for call in server.questions if call.content is not None}
    assert set(kept) == answered, "what was answered is on the disk"
    if answered:
        assert (place.end.motivo, said in place.end.detalhe) == ("recusada", True)
    assert Counter(call.nome for call in server.questions)[names[at]] == 1, "it is not asked again"

    server.faults = []
    place.ask()
    assert set(place.labels) == set(names)
    asked = Counter(call.nome for call in server.questions if call.content is not None)
    assert asked == dict.fromkeys(names, 1), "nothing is paid for twice"


@pytest.mark.parametrize("name", random.Random(SEED).sample(sorted(FOR_GOOD), 1))
def test_what_no_waiting_mends_stops_at_once(make: Callable[[list[str]], Asking], server: Endpoint, name: str) -> None:
    place = make(["Leitos", "Renda", "Vacinas"])
    place.declare(limits(), output=STRICT)
    stops_for_good(place, server, ["Leitos", "Renda", "Vacinas"], 1, *FOR_GOOD[name])


MATRIX = [
    pytest.param(name, at, concurrency, id=f"{name}-{at}-{concurrency}")
    for name in [*PASSING, *SPOILT, *FOR_GOOD]
    for at in (0, 2, 4)
    for concurrency in (1, 4)
]


@pytest.mark.drill
@pytest.mark.parametrize(("name", "at", "concurrency"), MATRIX)
def test_every_fault_at_every_place(
    make: Callable[[list[str]], Asking], server: Endpoint, name: str, at: int, concurrency: int
) -> None:
    """Five questions, one of which meets the fault for ever; nothing is known of the endpoint's forms."""
    names = ["Leitos", "Renda", "Vacinas", "Empregos", "PIB"]
    place = make(names)
    place.declare(limits(concurrency, retries=1))
    if name in FOR_GOOD:
        stops_for_good(place, server, names, at, *FOR_GOOD[name])
        return
    fault, said = {**PASSING, **SPOILT}[name]
    server.faults = Faults({names[at]: fault}, {names[at]: 99})
    place.ask(code=1 if name in PASSING else 0)
    own = place.observation(names[at])
    assert own.reply.eixo is None
    assert own.is_whole
    assert any(said in reply.motivo for reply in own.attempts)
    assert own.reply.status == ("erro" if name in PASSING else "invalida")
    others = set(names) - {names[at]}
    assert others <= set(place.labels)

    server.faults = []
    place.ask()
    assert set(place.labels) == set(names)
    asked = Counter(call.nome for call in server.questions if call.fault is None and call.content is not None)
    assert all(asked[one] == 1 for one in others), "nothing is paid for twice"
    asks_for_nothing(place, server)


def kill_once(place: Asking, server: Endpoint, dice: random.Random, concurrency: int) -> None:
    """Start asking, kill it without a warning at some moment, and check what stands on the disk."""
    before = len(server.questions)
    wanted = before + dice.randint(1, 6)
    process = place.start("ask")
    while process.poll() is None and len(server.questions) < wanted:
        time.sleep(0.001)
    assert process.poll() in (None, 0), process.communicate()[0]  # 0: it was done before
    time.sleep(dice.choice([0, 0.001, 0.01, 0.05]) * dice.random())
    process.kill()
    process.communicate()

    own, kept = server.questions[before:], place.labels
    lost = [call for call in own if call.answered and call.nome not in kept]
    assert len(lost) <= concurrency, [call.nome for call in lost]
    if concurrency == 1:
        assert all(call is own[-1] for call in lost), "only the last answer may be lost"


def tear(place: Asking, dice: random.Random) -> str:
    """Cut off the last line of a file, as a power cut may; return the name it was about."""
    files = sorted((place.root / paths.ANSWERS).glob("*.jsonl"))
    *before, last = files[-1].read_bytes().splitlines(keepends=True)
    files[-1].write_bytes(b"".join(before) + last[: dice.randrange(1, len(last) - 1)])
    return str(json.loads(last)["nome"])


def kills(make: Callable[[list[str]], Asking], server: Endpoint, times: int, concurrency: int) -> None:
    names = [f"Leitos {number}" for number in range(6 * times)]
    place = make(names)
    place.declare(limits(concurrency), output=STRICT)
    dice = random.Random(SEED + concurrency)
    for _turn in range(times):
        kill_once(place, server, dice, concurrency)
    torn = tear(place, dice)
    assert torn not in place.labels, "what stands before the torn line is read, and it is not"
    place.ask()

    assert set(place.labels) == set(names)
    assert all(len(place.answers.whole(key)) == 1 for key in place.answers.by_series), "no question twice"
    paid = Counter(call.nome for call in server.questions)
    assert paid.total() <= len(names) + times * concurrency + 1, "asked again is only what was under way, or torn"
    asks_for_nothing(place, server)


def test_a_kill_loses_no_answer_that_had_arrived(make: Callable[[list[str]], Asking], server: Endpoint) -> None:
    kills(make, server, times=2, concurrency=1)


@pytest.mark.drill
@pytest.mark.parametrize("concurrency", [1, 4])
def test_many_kills(make: Callable[[list[str]], Asking], server: Endpoint, concurrency: int) -> None:
    kills(make, server, times=40, concurrency=concurrency)
