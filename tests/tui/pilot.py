"""The dashboard under Textual's Pilot, over a repository of one's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot

from observatudo.history.view import View
from tests.tui import PATIENCE_S
from tui import jobs
from tui.app import Dashboard
from tui.context import Context, Settings

SIZES = ((60, 16), (80, 24), (120, 30))
_STEP_S = 0.02
_STAYS = """
import runpy, sys, time
try:
    runpy.run_module("observatudo.cli.app", run_name="__main__", alter_sys=True)
finally:
    time.sleep(3600)
"""


def text(app: Dashboard) -> str:
    """Return what stands on the screen, a line per line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@asynccontextmanager
async def dashboard(
    root: Path,
    size: tuple[int, int] = (80, 24),
    *,
    settings: Settings | None = None,
    is_read_only: bool = False,
) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    """Yield the running app and its pilot, with the child process that keeps the index up to date."""
    app = Dashboard(Context(root, View(root), settings or Settings(), is_read_only))
    app.NOTIFICATION_TIMEOUT = PATIENCE_S  # type: ignore[misc]  # no message is gone before a test has read it
    async with app.run_test(size=size) as pilot:
        pilot._wait_for_screen = partial(pilot._wait_for_screen, PATIENCE_S)  # type: ignore[method-assign]
        await pilot.pause()
        yield app, pilot


async def until(app: Dashboard, *wanted: str, within: float = PATIENCE_S, gone: str = "") -> str:
    """Return the screen once it shows all of ``wanted`` and not ``gone``; fails with the screen when it does not."""
    return await until_true(
        app, lambda shown: all(word in shown for word in wanted) and not (gone and gone in shown), within, str(wanted)
    )


async def heard(app: Dashboard, words: str) -> None:
    """Return once a message with these words has come; a key's may come a little after the key."""
    await until_true(app, lambda _shown: words in noted(app), what=f"the message {words!r}")


def noted(app: Dashboard) -> str:
    """Return the messages that have come."""
    return " ".join(note.message for note in app._notifications)


@contextmanager
def at_work() -> Iterator[None]:
    """Have the commands that are begun meanwhile not end by themselves: one could before the key that is to stop it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "command", lambda *words: [sys.executable, "-c", _STAYS, *words])
        yield


async def until_true(app: Dashboard, fits: Callable[[str], bool], within: float = PATIENCE_S, what: str = "") -> str:
    """Return the screen once it fits."""
    end = asyncio.get_running_loop().time() + within
    shown = text(app)
    while not fits(shown):
        assert asyncio.get_running_loop().time() < end, f"{what} never came; on the screen:\n{shown}"
        await asyncio.sleep(_STEP_S)
        shown = text(app)
    return shown
