"""The decision: source's axis, then a person's, then rules, then the encoder, then Indefinido."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from observatudo.classify.encoder import Encoder
from observatudo.classify.rules import Rulebook
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy
from observatudo.classify.text import sentence

# A lead of this many points decides without the encoder having a say about the axis.
LEAD = 2.0
# Points that a cosine of 1 is worth; chosen by leaving rules out at random, see docs/classification.md.
ENCODER_WEIGHT = 15.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Indicator:
    """What is classified; ``eixo_fonte`` is the axis its source gives, if it gives one."""

    id_indicador: str
    nome: str
    descricao: str = ""
    eixo_fonte: str | None = None


@dataclass(frozen=True)
class Label:
    """The axis of one indicator. ``confianca`` is in [0, 1], four decimals; ``origem`` says what decided."""

    id_indicador: str
    eixo: str
    confianca: float
    origem: str


class Classifier:
    """Rules and encoder of one taxonomy; the encoder, if not given, is loaded when the first text needs it."""

    def __init__(self, taxonomy: Taxonomy, encoder: Encoder | None = None) -> None:
        self._taxonomy = taxonomy
        self._rules = Rulebook(taxonomy)
        self._encoder = encoder

    def label(self, indicator: Indicator, threshold: float) -> Label:
        """Classify one indicator by its words: by rules if they are sure, else by rules and encoder together.

        Below ``threshold`` the axis is Indefinido, with the confidence that did not suffice.
        """
        points = self._rules.points(indicator.nome, indicator.descricao)
        axis, confidence = self._best(points)
        if _lead(points) >= LEAD and confidence >= threshold:
            return Label(indicator.id_indicador, axis, confidence, "regra")
        text = sentence(indicator.nome, indicator.descricao)
        if not text:
            return Label(indicator.id_indicador, UNDEFINED, 0.0, "modelo")
        if self._encoder is None:
            self._encoder = Encoder(self._taxonomy)
        likeness = self._encoder.similarities(text)
        axis, confidence = self._best([p + ENCODER_WEIGHT * s for p, s in zip(points, likeness, strict=True)])
        return Label(indicator.id_indicador, axis if confidence >= threshold else UNDEFINED, confidence, "modelo")

    def _best(self, scores: Sequence[float]) -> tuple[str, float]:
        """Return the axis with the highest score and its share (softmax), to four decimals."""
        top = max(scores)
        total = math.fsum(math.exp(score - top) for score in scores)
        return self._taxonomy.keys[scores.index(top)], round(1 / total, 4)


def _lead(points: Sequence[float]) -> float:
    first, second = sorted(points, reverse=True)[:2]
    return first - second


def classify(
    indicators: Sequence[Indicator],
    taxonomy: Taxonomy,
    overrides: Mapping[str, str],
    threshold: float,
    progress: Progress | None = None,
) -> list[Label]:
    """Return one label per indicator, in the same order.

    ``overrides`` is indicator → axis, ``threshold`` the least confidence (0 to 1) for an axis.
    An ``eixo_fonte`` that is no axis is passed over; ``unknown_axes`` names those.
    """
    classifier = Classifier(taxonomy)
    labels = []
    for done, indicator in enumerate(indicators, start=1):
        labels.append(_decided(indicator, taxonomy, overrides) or classifier.label(indicator, threshold))
        if progress:
            progress(done, len(indicators))
    return labels


def _decided(indicator: Indicator, taxonomy: Taxonomy, overrides: Mapping[str, str]) -> Label | None:
    axis = taxonomy.find(indicator.eixo_fonte or "")
    if axis is not None:
        return Label(indicator.id_indicador, axis, 1.0, "fonte")
    if indicator.id_indicador in overrides:
        return Label(indicator.id_indicador, overrides[indicator.id_indicador], 1.0, "humano")
    return None


def unknown_axes(indicators: Iterable[Indicator], taxonomy: Taxonomy) -> list[Indicator]:
    """Return the indicators whose source names an axis that the taxonomy does not know."""
    return [i for i in indicators if (i.eixo_fonte or "").strip() and taxonomy.find(str(i.eixo_fonte)) is None]


def classify_texts(
    texts: Sequence[tuple[str, str]],
    taxonomy: Taxonomy,
    threshold: float,
    progress: Progress | None = None,
) -> list[Label]:
    """Return one label per (name, description), in the same order, by rules and encoder only."""
    indicators = [Indicator(str(n), name, text) for n, (name, text) in enumerate(texts)]
    return classify(indicators, taxonomy, {}, threshold, progress)
