"""Stopping: one thing that everything at work looks at before it makes another call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine

from observatudo.classify.answers import End


class Stopped(Exception):
    """No more calls are to be made. ``end`` is why; ``detail`` is for people."""

    def __init__(self, end: End, detail: str) -> None:
        super().__init__(detail)
        self.end: End = end
        self.detail = detail


class Halt:
    """Whether asking goes on; the first reason to stop counts."""

    def __init__(self) -> None:
        self.why: Stopped | None = None
        self._told = asyncio.Event()

    def now(self, end: End, detail: str) -> Stopped:
        """Stop asking, and return why that is so."""
        self.why = self.why or Stopped(end, detail)
        self._told.set()
        return self.why

    def check(self) -> None:
        """Raise Stopped where asking is to stop."""
        if self.why is not None:
            raise self.why

    async def sleep(self, seconds: float) -> None:
        """Wait so long, or until asking is to stop; raises Stopped then."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), seconds)
        self.check()

    async def unless(self, work: Coroutine[None, None, None]) -> None:
        """Wait for something that is no call, or until asking is to stop; raises Stopped then."""
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self._told.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        self.check()
