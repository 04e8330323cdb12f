"""Whoever may say which axis an indicator belongs to: its source, a person, rules, examples, and any declared model.

They are one protocol, so that evidence, figures and screens need not know who they are. What a model says here is
what it answered when it was asked (``observatudo ask``); a voice never reaches the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from observatudo.classify.labels import Classifier
from observatudo.classify.names import EMBEDDED, FIXED, PERSON, RULES, SOURCE
from observatudo.classify.panel import Panel, Said
from observatudo.classify.rules import leader
from observatudo.classify.taxonomy import Taxonomy
from observatudo.classify.verdicts import Verdict

if TYPE_CHECKING:
    from observatudo.journal import Json

_LARGEST = 3  # axes of a distribution that are kept
_SHARE = 4  # decimals


@dataclass(frozen=True)
class Opinion:
    """What one voice says of one indicator: an axis (None: silent), how sure (0 to 1, or None), and why.

    ``said`` is a model's series of answers with its state; ``state`` stands in its place where an axis is fixed.
    """

    axis: str | None
    confidence: float | None
    detail: dict[str, Json]
    state: str | None = None
    said: Said | None = None


class Voice(Protocol):
    """One that may have a say. Where ``is_deterministic``, it says the same each time: repetition is no evidence."""

    @property
    def name(self) -> str:
        """What it is called in the evidence."""

    @property
    def is_deterministic(self) -> bool: ...

    def opinion(self, verdict: Verdict) -> Opinion | None:
        """Return what it says of an indicator; None where it has no say."""


@dataclass(frozen=True)
class Source:
    """The axis that its own source gives an indicator, where the taxonomy knows it."""

    taxonomy: Taxonomy
    name: ClassVar[str] = SOURCE
    is_deterministic: ClassVar[bool] = True

    def opinion(self, verdict: Verdict) -> Opinion | None:
        given = verdict.indicator.eixo_fonte
        axis = self.taxonomy.find(given or "")
        return Opinion(axis, 1.0, {"eixo_fonte": given}, FIXED) if axis is not None else None


@dataclass(frozen=True)
class Person:
    """What people decided, with who, when and why."""

    name: ClassVar[str] = PERSON
    is_deterministic: ClassVar[bool] = True

    def opinion(self, verdict: Verdict) -> Opinion | None:
        own = verdict.decision
        if own is None:
            return None
        return Opinion(own.eixo, 1.0, {"autor": own.autor, "data": own.data, "justificativa": own.justificativa}, FIXED)


@dataclass(frozen=True)
class Rules:
    """The words of the taxonomy alone: silent where none leads by as much as makes a label's origin ``regra``."""

    classifier: Classifier
    taxonomy: Taxonomy
    name: ClassVar[str] = RULES
    is_deterministic: ClassVar[bool] = True

    def opinion(self, verdict: Verdict) -> Opinion | None:
        points, keys = verdict.judgement.points, self.taxonomy.keys
        detail: dict[str, Json] = {
            "pontos": {key: value for key, value in zip(keys, points, strict=True) if value > 0},
            "termos": [
                {
                    "termo": hit.term,
                    "eixo": keys[hit.axis],
                    "peso": hit.points,
                    "onde": "nome" if hit.in_name else "descricao",
                }
                for hit in self.classifier.hits(verdict.indicator)
            ],
        }
        first = leader(points)
        return Opinion(None if first is None else keys[first], None, detail)


@dataclass(frozen=True)
class Embedded:
    """Rules and labelled examples together, over the embedded encoder.

    It learns from what people decide: of those indicators it says nothing, as to agree with them were no evidence.
    """

    taxonomy: Taxonomy
    name: ClassVar[str] = EMBEDDED
    is_deterministic: ClassVar[bool] = True

    def opinion(self, verdict: Verdict) -> Opinion | None:
        if verdict.decision is not None:
            return None
        judged, keys = verdict.judgement, self.taxonomy.keys
        shares = judged.distribution or []
        largest = sorted(range(len(shares)), key=lambda index: (-round(shares[index], _SHARE), index))[:_LARGEST]
        detail: dict[str, Json] = {
            "distribuicao": {keys[index]: round(shares[index], _SHARE) for index in largest},
            "exemplos": [
                {
                    "nome": near.example.nome,
                    "eixo": near.example.eixo,
                    "tabela": near.example.source,
                    "semelhanca": near.likeness,
                }
                for near in judged.near
            ],
        }
        return Opinion(verdict.embedded, judged.confidence, detail)


@dataclass(frozen=True)
class Model:
    """A language model, by its stored answers."""

    name: str
    is_deterministic: ClassVar[bool] = False

    def opinion(self, verdict: Verdict) -> Opinion | None:
        said = next((own for own in verdict.said if own.subject.name == self.name), None)
        if said is None:
            return None
        found, model, before = said.convergence, said.subject.provider, said.before
        detail: dict[str, Json] = {
            "modelo": model.model,
            "digest": model.digest,
            "prompt": said.subject.prompt.name,
            "prompt_hash": said.subject.prompt.hash,
            "parametros": model.parameters_text,
            "respostas": {axis: round(share, _SHARE) for axis, share in found.shares.items()},
            "anterior": None
            if before is None
            else {"serie": before.serie, "eixo": before.label, "causa": before.cause},
        }
        return Opinion(found.label, said.confidence, detail, found.state, said)


def voices(classifier: Classifier, taxonomy: Taxonomy, panel: Panel) -> Sequence[Voice]:
    """Return everyone who may have a say, the models by name."""
    models = [Model(subject.name) for subject in panel.subjects]
    return [Source(taxonomy), Person(), Rules(classifier, taxonomy), Embedded(taxonomy), *models]
