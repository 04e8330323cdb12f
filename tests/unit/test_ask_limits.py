"""Budgets are not exceeded, rates are kept to, an endpoint that is down is left alone; lines reach the disk whole."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import circuitbreaker
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatudo.ask import ladder
from observatudo.ask.halt import Halt, Stopped
from observatudo.ask.ladder import Ladder
from observatudo.ask.limits import Breaker, Estimate, Purse, Rate, cost
from observatudo.ask.writer import UnwritableError, Writer
from observatudo.classify import answers
from observatudo.classify.answers import Ended, Probe
from observatudo.classify.providers import LEVELS, Budget, Limits, Price, Provider
from tests import answering
from tests.conftest import ROOT

PRICE = Price(currency="BRL", input=1, output=10)


def provider(**more: object) -> Provider:
    own = {"base_url": "http://127.0.0.1:9/v1", "model": "m", "parameters": {"max_tokens": 10}, **more}
    return Provider.model_validate(own)


@given(
    st.sampled_from(["calls", "tokens", "money"]),
    st.lists(st.tuples(st.integers(1, 900), st.integers(0, 300), st.integers(0, 10), st.booleans()), max_size=30),
)
def test_a_budget_is_never_exceeded(what: str, calls: list[tuple[int, int, int, bool]]) -> None:
    """Whatever lengths calls have, in whatever order they end, as long as no endpoint counts more than estimated."""
    limit = {"calls": 5, "tokens": 1000, "money": 0.002}[what]
    purse, halt = Purse(Budget(**{what: limit}), provider(price=PRICE)), Halt()  # type: ignore[arg-type]
    running: list[tuple[Estimate, int, int, int]] = []
    for characters, tokens_in, tokens_out, ends in calls:
        wanted = purse.estimate(characters)
        try:
            purse.take(wanted, halt)
        except Stopped as stopped:
            assert stopped.end == "orcamento"
            break
        running.append((wanted, characters, min(tokens_in, wanted.tokens_in), tokens_out))
        if ends:
            purse.settle(*running.pop(0))
    for own in running:
        purse.settle(*own)
    used = {"calls": purse.calls, "tokens": purse.tokens_in + purse.tokens_out, "money": purse.cost}
    assert used[what] <= limit


def test_what_an_endpoint_does_not_tell_is_estimated_for_the_budget_alone() -> None:
    purse, halt = Purse(Budget(tokens=60), provider()), Halt()
    wanted = purse.estimate(60)
    purse.take(wanted, halt)
    purse.settle(wanted, 60, None, None)
    assert (purse.tokens_in, purse.tokens_out) == (0, 0)
    with pytest.raises(Stopped, match="60 tokens"):
        purse.take(wanted, halt)


def test_estimates_follow_what_an_endpoint_counts() -> None:
    purse, halt = Purse(Budget(), provider()), Halt()
    first = purse.estimate(300)
    purse.take(first, halt)
    purse.settle(first, 300, 300, 1)
    assert purse.estimate(300).tokens_in > 2 * first.tokens_in


def test_a_cost_is_of_millions_and_none_without_its_parts() -> None:
    assert cost(PRICE, 1_000_000, 100_000) == 2
    assert cost(None, 1, 1) is cost(PRICE, None, 1) is cost(PRICE, 1, None) is None


def run(work: Callable[[Halt], Coroutine[None, None, None]]) -> Halt:
    async def main() -> Halt:
        halt = Halt()
        await work(halt)
        return halt

    return asyncio.run(main())


def test_a_rate_keeps_back_what_is_too_much_until_asking_stops() -> None:
    async def work(halt: Halt) -> None:
        rate = Rate(Limits(requests_per_minute=2, tokens_per_minute=10_000), halt)
        await rate.admit(Estimate(50_000, 0))  # more than the bucket holds: it takes all there is
        rate = Rate(Limits(requests_per_minute=2), halt)
        await rate.admit(Estimate(1, 1))
        await rate.admit(Estimate(1, 1))
        third = asyncio.create_task(rate.admit(Estimate(1, 1)))
        await asyncio.sleep(0.05)
        assert not third.done()
        halt.now("interrompida", "enough")
        with pytest.raises(Stopped, match="enough"):
            await third

    run(work)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have time pass for the breaker only while it pauses: a machine that stands still must not end a pause unseen."""
    now = 0.0

    async def sleep(halt: Halt, seconds: float) -> None:
        nonlocal now
        now += seconds
        await asyncio.sleep(0)
        halt.check()

    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: now)
    monkeypatch.setattr(Halt, "sleep", sleep)


def breaking(outcomes: str, limits: Limits, workers: int = 1) -> tuple[Halt, str, list[str]]:
    """Put questions through a breaker, ``x`` fails; return which were put and what was said."""
    put = ""
    said: list[str] = []
    waiting = list(outcomes)

    async def work(halt: Halt) -> None:
        breaker = Breaker(limits, halt, said.append)

        def question(own: str) -> Callable[[], Awaitable[str]]:
            async def ask() -> str:
                nonlocal put
                halt.check()
                put += own
                await asyncio.sleep(0)
                return "down" if own == "x" else ""

            return ask

        async def worker() -> None:
            while waiting and halt.why is None:
                try:
                    await breaker.run(question(waiting.pop(0)))
                except Stopped:
                    return

        await asyncio.gather(*(worker() for _number in range(workers)))

    return run(work), put, said


LIMITS = Limits(failures=3, pause_s=10)


@pytest.mark.parametrize(
    ("outcomes", "put", "pauses"),
    [
        ("xx.xx.xx.", "xx.xx.xx.", 0),  # never three in a row
        ("xxx.xxx.", "xxx.xxx.", 2),  # after a pause one goes well
        ("xxxx.", "xxxx", 1),  # the one after the pause fails: no more
        (".xxxx....", ".xxxx", 1),
    ],
)
@pytest.mark.usefixtures("clock")
def test_failures_in_a_row_pause_once_and_then_stop(outcomes: str, put: str, pauses: int) -> None:
    halt, found, said = breaking(outcomes, LIMITS)
    assert (found, len(said)) == (put, pauses)
    assert (halt.why is not None and halt.why.end == "disjuntor") == (put != outcomes)


@pytest.mark.usefixtures("clock")
def test_with_several_at_work_one_alone_tries_after_the_pause() -> None:
    halt, put, said = breaking("x" * 50, LIMITS, workers=4)
    assert len(put) <= 3 + 4
    assert len(said) == 1
    assert halt.why is not None
    assert "down" in halt.why.detail


def probes(*results: str) -> list[Probe]:
    words = {"o": "ok", "r": "recusado", "i": "ignorado"}
    return [Probe.model_validate({"nivel": LEVELS[int(own[0])], "resultado": words[own[1]]}) for own in results]


@pytest.mark.parametrize(
    ("found", "level"),
    [
        ([], None),
        (["0o"], 0),
        (["0r", "1o"], 1),
        (["0r", "1i", "2o"], 2),
        (["0i", "1i", "2i", "3i"], 0),
        (["0r", "1i", "2i", "3i"], 1),
        (["0o", "0r", "1o"], 1),
        (["0o", "0r"], None),
        (["0r", "1i"], None),  # cut off before the end
    ],
)
def test_the_level_that_was_found_out_is_where_the_next_execution_begins(found: list[str], level: int | None) -> None:
    assert ladder.settled(probes(*found)) == (None if level is None else LEVELS[level])


def climbed(output: str = "auto") -> tuple[Ladder, list[Probe], Halt]:
    noted: list[Probe] = []
    halt = Halt()
    return Ladder(provider(output=output), [], halt, noted.append), noted, halt


def test_a_vague_refusal_counts_once_a_lower_level_is_accepted() -> None:
    async def work(_halt: Halt) -> None:
        own, noted, _own_halt = climbed()
        assert own.doubted(LEVELS[0], "400")
        assert own.doubted(LEVELS[0], "400 of another question") is True
        assert own.level == LEVELS[1]
        own.kept(LEVELS[1])
        assert noted == [
            Probe(nivel=LEVELS[0], resultado="recusado", detalhe="400"),
            Probe(nivel=LEVELS[1], resultado="ok"),
        ]

    run(work)


def test_a_refusal_at_every_level_is_the_questions_and_tells_nothing_of_forms() -> None:
    async def work(_halt: Halt) -> None:
        own, noted, _own_halt = climbed()
        assert [own.doubted(level, "400") for level in LEVELS] == [True, True, True, False]
        assert (own.level, own.is_settled, noted) == (LEVELS[0], False, [])

    run(work)


def test_a_declared_level_is_not_left() -> None:
    async def work(_halt: Halt) -> None:
        own, noted, halt = climbed("json_schema")
        assert not own.doubted("json_schema", "400")
        assert not own.ignored("json_schema", "prose")
        with pytest.raises(Stopped, match="output: auto"):
            own.refused("json_schema", "no")
        assert (own.level, noted) == ("json_schema", [])
        assert halt.why is not None

    run(work)


ENDED = Ended(hora="2026-01-01T00:00:00+00:00", motivo="completa", chamadas=1)


def test_the_file_begins_with_the_first_answer(tmp_path: Path) -> None:
    writer = Writer(tmp_path, answering.NOBODYS)
    writer.probe(probes("0r")[0])
    writer.end(ENDED)
    assert not list(tmp_path.rglob("*.jsonl"))

    writer = Writer(tmp_path, answering.NOBODYS)
    writer.probe(probes("0r")[0])
    writer.reply(answering.reply("A", 1))
    writer.probe(probes("1o")[0])
    writer.end(ENDED)
    lines = (tmp_path / writer.name).read_text().splitlines()
    assert [json.loads(line)["tipo"] for line in lines] == ["execucao", "sondagem", "resposta", "sondagem", "fim"]
    again = Writer(tmp_path, answering.NOBODYS)
    with pytest.raises(UnwritableError, match="File exists"):
        again.reply(answering.reply("A", 1))


FULL = """
import resource, signal, sys
from pathlib import Path
from observatudo.ask.writer import UnwritableError, Writer
from tests import answering
from tests.unit.test_ask_limits import ENDED
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for room in sys.argv[1:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), resource.RLIM_INFINITY))
    writer = Writer(Path(room), answering.NOBODYS)
    try:
        for number in range(1, 50):
            writer.reply(answering.reply("A", number))
    except UnwritableError as error:
        print(room, writer.replies, error.message, sep="|")
    writer.end(ENDED)
"""


def test_a_full_disk_leaves_whole_lines_and_says_what_is_kept(tmp_path: Path) -> None:
    """The system lets no file grow beyond so many bytes: a line is cut off in its middle, as by a full disk."""
    command = [sys.executable, "-c", FULL, *map(str, (100, 500, 1000, 1500, 4096))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split("|") for line in done.stdout.splitlines()]
    assert len(told) == 5
    assert {number == "0" for _room, number, _message in told} == {True, False}
    for room, number, message in told:
        kept = answers.read(tmp_path / room)
        assert not kept.cut
        assert sum(1 for _own in kept.all()) == int(number)
        assert ("none is kept" if number == "0" else f"{number} answers are kept") in message
        assert bool(list((tmp_path / room).rglob("*.jsonl"))) == (number != "0")
