"""Calls within limits: each waits its turn, fits the budget, and is made again where that may help."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from observatudo.ask.endpoint import Answer, Endpoint, Message
from observatudo.ask.failures import CallError, PassingError, RefusedError, SeedRefusedError
from observatudo.ask.form import Json
from observatudo.ask.halt import Halt
from observatudo.ask.limits import Purse, Rate
from observatudo.classify.providers import Provider
from observatudo.i18n import _

_FIRST_WAIT_S = 0.5
_LONGEST_GROWN_S = 30.0


class Caller:
    """Puts questions to one endpoint."""

    def __init__(
        self, endpoint: Endpoint, provider: Provider, purse: Purse, halt: Halt, say: Callable[[str], None]
    ) -> None:
        self._endpoint = endpoint
        self._limits = provider.limits
        self._purse = purse
        self._halt = halt
        self._say = say
        self._rate = Rate(provider.limits, halt)
        self._knows_seeds = True

    async def ask(self, messages: Sequence[Message], form: Json | None, seed: int) -> Answer:
        """Put one question, as often as it takes and ``limits.retries`` allow.

        Raises Stopped where no more calls are to be made, and CallError for what a repetition does not help.
        """
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._limits.retries + 1),
            wait=lambda state: _wait(state.outcome.exception() if state.outcome else None, state.attempt_number),
            retry=retry_if_exception_type(PassingError),
            sleep=self._halt.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._with_or_without_seed, messages, form, seed)
        except RefusedError as error:
            raise self._halt.now("recusada", error.text) from None

    async def _with_or_without_seed(self, messages: Sequence[Message], form: Json | None, seed: int) -> Answer:
        try:
            return await self._once(messages, form, seed if self._knows_seeds else None)
        except SeedRefusedError as error:
            if not self._knows_seeds:
                raise
            self._knows_seeds = False
            self._say(_("the endpoint takes no seed, and is sent none from here on: {why}").format(why=error.text))
        return await self._once(messages, form, None)

    async def _once(self, messages: Sequence[Message], form: Json | None, seed: int | None) -> Answer:
        characters = sum(len(message["content"]) for message in messages)
        wanted = self._purse.estimate(characters)
        await self._rate.admit(wanted)
        self._purse.take(wanted, self._halt)
        tokens: tuple[int | None, int | None] = (0, 0)
        try:
            answer = await self._endpoint.ask(messages, form, seed)
            tokens = (answer.tokens_in, answer.tokens_out)
        except CallError as error:
            if error.is_uncounted:
                tokens = (None, 0)
            if isinstance(error, PassingError) and error.wait:
                self._wait_for_all(error, error.wait)
            raise
        finally:
            self._purse.settle(wanted, characters, *tokens)
        return answer

    def _wait_for_all(self, error: PassingError, seconds: float) -> None:
        """Keep every call back as long as an endpoint asks; stop where that is longer than one may wait."""
        if seconds <= self._limits.longest_wait_s:
            self._rate.pause(seconds)
            return
        until = f"{datetime.now().astimezone() + timedelta(seconds=min(seconds, _YEAR_S)):%Y-%m-%d %H:%M:%S}"
        text = _("the endpoint asks to wait until {until}, longer than longest_wait_s: {why}")
        raise self._halt.now("recusada", text.format(until=until, why=error.text)) from None


_YEAR_S = 366 * 86400.0


def _wait(error: BaseException | None, attempt: int) -> float:
    """Return how long to wait after the attempt of this number: as long as asked, or longer each time; with jitter."""
    asked = error.wait if isinstance(error, PassingError) else None
    if asked is not None:
        return asked + random.uniform(0, 0.1)  # noqa: S311 no secret
    grown = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_GROWN_S)
    return random.uniform(grown / 2, grown)  # noqa: S311
