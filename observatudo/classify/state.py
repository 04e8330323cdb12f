"""The state of the classification: who put which indicator on which axis, how far they agree, what needs a look.

Everything here follows from what the pipeline stores (labels, catalogues, human decisions, figures) and from the
versions in Git; nothing is classified anew, which takes seconds. So how well the classifier would do on
indicators that a source or a person decides is known only from what it said of them in earlier versions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from observatudo import config, paths
from observatudo.classify import overrides, timeline
from observatudo.classify.entries import Entry, Problem, catalogue
from observatudo.classify.labels import LEAD
from observatudo.classify.rules import Rulebook
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy, load_taxonomy
from observatudo.classify.text import fold
from observatudo.errors import ObservatudoError
from observatudo.i18n import _

ORIGINS = ("fonte", "humano", "regra", "modelo")
LOW = 0.6  # in docs/classification.md, of the answers below it not even three in five were right
Pair = Literal["fonte/regra", "humano/regra", "maquina/regra", "fonte/humano", "fonte/maquina", "humano/maquina"]


@dataclass(frozen=True)
class Labelled:
    """One indicator with its label. ``name`` and ``dataset`` are empty where no dataset has it any more.

    ``rule`` is the axis that the taxonomy's words alone would give, None where they are silent or divided; ``override``
    what people decided. ``flips`` and ``returns`` count changes over versions (see ``timeline.Swing``).
    """

    id: str
    name: str
    dataset: str
    axis: str
    origin: str
    confidence: float
    classifier: str
    taxonomy: str
    source_axis: str | None
    override: str | None
    rule: str | None
    flips: int
    returns: int


@dataclass(frozen=True)
class AxisInWords:
    """An axis of the taxonomy as people choose it."""

    key: str
    title: str
    definition: str


@dataclass(frozen=True)
class Agreement:
    """Of ``compared`` indicators on which both of a pair said something, on how many they said the same axis."""

    pair: Pair
    compared: int
    agree: int


@dataclass(frozen=True)
class LabelState:
    """All of it. ``threshold`` and ``below`` are confidences from 0 to 1; ``low`` counts the answers of rules and
    examples under ``below``, ``undefined`` the indicators without an axis.

    ``held_back`` are the shares of ``calibration.Quality``. ``oscillating`` counts labels that came back to an axis.
    ``versions`` is how many tables of labels there were, ``skipped`` how many of them are not here, and
    ``history_problem`` why there is no history.
    """

    total: int
    by_axis: dict[str, int]
    by_origin: dict[str, int]
    undefined: int
    low: int
    below: float
    threshold: float
    classifiers: tuple[str, ...]
    held_back: dict[str, float]
    agreement: tuple[Agreement, ...]
    problems: tuple[Problem, ...]
    oscillating: int
    versions: int
    skipped: int
    history_problem: str
    axes: tuple[AxisInWords, ...]
    indicators: tuple[Labelled, ...] = field(repr=False)

    def as_dict(self, chosen: Sequence[Labelled] | None = None) -> dict[str, object]:
        """Return what ``observatudo labels --json`` prints, with the chosen indicators only."""
        return asdict(self if chosen is None else replace(self, indicators=tuple(chosen)))

    def select(
        self, words: Iterable[str] = (), axis: str | None = None, origin: str | None = None, below: float | None = None
    ) -> tuple[Labelled, ...]:
        """Return the indicators that fit all that is asked: every word somewhere in id, name or dataset."""
        wanted = [fold(word) for word in words]
        return tuple(
            own
            for own in self.indicators
            if (axis is None or own.axis == axis)
            and (origin is None or own.origin == origin)
            and (below is None or own.confidence < below)
            and all(word in fold(f"{own.id} {own.name} {own.dataset}") for word in wanted)
        )


def state(root: Path, below: float = LOW) -> LabelState:
    """Return the state of the labels in the work tree of the repository at ``root``.

    Raises ObservatudoError where there is no table of labels, or one that cannot be read, and ConfigError for a
    taxonomy or params.yaml that cannot.
    """
    taxonomy = load_taxonomy(root)
    threshold = config.load_params(root).classify.threshold
    answers = _answers(root)
    known, problems = catalogue(root)
    is_whole = not problems
    decided = _decided(root, taxonomy, problems)
    past = timeline.swings(root)
    found = _labelled(answers, known, decided or {}, past.by_id, taxonomy)
    problems += _of_labels(found, known, taxonomy, is_whole=is_whole)
    problems += _of_decisions(found, known, decided, taxonomy, is_whole=is_whole)
    return LabelState(
        total=len(found),
        by_axis=_counts(taxonomy.keys, (own.axis for own in found)),
        by_origin=_counts(ORIGINS, (own.origin for own in found)),
        undefined=sum(own.axis == UNDEFINED for own in found),
        low=sum(own.origin in timeline.MACHINE and own.confidence < below for own in found),
        below=below,
        threshold=threshold,
        classifiers=tuple(sorted({own.classifier for own in found})),
        held_back=_held_back(root),
        agreement=tuple(_agreement(found, past.by_id, taxonomy)),
        problems=tuple(problems),
        oscillating=sum(own.returns > 0 for own in found),
        versions=past.versions,
        skipped=past.skipped,
        history_problem=past.problem,
        axes=tuple(AxisInWords(axis.key, axis.title, axis.definition) for axis in taxonomy.axes),
        indicators=tuple(found),
    )


def _answers(root: Path) -> Mapping[str, timeline.Answer]:
    path = root / paths.LABELS
    if not path.is_file():
        raise ObservatudoError(
            _("there are no labels yet"), where=str(paths.LABELS), next_step=_("dvc pull, or: dvc repro")
        )
    found = timeline.rows(path)
    if found is None:
        raise ObservatudoError(
            _("the table of labels cannot be read"), where=str(paths.LABELS), next_step="dvc checkout --force"
        )
    return found


def _decided(root: Path, taxonomy: Taxonomy, problems: list[Problem]) -> dict[str, str] | None:
    try:
        return overrides.read(root / paths.OVERRIDES, taxonomy)
    except ObservatudoError as error:
        where = error.where.removeprefix(f"{root}/") or str(paths.OVERRIDES)
        problems.append(Problem("overrides_damaged", where, error.message))
        return None


def _labelled(
    answers: Mapping[str, timeline.Answer],
    known: Mapping[str, Entry],
    decided: Mapping[str, str],
    past: Mapping[str, timeline.Swing],
    taxonomy: Taxonomy,
) -> list[Labelled]:
    rules = Rulebook(taxonomy)
    found = []
    for key, answer in sorted(answers.items()):
        entry = known.get(key, Entry(key, "", "", "", None))
        swing = past.get(key, timeline.Swing())
        found.append(
            Labelled(
                id=key,
                name=entry.name,
                dataset=entry.dataset,
                axis=answer.axis,
                origin=answer.origin,
                confidence=answer.confidence,
                classifier=answer.classifier,
                taxonomy=answer.taxonomy,
                source_axis=entry.source_axis,
                override=decided.get(key),
                rule=_by_rule(rules, entry, taxonomy),
                flips=swing.flips,
                returns=swing.returns,
            )
        )
    return found


def _by_rule(rules: Rulebook, entry: Entry, taxonomy: Taxonomy) -> str | None:
    """Return the axis that leads by as much as makes a label's origin ``regra``; None without one."""
    points = rules.points(entry.name, entry.description)
    best, second = sorted(points, reverse=True)[:2]
    return taxonomy.keys[points.index(best)] if best - second >= LEAD else None


def _counts(names: Sequence[str], values: Iterable[str]) -> dict[str, int]:
    """Return the count of every name, in order, then those of values that are no name."""
    counted = Counter(values)
    return {name: counted[name] for name in [*names, *sorted(counted.keys() - set(names))]}


def _held_back(root: Path) -> dict[str, float]:
    try:
        content = json.loads((root / paths.METRICS / "classify.json").read_bytes())
    except (OSError, ValueError):
        return {}
    own = content.get("classify") if isinstance(content, dict) else None
    found = own.get("held_back") if isinstance(own, dict) else None
    return {str(k): v for k, v in found.items() if isinstance(v, int | float)} if isinstance(found, dict) else {}


def _agreement(
    found: Sequence[Labelled], past: Mapping[str, timeline.Swing], taxonomy: Taxonomy
) -> Iterator[Agreement]:
    """Give the pairs that have something to compare; ``maquina`` is what rules and examples say, or once said."""
    counted: dict[Pair, list[bool]] = {}

    def compare(pair: Pair, a: str | None, b: str | None) -> None:
        if a and b:
            counted.setdefault(pair, []).append(a == b)

    for own in found:
        source = taxonomy.find(own.source_axis or "")
        once = past[own.id].machine if own.id in past else ""
        machine = own.axis if own.origin in timeline.MACHINE else once
        compare("fonte/humano", source, own.override)
        compare("fonte/regra", source, own.rule)
        compare("humano/regra", own.override, own.rule)
        compare("maquina/regra", machine if machine != UNDEFINED else None, own.rule)
        compare("fonte/maquina", source, machine)
        compare("humano/maquina", own.override, machine)
    for pair in sorted(counted):
        yield Agreement(pair, len(counted[pair]), sum(counted[pair]))


def _of_labels(
    found: Sequence[Labelled], known: Mapping[str, Entry], taxonomy: Taxonomy, *, is_whole: bool
) -> Iterator[Problem]:
    """Give what is wrong with labels; what no dataset has is known only where every catalogue ``is_whole``."""
    for own in found:
        if own.axis not in taxonomy.keys:
            yield Problem("axis", own.id, _("“{axis}” is no axis of the taxonomy").format(axis=own.axis))
        if own.id not in known and is_whole:
            yield Problem("no_indicator", own.id, _("it has a label, but no dataset has it"))
    labelled = {own.id for own in found}
    for key, entry in sorted(known.items()):
        if entry.source_axis and taxonomy.find(entry.source_axis) is None:
            text = _("its source's axis “{axis}” is not in the taxonomy").format(axis=entry.source_axis)
            yield Problem("source_axis", key, text)
        if key not in labelled:
            yield Problem("unlabelled", key, _("it has no label yet; type: dvc repro classify"))


def _of_decisions(
    found: Sequence[Labelled],
    known: Mapping[str, Entry],
    decided: Mapping[str, str] | None,
    taxonomy: Taxonomy,
    *,
    is_whole: bool,
) -> Iterator[Problem]:
    """Give the decisions that have no effect, or none yet; nothing of a file that is damaged."""
    if decided is None:
        return
    for own in found:
        if own.origin == "humano" and own.override is None:
            text = _("its decision was taken back, which the next run applies; type: dvc repro")
            yield Problem("override_pending", own.id, text)
    labelled = {own.id: own for own in found}
    for key, axis in sorted(decided.items()):
        if key in known:
            yield from _of_decision(axis, known[key], labelled.get(key), taxonomy)
        elif is_whole:
            text = _("a person put it on {axis}, but no dataset has it").format(axis=axis)
            yield Problem("override_unknown", key, text)


def _of_decision(axis: str, entry: Entry, label: Labelled | None, taxonomy: Taxonomy) -> Iterator[Problem]:
    source = taxonomy.find(entry.source_axis or "")
    if source is not None:
        text = _("a person put it on {axis}; its source's axis {source} comes first").format(axis=axis, source=source)
        yield Problem("override_unused", entry.id, text)
    elif label is not None and (label.origin, label.axis) != ("humano", axis):
        text = _("a person put it on {axis}, which the next run applies; type: dvc repro").format(axis=axis)
        yield Problem("override_pending", entry.id, text)
