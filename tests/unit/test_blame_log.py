"""The history of a table: rows added, removed and changed by each version."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from observatudo import parquet
from observatudo.audit.timeline import log
from observatudo.audit.timeline.cache import FILE
from observatudo.audit.timeline.model import Log
from observatudo.errors import ObservatudoError
from observatudo.warehouse.tables import OBSERVATION, arrow_schema
from tests.past import DATASET, Past, label, observation, past

TABLE = f"{DATASET}/observacao"


def counts(found: Log) -> list[tuple[str, str, int | None, int | None, int | None, int | None]]:
    """Return what each version did, oldest first."""
    return [
        (step.subject, step.status, step.rows, step.added, step.removed, step.changed)
        for step in reversed(found.entries)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """A table that comes, changes in one row, gains two and loses one; labels that change in between."""
    made = past(tmp_path_factory.mktemp("built") / "repo")
    made.labels([label("pib", "Economia")])
    made.commit("labels")
    made.observations([observation("3550308", 2019, 1.0), observation("3304557", 2019, 2.0)])
    made.commit("first")
    made.observations([observation("3550308", 2019, 1.5), observation("3304557", 2019, 2.0)])
    made.commit("second")
    made.labels([label("pib", "Saude")])
    made.commit("other table")
    three = [observation("3304557", year, 2.0) for year in (2019, 2020, 2021)]
    made.observations(three)
    made.commit("third")
    made.observations([*three, observation("3304557", 2021, 7.0, indicator="idh")])
    made.commit("fourth")
    return made


@pytest.fixture
def repo(built: Past, tmp_path: Path) -> Past:
    """A copy of one's own."""
    shutil.copytree(built.root, tmp_path / "repo", symlinks=True)
    return Past(tmp_path / "repo", copy.deepcopy(built.lock))


EXPECTED = [
    ("first", "added", 2, 2, 0, 0),
    ("second", "changed", 2, 0, 0, 1),
    ("third", "changed", 3, 2, 1, 0),
    ("fourth", "changed", 4, 1, 0, 0),
]


def test_every_version_that_changed_the_table_is_told_with_its_rows(repo: Past) -> None:
    found = log(repo.root, TABLE)
    assert counts(found) == EXPECTED
    assert (found.versions, found.more, found.cut) == (6, 0, False)
    assert found.key == ["id_indicador", "id_municipio", "data_referencia"]
    second = found.entries[2]
    assert second.before == repo.git("rev-parse", "HEAD~4")
    assert [cause.kind for cause in second.causes] == ["unexplained"]


def test_what_was_counted_once_is_not_counted_again(repo: Past) -> None:
    expected = log(repo.root, TABLE)
    shutil.rmtree(repo.root / ".dvc/cache")
    assert log(repo.root, TABLE) == expected
    (repo.root / FILE).unlink()
    with pytest.raises(ObservatudoError, match="no version that can be read"):
        log(repo.root, TABLE)


def test_only_the_newest_are_told_when_so_asked(repo: Past) -> None:
    found = log(repo.root, TABLE, limit=1)
    assert (counts(found), found.more) == (EXPECTED[3:], 3)


def test_up_to_a_revision(repo: Past) -> None:
    assert counts(log(repo.root, TABLE, "HEAD~2")) == EXPECTED[:2]


def test_a_table_that_goes_is_told(repo: Past) -> None:
    del repo.lock[f"ingest@{DATASET}"]
    repo.commit("gone")
    assert counts(log(repo.root, TABLE))[-1] == ("gone", "removed", 0, 0, 4, 0)


def test_a_version_that_cannot_be_read_is_said(repo: Past, tmp_path: Path) -> None:
    repo.observations([observation("3304557", 2019, 2.0)])
    repo.commit("fifth")
    lost = [observation("3304557", year, 2.0) for year in (2019, 2020, 2021)]
    schema = arrow_schema(OBSERVATION)
    parquet.write(pa.Table.from_pylist(lost, schema), tmp_path / "pib.parquet")
    repo.object(repo._cached((tmp_path / "pib.parquet").read_bytes())).unlink()  # of third and fourth
    found = log(repo.root, TABLE)
    assert counts(found) == [
        *EXPECTED[:2],
        ("third", "missing", None, None, None, None),
        ("fourth", "missing", None, None, None, None),
        ("fifth", "missing", 1, None, None, None),
    ]
    assert ["its data" in step.why for step in found.entries] == [False, True, True, False, False]
    assert "the version before" in found.entries[0].why
    assert found.next_step


def test_rows_that_share_a_key_are_not_compared(repo: Past) -> None:
    repo.observations([observation("3304557", 2019, 2.0)] * 2)
    repo.commit("twice")
    newest = log(repo.root, TABLE).entries[0]
    assert (newest.status, newest.rows, newest.added) == ("not_comparable", 2, None)
    assert newest.why


def test_a_table_without_a_key_has_its_rows_counted(repo: Past) -> None:
    repo.table("m", pa.table({"a": ["1"]}), [])
    repo.commit("mart")
    repo.table("m", pa.table({"a": ["1", "2"]}), [])
    repo.commit("longer")
    assert counts(log(repo.root, "m")) == [
        ("mart", "added", 1, 1, 0, 0),
        ("longer", "not_comparable", 2, None, None, None),
    ]


def test_an_unknown_table_is_told_with_what_is_near(repo: Past) -> None:
    with pytest.raises(ObservatudoError) as caught:
        log(repo.root, "rotulos")
    assert caught.value.next_step == "did you mean rotulo?"
