"""How much one execution may use and how hard it may press: budget, rates, and a pause where all goes wrong."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from observatudo.ask.halt import Halt
from observatudo.classify.providers import Budget, Limits, Price, Provider
from observatudo.i18n import _

CHARACTERS_PER_TOKEN = 3.0  # Portuguese, cautiously; what endpoints count corrects it
_OUTPUT = 200  # where no parameter says how long an answer may get
_LENGTHS = ("max_completion_tokens", "max_tokens", "num_predict")
_MINUTE = 60.0
_MILLION = 1_000_000


@dataclass(frozen=True)
class Estimate:
    """What a call may use at most: tokens."""

    tokens_in: int
    tokens_out: int


def longest_output(provider: Provider) -> int:
    """Return how many tokens an answer of a model may have."""
    found = [provider.parameters[name] for name in _LENGTHS if name in provider.parameters]
    return max([int(length) for length in found if isinstance(length, int | float)] or [_OUTPUT])


def cost(price: Price | None, tokens_in: int | None, tokens_out: int | None) -> float | None:
    """Return what so many tokens cost, in the price's currency; None where either is not known."""
    if price is None or tokens_in is None or tokens_out is None:
        return None
    return (price.input * tokens_in + price.output * tokens_out) / _MILLION


class Purse:
    """What was used so far, and whether another call fits into the budget. Calls under way count by their estimates."""

    def __init__(self, budget: Budget, provider: Provider) -> None:
        self._budget = budget
        self._price = provider.price
        self._output = longest_output(provider)
        self._per_token = CHARACTERS_PER_TOKEN
        self._running: list[Estimate] = []
        self._counted_in = self._counted_out = 0  # with estimates for what the endpoint did not tell
        self.calls = self.tokens_in = self.tokens_out = 0
        self.cost = 0.0

    def estimate(self, characters: int) -> Estimate:
        """Return what a call with so many characters may use."""
        return Estimate(round(characters / self._per_token) + 1, self._output)

    def take(self, wanted: Estimate, halt: Halt) -> None:
        """Count a call that is about to be made; stops asking where it does not fit, and raises Stopped."""
        spent = self._too_much(wanted)
        if spent:
            raise halt.now("orcamento", spent)
        self.calls += 1
        self._running.append(wanted)

    def _too_much(self, wanted: Estimate) -> str:
        budget, running = self._budget, [*self._running, wanted]
        tokens_in = self._counted_in + sum(own.tokens_in for own in running)
        tokens_out = self._counted_out + sum(own.tokens_out for own in running)
        if budget.calls is not None and self.calls + 1 > budget.calls:
            return _("the budget of {number} calls is used up").format(number=budget.calls)
        if budget.tokens is not None and tokens_in + tokens_out > budget.tokens:
            return _("another call might exceed the budget of {number} tokens").format(number=budget.tokens)
        money = cost(self._price, tokens_in, tokens_out)
        if budget.money is not None and self._price is not None and money is not None and money > budget.money:
            return _("another call might exceed the budget of {money:g} {currency}").format(
                money=budget.money, currency=self._price.currency
            )
        return ""

    def settle(self, wanted: Estimate, characters: int, tokens_in: int | None, tokens_out: int | None) -> None:
        """Count what a call used; None stands for what the endpoint does not tell."""
        self._running.remove(wanted)
        self._counted_in += wanted.tokens_in if tokens_in is None else tokens_in
        self._counted_out += wanted.tokens_out if tokens_out is None else tokens_out
        self.tokens_in += tokens_in or 0
        self.tokens_out += tokens_out or 0
        self.cost += cost(self._price, tokens_in, tokens_out) or 0
        if tokens_in:
            self._per_token = min(self._per_token, characters / tokens_in)


class Rate:
    """Calls and tokens per minute, as token buckets; and how long an endpoint asked everybody to wait."""

    def __init__(self, limits: Limits, halt: Halt) -> None:
        from aiolimiter import AsyncLimiter

        calls, tokens = limits.requests_per_minute, limits.tokens_per_minute
        self._halt = halt
        self._calls = AsyncLimiter(calls, _MINUTE) if calls else None
        self._tokens = AsyncLimiter(tokens, _MINUTE) if tokens else None
        self._not_before = 0.0

    def pause(self, seconds: float) -> None:
        """Let no call begin for so long."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    async def admit(self, wanted: Estimate) -> None:
        """Wait until a call may begin; raises Stopped where asking stops first."""
        self._halt.check()
        if self._calls is not None:
            await self._halt.unless(self._calls.acquire())
        if self._tokens is not None:
            amount = min(wanted.tokens_in + wanted.tokens_out, self._tokens.max_rate)
            await self._halt.unless(self._tokens.acquire(amount))
        while (rest := self._not_before - time.monotonic()) > 0:
            await self._halt.sleep(rest)


class _FailedError(Exception):
    """A question that got no answer, for the breaker."""


class Breaker:
    """Pauses where questions fail one after the other, tries one more, and stops where that fails too."""

    def __init__(self, limits: Limits, halt: Halt, say: Callable[[str], None]) -> None:
        import asyncio

        from circuitbreaker import CircuitBreaker

        self._limits = limits
        self._halt = halt
        self._say = say
        self._circuit = CircuitBreaker(limits.failures, limits.pause_s, _FailedError)
        self._one_try = asyncio.Lock()

    async def run(self, work: Callable[[], Awaitable[str]]) -> None:
        """Do the work for one question, which returns why it failed, or an empty text."""
        if self._circuit.closed:
            await self._counted(work)
            return
        async with self._one_try:
            if not self._circuit.closed:
                await self._try(work)
                return
        await self._counted(work)

    async def _try(self, work: Callable[[], Awaitable[str]]) -> None:
        self._halt.check()
        if self._circuit.opened:
            text = _("{number} questions failed in a row: pausing for {seconds:g} s")
            self._say(text.format(number=self._limits.failures, seconds=self._limits.pause_s))
        while self._circuit.opened:
            await self._halt.sleep(self._limits.pause_s)
        why = await self._counted(work)
        if why:
            text = _("{number} questions failed in a row, and one more after a pause: {why}")
            self._halt.now("disjuntor", text.format(number=self._limits.failures, why=why))

    async def _counted(self, work: Callable[[], Awaitable[str]]) -> str:
        why = ""
        try:
            with self._circuit:
                why = await work()
                if why:
                    raise _FailedError
        except _FailedError:
            pass
        return why
