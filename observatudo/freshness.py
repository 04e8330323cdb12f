"""How old a snapshot is, against how often its source is declared to be published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# how old a snapshot may be before the next one is due: the period with its longest month or year, in days
LIMITS = {"mensal": 31, "bimestral": 62, "trimestral": 92, "semestral": 184, "anual": 366}


@dataclass(frozen=True)
class Freshness:
    """Ages in days; all but ``frequency`` null where nobody knows, ``limit_days`` also where it is published once."""

    frequency: str
    fetched_at: str | None = None
    age_days: int | None = None
    limit_days: int | None = None
    late: bool | None = None


def of(fetched_at: object, frequency: str, now: datetime) -> Freshness:
    """Return how fresh a snapshot is that was taken at an ISO 8601 time; ``now`` needs a zone."""
    limit = LIMITS.get(frequency)
    if not isinstance(fetched_at, str):
        return Freshness(frequency, limit_days=limit)
    try:
        age = (now - datetime.fromisoformat(fetched_at)).days
    except (ValueError, TypeError):  # no time, or one without its zone
        return Freshness(frequency, limit_days=limit)
    return Freshness(frequency, fetched_at, age, limit, age > limit if limit is not None else False)
