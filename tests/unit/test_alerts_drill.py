"""How many faults alerts see and how often they cry wolf: thresholds fixed on one set of seeds, judged on another."""

from __future__ import annotations

import pytest

from observatudo.alerts.settings import read
from tests.alerting import KINDS, measure
from tests.conftest import ROOT

FIXED_ON, JUDGED_ON = 0, 10_000


def judged(faults: int, histories: int) -> None:
    rules = read(ROOT)
    for name, first in (("fixed on", FIXED_ON), ("judged on", JUDGED_ON)):
        found = measure(first, faults, histories, rules)
        print(f"{name} seeds from {first}: {found}; missed: {list(found.missed)}; alarms: {list(found.false_alarms)}")
        assert found.recall >= 0.95, found.missed
        assert found.per_50 <= 1, found.false_alarms


def test_a_fault_of_each_kind_is_seen_and_clean_runs_are_quiet() -> None:
    judged(len(KINDS), 2)


@pytest.mark.drill
def test_a_hundred_faults_and_a_thousand_clean_runs() -> None:
    judged(100, 20)
