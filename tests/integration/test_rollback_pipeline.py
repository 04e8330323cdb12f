"""The whole pipeline, a parameter tried out, and back again: marts, warehouse and status as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from observatudo import dvccache
from observatudo.warehouse import presence
from tests.conftest import run_in


def marts(root: Path) -> dict[str, str]:
    return {path.name: dvccache.md5(path) for path in (root / "data/marts").iterdir()}


def typed(root: Path, command: str) -> str:
    done = run_in(root, command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.drill
def test_a_change_is_taken_back_with_marts_and_warehouse(built: Path) -> None:
    first = marts(built)
    typed(built, "sed -i 's/first_year: 2015/first_year: 2016/' params.yaml && dvc repro && git add -A")
    typed(built, "git commit -q -m second")
    second = marts(built)
    assert first != second
    assert "dvc status is clean" in typed(built, "observatudo rollback HEAD~1 --yes -m 'too short'")
    assert marts(built) == first
    assert presence.is_current(built)
    assert json.loads(typed(built, "dvc status --json")) == {"record": ["always changed"]}
    assert json.loads(typed(built, "observatudo diff HEAD~2 HEAD --json"))["verdict"]["outcome"] == "same"
    typed(built, "observatudo rollback HEAD~1 --yes -m 'and forth'")
    assert marts(built) == second
    assert typed(built, "git diff --stat HEAD~2 HEAD -- . ':!audit'") == ""
