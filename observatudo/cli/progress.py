"""Bars on a terminal's stderr while something long is at work; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

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

        yield tell if sys.stderr.isatty() else lambda _what, _done, _total: None


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import Progress as Bars

    return Bars(console=Console(stderr=True), transient=True)


def _shown(name: str) -> str:
    """Return a name that steers neither the terminal nor rich."""
    from rich.markup import escape

    from observatudo.figures import printable

    return escape(printable(name))
