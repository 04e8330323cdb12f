"""The one exception a user is meant to read: what happened, where, and what to type next."""

from __future__ import annotations


class ObservatudoError(Exception):
    """A failure that has an explanation.

    ``message`` says what happened, ``where`` names the file, line or key (may be empty),
    ``next_step`` is the next command or edit (may be empty).
    """

    def __init__(self, message: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        """Return what a person reads; what would steer a terminal is spelled out: it may come from a file."""
        lines = [self.message]
        if self.where:
            lines.append(f"  @ {self.where}")
        if self.next_step:
            lines.append(f"  → {self.next_step}")
        return "".join(
            char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
            for char in "\n".join(lines)
        )


class ConfigError(ObservatudoError):
    """A declaration (YAML) that cannot be used as it is written."""


class SnapshotError(ObservatudoError):
    """A snapshot that is missing, incomplete or not the bytes its sidecar promises."""


class DataError(ObservatudoError):
    """Data that breaks a check marked fatal."""
