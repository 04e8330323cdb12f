"""The history of a cell where something is missing, damaged or not there at all; and its cache."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from observatudo.audit.timeline import Question, blame
from observatudo.audit.timeline.cache import FILE
from observatudo.audit.timeline.cells import Condition
from observatudo.errors import ObservatudoError
from tests.blaming import OUT, SP, TABLE, asked, commit, copied, history, put, values
from tests.past import DATASET, Past, observation, past


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return history(tmp_path_factory.mktemp("built") / "repo")


@pytest.fixture
def repo(built: Past, tmp_path: Path) -> Past:
    return copied(built, tmp_path / "repo")


# --- what cannot be read


def lose(repo: Past, revision: str, *, garbage: bool = False) -> None:
    """Take the file of the indicator in one version out of the cache, or spoil it."""
    stages = yaml.safe_load(repo.git("show", f"{revision}:dvc.lock"))["stages"]
    listing = json.loads(repo.object(stages[f"ingest@{DATASET}"]["outs"][0]["md5"]).read_bytes())
    file = repo.object(next(entry["md5"] for entry in listing if entry["relpath"] == "observacao/pib.parquet"))
    file.chmod(0o644)
    if garbage:
        file.write_bytes(b"PAR1 no PAR1")
    else:
        file.unlink()


@pytest.mark.parametrize("garbage", [False, True])
def test_a_version_that_cannot_be_read_is_said_and_never_guessed(repo: Past, garbage: bool) -> None:
    lose(repo, "HEAD~3", garbage=garbage)
    found = blame(repo.root, asked())
    by_subject = {entry.subject: entry for entry in found.entries}
    lost = by_subject["second"]
    assert ("damaged" if garbage else "neither cache nor remote") in lost.unreadable
    assert (lost.cells, lost.causes) == ([], [])
    assert values(found) == [("first", None, 1.0), ("neighbour", 1.0, 1.5), ("gone", 1.5, None), ("back", None, 1.7)]
    assert by_subject["neighbour"].or_in == [lost.commit]
    assert by_subject["neighbour"].before == by_subject["first"].commit
    assert found.next_step


def test_a_first_version_that_cannot_be_read_makes_no_later_one_the_first(repo: Past) -> None:
    lose(repo, "HEAD~4")
    second = next(entry for entry in blame(repo.root, asked()).entries if entry.subject == "second")
    assert (second.before, second.or_in) == (None, [repo.git("rev-parse", "HEAD~4")])
    assert second.causes == []


@pytest.mark.parametrize("text", ["stages: [", "<<<<<<< HEAD\nstages: {}\n", "- 1\n"])
def test_a_dvc_lock_that_cannot_be_read_is_said(repo: Past, text: str) -> None:
    repo.write("dvc.lock", text)
    repo.git("commit", "-q", "-a", "-m", "broken")
    commit(repo, "mended", 1.7)
    found = blame(repo.root, asked())
    assert [entry.subject for entry in found.entries][:2] == ["broken", "back"]
    assert "dvc.lock" in found.entries[0].unreadable


def test_a_damaged_listing_is_said(repo: Past) -> None:
    stages = yaml.safe_load(repo.git("show", "HEAD~3:dvc.lock"))["stages"]
    listing = repo.object(stages[f"ingest@{DATASET}"]["outs"][0]["md5"])
    listing.chmod(0o644)
    listing.write_bytes(b"{")
    second = next(entry for entry in blame(repo.root, asked()).entries if entry.subject == "second")
    assert "listing" in second.unreadable


def test_a_version_before_the_table_existed_has_no_row(tmp_path: Path) -> None:
    repo = past(tmp_path / "repo")
    repo.commit("nothing")
    commit(repo, "table", 1.0)
    del repo.lock[f"ingest@{DATASET}"]
    repo.commit("no table")
    assert values(blame(repo.root, asked())) == [("table", None, 1.0), ("no table", 1.0, None)]
    gone = blame(repo.root, asked()).entries[0]
    assert [(cause.kind, cause.change) for cause in gone.causes if cause.kind == "stage"] == [("stage", "removed")]


# --- runs


def record(repo: Past, run: str, md5: str) -> None:
    content = {"run_id": run, "outputs": {OUT: {"md5": md5}}}
    repo.write(f"audit/runs/2026/11/{run}.json", json.dumps(content))


def test_the_run_is_the_one_whose_record_came_with_the_output(repo: Past) -> None:
    put(repo, 5.0)
    outs = repo.lock[f"ingest@{DATASET}"]["outs"]
    assert isinstance(outs, list)
    record(repo, "20200101T000000Z-1", outs[0]["md5"])
    repo.commit("with a record")
    record(repo, "20200102T000000Z-1", outs[0]["md5"])  # a later run that made the same
    record(repo, "20200103T000000Z-1", "0" * 32)
    repo.write("audit/runs/2026/11/20200104T000000Z-1.json", "{")
    repo.commit("records only")
    newest = blame(repo.root, asked()).entries[0]
    assert (newest.subject, newest.run) == ("with a record", "20200101T000000Z-1")
    assert blame(repo.root, asked()).entries[1].run is None


# --- questions that nothing answers


@pytest.mark.parametrize(
    ("question", "what", "next_step"),
    [
        (asked(table="x/y/observaçao"), "no version that can be read has a table", TABLE),
        (asked(table="x/y"), "no version that can be read has a table", DATASET),
        (asked(table="nada"), "no version that can be read has a table", ""),
        (asked("3550309"), f"id_municipio={SP[:-1]}9", SP),
        (asked(indicator="pid"), "id_indicador=pid", "pib"),
        (asked(year=2018), "ano=2018", "2019"),
        (asked(cor="azul"), "has no column cor", "--key"),
        (asked(valor="77"), "valor=77", ""),
    ],
)
def test_what_no_version_has_is_told_with_what_is_near(
    repo: Past, question: Question, what: str, next_step: str
) -> None:
    with pytest.raises(ObservatudoError) as caught:
        blame(repo.root, question)
    assert what in str(caught.value)
    assert next_step in caught.value.next_step


def test_too_many_rows_are_refused(repo: Past) -> None:
    repo.observations([observation(str(3_500_000 + number), 2019, 1.0) for number in range(401)])
    repo.commit("many")
    with pytest.raises(ObservatudoError, match="more than 400 rows"):
        blame(repo.root, asked(None))


def test_a_table_without_a_key_is_refused(repo: Past) -> None:
    repo.table("m", pa.table({"a": ["1"]}), [])
    repo.commit("mart")
    with pytest.raises(ObservatudoError, match="no primary key"):
        blame(repo.root, asked(None, None, None, "m", a="1"))


def test_a_value_is_never_code(repo: Past) -> None:
    with pytest.raises(ObservatudoError, match="no version has a row"):
        blame(repo.root, asked(indicator="x' OR '1'='1"))
    with pytest.raises(ObservatudoError, match="no column"):
        blame(repo.root, Question(TABLE, (Condition(('x" OR 1=1 --',), "1"),)))


# --- the cache


def damage(kind: str, file: Path) -> None:
    if kind == "garbage":
        file.write_bytes(b"no database" * 100)
    elif kind == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif kind == "gone":
        file.unlink()
    else:
        with sqlite3.connect(file) as connection:
            connection.execute(
                {
                    "version": "PRAGMA user_version = 99",
                    "values": "UPDATE known SET value = x'00ff'",
                    "texts": "UPDATE known SET value = substr(value, 1, length(value) - 2)",
                }[kind]
            )
        connection.close()


@pytest.mark.parametrize("kind", ["garbage", "cut", "gone", "version", "values", "texts"])
def test_a_cache_that_is_damaged_or_gone_costs_nothing_but_time(repo: Past, kind: str) -> None:
    expected = blame(repo.root, asked())
    damage(kind, repo.root / FILE)
    assert blame(repo.root, asked()) == expected
    assert blame(repo.root, asked()) == expected


def test_what_was_read_once_needs_no_object(repo: Past) -> None:
    expected = blame(repo.root, asked())
    shutil.rmtree(repo.root / ".dvc/cache")
    assert blame(repo.root, asked()) == expected


def test_a_version_that_could_not_be_read_is_when_it_can(repo: Past) -> None:
    kept = repo.root / ".dvc/cache"
    away = repo.root / ".dvc/away"
    kept.rename(away)
    with pytest.raises(ObservatudoError):
        blame(repo.root, asked())
    away.rename(kept)
    assert len(values(blame(repo.root, asked()))) == 4


def test_several_processes_share_the_cache(repo: Past) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.blaming import asked;"
        "from observatudo.audit.timeline import blame; print(blame(Path(sys.argv[1]), asked()).model_dump_json())"
    )
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", code, str(repo.root)]
    started = [subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True) for _process in range(3)]
    answers = {process.communicate()[0] for process in started}
    assert len(answers) == 1
    assert len(json.loads(answers.pop())["entries"]) == 4
