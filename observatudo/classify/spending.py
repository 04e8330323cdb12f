"""What a model's answers took: calls, tokens, money and time, counted the same way wherever they are shown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from observatudo.classify.answers import Observation

_P95 = 0.95


@dataclass(frozen=True)
class Spent:
    """``calls`` are those that left a line. Tokens and ``cost`` are of calls that told them; None where none did.

    ``cost`` adds up amounts in ``currency`` alone, that of the newest execution. Latencies (seconds) are of calls that
    were answered.
    """

    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    currency: str
    latency_median_s: float | None
    latency_p95_s: float | None


def spent(observations: Sequence[Observation]) -> Spent:
    """Count the calls behind these observations."""
    newest = max(observations, key=lambda own: own.order, default=None)
    currency = newest.execution.moeda if newest else ""
    replies = [(own.execution.moeda, reply) for own in observations for reply in own.attempts]
    costs = sorted(reply.custo for money, reply in replies if reply.custo is not None and money == currency)
    latencies = sorted(reply.latencia for _money, reply in replies if reply.status != "erro")
    return Spent(
        calls=len(replies),
        tokens_in=sum(reply.tokens_entrada or 0 for _money, reply in replies),
        tokens_out=sum(reply.tokens_saida or 0 for _money, reply in replies),
        cost=round(sum(costs), 6) if costs else None,
        currency=currency,
        latency_median_s=round(statistics.median(latencies), 3) if latencies else None,
        latency_p95_s=round(latencies[math.ceil(_P95 * len(latencies)) - 1], 3) if latencies else None,
    )
