"""How good labels of texts the classifier has not met are; `python -m tests.bench.bench_classifier` prints the tables.

The bounds are some points below the published figures: they are to catch a change for the worse.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo import config
from observatudo.classify import calibration, examples
from observatudo.classify.labels import Classifier, Indicator
from observatudo.classify.taxonomy import UNDEFINED, load_taxonomy
from tests.bench import bench_classifier as bench


@pytest.fixture(scope="module")
def classifier(root: Path) -> Classifier:
    taxonomy = load_taxonomy(root)
    return Classifier(taxonomy, examples.read(root, taxonomy))


def test_held_back_tables(classifier: Classifier) -> None:
    quality = classifier.held_back(0.0)
    assert quality
    assert quality.strict >= 0.77
    assert quality.acceptable >= 0.84
    sure = classifier.held_back(0.8)
    assert sure
    assert sure.answered >= 0.55
    assert sure.strict_answered >= 0.90


def test_a_confidence_means_what_it_says(classifier: Classifier, root: Path) -> None:
    tried = calibration.answers(classifier.trials, load_taxonomy(root).keys, classifier.sharpness)
    for line in bench.reliability(tried):
        if line.texts >= 80:  # a share of so few texts is itself uncertain by a tenth
            assert abs(line.said - line.right) <= 0.17, line
    assert bench.calibration_error(tried) <= 0.05


# made up, and in no table
@pytest.mark.parametrize("name", ["Plutivox", "kzzzt", "Marmelada azul", "Bromélio tranquinato", "Vertibulânea"])
def test_words_without_a_meaning_get_no_axis(classifier: Classifier, root: Path, name: str) -> None:
    threshold = config.load_params(root).classify.threshold
    assert classifier.label(Indicator("x", name), max(threshold, bench.THRESHOLD)).eixo == UNDEFINED


@pytest.mark.skipif(not bench.LABELLED.is_file(), reason="the labelled indicators are not on this machine")
def test_indicators_of_two_sources_that_are_no_part_of_the_repository(classifier: Classifier) -> None:
    groups = bench.foreign(classifier)
    assert len(groups) == 2
    for group, tried in groups.items():
        quality = calibration.quality(tried, 0.0)
        assert quality.strict >= 0.85, group
        assert quality.acceptable >= 0.94, group
