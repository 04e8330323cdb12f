"""How a request went wrong: for good, with the status and what the service said, or so that it is worth another try."""

from __future__ import annotations

from observatudo.errors import SnapshotError


class StatusError(SnapshotError):
    """A status that is no success; ``status`` is its number, ``said`` the beginning of the answer where it is text."""

    def __init__(self, message: str, *, status: int, said: str, where: str = "", next_step: str = "") -> None:
        super().__init__(message, where=where, next_step=next_step)
        self.status = status
        self.said = said


class Again(Exception):
    """What may pass: a cut connection, a busy server. ``after`` is how many seconds it asks to wait, where it does."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after = after
