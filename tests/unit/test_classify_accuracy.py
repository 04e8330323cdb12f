"""Accuracy on indicators labelled by a person, with all rules, with some left out at random, and with none.

    python -m pytest tests/unit/test_classify_accuracy.py -rP

prints the figures of docs/classification.md. Left-out rules stand for words the taxonomy has not met.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from observatudo.classify.encoder import Encoder
from observatudo.classify.labels import Classifier, Indicator, Label
from observatudo.classify.taxonomy import Axis, Taxonomy, load_taxonomy

LABELLED = Path(__file__).parents[3] / "shared/real/labels/indicadores_eixo_dev.csv"
TRIALS = 5

pytestmark = pytest.mark.skipif(not LABELLED.is_file(), reason="the labelled indicators are not on this machine")


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, str]]:
    with LABELLED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def taxonomy(root: Path) -> Taxonomy:
    return load_taxonomy(root)


@pytest.fixture(scope="module")
def encoder(taxonomy: Taxonomy) -> Encoder:
    return Encoder(taxonomy)


def _thinned(taxonomy: Taxonomy, kept: float, seed: int) -> Taxonomy:
    """Return the taxonomy with every rule kept with the probability ``kept``."""
    chance = random.Random(seed)

    def thin(axis: Axis) -> Axis:
        rules = [
            group.model_copy(update={"terms": [term for term in group.terms if chance.random() < kept]})
            for group in axis.rules
        ]
        return axis.model_copy(update={"rules": rules})

    return taxonomy.model_copy(update={"axes": [thin(axis) for axis in taxonomy.axes]})


def _labels(labelled: list[dict[str, str]], classifier: Classifier, threshold: float) -> list[Label]:
    rows = (Indicator(row["indicador_id"], row["nome"], row["descricao"]) for row in labelled)
    return [classifier.label(row, threshold) for row in rows]


def _right(labelled: list[dict[str, str]], labels: list[Label]) -> list[bool]:
    return [label.eixo == row["eixo"] for row, label in zip(labelled, labels, strict=True)]


def _mean(values: list[bool]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.3, 0.4, 0.5])
def test_with_all_rules(labelled: list[dict[str, str]], taxonomy: Taxonomy, encoder: Encoder, threshold: float) -> None:
    labels = _labels(labelled, Classifier(taxonomy, encoder), threshold)
    right = _right(labelled, labels)
    accepted = [
        label.eixo in [row["eixo"], *row["eixo_alt"].split(";")] for row, label in zip(labelled, labels, strict=True)
    ]
    decided = [ok for ok, label in zip(right, labels, strict=True) if label.eixo != "Indefinido"]
    groups = {
        group: _mean([ok for ok, row in zip(right, labelled, strict=True) if row["grupo"] == group])
        for group in sorted({row["grupo"] for row in labelled})
    }
    print(
        f"threshold {threshold}: strict {_mean(right):.1%}, also accepted {_mean(accepted):.1%},",
        f"coverage {len(decided) / len(right):.1%}, strict where decided {_mean(decided):.1%},",
        ", ".join(f"{group} {share:.1%}" for group, share in groups.items()),
    )
    assert _mean(right) >= 0.88


@pytest.mark.parametrize(("kept", "least"), [(0.6, 0.78), (0.3, 0.68), (0.0, 0.60)])
def test_with_rules_left_out(
    labelled: list[dict[str, str]], taxonomy: Taxonomy, encoder: Encoder, kept: float, least: float
) -> None:
    right: list[bool] = []
    decided: list[bool] = []
    for seed in range(TRIALS if kept else 1):
        labels = _labels(labelled, Classifier(_thinned(taxonomy, kept, seed), encoder), 0.3)
        found = _right(labelled, labels)
        right += found
        decided += [ok for ok, label in zip(found, labels, strict=True) if label.eixo != "Indefinido"]
    print(
        f"{kept:.0%} of the rules: strict {_mean(right):.1%},",
        f"coverage {len(decided) / len(right):.1%}, strict where decided {_mean(decided):.1%}",
    )
    assert _mean(right) >= least
