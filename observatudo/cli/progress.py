"""Bars on a terminal's stderr while something long is at work; words for a dashboard that asks; nothing elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from observatudo import figures

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

ASKED = "OBSERVATUDO_PROGRESS"  # set where progress is to be written though stderr is no terminal
_EVERY_S = 0.2
Tell = Callable[[str, int, int], None]


@contextmanager
def progress() -> Iterator[Tell]:
    """Give what is told a name, how much of it is done and how much there is; a bar goes when its work is done."""
    import sys

    tasks: dict[str, TaskID] = {}
    bars: Bars | None = None
    with ExitStack() as open_bars:

        def tell(what: str, done: int, total: int) -> None:
            nonlocal bars
            bars = bars or open_bars.enter_context(_bars())
            if what not in tasks:
                tasks[what] = bars.add_task(_shown(what), total=total)
            bars.update(tasks[what], completed=done, total=total, visible=done < total)

        if sys.stderr.isatty():
            yield tell
        elif os.environ.get(ASKED):
            yield _told()
            print("\r", end="", file=sys.stderr, flush=True)
        else:
            yield lambda _what, _done, _total: None


def _told() -> Tell:
    """Return what writes a share to stderr behind a carriage return, now and then, as the dashboard reads it."""
    import sys
    import time

    last = 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S and done < total:
            last = now
            print(
                f"\r{figures.printable(what)} {figures.percent(100 * done / total)}",
                end="",
                file=sys.stderr,
                flush=True,
            )

    return tell


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import Progress as Bars

    return Bars(console=Console(stderr=True), transient=True)


def _shown(name: str) -> str:
    """Return a name that steers neither the terminal nor rich."""
    from rich.markup import escape

    return escape(figures.printable(name))
