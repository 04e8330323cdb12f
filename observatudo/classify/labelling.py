"""The stage's work: catalogues, decisions, examples and stored answers → labels, evidence, figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from observatudo import config, paths
from observatudo.classify import catalogue, evidence, examples, labels, measures, overrides, panel, verdicts, voices
from observatudo.classify.names import EMBEDDED
from observatudo.classify.panel import Panel, Said
from observatudo.classify.taxonomy import UNDEFINED, load_taxonomy
from observatudo.classify.verdicts import Verdict
from observatudo.i18n import _

if TYPE_CHECKING:
    import pyarrow as pa

    from observatudo.journal import Json


@dataclass(frozen=True)
class Result:
    """What the stage writes (two tables, figures), shows (``warnings``) and logs (``events``)."""

    labels: pa.Table
    evidence: pa.Table
    figures: dict[str, Json]
    warnings: list[str]
    events: list[dict[str, Json]]


def label_all(root: Path, progress: labels.Progress | None = None) -> Result:
    """Label the indicators of all declared datasets of the repository at ``root``.

    Raises DataError and ConfigError as what it reads does: catalogues, taxonomy, examples, human decisions, models,
    prompts, answers.
    """
    taxonomy, params = load_taxonomy(root), config.load_params(root).classify
    decided = overrides.decisions(root / paths.OVERRIDES, taxonomy)
    axes = {name: own.eixo for name, own in decided.items()}
    indicators = catalogue.read_indicators(root)
    models = panel.load(root, params, taxonomy)
    known = labels.learnt(examples.read(root, taxonomy), indicators, axes)
    classifier = labels.Classifier(taxonomy, known)
    found = verdicts.reach(indicators, classifier, taxonomy, decided, models, params.threshold, progress)
    given = [verdict.label for verdict in found]
    rows = evidence.rows(found, voices.voices(classifier, taxonomy, models))
    figures = catalogue.metrics(given, taxonomy, classifier.held_back(params.threshold))
    return Result(
        labels=catalogue.to_table(given, taxonomy, classifier.version),
        evidence=evidence.to_table(rows),
        figures={**figures, **measures.figures(found, rows, models, len(taxonomy.keys))},
        warnings=[*catalogue.warnings(indicators, given, taxonomy, axes), *_of_models(found, models)],
        events=[_classifiers(classifier, models), *(event for verdict in found for event in _events(verdict))],
    )


def write(root: Path, result: Result) -> None:
    """Write the tables and the figures where they belong."""
    from observatudo import parquet

    parquet.write(result.labels, root / paths.LABELS)
    parquet.write(result.evidence, root / paths.EVIDENCE)
    target = root / paths.METRICS / "classify.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"classify": result.figures}, ensure_ascii=False, indent=2)
    target.write_text(content + "\n", encoding="utf-8")


def _of_models(found: Sequence[Verdict], models: Panel) -> Iterator[str]:
    for name in models.answers.cut:
        yield _("{file}: its last line was cut off by a kill and is left out").format(file=name)
    waiting = sum(bool(verdict.waits_for) for verdict in found)
    if waiting:
        yield _("{count} indicators wait for answers of a model: observatudo ask").format(count=waiting)
    states = measures.states(found)
    for name, own in states.items():
        for state in ("OSCILANTE", "INVALIDO"):
            if own.get(state):
                text = _("{model}: {count} indicators are {state}: observatudo review")
                yield text.format(model=name, count=own[state], state=state)


def _classifiers(classifier: labels.Classifier, models: Panel) -> dict[str, Json]:
    """Return what the labels were made with: the embedded classifier's version, and what each model's key holds."""
    own: list[Json] = [
        {
            "name": subject.name,
            "model": subject.provider.model,
            "digest": subject.provider.digest,
            "prompt": subject.prompt.hash,
            "parameters": subject.provider.parameters_text,
        }
        for subject in models.subjects
    ]
    return {"kind": "classifiers", "classifier": classifier.version, "models": own}


def _events(verdict: Verdict) -> Iterator[dict[str, Json]]:
    """Give what the log keeps: who disagrees with the label, how answers changed, which series follow another."""
    name, label = verdict.indicator.id_indicador, verdict.label.eixo
    for own in verdict.said:
        about: dict[str, Json] = {"indicator": name, "classifier": own.model, "series": own.serie}
        for event in own.convergence.events:
            kind = {"oscilacao": "oscillation", "regressao": "regression"}[event.kind]
            yield {"kind": kind, **about, "from": event.de, "to": event.para, "execution": event.execucao}
        if own.before and own.convergence.label:
            yield {"kind": "successor", **about, **_succession(own)}
        if own.convergence.label and own.convergence.label != label:
            yield {"kind": "divergence", **about, "from": label, "to": own.convergence.label}
    said = verdict.embedded
    if verdict.said and said not in (None, label, UNDEFINED):
        yield {"kind": "divergence", "indicator": name, "classifier": EMBEDDED, "from": label, "to": said}


def _succession(own: Said) -> dict[str, Json]:
    if own.before is None:
        return {}
    return {
        "follows": own.before.serie,
        "cause": own.before.cause,
        "from": own.before.label,
        "to": own.convergence.label,
    }
