"""The decision: source's axis, then a person's, then what rules, examples and models' answers agree on, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observatudo.classify.labels import Classifier, Indicator, Judgement, Label, Progress, fixed
from observatudo.classify.names import CONSENSUS, DECIDED, PROMPT_DIGITS
from observatudo.classify.overrides import Decision
from observatudo.classify.panel import Panel, Said
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy
from observatudo.classify.votes import pool

NEAREST = 3  # examples that are kept to explain a label


@dataclass(frozen=True)
class Verdict:
    """One indicator's label with everything that was said about it; ``decision`` is what a person decided.

    ``embedded`` is the axis that rules and examples give, whatever their confidence; None where they read no word, and
    where a person decided: they have learnt from that.
    """

    indicator: Indicator
    label: Label
    judgement: Judgement
    embedded: str | None
    said: tuple[Said, ...]
    decision: Decision | None

    @property
    def is_fixed(self) -> bool:
        """Say whether its source or a person decided."""
        return self.label.origem in DECIDED

    @property
    def waits_for(self) -> list[str]:
        """Return the models that have yet to answer."""
        return [own.subject.name for own in self.said if own.waits]


def reach(
    indicators: Sequence[Indicator],
    classifier: Classifier,
    taxonomy: Taxonomy,
    decided: Mapping[str, Decision],
    panel: Panel,
    threshold: float,
    progress: Progress | None = None,
) -> list[Verdict]:
    """Return one verdict per indicator, in the same order."""
    axes = {name: own.eixo for name, own in decided.items()}
    found = []
    for done, indicator in enumerate(indicators, start=1):
        label = fixed(indicator, taxonomy, axes)
        judged = classifier.judge(indicator, NEAREST)
        said = panel.said(indicator, is_fixed=label is not None)
        label = label or _agreed(indicator, classifier, judged, said, taxonomy, threshold)
        decision = decided.get(indicator.id_indicador)
        embedded = taxonomy.keys[judged.axis] if judged.distribution and decision is None else None
        found.append(Verdict(indicator, label, judged, embedded, tuple(said), decision))
        if progress:
            progress(done, len(indicators))
    return found


def _agreed(
    indicator: Indicator,
    classifier: Classifier,
    judged: Judgement,
    said: Sequence[Said],
    taxonomy: Taxonomy,
    threshold: float,
) -> Label:
    counting = [own for own in said if own.counts]
    if not counting:
        return classifier.labelled(indicator, judged, threshold)
    own = [judged.distribution] if judged.distribution else []  # a text without a word leaves it to the models
    index, confidence = pool([*own, *(one.distribution(taxonomy.keys) for one in counting)])
    return Label(
        indicator.id_indicador,
        taxonomy.keys[index] if confidence >= threshold else UNDEFINED,
        confidence,
        CONSENSUS,
        "+".join(one.model for one in counting),
        "+".join(sorted({one.subject.prompt.hash[:PROMPT_DIGITS] for one in counting})),
    )
