"""Which texts two prompts or models are compared on: drawn by a seed, evenly over the axes, none a prompt quotes.

The draw goes by hash: a larger sample holds the smaller one, and a text that is added to a table, or taken from it,
moves no other. So answers that were paid for serve again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from observatudo import consistency, paths
from observatudo.classify import examples, overrides
from observatudo.classify.prompts import Item, Prompt, normalised
from observatudo.classify.taxonomy import Taxonomy
from observatudo.errors import ConfigError, ObservatudoError
from observatudo.i18n import _
from observatudo.labels.entries import Entry, catalogue


@dataclass(frozen=True)
class Case:
    """One text to compare on. ``label`` is its axis where that is known; ``alternatives`` would do as well.

    ``source`` is the labelled table or the dataset that it stands in.
    """

    item: Item
    label: str | None
    alternatives: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Sample:
    """What was drawn. ``available`` texts could have been; ``left_out`` others stand word for word in a prompt.

    ``missing`` names the datasets whose indicators are not on this machine.
    """

    cases: tuple[Case, ...]
    available: int
    left_out: int
    missing: tuple[str, ...] = ()


def of_tables(root: Path, taxonomy: Taxonomy, tables: Collection[str], prompts: Sequence[Prompt]) -> Sample:
    """Return all labelled texts of the tables (none named: all tables) that no prompt quotes.

    Raises ConfigError where there is no labelled table, and for a table that is none, with the nearest.
    """
    made_up = (examples.TAXONOMY, examples.PEOPLE)
    found = [own for own in examples.read(root, taxonomy) if own.source not in made_up]
    known = sorted({own.source for own in found})
    if not known:
        raise ConfigError(
            _("there is no labelled text to compare on"),
            where=str(paths.LABELLED),
            next_step=_("write a table there, or compare on the catalogue: --indicators"),
        )
    for name in tables:
        if name not in known:
            raise ConfigError(
                _("there is no labelled table “{name}”").format(name=name) + consistency.nearest(name, known),
                where=str(paths.LABELLED),
                next_step=_("the tables are: {names}").format(names=", ".join(known)),
            )
    cases = [
        Case(Item.of(own.nome, own.descricao), own.eixo, own.alternatives, own.source)
        for own in found
        if not tables or own.source in tables
    ]
    return _unquoted(_once(cases), prompts)


def of_catalogue(root: Path, taxonomy: Taxonomy, prompts: Sequence[Prompt]) -> Sample:
    """Return the texts of all indicators on this machine that no prompt quotes.

    A label is known where the source or a person decided, and all indicators of the text have the same. Raises
    ObservatudoError where no indicator is there, ConfigError for a damaged file of decisions.
    """
    entries, problems = catalogue(root)
    if not entries:
        raise ObservatudoError(
            _("no indicator is on this machine"), where=str(paths.INGESTED), next_step="dvc repro ingest"
        )
    decided = overrides.read(root / paths.OVERRIDES, taxonomy)
    groups: dict[str, list[Entry]] = {}
    for name in sorted(entries):
        own = entries[name]
        groups.setdefault(Item.of(own.name, own.description).hash, []).append(own)
    cases = [_of_entries(group, decided, taxonomy) for group in groups.values()]
    found = _unquoted(cases, prompts)
    return Sample(found.cases, found.available, found.left_out, tuple(own.id for own in problems))


def draw(found: Sample, size: int, seed: int) -> Sample:
    """Return so many of the texts, as evenly over the axes as there are texts; without labels, over the datasets.

    Raises ObservatudoError where there are fewer.
    """
    if size > found.available:
        raise ObservatudoError(
            _("{wanted} texts are wanted, and there are {count}").format(wanted=size, count=found.available),
            next_step=f"--sample {found.available}" if found.available else "",
        )
    by_axis = all(own.label for own in found.cases)
    groups: dict[str, list[Case]] = {}
    for own in found.cases:
        groups.setdefault((own.label or "") if by_axis else own.source, []).append(own)
    piles = [
        sorted(groups[name], key=lambda own: (_rank(seed, own.item.hash), own.item.hash))
        for name in sorted(groups, key=lambda name: (_rank(seed, name), name))
    ]
    deepest = max((len(pile) for pile in piles), default=0)
    in_turn = [pile[turn] for turn in range(deepest) for pile in piles if turn < len(pile)]
    return Sample(tuple(in_turn[:size]), found.available, found.left_out, found.missing)


def _of_entries(group: Sequence[Entry], decided: Mapping[str, str], taxonomy: Taxonomy) -> Case:
    first = group[0]
    labels = {taxonomy.find(own.source_axis or "") or decided.get(own.id) for own in group}
    label = labels.pop() if len(labels) == 1 else None
    item = Item.of(first.name, first.description, [own.id for own in group])
    return Case(item, label, (), first.dataset)


def _once(cases: Iterable[Case]) -> list[Case]:
    """Return the first case of each text: two that differ in blanks only are one question."""
    found: dict[str, Case] = {}
    for own in cases:
        found.setdefault(own.item.hash, own)
    return list(found.values())


def _unquoted(cases: Sequence[Case], prompts: Sequence[Prompt]) -> Sample:
    """Leave out texts whose name a prompt says: a model would copy that answer, or is told it."""
    said = "\n".join(normalised(own.text).casefold() for own in prompts)
    kept = [own for own in cases if not _is_in(own.item.nome.casefold(), said)]
    return Sample(tuple(kept), len(kept), len(cases) - len(kept))


def _is_in(words: str, text: str) -> bool:
    return words in text and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
