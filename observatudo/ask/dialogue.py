"""One question put to a model until it is answered, and what each call brought as a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from observatudo.ask import form
from observatudo.ask.caller import Caller
from observatudo.ask.endpoint import Answer, Message
from observatudo.ask.failures import CallError, FormRefusedError, QuestionRefusedError
from observatudo.ask.form import Verdict
from observatudo.ask.ladder import Ladder
from observatudo.ask.limits import cost
from observatudo.classify.answers import Reply, Status
from observatudo.classify.prompts import Item, axis_order
from observatudo.classify.providers import Level
from observatudo.classify.subjects import Subject

_REPEATED = 2000  # characters of an answer that a model is shown again


@dataclass(frozen=True)
class Question:
    """A text to be asked about. ``seed`` decides the order of axes (0: the taxonomy's own); ``round`` counts from 1."""

    item: Item
    seed: int = 0
    round: int = 1


@dataclass(frozen=True)
class _Try:
    """One call: which it is for its question, how it was asked, and what came of it."""

    number: int
    level: Level
    answer: Answer | None = None
    error: CallError | None = None


class Dialogue:
    """Puts questions to one subject; ``keep`` gets a line for each call that brought something."""

    def __init__(self, subject: Subject, caller: Caller, ladder: Ladder, keep: Callable[[Reply], None]) -> None:
        self._subject = subject
        self._caller = caller
        self._ladder = ladder
        self._keep = keep

    async def put(self, question: Question) -> str:
        """Put one question; return why there is no answer, or an empty text. Raises Stopped."""
        if self._ladder.is_settled:
            return await self._put(question)
        async with self._ladder.lock:
            if not self._ladder.is_settled:
                return await self._put(question)
        return await self._put(question)

    async def _put(self, question: Question) -> str:
        """Ask; where that brings no answer, ask for a repair once, or at the next lower level while those are tried."""
        order = axis_order(self._subject.taxonomy, question.seed)
        repair: tuple[str, str] | None = None
        number = 0
        while True:
            level = self._ladder.level
            messages = self._messages(question.item, order, level, repair)
            try:
                answer = await self._caller.ask(messages, form.response_format(level, order), question.seed)
            except FormRefusedError as error:
                self._ladder.refused(level, error.text)
                continue
            except CallError as error:
                if isinstance(error, QuestionRefusedError) and self._ladder.doubted(level, error.text):
                    continue
                own = _Try(number + 1, level, error=error)
                self._record(question, order, own, Verdict(None, reason=error.text), is_last=True)
                return error.text
            number += 1
            verdict = form.verdict(answer.text, level, order)
            if answer.stopped:
                verdict = Verdict(None, reason=answer.stopped)
            repair, goes_on = self._after(level, number, answer, verdict)
            self._record(question, order, _Try(number, level, answer), verdict, is_last=not goes_on)
            if not goes_on:
                return ""

    def _after(
        self, level: Level, number: int, answer: Answer, verdict: Verdict
    ) -> tuple[tuple[str, str] | None, bool]:
        """Return what a repair is to be about, and whether there is another call for this question."""
        if verdict.axis is not None:
            self._ladder.kept(level)
            return None, False
        if not self._ladder.is_settled and not answer.stopped:
            return None, self._ladder.ignored(level, verdict.reason)
        return (answer.text, verdict.reason), number == 1

    def _messages(
        self, item: Item, order: Sequence[str], level: Level, repair: tuple[str, str] | None
    ) -> list[Message]:
        prompt, kind = self._subject.prompt, form.spoken(level)
        asked = [{"role": "system", "content": prompt.system(order, kind)}]
        asked.append({"role": "user", "content": prompt.user(item, kind)})
        if repair is None:
            return [*asked]
        said, reason = repair
        again = prompt.repair(reason, kind)
        if not said.strip():  # no endpoint takes an empty message, and few two of a user in a row
            return [asked[0], {"role": "user", "content": f"{asked[1]['content']}\n\n{again}"}]
        told = {"role": "assistant", "content": said[:_REPEATED]}
        return [*asked, told, {"role": "user", "content": again}]

    def _record(self, question: Question, order: list[str], own: _Try, verdict: Verdict, *, is_last: bool) -> None:
        status: Status = "erro" if own.error else "ok" if verdict.axis is not None else "invalida"
        answer, item = own.answer, question.item
        used = (answer.tokens_in, answer.tokens_out) if answer else (None, None)
        raw = answer.text if answer else (own.error.raw if own.error else "") or None
        self._keep(
            Reply(
                serie=self._subject.series(item),
                conteudo=item.hash,
                id_indicador=[*item.ids],
                nome=item.nome,
                rodada=question.round,
                tentativa=own.number,
                encerrada=is_last,
                hora=datetime.now(UTC).isoformat(timespec="milliseconds"),
                status=status,
                eixo=verdict.axis,
                confianca=verdict.confidence,
                resposta=raw,
                motivo=verdict.reason,
                semente=question.seed,
                ordem=order,
                nivel=own.level,
                latencia=round(answer.seconds, 3) if answer else 0.0,
                tokens_entrada=used[0],
                tokens_saida=used[1],
                custo=cost(self._subject.provider.price, *used),
                impressao=answer.version if answer else None,
            )
        )
