"""``observatudo ask`` as a person types it, against a real endpoint: what waits is asked once, and nothing is lost."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from observatudo import paths
from observatudo.ask import campaign, execution, lock, show
from observatudo.ask.campaign import Result, Wish
from observatudo.ask.execution import Outcome, Progress
from observatudo.classify.providers import Budget
from observatudo.errors import ObservatudoError
from tests import asking
from tests.asking import Asking
from tests.endpoint import MODEL, Endpoint, Fault, status

NAMES = asking.NAMES
PRICE = "{currency: BRL, input: 1000, output: 1000}"


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with Endpoint() as own:
        yield own


@pytest.fixture
def place(server: Endpoint, tmp_path: Path) -> Asking:
    return asking.make(tmp_path / "r", server.url)


def carried_out(place: Asking, wish: Wish | None = None) -> Result:
    """Ask within this process."""
    _plans, results = campaign.carry_out(place.root, wish or Wish(), lambda _plan, _told: None)
    (found,) = results
    return found


def outcome(place: Asking, wish: Wish | None = None) -> Outcome:
    found = carried_out(place, wish)
    assert found.error is None
    assert found.outcome is not None
    return found.outcome


def told(place: Asking, wish: Wish | None = None) -> str:
    """Ask within this process; return all that is said."""
    said: list[str] = []
    plans, results = campaign.carry_out(
        place.root, wish or Wish(), lambda _plan, progress: said.append(progress.message)
    )
    for own in results:
        said += show.result(own)
    return "\n".join([*said, *show.missing(plans), show.next_steps(results)])


def test_what_waits_is_asked_and_a_second_time_nothing_is(place: Asking, server: Endpoint) -> None:
    said = place.ask()
    assert "6 asked: 6 ok, 0 invalid, 0 failed" in said
    assert "NOVO → EM_OBSERVACAO: 6" in said
    assert place.labels == {
        "Leitos hospitalares": "Saude", "Renda média": "Economia", "Óbitos infantis": "Saude",
        "Empregos formais": "Economia", "Código da praça": "Indefinido", "Vacinas": "Saude",
    }  # fmt: skip
    (file,) = (place.root / paths.ANSWERS).glob("*.jsonl")
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", file.stem)
    assert file.relative_to(place.root).as_posix() in said
    assert [call.body["seed"] for call in server.questions] == [0] * 6

    assert "0 calls: everything is answered" in place.ask()
    assert len(server.questions) == 6
    assert list((place.root / paths.ANSWERS).glob("*.jsonl")) == [file]


def test_a_dry_run_calls_nothing(place: Asking, server: Endpoint) -> None:
    place.declare(price=PRICE)
    said = place.ask("--dry-run")
    assert re.search(r"about 6 calls, [\d,]+ tokens in and \d+ out, BRL [\d.,]+\n", said)
    assert not server.calls
    assert not (place.root / paths.ANSWERS).exists()


def test_as_json_it_says_the_same(place: Asking, server: Endpoint) -> None:
    server.faults = [Fault("wrong_axis")]
    place.declare(price=PRICE, output="json_schema_strict")
    (own,) = json.loads(place.run("ask", "--json").stdout)["models"]
    assert own["outcome"]["end"] == "completa"
    assert (own["outcome"]["asked"], own["outcome"]["calls"], own["waiting"]) == (6, 7, 0)
    assert own["outcome"]["cost"] == pytest.approx(sum(reply.custo or 0 for reply in place.replies))
    assert own["transitions"] == [{"from": "NOVO", "to": "EM_OBSERVACAO", "series": 6}]
    (plan,) = campaign.plan(place.root, Wish(rounds=2)).plans
    assert (plan.total, plan.usage.calls) == (12, 7)


def test_a_repair_is_told_what_was_wrong(place: Asking, server: Endpoint) -> None:
    place.declare(output="json_object")
    server.faults = [Fault("wrong_axis", text="Financeiras")]
    assert outcome(place, Wish(limit=1)).ok == 1
    first, second = server.questions
    assert second.messages[:2] == first.messages
    assert second.messages[2] == {"role": "assistant", "content": first.content}
    assert "“Financeiras” não é uma das chaves" in second.messages[3]["content"]
    refused, mended = place.observation(NAMES[0]).attempts
    assert (refused.status, refused.encerrada, refused.resposta) == ("invalida", False, first.content)
    assert (mended.status, mended.encerrada, mended.eixo) == ("ok", True, "Saude")


def test_nothing_said_is_repaired_without_an_empty_message(place: Asking, server: Endpoint) -> None:
    place.declare(output="json_object")
    server.faults = [Fault("content_filter")]
    assert outcome(place, Wish(limit=1)).ok == 1
    assert [message["role"] for message in server.questions[1].messages] == ["system", "user"]
    assert "filtro de conteúdo" in server.questions[1].messages[1]["content"]


def test_an_endpoint_is_asked_as_strictly_as_it_can_and_that_is_remembered(place: Asking, server: Endpoint) -> None:
    server.level = "json_object"
    first = outcome(place, Wish(limit=2))
    assert [(probe.nivel, probe.resultado) for probe in first.probes] == [
        ("json_schema_strict", "recusado"), ("json_schema", "recusado"), ("json_object", "ok"),
    ]  # fmt: skip
    assert first.calls == 4
    second = outcome(place)
    assert (second.calls, second.level, second.probes) == (4, "json_object", ())

    server.level = "text"  # by now it can less
    place.indicators([*NAMES, "Roubos"])
    third = outcome(place)
    assert [(probe.nivel, probe.resultado) for probe in third.probes] == [("json_object", "recusado"), ("text", "ok")]
    assert (third.ok, third.calls) == (1, 2)


def test_a_form_that_is_accepted_and_not_kept_to_is_left(place: Asking, server: Endpoint) -> None:
    """Every answer on the way is kept: they were paid for."""
    server.faults = [Fault("prose"), Fault("prose")]
    found = outcome(place, Wish(limit=1))
    assert [(probe.nivel, probe.resultado) for probe in found.probes] == [
        ("json_schema_strict", "ignorado"), ("json_schema", "ignorado"), ("json_object", "ok"),
    ]  # fmt: skip
    attempts = place.observation(NAMES[0]).attempts
    assert [(own.status, own.encerrada) for own in attempts] == [("invalida", False)] * 2 + [("ok", True)]


def test_where_no_form_is_kept_to_the_strictest_accepted_one_is_asked_for(place: Asking, server: Endpoint) -> None:
    server.obeys, server.level = False, "json_schema"
    found = outcome(place, Wish(limit=2))
    assert (found.invalid, found.level) == (2, "json_schema")
    assert found.calls == 1 + 3 + 2  # one refused, one question down the levels, one with its repair


def test_several_at_work_find_out_the_form_once(place: Asking, server: Endpoint) -> None:
    server.level = "text"
    place.declare("{concurrency: 6}")
    found = outcome(place)
    assert (found.ok, found.calls) == (6, 9)


def test_an_endpoint_without_seeds_is_sent_none(place: Asking, server: Endpoint) -> None:
    server.refuses = frozenset({"seed"})
    assert outcome(place).calls == 7
    assert [call.body.get("seed") for call in server.questions] == [0, *[None] * 6]


def test_a_parameter_it_does_not_know_stops_it_at_once(place: Asking, server: Endpoint) -> None:
    server.refuses = frozenset({"max_tokens"})
    found = outcome(place)
    assert (found.end, found.calls, found.file) == ("recusada", 1, None)
    assert "max_tokens" in found.detail
    assert "configs/provedores.yaml" in found.detail


def test_the_budget_stops_it_and_the_next_time_it_goes_on(place: Asking, server: Endpoint) -> None:
    place.declare(budget="{calls: 4}")
    said = place.ask(code=2)
    assert "the budget of 4 calls is used up" in said
    assert "2 indicator(s) still wait" in said
    assert place.end.motivo == "orcamento"
    assert "2 asked: 2 ok" in told(place, Wish(max_calls=9))
    assert [call.nome for call in server.questions] == list(NAMES)


def test_a_budget_of_money_is_kept_by_several_at_work(place: Asking, server: Endpoint) -> None:
    place.declare("{concurrency: 4}", price=PRICE, parameters="{max_tokens: 30}")
    found = outcome(place, Wish(max_cost=1.0))
    assert found.end == "orcamento"
    assert found.cost is not None
    assert 0 < found.cost <= 1
    assert 0 < found.asked < 6
    assert "exceed the budget of 1 BRL" in found.detail


def test_measuring_asks_anew_in_other_orders_until_it_is_stable(place: Asking, server: Endpoint) -> None:
    server.label = lambda nome, times, _body: ("Saude", "Economia")[times % 2] if nome == NAMES[0] else "Economia"
    first = carried_out(place, Wish(rounds=4))
    assert first.outcome is not None
    assert first.outcome.calls == 5 * 3 + 4  # what is stable after three is asked no more
    assert first.changes is not None
    assert first.changes.transitions == {("NOVO", "ESTAVEL"): 5, ("NOVO", "OSCILANTE"): 1}
    assert [(item.nome, event.kind) for item, event in first.changes.events] == [(NAMES[0], "oscilacao")]
    own = [call for call in server.questions if call.nome == NAMES[0]]
    assert len({call.body["seed"] for call in own}) == 4
    assert 0 not in {call.body["seed"] for call in own}
    assert len({call.messages[0]["content"] for call in own}) > 1  # the order of axes
    assert [reply.rodada for reply in place.replies if reply.nome == NAMES[0]] == [1, 2, 3, 4]

    assert outcome(place, Wish(rounds=1)).calls == 1
    assert outcome(place, Wish(rounds=1, include_stable=True)).calls == 6
    assert carried_out(place).outcome is None  # what was measured has an answer


def test_what_changed_in_the_model_is_told_when_it_is_stable_no_more(place: Asking, server: Endpoint) -> None:
    outcome(place, Wish(rounds=3))
    server.label = lambda _nome, _times, _body: "Economia"
    said = told(place, Wish(rounds=1, include_stable=True))
    assert said.count("was stable and changed") == 4
    assert "ESTAVEL → DIVERGENTE: 4" in said


def test_another_prompt_asks_anew_and_says_which_labels_differ(place: Asking, server: Endpoint) -> None:
    outcome(place)
    prompt = place.root / paths.PROMPTS / "eixo.md"
    prompt.write_text(prompt.read_text().replace("Você classifica", "Classifique"))
    server.label = lambda _nome, _times, _body: "Economia"
    said = told(place)
    assert "6 asked" in said
    assert said.count("another label than before (prompt changed)") == 4


def test_only_what_is_wanted_is_asked(place: Asking, server: Endpoint) -> None:
    assert outcome(place, Wish(limit=2)).asked == 2
    assert outcome(place, Wish(datasets=["brmunipanel/variavel"], limit=1)).asked == 1
    with pytest.raises(ObservatudoError, match="did you mean"):
        carried_out(place, Wish(datasets=["brmunipanel/variaveis"]))
    with pytest.raises(ObservatudoError, match="did you mean teste"):
        carried_out(place, Wish(providers=["test"]))


def test_without_a_model_it_says_who_decides(place: Asking, server: Endpoint) -> None:
    params = place.root / paths.PARAMS
    params.write_text(params.read_text().replace("{teste: 0.8}", "{}"))
    assert "docs/llm.md" in place.ask()
    assert not server.calls
    said = told(place, Wish(providers=["teste"]))
    assert "6 asked" in said
    assert "its answers change no label" in said


def test_a_dataset_that_is_not_there_is_named(place: Asking) -> None:
    (place.root / paths.INGESTED / "brmunipanel/variavel/indicador.parquet").unlink()
    assert "dvc repro ingest@brmunipanel/variavel" in told(place)


def test_wrong_usage_and_a_read_only_place(place: Asking, server: Endpoint) -> None:
    assert "--measure" in place.ask("--rounds", "2", code=64)
    done = place.run("ask", code=1, extra={"OBSERVATUDO_READ_ONLY": "1"})
    assert "read-only" in done.stderr
    place.declare(api_key_env="NO_SUCH_KEY")
    with pytest.raises(ObservatudoError, match="export NO_SUCH_KEY"):
        told(place)
    assert not server.calls


def test_a_limit_of_cost_needs_the_price(place: Asking, server: Endpoint) -> None:
    with pytest.raises(ObservatudoError, match="--max-calls"):
        told(place, Wish(max_cost=1.0))
    assert not server.calls


def test_outside_the_main_thread_signals_are_not_its_business(place: Asking) -> None:
    with ThreadPoolExecutor(1) as other:
        assert other.submit(outcome, place).result().ok == 6


def test_a_background_job_is_not_stopped_by_what_it_was_started_to_ignore(place: Asking, server: Endpoint) -> None:
    """As ``nohup`` does it."""
    server.hold.clear()
    nohup = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *place.command("ask")]
    with subprocess.Popen(nohup, cwd=place.root, env=place.environment(), stdout=subprocess.PIPE) as process:
        server.wait_for(1)
        process.send_signal(signal.SIGHUP)
        server.hold.set()
        process.communicate(timeout=60)
    assert (process.returncode, len(place.replies)) == (0, 6)


def test_what_nobody_foresaw_is_no_end(place: Asking, server: Endpoint) -> None:
    """The file keeps what was answered, and says no more than that."""

    def tell(progress: Progress) -> None:
        if progress.done == 3:
            raise ZeroDivisionError

    (own,) = campaign.plan(place.root, Wish()).plans
    with pytest.raises(ZeroDivisionError):
        execution.ask(place.root, own.subject, own.questions, "perguntar", tell)
    assert len(place.replies) == 3
    assert not place.answers.ends


def test_a_model_that_is_not_there_is_told_before_the_first_question(place: Asking, server: Endpoint) -> None:
    server.models = ["outro", f"{MODEL}-2"]
    found = carried_out(place)
    assert found.error is not None
    assert f"for example: {MODEL}-2" in found.error.message
    assert not server.questions
    place.declare(listed="false")
    assert outcome(place, Wish(limit=1)).calls == 1
    place.declare()
    for listed in ([f"{MODEL}:latest"], [f"models/{MODEL}"]):
        server.models = listed
        server.faults = lambda _call: status(418)  # what it would answer is no matter here
        assert outcome(place, Wish(limit=1, rounds=1)).calls == 1


def test_the_weights_of_a_local_model_are_those_declared(place: Asking, server: Endpoint) -> None:
    server.ollama = {MODEL: "sha256:0123456789abcdef0123"}
    assert "declare digest: “0123456789ab”" in told(place, Wish(limit=1))
    place.declare(digest="'0123456789ab'")
    assert "declare digest" not in told(place, Wish(limit=1))
    place.declare(digest="'ffff'")
    said = told(place)
    assert "another model by now: its digest is 0123456789ab" in said
    assert len(server.questions) == 2


def test_two_cannot_ask_at_once(place: Asking, server: Endpoint) -> None:
    with lock.asking(place.root):
        assert "another process is asking" in place.ask(code=1)
    assert not server.calls
    assert outcome(place).ok == 6


def test_an_endpoint_that_is_down_is_left_alone_and_asked_the_next_time(place: Asking, server: Endpoint) -> None:
    place.declare("{concurrency: 1, retries: 0, failures: 2, pause_s: 0.05}")
    server.faults = [None, *[status(503)] * 3]
    said = told(place)
    assert "2 questions failed in a row, and one more after a pause" in said
    assert place.end.motivo == "disjuntor"
    assert outcome(place).ok == 5


def test_the_declared_budget_gives_way_to_a_callers(place: Asking, server: Endpoint) -> None:
    """``prompts ab`` has its own."""
    place.declare(budget="{calls: 1}")
    (own,) = campaign.plan(place.root, Wish()).plans
    found = execution.ask(place.root, own.subject, own.questions, "comparar", budget=Budget(calls=3))
    assert (found.end, found.calls) == ("orcamento", 3)


def stopped(place: Asking, server: Endpoint, signals: list[signal.Signals]) -> tuple[int, str]:
    """Start asking two at once, let two calls wait for their answers, send the signals, then let the answers go."""
    place.declare("{concurrency: 2}", output="json_schema_strict")
    server.hold.clear()
    process = place.start("ask")
    server.wait_for(2)
    process.send_signal(signals[0])
    assert process.stdout is not None
    while "stopping" not in process.stdout.readline():
        assert process.poll() is None
    for number in signals[1:]:
        process.send_signal(number)
    if len(signals) == 1:
        server.hold.set()
    said, _nothing = process.communicate(timeout=120)
    server.hold.set()
    return process.returncode, said


def test_told_to_stop_it_keeps_the_answers_under_way(place: Asking, server: Endpoint) -> None:
    code, said = stopped(place, server, [signal.SIGTERM])
    assert code == 130
    assert "2 asked: 2 ok" in said
    assert place.end.motivo == "interrompida"
    assert len(server.questions) == 2
    assert outcome(place).asked == 4


def test_told_twice_it_leaves_them(place: Asking, server: Endpoint) -> None:
    code, said = stopped(place, server, [signal.SIGINT, signal.SIGINT])
    assert code == 130
    assert "calls under way were left" in said
    assert not place.replies
    assert outcome(place).asked == 6


def test_what_was_answered_is_on_the_disk_when_the_next_question_comes(place: Asking, server: Endpoint) -> None:
    """Killed outright while the fourth question is open, it has lost nothing, and asks what is left."""
    server.faults = [None, None, None, Fault("hang")]
    process = place.start("ask")
    server.wait_for(4)
    process.kill()
    process.communicate()
    assert len(place.replies) == 3
    assert not place.answers.ends
    found = outcome(place)
    assert (found.asked, len(server.questions)) == (3, 7)


def test_a_terminal_shows_how_far_it_is(place: Asking, server: Endpoint) -> None:
    place.declare("{concurrency: 1, retries: 0}", price=PRICE)
    server.faults = [None, status(500)]
    ours, its = pty.openpty()
    environment = {**place.environment(), "TERM": "xterm", "COLUMNS": "140", "LINES": "40"}
    process = subprocess.Popen(
        place.command("ask"), cwd=place.root, env=environment, stdin=subprocess.DEVNULL, stdout=its, stderr=its
    )
    os.close(its)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait() == 1
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"teste .*6/6 .*/min, 0 invalid, 1 failed, [\d,]+ tokens, BRL", text)
    assert "5 ok, 0 invalid, 1 failed" in text


def test_headers_meant_for_openai_go_nowhere_else(place: Asking, server: Endpoint) -> None:
    place.run("ask", "--limit", "1", extra={"OPENAI_CUSTOM_HEADERS": "X-Gateway: segredo\nAuthorization: Bearer outro"})
    (call,) = server.questions
    assert not [value for value in call.headers.values() if "segredo" in value or "outro" in value]


def test_a_count_of_tokens_that_is_none_loses_no_answer(place: Asking, server: Endpoint) -> None:
    place.declare(price="{input: 1, output: 2}")
    good = '{"eixo": "Saude", "confianca": 1}'
    body = {
        "choices": [{"message": {"content": good}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10**4000, "completion_tokens": -1},
    }
    server.faults = lambda _call: Fault("other_shape", body=body)
    found = outcome(place, Wish(limit=2))
    assert (found.ok, found.calls) == (2, 2)
    assert {reply.tokens_entrada for reply in place.replies} == {None}


@pytest.mark.parametrize(
    ("name", "value"), [("ALL_PROXY", "socks5://127.0.0.1:9"), ("SSL_CERT_FILE", "/nonexistent/ca.pem")]
)
def test_a_setting_of_the_environment_that_cannot_be_used_is_named(place: Asking, name: str, value: str) -> None:
    path = place.root / paths.PROVIDERS
    path.write_text(path.read_text().replace(place.url, "https://example.invalid/v1"))
    said = place.run("ask", "--limit", "1", code=1, extra={name: value})
    assert "settings of proxies or certificates" in said.stdout + said.stderr
    assert name in said.stdout + said.stderr


def test_of_an_answer_without_end_the_beginning_is_kept(place: Asking, server: Endpoint) -> None:
    body = {"choices": [{"message": {"content": "Saude " * 100_000}, "finish_reason": "stop"}]}
    server.faults = lambda _call: Fault("other_shape", body=body)
    assert outcome(place, Wish(limit=1)).invalid == 1
    assert {len(reply.resposta or "") for reply in place.replies} == {100_000}
