"""A preview that was agreed to: its fingerprint, and the rollback that is refused when anything differs from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from observatudo.audit.rollback.model import Request, Scope
from observatudo.audit.rollback.plan import effect
from observatudo.audit.rollback.preview import fingerprint, require
from observatudo.errors import ObservatudoError
from tests.integration.test_rollback import CHANGED, _made_once, command, tiny
from tests.rollbacks import Tiny, git_diff

__all__ = ["_made_once", "tiny"]  # fixtures
_LETTERS = {"added": "A", "removed": "D", "changed": "M"}


def preview(tiny: Tiny, *words: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(command(tiny, "HEAD~1", "--json", *words).stdout)
    return found


def agreed(tiny: Tiny, seen: object, *words: str, code: int = 0) -> str:
    done = command(tiny, "HEAD~1", "--yes", "-m", "why", "--if-preview", str(seen), *words, code=code)
    return done.stdout + done.stderr


def test_the_preview_changes_nothing_and_carries_the_hash_of_its_own_content(tiny: Tiny) -> None:
    before, head = tiny.state(), tiny.git("rev-parse", "HEAD")
    found = preview(tiny)
    seen = found.pop("preview")
    content = {name: value for name, value in found.items() if name not in ("pulled", "done")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert seen == hashlib.sha256(text.encode()).hexdigest()
    assert (tiny.state(), tiny.git("rev-parse", "HEAD")) == (before, head)
    assert tiny.git("status", "--porcelain") == ""


def test_what_was_agreed_to_is_done(tiny: Tiny) -> None:
    found, start = preview(tiny), tiny.git("rev-parse", "HEAD")
    agreed(tiny, found["preview"])
    files = found["files"]
    assert isinstance(files, dict)
    assert {path: _LETTERS[change] for path, change in files.items()} == git_diff(tiny.root, start, "HEAD")


def _edit_output(tiny: Tiny) -> None:
    file = next((tiny.root / CHANGED).rglob("*.parquet"))
    file.unlink()


def _record(tiny: Tiny) -> None:
    tiny.past.write("audit/runs/2026/11/1.json", "{}\n")


def _branch(tiny: Tiny) -> None:
    tiny.git("switch", "-q", "-c", "another")


def seen_by(tiny: Tiny, scope: Scope = "all") -> str:
    return fingerprint(effect(tiny.root, Request("HEAD~1", scope)))


@pytest.mark.parametrize("change", [_edit_output, _record, _branch])
def test_what_changes_makes_another_preview(tiny: Tiny, change: Callable[[Tiny], None]) -> None:
    seen = seen_by(tiny)
    assert seen_by(tiny) == seen
    change(tiny)
    with pytest.raises(ObservatudoError, match="something changed since the preview"):
        require(tiny.root, effect(tiny.root, Request("HEAD~1")), seen)


def test_another_scope_is_another_preview(tiny: Tiny) -> None:
    assert len({seen_by(tiny, "all"), seen_by(tiny, "config"), seen_by(tiny, "data")}) == 3


def test_a_commit_made_since_refuses_it_and_nothing_is_touched(tiny: Tiny) -> None:
    seen = seen_by(tiny)
    tiny.git("commit", "-q", "--allow-empty", "-m", "another")
    before, head = tiny.state(), tiny.git("rev-parse", "HEAD")
    assert "something changed since the preview" in agreed(tiny, seen, code=1)
    assert (tiny.state(), tiny.git("rev-parse", "HEAD")) == (before, head)


def test_it_means_nothing_without_yes(tiny: Tiny) -> None:
    assert "--yes" in command(tiny, "HEAD~1", "--if-preview", "0" * 64, code=64).stderr


def test_answers_that_were_paid_for_and_go_are_told_with_the_way_back(tiny: Tiny) -> None:
    name = "data/classified/answers/20260101T000000Z-000001.jsonl"
    tiny.past.write(name, "{}\n")
    tiny.git("add", name)
    tiny.git("commit", "-qm", "asked")
    start = tiny.git("rev-parse", "HEAD")
    told = command(tiny, "HEAD~1", "--yes", "-m", "why", "--config-only").stdout
    assert "1 file(s) of models' answers go too" in told
    assert not (tiny.root / name).exists()
    way_back = f"git checkout {start[:8]} -- data/classified/answers"
    assert way_back in told
    tiny.git(*way_back.split()[1:])
    assert (tiny.root / name).read_text() == "{}\n"
