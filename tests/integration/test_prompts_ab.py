"""``observatudo prompts ab`` against an endpoint over real HTTP: what it asks, what it keeps, what it says."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from observatudo import paths
from observatudo.ask import ab
from observatudo.ask.ab import Asked, Comparison, Most, Wanted
from observatudo.ask.ab_figures import Rate, Together
from observatudo.errors import ObservatudoError
from observatudo.figures import percent
from tests import asking
from tests.asking import LIMITS, NAME, Asking
from tests.endpoint import Body, Call, Endpoint, Fault, by_words, status

HEADER = "nome,descricao,eixo,eixo_alt\n"
RIGHT = ("Leitos de UTI", "Mortalidade infantil", "Vacina aplicada", "Hospital novo", "Saúde bucal")
SHORT = "# Sistema\n{% for eixo in eixos %}\n## {{ eixo.chave }}\n{% endfor %}\nJSON\n# Indicador\nNome: {{ nome }}\n"
SHORT += "# Reparo\nDe novo em JSON: {{ motivo }}\n"
COMMAND = ("prompts", "ab", "teste", ":curto", "--sample", "10")


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with Endpoint() as found:
        yield found


@pytest.fixture
def repository(tmp_path: Path, server: Endpoint) -> Asking:
    """Return a repository with two prompts and ten labelled texts; of five the test model knows the axis."""
    made = asking.make(tmp_path, server.url)
    (made.root / paths.PROMPTS / "curto.md").write_text(SHORT, encoding="utf-8")
    (made.root / paths.LABELLED).mkdir()
    rows = [f"{name},,Saude,\n" for name in RIGHT] + [f"Valor {number},,Economia,\n" for number in range(5)]
    (made.root / paths.LABELLED / "painel.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    return made


def short_prompt_knows_values(nome: str, times_asked: int, body: Body) -> str:
    """With the short prompt all is Economia, with the other one only what has a word for it is right."""
    messages = body.get("messages")
    first = messages[0]["content"] if isinstance(messages, list) else ""
    return by_words(nome, times_asked, body) if "Você classifica" in first else "Economia"


def compare(
    repository: Asking,
    a: str = "teste",
    b: str = ":curto",
    size: int = 10,
    most: Most | None = None,
    *,
    indicators: bool = False,
) -> Comparison:
    """Compare in this process."""
    wanted = Wanted(size, 1, indicators=indicators)
    return ab.compare(repository.root, a, b, wanted, most or Most(), lambda _subject, _progress: None)


def test_two_prompts_are_asked_once_and_compared(repository: Asking, server: Endpoint) -> None:
    server.label = short_prompt_knows_values
    first = compare(repository)
    assert len(server.questions) == 20
    assert {own.finalidade for own in repository.answers.executions} == {"comparar"}
    half = Rate(5, 10, 0.5, (0.2366, 0.7634))
    assert (first.a.accuracy, first.b.accuracy) == (half, half)
    assert first.agreement == Together(10, 0, 0.0, 0.0, 10, 5, 5, 1.0)
    assert (len(first.differences), first.left_out, first.asked_a.calls) == (10, 0, 10)
    again = compare(repository)
    assert len(server.questions) == 20
    nothing = Asked("completa", "", 0, 0, "", None)
    assert again == replace(first, asked_a=nothing, asked_b=nothing)


def test_text_and_json_have_the_same_figures(repository: Asking, server: Endpoint) -> None:
    server.label = short_prompt_knows_values
    compare(repository)
    text, written = repository.run(*COMMAND).stdout, repository.run(*COMMAND, "--json").stdout
    found = TypeAdapter(Comparison).validate_json(written)
    assert found == compare(repository)
    assert (json.loads(written)["end"], json.loads(written)["waiting"]) == ("completa", 0)
    for own in (found.a, found.b):
        for rate in (own.invalid, own.accuracy, own.acceptable):
            assert rate.share is not None
            assert f"{rate.count}/{rate.of} {percent(100 * rate.share)}" in text
        assert f"{own.calls}, 0 of them now" in text
        assert f"{own.tokens_in:,} / {own.tokens_out:,}" in text
    assert found.conclusion in text
    assert found.suggestion is not None
    assert f"providers: {{teste: {found.suggestion.weight}}}" in text
    assert str(found.suggestion.cautious) in text
    assert all(own.name in text for own in found.differences)
    assert max(map(len, text.split("\n\n")[1].splitlines()[:-1])) <= 80


def test_the_prompt_that_is_shown_is_the_one_that_is_sent(repository: Asking, server: Endpoint) -> None:
    compare(repository)
    asked = {(call.nome, call.messages[0]["content"]): call.messages for call in server.questions}
    for prompt in ("eixo", "curto"):
        done = repository.run("prompts", "show", prompt, "--name", RIGHT[0], "--json")
        messages = json.loads(done.stdout)["messages"]
        assert asked[RIGHT[0], messages[0]["content"]] == messages
    server.level = "text"
    repository.declare(parameters="{temperature: 1}", output="text")
    compare(repository)
    shown = repository.run("prompts", "show", "eixo", "--name", RIGHT[0], "--text")
    assert server.questions[-20].messages[0]["content"] in shown.stdout
    assert "JSON" not in shown.stdout


def test_an_indicator_can_be_shown_and_the_axes_follow_the_seed(repository: Asking) -> None:
    one, other = (
        json.loads(
            repository.run("prompts", "show", "curto", "--indicator", "brmunipanel_i000", "--json", *more).stdout
        )
        for more in ((), ("--seed", "8"))
    )
    assert one["messages"][1]["content"] == "Nome: Leitos hospitalares"
    assert sorted(one["order"]) == sorted(other["order"])
    assert one["order"] != other["order"]
    assert [line[3:] for line in other["messages"][0]["content"].split("\n") if line[:3] == "## "] == other["order"]


def test_an_answer_that_is_none_is_a_wrong_one(repository: Asking, server: Endpoint) -> None:
    server.faults = lambda call: Fault("wrong_axis") if call.nome == RIGHT[0] else None
    found = compare(repository)
    for own in (found.a, found.b):
        assert (own.answered, own.invalid.count, own.accuracy.count) == (10, 1, 4)
        assert own.calls == 11  # a second attempt is a call like others
    assert found.differences == ()
    assert found.agreement.both == 9


def test_a_budget_stops_both_and_the_next_time_goes_on(repository: Asking, server: Endpoint) -> None:
    stopped = repository.run(*COMMAND, "--max-calls", "13", code=2).stdout
    assert len(server.questions) == 13
    assert "curto: 7 text(s) have no answer yet" in stopped
    found = compare(repository, most=Most(calls=0))
    assert (found.end, found.waiting, len(server.questions)) == ("orcamento", 7, 13)
    assert found.agreement.both == 3
    assert compare(repository).waiting == 0
    asked = [(call.nome, "Você" in call.messages[0]["content"]) for call in server.questions]
    assert len(asked) == len(set(asked)) == 20


def test_money_is_counted_over_both_and_needs_prices(repository: Asking, server: Endpoint) -> None:
    with pytest.raises(ObservatudoError, match="needs a price"):
        compare(repository, most=Most(money=1))
    repository.declare(price="{currency: BRL, input: 1000000, output: 0}", parameters="{max_tokens: 1}")
    spent = compare(repository, most=Most(money=1000))
    assert spent.end == "orcamento"
    assert 0 < len(server.questions) < 20
    used = (spent.a.cost or 0) + (spent.b.cost or 0)
    assert 500 < used <= 1000
    assert spent.a.currency == "BRL"


def test_interrupted_it_keeps_what_was_answered_and_goes_on(repository: Asking, server: Endpoint) -> None:
    server.label = short_prompt_knows_values
    server.faults = lambda call: server.hold.clear() if len(server.questions) == 3 else None
    process = repository.start(*COMMAND)
    server.wait_for(4)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert "stopping" in process.stdout.readline()
    server.faults = []
    server.hold.set()
    said = process.communicate(timeout=60)[0]
    assert (process.returncode, len(server.questions)) == (130, 4)
    assert "teste:eixo: 6 text(s) have no answer yet" in said
    assert "not asked: the other side stopped" in said
    assert compare(repository).waiting == 0
    assert len(server.questions) == 20


def test_a_text_without_an_answer_is_told_and_asked_again(repository: Asking, server: Endpoint) -> None:
    repository.declare(LIMITS.replace("retries: 2", "retries: 0"))

    def fails(call: Call) -> Fault | None:
        return status(500) if call.nome == RIGHT[0] else None

    server.faults = fails
    said = repository.run(*COMMAND, code=1).stdout
    assert said.count("1 text(s) have no answer yet") == 2
    assert "500" in said
    assert compare(repository, most=Most(calls=0)).agreement.labelled == 9
    server.faults = []
    before = len(server.questions)
    assert compare(repository).waiting == 0
    assert len(server.questions) == before + 2


def test_indicators_are_asked_with_their_ids_and_the_answers_serve_ask(repository: Asking, server: Endpoint) -> None:
    found = compare(repository, size=5, indicators=True)
    assert (found.labelled, found.agreement.p, found.suggestion) == (0, None, None)
    assert {reply.id_indicador[0][:13] for reply in repository.replies} == {"brmunipanel_i"}
    before = len(server.questions)
    repository.ask()
    assert [call.nome for call in server.questions[before:]] == ["Vacinas"]  # which a prompt quotes


@pytest.mark.parametrize(
    ("a", "b", "size", "said"),
    [
        pytest.param("teste", ":eixo", 10, "teste:eixo and teste:eixo are the same model", id="same"),
        pytest.param("teste", ":kurto", 10, "did you mean “curto”?", id="prompt"),
        pytest.param("teste", "tests:curto", 10, "did you mean teste?", id="model"),
        pytest.param("teste", ":curto", 11, "11 texts are wanted, and there are 10", id="many"),
    ],
)
def test_wrong_input_is_told_and_asks_nothing(
    repository: Asking, server: Endpoint, a: str, b: str, size: int, said: str
) -> None:
    with pytest.raises(ObservatudoError, match=re.escape(said)):
        compare(repository, a, b, size)
    assert server.calls == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("--table", "panel"), 1, "did you mean “painel”?", id="table"),
        pytest.param(("--table", "painel", "--indicators"), 64, "exclude each other", id="both"),
        pytest.param(("--sample", "0"), 64, "--sample", id="none"),
    ],
)
def test_wrong_usage_has_its_exit_code(repository: Asking, words: tuple[str, ...], code: int, said: str) -> None:
    done = repository.run(*COMMAND[:4], *words, code=code)
    assert (said in done.stderr, done.stdout) == (True, "")


def test_where_all_is_read_only_nothing_is_asked(repository: Asking, server: Endpoint) -> None:
    done = repository.run(*COMMAND, code=1, extra={"OBSERVATUDO_READ_ONLY": "1"})
    assert "read-only" in done.stderr
    assert server.calls == []
    assert NAME in repository.run("prompts", extra={"OBSERVATUDO_READ_ONLY": "1"}).stdout
