"""``observatudo summary``: the closing lines of ``make repro`` once more."""

from __future__ import annotations


def summary() -> None:
    """Say what the last run built, in a few lines, and what to type next."""
    from observatudo.paths import repository
    from observatudo.summary import show

    show(repository())
