"""Log, runs and processes in one hand: what a screen asks once a second."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from observatudo.live.expected import Expected
from observatudo.live.follow import Follower
from observatudo.live.sample import Sampler
from observatudo.live.state import LiveRun, State
from observatudo.runs import identity

if TYPE_CHECKING:
    from observatudo.live.events import Event
    from observatudo.live.sample import Sample


class Watch:
    """The runs of the repository ``home`` as they happen. Not for several threads at once."""

    def __init__(self, home: Path) -> None:
        self.follower = Follower(home)
        self.state = State()
        self.sampler = Sampler()
        self._expected = Expected(home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.follower.close()

    def read(self) -> list[Event]:
        """Take in the events since the last call and return them; ask again at once while ``follower.more``.

        Which processes are gone is asked once all is read. What they said before they went is read then too, so a
        run that ended well is at no time told as interrupted.
        """
        found = self._read()
        if not self.follower.more and self.state.look():
            found += self._read()
        return found

    def _read(self) -> list[Event]:
        found = self.follower.read()
        for event in found:
            self.state.fold(event)
        return found

    def sample(self) -> dict[str, Sample]:
        """Return what the stages of the current run take now; see ``sampler`` for the machine and what was before."""
        run = self.state.current()
        return self.sampler.sample(run.processes() if run is not None else {})

    def expected(self, run: LiveRun) -> list[str] | None:
        """Return the stages that the run may come to, or None when nobody knows: some stages only, or by hand."""
        if run.kind == "hand" or identity.targets(tuple(run.command)):
            return None
        return self._expected.names()
