"""The preview of a rollback is its effect: in random repositories, against pandas, Git and DVC themselves."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from observatudo.audit.rollback import apply
from observatudo.audit.rollback.model import Effect, Request, Scope
from observatudo.audit.rollback.plan import effect
from observatudo.errors import ObservatudoError
from tests.rollbacks import KEYS, Tiny, counts, git_diff, history

_LETTERS = {"added": "A", "removed": "D", "changed": "M"}


def test_the_preview_is_the_effect(tmp_path: Path) -> None:
    roll_back_and_forth(tmp_path, 1, 5)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(20))
def test_the_preview_is_the_effect_in_200_cases(tmp_path: Path, seed: int) -> None:
    roll_back_and_forth(tmp_path, 100 + seed, 10)


def roll_back_and_forth(root: Path, seed: int, cases: int) -> None:
    """Roll back so many times, with an effect each time, in one random repository."""
    tiny, commits = history(root / "tiny", seed, 6)
    chance = random.Random(seed)
    left = cases
    while left:
        request = a_request(chance, commits)
        try:
            found = effect(tiny.root, request)
        except ObservatudoError as error:
            assert request.dataset, error  # one dataset may not be in that version
            assert "has no dataset" in error.message
            continue
        if found.plan:
            check(tiny, found, chance)
            commits.append(tiny.git("rev-parse", "HEAD"))
            left -= 1


def a_request(chance: random.Random, commits: list[str]) -> Request:
    scopes: list[Scope] = ["all", "all", "all", "config", "data"]
    dataset = chance.choice(["", "", "a/um", "b/dois", "c/tres"])
    return Request(chance.choice(commits), chance.choice(scopes), dataset)


def check(tiny: Tiny, found: Effect, chance: random.Random) -> None:
    """Carry out a rollback and hold everything its preview said against what happened; then take it back."""
    record = f"audit/runs/2026/11/{chance.randint(0, 10**9)}.json"
    tiny.past.write(record, "{}\n")  # of a run that changed nothing Git sees
    found = effect(tiny.root, found.plan.request)
    assert found.plan.records == (record,)
    before, tables, start = tiny.state(), tiny.tables(), tiny.git("rev-parse", "HEAD")
    done = apply.carry_out(tiny.root, found, "a trial")
    assert tiny.git("rev-parse", "HEAD~1") == start
    assert tiny.git("status", "--porcelain") == ""
    assert {file.path: _LETTERS[file.change] for file in found.plan.files} == git_diff(tiny.root, start, "HEAD")
    assert rows_of(found) == rows_between(tables, tiny.tables())
    assert done.changed is not None
    assert set(done.changed) == {stage.stage for stage in found.plan.moved}
    wanted = {file.path: file.new for file in found.plan.held}
    assert {path: tiny.md5(path) if (tiny.root / path).exists() else None for path in wanted} == wanted
    if chance.random() < 0.5:
        take_back(tiny, start, before)


def take_back(tiny: Tiny, start: str, before: dict[str, bytes]) -> None:
    """Rolling back the rollback gives the very bytes there were before."""
    apply.carry_out(tiny.root, effect(tiny.root, Request(start)), "back")
    assert tiny.state() == before
    assert git_diff(tiny.root, start, "HEAD") == {}


def rows_of(found: Effect) -> dict[str, tuple[int, int, int]]:
    """Return what the preview says of rows, of the tables in which any change."""
    said = {name: (table.added, table.removed, table.changed) for name, table in found.tables.items()}
    assert not [name for name, numbers in said.items() if None in numbers]
    return {name: (a or 0, b or 0, c or 0) for name, (a, b, c) in said.items() if (a, b, c) != (0, 0, 0)}


def rows_between(before: dict[str, pd.DataFrame], after: dict[str, pd.DataFrame]) -> dict[str, tuple[int, int, int]]:
    found = {
        name: counts(before.get(name), after.get(name), KEYS[name.rpartition("/")[2]])
        for name in before.keys() | after.keys()
    }
    return {name: numbers for name, numbers in found.items() if numbers != (0, 0, 0)}
