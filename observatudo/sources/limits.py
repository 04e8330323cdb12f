"""How long and how much a fetch may take: defaults, and the environment variables that say otherwise."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from observatudo.errors import ConfigError
from observatudo.i18n import _

_NAMES = {
    "OBSERVATUDO_FETCH_DEADLINE_S": "deadline_s",
    "OBSERVATUDO_FETCH_SILENCE_S": "silence_s",
    "OBSERVATUDO_FETCH_PAUSE_S": "pause_s",
    "OBSERVATUDO_FETCH_MAX_MB": "max_mb",
}


class Limits(BaseModel):
    """What ends an attempt, and what ends them all.

    ``deadline_s``: seconds for which what fails is tried again, counted anew with each byte gained; ``silence_s``:
    seconds without a byte after which a connection is given up; ``pause_s``: seconds between two requests to a host;
    ``max_mb``: megabytes (10^6 bytes) that one file may have, before and after it is unpacked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    deadline_s: float = Field(90, ge=0, le=86_400)
    silence_s: float = Field(60, gt=0, le=86_400)
    pause_s: float = Field(0.5, ge=0, le=3_600)
    max_mb: float = Field(4_000, gt=0, le=1_000_000)

    @property
    def max_bytes(self) -> int:
        """``max_mb`` in bytes."""
        return int(self.max_mb * 1_000_000)


def of_environment() -> Limits:
    """Return the limits; raises ConfigError for a variable that holds no number, or one that cannot be."""
    given = {field: os.environ[name] for name, field in _NAMES.items() if os.environ.get(name, "").strip()}
    try:
        return Limits.model_validate(given)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        name = next(name for name, own in _NAMES.items() if own == field)
        raise ConfigError(
            _("{name} cannot be “{value}”: {why}").format(name=name, value=given[field], why=error.errors()[0]["msg"]),
            where=name,
            next_step=f"unset {name}",
        ) from None
