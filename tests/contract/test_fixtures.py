"""Every fixture of a dataset gives what it gave when it was made: onboarding adds a test without writing code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from observatudo import config
from observatudo.onboard import fixture, scratch

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures"
KEYS = sorted(path.parent.relative_to(FIXTURES).as_posix() for path in FIXTURES.glob(f"*/*/{fixture.EXPECTED}"))


@pytest.fixture(scope="module")
def here() -> Iterator[Path]:
    with scratch.scratch(ROOT) as made:
        yield made


@pytest.mark.parametrize("key", KEYS)
def test_a_fixture_gives_what_it_gave(key: str, here: Path) -> None:
    if key not in config.declared(ROOT):
        pytest.skip("taken off the list")
    expected = json.loads((FIXTURES / key / fixture.EXPECTED).read_text(encoding="utf-8"))
    assert fixture.result(here, key, FIXTURES / key) == expected
