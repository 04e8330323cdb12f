"""The figures of the classification: how labels are spread, who agrees, what models cost and how they keep to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from observatudo.classify import agreement
from observatudo.classify.answers import Answers, Observation
from observatudo.classify.evidence import Row
from observatudo.classify.names import DECIDED, SOURCE
from observatudo.classify.panel import Panel
from observatudo.classify.spending import spent
from observatudo.classify.taxonomy import UNDEFINED
from observatudo.classify.verdicts import Verdict

if TYPE_CHECKING:
    from observatudo.journal import Json

_DIGITS = 4


def figures(verdicts: Sequence[Verdict], rows: Sequence[Row], panel: Panel, axes: int) -> dict[str, Json]:
    """Return what the metrics of the stage say beyond counts of labels.

    ``coverage`` is the share of indicators with an axis; ``entropy`` (bits) and ``evenness`` (0 to 1) tell how labels
    are spread over the axes; ``agreement`` has Cohen's kappa per pair of classifiers, Fleiss' over the items that all
    of them labelled and Krippendorff's alpha over all; ``right`` compares each classifier with sources and people;
    ``flips`` counts changes of models' answers by cause; ``models`` has one entry per model. What is undefined is left
    out.
    """
    by_axis = Counter(verdict.label.eixo for verdict in verdicts if verdict.label.eixo != UNDEFINED)
    found: dict[str, Json] = {
        "coverage": _share(sum(by_axis.values()), len(verdicts)),
        "entropy": agreement.entropy(by_axis.values()),
        "evenness": agreement.evenness(by_axis.values(), axes - 1),
        "agreement": _agreement(rows, verdicts),
        "right": _right(rows),
    }
    if panel.subjects:
        found["waiting"] = sum(bool(verdict.waits_for) for verdict in verdicts)
        found["flips"] = _flips(verdicts, panel)
        found["models"] = {own.name: _model(own.name, verdicts, panel) for own in panel.subjects}
    return {name: value for name, value in found.items() if value is not None and value != {}}


def _agreement(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> dict[str, Json]:
    order = {verdict.indicator.id_indicador: number for number, verdict in enumerate(verdicts)}
    raters: dict[str, list[str | None]] = {}
    for row in rows:
        raters.setdefault(row.classificador, [None] * len(order))[order[row.id_indicador]] = row.eixo
    machines = {name: own for name, own in sorted(raters.items()) if name not in DECIDED}
    every = [machines[name] for name in machines]
    kappas = {f"{a}/{b}": agreement.cohen(machines[a], machines[b]) for a, b in combinations(machines, 2)}
    found: dict[str, float | None] = {
        **kappas, "fleiss": agreement.fleiss(every), "alpha": agreement.krippendorff_alpha(every),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _right(rows: Sequence[Row]) -> dict[str, Json]:
    """Return per classifier how many labels of sources and people it was compared with, and the share it had right."""
    known = {row.id_indicador: row.eixo for row in sorted(rows, key=lambda row: row.classificador == SOURCE)
             if row.classificador in DECIDED}  # fmt: skip
    counted: dict[str, list[bool]] = {}
    for row in rows:
        if row.classificador not in DECIDED and row.id_indicador in known and row.eixo is not None:
            counted.setdefault(row.classificador, []).append(row.eixo == known[row.id_indicador])
    return {name: {"compared": len(own), "share": _share(sum(own), len(own))} for name, own in sorted(counted.items())}


def _flips(verdicts: Sequence[Verdict], panel: Panel) -> dict[str, Json]:
    """Count changes of answers: within a series (noise), and from a series to the one that follows it (by cause)."""
    counted = Counter(dict.fromkeys(("input", "taxonomy", "prompt", "model", "noise"), 0))
    for key in {own.serie for verdict in verdicts for own in verdict.said}:
        axes = [own.reply.eixo for own in panel.answers.whole(key) if own.reply.status == "ok"]
        counted["noise"] += sum(a != b for a, b in pairwise(axes))
    for own in (own for verdict in verdicts for own in verdict.said if own.before):
        if own.before and own.convergence.label and own.before.label != own.convergence.label:
            counted[own.before.cause] += 1
    return dict(counted)


def _model(name: str, verdicts: Sequence[Verdict], panel: Panel) -> dict[str, Json]:
    said = [own for verdict in verdicts for own in verdict.said if own.subject.name == name]
    series = {own.serie: panel.answers.whole(own.serie) for own in said}
    current = [own for observations in series.values() for own in observations]
    answered = [own for own in current if own.reply.status != "erro"]
    found: dict[str, Json] = {
        "answered": sum(not own.waits for own in said),
        "waiting": sum(own.waits for own in said),
        "answers": len(answered),
        "errors": len(current) - len(answered),
        "invalid_rate": _share(sum(own.reply.status == "invalida" for own in answered), len(answered)),
        "states": {**states(verdicts).get(name, {})},
        "rounds": _rounds(series.values()),
        **_spent(name, panel.answers),
    }
    return {key: value for key, value in found.items() if value is not None and value != {}}


def states(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """Return model → state → indicators."""
    counted: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        for own in verdict.said:
            counted.setdefault(own.subject.name, Counter())[own.convergence.state] += 1
    return {name: dict(sorted(own.items())) for name, own in sorted(counted.items())}


def _rounds(series: Iterable[Sequence[Observation]]) -> dict[str, Json]:
    """Return how far a model agrees with itself: the first, second, … answers to each text as raters."""
    asked = [[own.reply.eixo for own in observations if own.reply.status == "ok"] for observations in series]
    repeated = [own for own in asked if len(own) > 1]
    most = max(map(len, repeated), default=0)
    rounds = [[own[number] if number < len(own) else None for own in repeated] for number in range(most)]
    found = {
        "texts": len(repeated),
        "fleiss": agreement.fleiss(rounds[:2]) if repeated else None,
        "alpha": agreement.krippendorff_alpha(rounds) if repeated else None,
    }
    return {key: value for key, value in found.items() if value is not None} if repeated else {}


def _spent(name: str, stored: Answers) -> dict[str, Json]:
    """Return what a model has cost in all executions, whatever they were for."""
    found = spent([own for own in stored.all() if own.execution.provedor == name])
    return {
        "calls": found.calls,
        "tokens": found.tokens_in + found.tokens_out,
        "cost": found.cost,
        "latency_median_s": found.latency_median_s,
        "latency_p95_s": found.latency_p95_s,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DIGITS) if whole else None
