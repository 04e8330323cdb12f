"""An entry goes out of a YAML file, and every other character stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatudo.errors import ConfigError
from observatudo.yamlcut import without

TEXT = """\
# of the whole
datasets:
  a/um: {params: a.um} # first
  # of dois
  b/dois: {params: b.dois}

  c/tres:
    # inside tres
    params: c.tres
    # inside too

# of ds
ds:
  b:
    # numbers of dois
    dois: {x: 1}
  c: {tres: {}, four: {}}
# last
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    return path


def test_one_line_goes(path: Path) -> None:
    line = "  b/dois: {params: b.dois}\n"
    assert without(path, ("datasets", "b/dois"), "params.yaml") == TEXT.replace(line, "")


def test_a_block_goes_with_its_own_comments_and_leaves_those_of_what_follows(path: Path) -> None:
    block = "  c/tres:\n    # inside tres\n    params: c.tres\n    # inside too\n"
    assert without(path, ("datasets", "c/tres"), "params.yaml") == TEXT.replace(block, "")


def test_a_mapping_that_would_be_empty_goes_too(path: Path) -> None:
    block = "  b:\n    # numbers of dois\n    dois: {x: 1}\n"
    assert without(path, ("ds", "b", "dois"), "params.yaml") == TEXT.replace(block, "")


def test_an_entry_that_shares_its_line_is_left_to_a_person(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"“ds.c.tres” shares its line") as caught:
        without(path, ("ds", "c", "tres"), "params.yaml")
    assert caught.value.where == "params.yaml:17"
    assert path.read_text() == TEXT


def test_the_last_entry_of_a_file_without_a_last_newline(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a:\n  b: 1\n  c: 2")
    assert without(path, ("a", "c"), "x.yaml") == "a:\n  b: 1\n"
