"""The tamper drill: every mutation is located, and no clean state is complained of.

A seeded few of each in the default run; ``-m drill`` runs a thousand of each and prints the score beside stock DVC's.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from observatudo.audit.verify.report import Report
from observatudo.audit.verify.run import Asked, verify
from tests.conftest import once
from tests.tamper import repository, states, stock
from tests.tamper.mutations import MUTATIONS, Trial

FEW, FEW_CLEAN, MANY, STOCK = 40, 20, 1000, 60
SEED = 20261123


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the repository that every trial copies."""
    return once(tmp_path_factory, "tamper", repository.build)


@pytest.fixture(scope="module")
def quick(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The states that take at most one run to make."""
    return once(tmp_path_factory, "tamper-quick", lambda folder: states.make(base, folder, states.QUICK))


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the states that take runs to make."""
    return once(tmp_path_factory, "tamper-states", lambda folder: states.make(base, folder, list(states.MADE)))


def _trials(count: int, *, offset: int = 0) -> Iterator[tuple[str, int]]:
    """Give (mutation, seed), every mutation as often as any other."""
    names = sorted(MUTATIONS)
    random.Random(SEED).shuffle(names)
    for number in range(offset, offset + count):
        yield names[number % len(names)], SEED + number


def _locate(base: Path, place: Path, name: str, seed: int) -> str:
    """Mutate a copy and verify it; return what verify got wrong."""
    small = repository.copy(base, place)
    expected = MUTATIONS[name](Trial(small, random.Random(seed)))
    report = verify(small.root, Asked(deep=True, whole=True))
    return expected.judge(report)


def _complaints(report: Report) -> str:
    bad = [*report.of("tampered"), *report.of("missing")]
    return "" if not bad and report.exit_code == 0 else str(bad)


def _clean(made: Path, place: Path, names: Sequence[str], seed: int) -> tuple[str, str]:
    """Bring a state about and verify it, in one of three ways; return what it was and what was complained of."""
    chance = random.Random(seed)
    name, happened = states.draw(chance, names)
    small = states.bring_about(made, place, name, happened, chance)
    asked = chance.choice([Asked(), Asked(deep=True), Asked(deep=True, whole=True)])
    return f"{name}; {happened}; {asked}", _complaints(verify(small.root, asked))


def test_a_few_mutations_are_located(base: Path, tmp_path: Path) -> None:
    wrong = {trial: _locate(base, tmp_path / "trial", *trial) for trial in _trials(FEW)}
    assert not {trial: why for trial, why in wrong.items() if why}


def test_a_few_clean_states_are_left_alone(quick: Path, tmp_path: Path) -> None:
    found = [_clean(quick, tmp_path / "trial", states.QUICK, SEED + number) for number in range(FEW_CLEAN)]
    assert not [(state, why) for state, why in found if why]


@pytest.mark.drill
def test_a_thousand_mutations(base: Path, tmp_path: Path) -> None:
    """All are located; what stock DVC says of a seeded part of them is printed beside."""
    trials = list(_trials(int(os.environ.get("OBSERVATUDO_DRILL", MANY))))
    started, wrong, score = time.monotonic(), {}, Counter[str]()
    for name, seed in trials:
        why = _locate(base, tmp_path / "trial", name, seed)
        if why:
            wrong[name, seed] = why
        score[name.split(":")[0]] += not why
    total = Counter(name.split(":")[0] for name, _seed in trials)
    print(f"\n{len(trials) - len(wrong)} of {len(trials)} located in {time.monotonic() - started:.0f} s")
    noticed = stock.score(base, tmp_path / "stock", list(_trials(STOCK)))
    print(stock.table(score, total, noticed))
    assert not wrong, "\n".join(f"{trial}: {why}" for trial, why in wrong.items())


@pytest.mark.drill
def test_a_thousand_clean_states(made: Path, tmp_path: Path) -> None:
    count = int(os.environ.get("OBSERVATUDO_DRILL", MANY))
    found = [_clean(made, tmp_path / "trial", list(states.MADE), SEED + number) for number in range(count)]
    wrong = [(state, why) for state, why in found if why]
    print(f"\n{len(wrong)} of {count} clean states complained of; {len({state for state, _why in found})} kinds")
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.drill
@pytest.mark.parametrize(
    "name",
    [
        "cache: edit",
        "output: edit",
        "lock: edit a hash",
        "record: edit a byte",
        "record, committed: edit a value",
        "snapshot: edit",
        "warehouse: edit",
        "metrics: edit",
        "remote: edit",
    ],
)
@pytest.mark.parametrize("remote", [True, False])
def test_the_command_that_a_finding_names_mends_it(base: Path, tmp_path: Path, name: str, remote: bool) -> None:
    if name.startswith("remote") and not remote:
        pytest.skip("there is none")
    small = repository.copy(base, tmp_path / "trial")
    if not remote:
        (small.root / ".dvc/config").write_text("[core]\n    analytics = false\n")
        small.commit("no remote")
    MUTATIONS[name](Trial(small, random.Random(SEED)))
    (finding, *_more) = verify(small.root, Asked(deep=True)).of("tampered")
    small.run("sh", "-c", finding.next_step.replace("git commit", "git commit -q -m mended"))
    assert _complaints(verify(small.root, Asked(deep=True))) == ""
