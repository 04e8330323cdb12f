"""One execution: questions put to one subject, answers appended to one file, until all are put or it has to stop."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from observatudo.ask import ladder, preflight, secret
from observatudo.ask.caller import Caller
from observatudo.ask.dialogue import Dialogue, Question
from observatudo.ask.endpoint import Endpoint
from observatudo.ask.halt import Halt, Stopped
from observatudo.ask.ladder import Ladder
from observatudo.ask.limits import Breaker, Purse
from observatudo.ask.lock import asking
from observatudo.ask.writer import Writer
from observatudo.classify import answers
from observatudo.classify.answers import End, Ended, Execution, Probe, Purpose, Reply
from observatudo.classify.providers import Budget
from observatudo.classify.subjects import Subject
from observatudo.i18n import _

__all__ = ["Outcome", "Progress", "Question", "ask", "ask_in_rounds"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Progress:
    """How far an execution is. ``message`` is something to be told to a person, mostly empty."""

    done: int
    total: int
    ok: int
    invalid: int
    errors: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
    message: str = ""


@dataclass(frozen=True)
class Outcome:
    """What an execution came to. ``detail`` says why it ended, for people; ``file`` is relative to the repository.

    ``asked`` questions came to an end: ``ok``, ``invalid`` or ``errors``. ``cost`` is None without a price; tokens
    that an endpoint does not tell are in neither. ``level`` is the form asked for at the end, ``probes`` how it was
    found. ``seconds`` is wall time.
    """

    end: End
    detail: str
    file: str | None
    asked: int
    ok: int
    invalid: int
    errors: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
    seconds: float
    level: str
    probes: tuple[Probe, ...]
    last_error: str = ""


Tell = Callable[[Progress], None]


def ask(
    root: Path,
    subject: Subject,
    questions: Sequence[Question],
    purpose: Purpose,
    tell: Tell | None = None,
    budget: Budget | None = None,
) -> Outcome:
    """Put the questions to a subject and return what came of it; every answer is on the disk when this returns.

    ``budget`` takes the place of the declared one. The first SIGINT, SIGTERM or SIGHUP lets calls under way end, the
    second does not. Raises ConfigError before the first call (key, model, digest), and ObservatudoError where another
    process asks and where an answer cannot be written.
    """
    return ask_in_rounds(root, subject, [questions], len(questions), purpose, tell, budget)


def ask_in_rounds(
    root: Path,
    subject: Subject,
    rounds: Iterable[Sequence[Question]],
    total: int,
    purpose: Purpose,
    tell: Tell | None = None,
    budget: Budget | None = None,
) -> Outcome:
    """Do as ``ask`` does, round by round: a round's questions are taken when those before it are all answered.

    ``total`` is how many there may be, for the progress.
    """
    key = secret.key(subject.name, subject.provider)
    with asking(root):
        probes = ladder.known(answers.read(root), subject.provider)
        own = _Execution(root, subject, purpose, key, probes, budget or subject.provider.budget)
        return asyncio.run(own.run(rounds, total, tell or (lambda _progress: None)))


class _Execution:
    """The state of one execution."""

    def __init__(
        self, root: Path, subject: Subject, purpose: Purpose, key: str, probes: Sequence[Probe], budget: Budget
    ) -> None:
        self._subject = subject
        self._key = key
        self._halt = Halt()
        self._purse = Purse(budget, subject.provider)
        self._writer = Writer(root, _head(subject, purpose))
        self._ladder = Ladder(subject.provider, probes, self._halt, self._note)
        self._count = {"ok": 0, "invalida": 0, "erro": 0}
        self._began = time.monotonic()
        self._total = 0
        self._last_error = ""
        self._tell: Tell = lambda _progress: None

    async def run(self, rounds: Iterable[Sequence[Question]], total: int, tell: Tell) -> Outcome:
        self._total, self._tell = total, tell
        ended: Ended | None = None  # what went wrong in another way is no end: the file then says nothing of it
        try:
            with self._heeding_signals():
                await self._ask_all(rounds)
            ended = self._ended()
        except asyncio.CancelledError:
            self._halt.why = Stopped("interrompida", _("interrupted; calls under way were left"))
            ended = self._ended()
        finally:
            self._writer.end(ended)
        return self._outcome()

    async def _ask_all(self, rounds: Iterable[Sequence[Question]]) -> None:
        provider = self._subject.provider
        async with Endpoint(provider, self._key) as endpoint:
            told = await preflight.check(self._subject.name, provider, endpoint)
            if told:
                self._say(told)
            caller = Caller(endpoint, provider, self._purse, self._halt, self._say)
            dialogue = Dialogue(self._subject, caller, self._ladder, self._keep)
            breaker = Breaker(provider.limits, self._halt, self._say)
            for questions in rounds:
                if self._halt.why is not None:
                    break
                await self._ask_round(deque(questions), dialogue, breaker)

    async def _ask_round(self, waiting: deque[Question], dialogue: Dialogue, breaker: Breaker) -> None:
        async def work() -> None:
            while waiting and self._halt.why is None:
                question = waiting.popleft()
                try:
                    await breaker.run(lambda question=question: dialogue.put(question))  # type: ignore[misc]
                except Stopped:
                    return

        try:
            async with asyncio.TaskGroup() as group:
                for _number in range(min(self._subject.provider.limits.concurrency, len(waiting))):
                    group.create_task(work())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def heed() -> None:
            if self._halt.why is not None and self._halt.why.end == "interrompida":
                task.cancel()
                return
            self._halt.now("interrompida", _("interrupted; the answers to the calls under way were kept"))
            self._say(_("stopping: waiting for the answers under way; again to leave them"))

        added = []
        try:
            for number in _SIGNALS:
                if signal.getsignal(number) is signal.SIG_IGN:  # nohup, or a job in the background
                    continue
                loop.add_signal_handler(number, heed)
                added.append(number)
        except (RuntimeError, ValueError):  # not the main thread: signals are its own business
            added.clear()
        try:
            yield
        finally:
            for number in added:
                loop.remove_signal_handler(number)

    def _keep(self, reply: Reply) -> None:
        self._writer.reply(reply)
        if reply.encerrada:
            self._count[reply.status] += 1
        if reply.status == "erro":
            self._last_error = reply.motivo
        self._say("")

    def _note(self, probe: Probe) -> None:
        self._writer.probe(probe)

    def _say(self, message: str) -> None:
        own, price = self._purse, self._subject.provider.price
        self._tell(
            Progress(
                done=sum(self._count.values()),
                total=self._total,
                ok=self._count["ok"],
                invalid=self._count["invalida"],
                errors=self._count["erro"],
                calls=own.calls,
                tokens_in=own.tokens_in,
                tokens_out=own.tokens_out,
                cost=own.cost if price else None,
                currency=price.currency if price else "",
                message=message,
            )
        )

    def _ended(self) -> Ended:
        why = self._halt.why
        end, detail = (why.end, why.detail) if why else ("completa", "")
        return Ended(hora=_now(), motivo=end, detalhe=detail, chamadas=self._purse.calls)

    def _outcome(self) -> Outcome:
        ended, own, price = self._ended(), self._purse, self._subject.provider.price
        return Outcome(
            end=ended.motivo,
            detail=ended.detalhe,
            file=self._writer.name if self._writer.replies else None,
            asked=sum(self._count.values()),
            ok=self._count["ok"],
            invalid=self._count["invalida"],
            errors=self._count["erro"],
            calls=own.calls,
            tokens_in=own.tokens_in,
            tokens_out=own.tokens_out,
            cost=own.cost if price else None,
            currency=price.currency if price else "",
            seconds=time.monotonic() - self._began,
            level=self._ladder.level,
            probes=tuple(self._writer.probes),
            last_error=self._last_error,
        )


def _head(subject: Subject, purpose: Purpose) -> Execution:
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    return subject.execution(name, now.isoformat(timespec="milliseconds"), purpose)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
