"""The dashboard under Textual's Pilot, over a repository of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from observatudo.history.view import View
from tui.app import Dashboard
from tui.context import Context, Settings

SIZES = ((60, 16), (80, 24), (120, 30))
_STEP_S = 0.02
PATIENCE_S = 120.0  # a busy machine is slow, not wrong


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
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def until(app: Dashboard, *wanted: str, within: float = PATIENCE_S, gone: str = "") -> str:
    """Return the screen once it shows all of ``wanted`` and not ``gone``; fails with the screen when it does not."""
    return await until_true(
        app, lambda shown: all(word in shown for word in wanted) and not (gone and gone in shown), within, str(wanted)
    )


async def until_true(app: Dashboard, fits: Callable[[str], bool], within: float = PATIENCE_S, what: str = "") -> str:
    """Return the screen once it fits."""
    end = asyncio.get_running_loop().time() + within
    shown = text(app)
    while not fits(shown):
        assert asyncio.get_running_loop().time() < end, f"{what} never came; on the screen:\n{shown}"
        await asyncio.sleep(_STEP_S)
        shown = text(app)
    return shown
