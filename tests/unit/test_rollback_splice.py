"""One entry of a YAML file taken from another version, the rest left as it is, comments too."""

from __future__ import annotations

import random

import pytest
import yaml

from observatudo.audit.rollback.splice import spliced
from observatudo.errors import ConfigError

TEXT = """\
# head
datasets:
  a/um: {params: a.um}  # of a
  # before b
  b/dois: {params: b.dois}

ds:
  a:
    # why 1
    um: {min: 1}
  b:
    dois:
      min: 2
      names: [x, y]
# tail
classify: {threshold: 0.4}
"""


def test_a_changed_entry_comes_with_its_comment_and_nothing_else_does() -> None:
    other = TEXT.replace("um: {min: 1}", "um: {min: 9} # nine").replace("min: 2", "min: 99").replace("head", "HEAD")
    assert spliced(TEXT, other, ("ds", "a", "um"), "p") == TEXT.replace("um: {min: 1}", "um: {min: 9} # nine")


def test_a_block_is_replaced_whole() -> None:
    other = TEXT.replace("      min: 2\n      names: [x, y]\n", "      other:\n        deep: 1\n")
    assert spliced(TEXT, other, ("ds", "b", "dois"), "p") == other


def test_what_was_not_there_goes_and_its_empty_mapping_with_it() -> None:
    gone = spliced(TEXT, "", ("ds", "b", "dois"), "p")
    assert gone == TEXT.replace("  b:\n    dois:\n      min: 2\n      names: [x, y]\n", "")
    assert spliced(gone, TEXT, ("ds", "b", "dois"), "p") == TEXT


def test_what_is_missing_comes_behind_its_siblings() -> None:
    without = TEXT.replace("  a/um: {params: a.um}  # of a\n", "")
    back = spliced(without, TEXT, ("datasets", "a/um"), "p")
    assert yaml.safe_load(back) == yaml.safe_load(TEXT)
    assert "  b/dois: {params: b.dois}\n  a/um: {params: a.um}  # of a\n" in back


@pytest.mark.parametrize("text", [TEXT, TEXT.rstrip("\n"), "classify: {}\n"])
def test_equal_entries_change_no_byte(text: str) -> None:
    assert spliced(text, text, ("ds", "a", "um"), "p") == text


def test_an_entry_that_shares_its_line_is_named() -> None:
    inline = "ds: {a: {um: {min: 1}}, b: 1}\n"
    with pytest.raises(ConfigError, match=r"ds\.a\.um.*shares its line") as caught:
        spliced(inline, TEXT.replace("min: 1", "min: 5"), ("ds", "a", "um"), "params.yaml")
    assert (caught.value.where, bool(caught.value.next_step)) == ("params.yaml", True)


def test_random_files_mean_what_was_asked() -> None:
    chance = random.Random(5)
    for _case in range(200):
        mine, theirs = _stages(chance), _stages(chance)
        key = chance.choice(list({**mine, **theirs}))
        wanted = {name: mine[name] for name in mine if name != key} | {
            name: theirs[name] for name in theirs if name == key
        }
        result = spliced(_text(mine, chance), _text(theirs, chance), ("stages", key), "dvc.lock")
        assert yaml.safe_load(result) == {"schema": "2.0", "stages": wanted}


def _stages(chance: random.Random) -> dict[str, object]:
    names = chance.sample(["a@x/y", "b", "c d", "d:e", "é"], chance.randint(0, 4)) or ["b"]
    return {name: {"cmd": "x", "deps": [{"path": "a", "md5": str(chance.random())}]} for name in names}


def _text(stages: dict[str, object], chance: random.Random) -> str:
    content = {"schema": "2.0", "stages": stages}
    return yaml.safe_dump(content, sort_keys=False, indent=chance.choice((2, 4)))
