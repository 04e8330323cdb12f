"""How strictly a form can be asked for: tried from the top with real questions, noted for the next execution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from observatudo.ask.form import below
from observatudo.ask.halt import Halt
from observatudo.classify.answers import Answers, Probe
from observatudo.classify.providers import LEVELS, Level, Provider
from observatudo.i18n import _


def known(found: Answers, provider: Provider) -> list[Probe]:
    """Return what the newest execution with the same endpoint and model noted about forms; empty where none did."""
    for execution in reversed(found.executions):
        is_same = (execution.endereco, execution.modelo) == (provider.base_url, provider.model)
        if is_same and found.probes.get(execution.execucao):
            return found.probes[execution.execucao]
    return []


def settled(probes: Sequence[Probe]) -> Level | None:
    """Return the level that probes came to: the one kept to last, else the highest that was accepted; or None."""
    refused = {probe.nivel for probe in probes if probe.resultado == "recusado"}
    kept = [probe.nivel for probe in probes if probe.resultado == "ok"]
    accepted = [probe.nivel for probe in probes if probe.resultado == "ignorado"]
    is_whole = kept or "text" in accepted
    for name in [*reversed(kept), *accepted]:
        if name not in refused and name in LEVELS and is_whole:
            return LEVELS[LEVELS.index(name)]
    return None


class Ladder:
    """The level that questions are asked at. ``lock`` is held while it is not settled: one question finds out."""

    def __init__(self, provider: Provider, probes: Sequence[Probe], halt: Halt, note: Callable[[Probe], None]) -> None:
        fixed = provider.output if provider.output != "auto" else None
        start = fixed or settled(probes)
        self.level: Level = start or LEVELS[0]
        self.is_settled = start is not None
        self.lock = asyncio.Lock()
        self._is_fixed = fixed is not None
        self._halt = halt
        self._note = note
        self._accepted: Level | None = None
        self._doubted: list[tuple[Level, str]] = []

    def refused(self, level: Level, why: str) -> None:
        """Go down from a level that the endpoint refuses; raises Stopped where the level is a declared one."""
        if self._is_fixed:
            text = _("the endpoint refuses the declared output “{level}”: {why}; declare output: auto")
            raise self._halt.now("recusada", text.format(level=level, why=why))
        if level != self.level:
            return  # another question found out before
        self._note(Probe(nivel=level, resultado="recusado", detalhe=why))
        self._down()

    def doubted(self, level: Level, why: str) -> bool:
        """Go down from a level that may be refused: the endpoint refuses the request and does not say why.

        Return False where it does so without a form too: then the form is not the reason.
        """
        if self.is_settled or self._is_fixed:
            return False
        if below(level) is None:
            self.level = self._doubted[0][0] if self._doubted else level
            self._doubted.clear()
            return False
        if level == self.level:
            self._doubted.append((level, why))
            self._down()
        return True

    def kept(self, level: Level) -> None:
        """Stay at a level whose answer was of the form."""
        if level == self.level and not self.is_settled:
            self._admit_doubts()
            self._note(Probe(nivel=level, resultado="ok"))
            self.is_settled = True

    def ignored(self, level: Level, why: str) -> bool:
        """Go down from a level that was accepted and not kept to; return whether there is another to try."""
        if level != self.level or self.is_settled:
            return False
        self._admit_doubts()
        self._note(Probe(nivel=level, resultado="ignorado", detalhe=why))
        self._accepted = self._accepted or level
        if below(level) is None:
            self.level = self._accepted
            self.is_settled = True
            return False
        self._down()
        return True

    def _down(self) -> None:
        lower = below(self.level)
        assert lower is not None, "nothing can be refused at the level that asks for no form"
        self.level = lower
        self.is_settled = False

    def _admit_doubts(self) -> None:
        for level, why in self._doubted:
            self._note(Probe(nivel=level, resultado="recusado", detalhe=why))
        self._doubted.clear()
