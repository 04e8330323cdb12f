"""Whether commands may write to the repository: a dashboard that is served to others says that they may not."""

from __future__ import annotations

import os

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

VARIABLE = "OBSERVATUDO_READ_ONLY"


def is_read_only() -> bool:
    """Say whether the environment forbids to write to the repository; caches outside of Git and DVC may be."""
    return bool(os.environ.get(VARIABLE))


def require_writable(what: str) -> None:
    """Raise ObservatudoError where the environment forbids to write; ``what`` is the command that would."""
    if is_read_only():
        raise ObservatudoError(
            _("“{command}” writes, and here everything is read-only").format(command=what),
            where=f"{VARIABLE}={os.environ[VARIABLE]}",
            next_step=_("type it in a terminal of your own, or: observatudo serve --allow-actions"),
        )
