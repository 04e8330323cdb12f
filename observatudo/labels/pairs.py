"""How far those agree that have a say: source, person, rules, rules and examples together, models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from observatudo.classify.names import EMBEDDED
from observatudo.classify.taxonomy import UNDEFINED
from observatudo.labels.timeline import EMBEDDED as EMBEDDED_ORIGINS

if TYPE_CHECKING:
    from observatudo.classify.taxonomy import Taxonomy
    from observatudo.labels.state import Labelled
    from observatudo.labels.timeline import Swing


@dataclass(frozen=True)
class Agreement:
    """Of ``compared`` indicators on which both of a pair said something, on how many they said the same axis.

    ``pair`` is two of ``fonte``, ``humano``, ``maquina`` (rules and examples together), ``regra`` and models' names,
    with a slash between them.
    """

    pair: str
    compared: int
    agree: int


def agreements(
    found: Sequence[Labelled], past: Mapping[str, Swing], taxonomy: Taxonomy, names: Sequence[str]
) -> Iterator[Agreement]:
    """Give the pairs that have something to compare."""
    counted: dict[str, list[bool]] = {}

    def compare(pair: str, a: str | None, b: str | None) -> None:
        if a and b:
            counted.setdefault(pair, []).append(a == b)

    for own in found:
        source = taxonomy.find(own.source_axis or "")
        machine = _machine(own, past)
        compare("fonte/humano", source, own.override)
        compare("fonte/regra", source, own.rule)
        compare("humano/regra", own.override, own.rule)
        compare("maquina/regra", machine if machine != UNDEFINED else None, own.rule)
        compare("fonte/maquina", source, machine)
        compare("humano/maquina", own.override, machine)
        said = {vote.classifier: vote.axis for vote in own.votes if vote.classifier in names}
        for name, axis in said.items():
            compare(f"fonte/{name}", source, axis)
            compare(f"humano/{name}", own.override, axis)
            compare(f"maquina/{name}", machine, axis)
        for a, b in combinations(said, 2):
            compare(f"{a}/{b}", said[a], said[b])
    for pair in sorted(counted):
        yield Agreement(pair, len(counted[pair]), sum(counted[pair]))


def _machine(own: Labelled, past: Mapping[str, Swing]) -> str | None:
    """Return what rules and examples say: where others decided, by the evidence, else by the last version with it."""
    if own.origin in EMBEDDED_ORIGINS:
        return own.axis
    said = next((vote.axis for vote in own.votes if vote.classifier == EMBEDDED), None)
    return said or (past[own.id].machine if own.id in past else None)
