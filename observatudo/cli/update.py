"""``observatudo update``: what a schedule runs: fetch, ask, repro, none stopped by another that failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from observatudo.i18n import _

_BUDGET = 2  # of ``ask``: it goes on the next time


@dataclass(frozen=True)
class Step:
    """One step that was taken; ``code`` is its exit code, ``seconds`` wall time."""

    name: str
    code: int
    seconds: float

    @property
    def is_well(self) -> bool:
        return self.code == 0 or (self.name == "ask" and self.code == _BUDGET)


def update(
    no_ask: Annotated[bool, typer.Option("--no-ask", help=_("Ask no model."))] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help=_("Stages at work at once; default: one per core."))
    ] = None,
) -> None:
    """Fetch all datasets, ask the models that count, and run what has changed; ask and run again for new indicators.

    A step that fails stops no other: what cannot be fetched keeps its snapshot. Exits 0 when all went well, 1
    otherwise, 130 or 143 when interrupted.
    """
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    require_writable("update")
    root = repository()
    crew = _Steps(root)
    repro = ["repro", *(["--jobs", str(jobs)] if jobs else [])]
    with crew.passing_signals_on():
        crew.take("fetch")
        if not no_ask:
            crew.take("ask")
        waiting = _waiting(root)
        crew.take(*repro)
        if not no_ask and _waiting(root) > waiting:
            typer.echo(_("new indicators wait for an answer"))
            crew.take("ask")
            crew.take(*repro)
        if _has_channels():  # also of what was fetched in vain, which closes no run
            crew.take("alerts", "check")
    _print_summary(crew.taken)
    if crew.stopped is not None:
        raise typer.Exit(128 + crew.stopped)
    if not all(step.is_well for step in crew.taken):
        raise typer.Exit(1)


class _Steps:
    """Commands run one after the other, each a process of its own, so that a signal or a crash ends no more than it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self.taken: list[Step] = []
        self.stopped: int | None = None

    def take(self, *words: str) -> None:
        """Run one command of ours to its end; none once told to stop."""
        if self.stopped is not None:
            return
        typer.secho(f"observatudo {' '.join(words)}", bold=True)
        sys.stdout.flush()
        began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "observatudo.cli.entry", *words],
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C comes to us alone, and is passed on once: for ``ask`` the second means more
        )
        if self.stopped is not None:  # told in between
            self._process.terminate()
        code = self._process.wait()
        self._process = None
        self.taken.append(Step(words[0], code if code >= 0 else 128 - code, time.monotonic() - began))

    @contextmanager
    def passing_signals_on(self) -> Iterator[None]:
        """Pass SIGINT, SIGTERM and SIGHUP on to the step at work, for as long as the block lasts."""
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        heeded = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
        before = {number: signal.signal(number, self._pass_on) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self.stopped = self.stopped or number
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)


def _has_channels() -> bool:
    from observatudo.runs.close import NAMES_OF_RECEIVERS

    return any(name.startswith(NAMES_OF_RECEIVERS[0]) and value for name, value in os.environ.items())


def _waiting(root: Path) -> int:
    """Return how many texts wait for an answer; 0 where that cannot be told: ``ask`` says why."""
    from observatudo.ask import campaign
    from observatudo.errors import ObservatudoError

    try:
        plans = campaign.plan(root, campaign.Wish())
    except ObservatudoError:
        return 0
    return sum(own.total for own in plans.plans)


def _print_summary(steps: Sequence[Step]) -> None:
    from observatudo.figures import duration

    typer.echo("")
    for step in steps:
        ended = _("well") if step.code == 0 else _("ended with {code}").format(code=step.code)
        if step.name == "ask" and step.code == _BUDGET:
            ended = _("stopped by its budget; goes on the next time")
        typer.echo(f"{'✓' if step.is_well else '✗'} {step.name}: {ended} ({duration(step.seconds)})")
    typer.echo(_("Next: git status, then commit what changed"))
