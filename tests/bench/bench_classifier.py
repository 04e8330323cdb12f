"""How good the embedded classifier is, how far its confidence can be trusted, and what it costs.

    python -m tests.bench.bench_classifier

Tables of ``configs/rotulos`` are held back one at a time. Where the labelled indicators that are no part of
the repository are on this machine, they are measured too: with all that ships, and with a classifier that can
know nothing of them. Rules were mended on them, so it has none; examples much like one of them are left out.
"""

from __future__ import annotations

import csv
import math
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from observatudo.classify import calibration, examples
from observatudo.classify.calibration import Answer
from observatudo.classify.encoder import Encoder
from observatudo.classify.examples import Example
from observatudo.classify.labels import Classifier, Indicator
from observatudo.classify.rules import Rulebook
from observatudo.classify.taxonomy import UNDEFINED, Taxonomy, load_taxonomy
from tests.conftest import ROOT

LABELLED = ROOT.parent / "shared/real/labels/indicadores_eixo_dev.csv"
THRESHOLD = 0.4
THRESHOLDS = (0.0, 0.3, THRESHOLD, 0.5, 0.6, 0.7, 0.8, 0.9)
ALIKE = 0.7
MANY = 10_000


@dataclass(frozen=True)
class Bin:
    """Texts whose confidence lies in one tenth: how many, mean confidence, share that is right."""

    low: float
    texts: int
    said: float
    right: float


def reliability(tried: Sequence[Answer]) -> list[Bin]:
    """Return the tenths of confidence that have any text."""
    found = []
    for tenth in range(10):
        inside = [answer for answer in tried if min(int(answer.confidence * 10), 9) == tenth]
        if inside:
            said = math.fsum(answer.confidence for answer in inside) / len(inside)
            found.append(Bin(tenth / 10, len(inside), said, sum(a.strict for a in inside) / len(inside)))
    return found


def calibration_error(tried: Sequence[Answer]) -> float:
    """Return the mean distance of confidence and share right, over the tenths, weighted by their texts."""
    return math.fsum(abs(line.said - line.right) * line.texts for line in reliability(tried)) / len(tried)


def interval(right: int, texts: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson)."""
    z, share = 1.96, right / texts
    middle = share + z * z / (2 * texts)
    half = z * math.sqrt(share * (1 - share) / texts + z * z / (4 * texts * texts))
    return (middle - half) / (1 + z * z / texts), (middle + half) / (1 + z * z / texts)


def labelled() -> list[Example]:
    """Return the labelled indicators that are no part of the repository; their group is the source."""
    with LABELLED.open(encoding="utf-8", newline="") as file:
        return [
            Example(row["nome"], row["descricao"], row["eixo"], tuple(row["eixo_alt"].split(";")), row["grupo"])
            for row in csv.DictReader(file)
        ]


def foreign(classifier: Classifier) -> dict[str, list[Answer]]:
    """Return what the classifier says of the labelled indicators, by group."""
    found: dict[str, list[Answer]] = {}
    for example in labelled():
        label = classifier.label(Indicator("x", example.nome, example.descricao), 0.0)
        strict = label.eixo == example.eixo
        answer = Answer(label.eixo, label.confianca, strict, strict or label.eixo in example.alternatives)
        found.setdefault(example.source, []).append(answer)
    return found


def unlike(known: Sequence[Example], encoder: Encoder) -> list[Example]:
    """Return the examples whose meaning is nowhere near that of a labelled indicator."""
    others = labelled()
    of_known = encoder.vectors([(example.nome, example.descricao) for example in known])
    of_others = encoder.vectors([(example.nome, example.descricao) for example in others])
    nearest = (of_known @ of_others.T).max(axis=1) / 2  # the vectors' length is √2
    return [example for example, cosine in zip(known, nearest.tolist(), strict=True) if cosine < ALIKE]


def rules_alone(known: Iterable[Example], taxonomy: Taxonomy) -> list[Answer]:
    """Return what the words of the taxonomy alone say; without a point nothing is said."""
    rules, found = Rulebook(taxonomy), []
    for example in known:
        points = rules.points(example.nome, example.descricao)
        axis = taxonomy.keys[points.index(max(points))] if max(points) else UNDEFINED
        strict = axis == example.eixo
        found.append(Answer(axis, 1.0, strict, strict or axis in example.alternatives))
    return found


def line(name: str, tried: Sequence[Answer]) -> str:
    """Return one row of a table of qualities, without a threshold."""
    strict, accepted = (sum(getattr(a, kind) for a in tried) for kind in ("strict", "acceptable"))
    low, high = interval(strict, len(tried))
    low2, high2 = interval(accepted, len(tried))
    return (
        f"| {name} | {len(tried)} | {strict / len(tried):.1%} ({low:.0%}–{high:.0%}) "
        f"| {accepted / len(tried):.1%} ({low2:.0%}–{high2:.0%}) |"
    )


def show_tables(groups: Mapping[str, Sequence[Answer]], title: str) -> None:
    print(f"\n| {title} | texts | strict | acceptable axes too |\n|---|---|---|---|")
    for name, tried in groups.items():
        print(line(name, tried))
    print(line("all", [answer for tried in groups.values() for answer in tried]))


def show_thresholds(tried: Sequence[Answer]) -> None:
    print("\n| threshold | strict | acceptable axes too | given an axis | strict among those |\n|---|---|---|---|---|")
    for threshold in THRESHOLDS:
        found = calibration.quality(tried, threshold)
        shares = (found.strict, found.acceptable, found.answered, found.strict_answered)
        print(f"| {threshold} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")


def show_reliability(tried: Sequence[Answer]) -> None:
    print("\n| confidence | texts | mean confidence | right |\n|---|---|---|---|")
    for row in reliability(tried):
        print(f"| {row.low:.1f}–{row.low + 0.1:.1f} | {row.texts} | {row.said:.0%} | {row.right:.0%} |")
    print(f"\nmean distance: {calibration_error(tried):.1%}")


def show_axes(tried: Sequence[Answer], known: Sequence[Example], taxonomy: Taxonomy) -> None:
    print("\n| axis | texts | recall | precision |\n|---|---|---|---|")
    for axis in taxonomy.keys:
        true = [answer for answer, example in zip(tried, known, strict=True) if example.eixo == axis]
        said = [answer for answer in tried if answer.axis == axis]
        recall = sum(answer.strict for answer in true) / len(true)
        precision = sum(answer.strict for answer in said) / len(said)
        print(f"| {axis} | {len(true)} | {recall:.0%} | {precision:.0%} |")


def show_cost(classifier: Classifier, known: Sequence[Example]) -> None:
    start = time.process_time()
    for number in range(MANY):
        example = known[number % len(known)]
        classifier.label(Indicator("x", f"{example.nome} {number}", example.descricao), THRESHOLD)
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{MANY} texts: {seconds:.0f} s of CPU ({seconds / MANY * 1000:.1f} ms each), peak memory {memory:.0f} MB")


def main() -> None:
    taxonomy = load_taxonomy(ROOT)
    known = examples.read(ROOT, taxonomy)
    encoder = Encoder()
    start = time.process_time()
    classifier = Classifier(taxonomy, known, encoder)
    tried = calibration.answers(classifier.trials, taxonomy.keys, classifier.sharpness)
    print(f"fit on {len(known)} texts: {time.process_time() - start:.1f} s of CPU; sharpness {classifier.sharpness}")
    held = [trial.example for trial in classifier.trials]
    sources = dict.fromkeys(example.source for example in held)
    groups = {name: [a for a, e in zip(tried, held, strict=True) if e.source == name] for name in sources}
    show_tables(groups, "table held back")
    show_tables({"rules alone": rules_alone(held, taxonomy)}, "the same texts")
    show_thresholds(tried)
    show_reliability(tried)
    show_axes(tried, held, taxonomy)
    if LABELLED.is_file():
        show_foreign(classifier, taxonomy, encoder)
    show_cost(classifier, known)


def show_foreign(classifier: Classifier, taxonomy: Taxonomy, encoder: Encoder) -> None:
    groups = foreign(classifier)
    show_tables(groups, "indicators outside the repository")
    show_thresholds([answer for tried in groups.values() for answer in tried])
    show_reliability([answer for tried in groups.values() for answer in tried])
    bare = taxonomy.model_copy(update={"axes": [axis.model_copy(update={"rules": []}) for axis in taxonomy.axes]})
    texts = examples.read(ROOT, bare)
    rest = unlike(texts, encoder)
    print(f"\nwithout rules, and without {len(texts) - len(rest)} examples of likeness {ALIKE} or more to one of them:")
    groups = foreign(Classifier(bare, rest, encoder))
    show_tables(groups, "indicators outside the repository")
    show_thresholds([answer for tried in groups.values() for answer in tried])
    show_reliability([answer for tried in groups.values() for answer in tried])


if __name__ == "__main__":
    main()
