"""The report's last changes: which datasets a version changed, and how many of their rows, from content alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from observatudo.report import moved
from observatudo.report.moved import Moved
from tests.past import Past, Row, observation, past

SAO_PAULO, RIO = "3550308", "3304557"


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    return past(tmp_path / "repo")


def commit(repo: Past, subject: str, *rows: Row, dataset: str = "x/y") -> str:
    if rows:
        repo.observations(rows, dataset)
    return repo.commit(subject)


def test_rows_are_told_apart_though_their_number_stays(repo: Past) -> None:
    first = commit(repo, "first", observation(SAO_PAULO, 2019, 1.0), observation(SAO_PAULO, 2020, 2.0))
    repo.write("notes.txt", "nothing of the data")
    commit(repo, "notes")
    second = commit(repo, "second", observation(SAO_PAULO, 2019, 9.0), observation(RIO, 2020, 2.0))
    kept = {"x/y": {first: 2}}  # its metrics stayed the same
    assert list(moved.versions(repo.root, kept)) == [
        (second, (Moved("x/y", 2, 2, added=1, removed=1, changed=1),)),
        (first, (Moved("x/y", None, 2),)),
    ]


def test_what_the_cache_does_not_have_is_unknown_and_not_pulled(repo: Past) -> None:
    first = commit(repo, "first", observation(SAO_PAULO, 2019, 1.0))
    second = commit(repo, "second", observation(SAO_PAULO, 2019, 2.0))
    shutil.rmtree(repo.root / ".dvc/cache/files")
    found = dict(moved.versions(repo.root, {"x/y": {first: 1, second: 1}}))
    assert found[second] == (Moved("x/y", 1, 1),)


def test_no_more_is_compared_than_the_bound_allows(repo: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        commit(repo, str(number), observation(SAO_PAULO, 2019, float(number)))
    one = next(iter(moved.versions(repo.root, {})))
    assert one[1][0].changed == 1
    monkeypatch.setattr(moved, "_MOST_BYTES", 1)
    assert [rows[0].changed for _commit, rows in moved.versions(repo.root, {})] == [None, None, None]


def test_only_the_newest_versions_are_told(repo: Past) -> None:
    made = [commit(repo, str(n), observation(SAO_PAULO, 2019, float(n))) for n in range(moved.VERSIONS + 2)]
    told = [name for name, _rows in moved.versions(repo.root, {})]
    assert told == made[: -moved.VERSIONS - 1 : -1]


def test_a_lock_that_cannot_be_read_ends_the_list(repo: Past) -> None:
    commit(repo, "first", observation(SAO_PAULO, 2019, 1.0))
    (repo.root / "dvc.lock").write_text("<<<<<<< mine\n")
    repo.git("add", "dvc.lock")
    repo.git("commit", "-q", "-m", "broken")
    assert list(moved.versions(repo.root, {})) == []
