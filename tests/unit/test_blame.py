"""The history of a cell: which version changed it, who, from what to what, and why."""

from __future__ import annotations

import copy
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from observatudo.audit.timeline import Blame, Question, blame
from observatudo.audit.timeline.cache import FILE
from observatudo.audit.timeline.cells import Condition
from observatudo.errors import ObservatudoError
from tests.past import DATASET, Past, Row, label, observation, past

TABLE = f"{DATASET}/observacao"
CONFIG = f"configs/datasets/{DATASET}.yaml"
OUT = f"data/ingested/{DATASET}"
SP, RJ = "3550308", "3304557"


def asked(
    place: str | None = SP, indicator: str | None = "pib", year: int | None = 2019, table: str = TABLE, **others: str
) -> Question:
    """Return the question that the command's options make."""
    conditions = [Condition(("id_indicador",), indicator)] if indicator else []
    conditions += [Condition(("id_municipio", "id_localidade"), place, "place")] if place else []
    conditions += [Condition(("data_referencia", "ano"), str(year), "year")] if year else []
    conditions += [Condition((column,), value) for column, value in others.items()]
    return Question(table, tuple(conditions))


def values(found: Blame, column: str = "valor") -> list[tuple[str, object, object]]:
    """Return (subject, old, new) of one column, oldest first."""
    return [
        (entry.subject, change.a, change.b)
        for entry in reversed(found.entries)
        for cell in entry.cells
        for change in cell.columns
        if change.column == column
    ]


def put(repo: Past, value: float | None, *, other: float = 2.0) -> None:
    rows: list[Row] = [observation(RJ, 2019, other)]
    repo.observations(rows if value is None else [*rows, observation(SP, 2019, value)])


def commit(repo: Past, message: str, value: float | None, *, config: str = "") -> str:
    """Commit a version in which the cell has this value, with the declaration that made it."""
    if config:
        repo.write(CONFIG, config)
    put(repo, value)
    return repo.commit(message)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """A cell that is added, changed, left alone while its neighbour changes, removed, and added again."""
    made = past(tmp_path_factory.mktemp("built") / "repo")
    made.labels([label("pib", "Economia")])
    commit(made, "first", 1.0)
    commit(made, "second", 1.5, config="title: Outro\n")
    put(made, 1.5, other=9.0)
    made.commit("neighbour")
    commit(made, "gone", None, config="title: Sem\n")
    commit(made, "back", 1.7, config="title: Com\n")
    return made


@pytest.fixture
def repo(built: Past, tmp_path: Path) -> Past:
    """A copy of one's own."""
    shutil.copytree(built.root, tmp_path / "repo", symlinks=True)
    return Past(tmp_path / "repo", copy.deepcopy(built.lock))


def test_every_change_is_told_with_commit_author_and_values(repo: Past) -> None:
    found = blame(repo.root, asked())
    assert values(found) == [("first", None, 1.0), ("second", 1.0, 1.5), ("gone", 1.5, None), ("back", None, 1.7)]
    assert [[cell.change for cell in entry.cells] for entry in found.entries] == [
        ["added"],
        ["removed"],
        ["changed"],
        ["added"],
    ]
    newest = found.entries[0]
    assert newest.commit == repo.git("rev-parse", "HEAD")
    assert newest.before == repo.git("rev-parse", "HEAD~1")
    assert (newest.author, newest.email) == ("Maria Teste", "maria@example.org")
    assert newest.date == repo.git("log", "-1", "--format=%cI")
    assert newest.cells[0].key == {"id_indicador": "pib", "id_municipio": SP, "data_referencia": "2019-12-31"}
    assert (found.versions, found.cut, found.key) == (5, False, ["id_indicador", "id_municipio", "data_referencia"])


def test_the_declaration_that_changed_with_it_is_the_cause(repo: Past) -> None:
    second = blame(repo.root, asked()).entries[2]
    (cause,) = second.causes
    assert (cause.kind, cause.path, cause.change, cause.stage) == ("config", CONFIG, "changed", f"ingest@{DATASET}")
    assert [(file.path, file.status, file.commit) for file in cause.files] == [(CONFIG, "M", second.commit)]


def test_of_the_first_version_the_new_stage_and_its_declaration_are_named(repo: Past) -> None:
    first = blame(repo.root, asked()).entries[-1]
    assert [(cause.kind, cause.path) for cause in first.causes] == [
        ("config", CONFIG),
        ("stage", f"ingest@{DATASET}"),
    ]
    assert first.before is None


def test_an_input_committed_earlier_is_told_with_its_own_commit(repo: Past) -> None:
    repo.write(CONFIG, "title: Antes\n")
    repo.git("add", "-A")
    repo.git("-c", "user.name=João", "commit", "-q", "-m", "declaration only")
    earlier = repo.git("rev-parse", "HEAD")
    later = commit(repo, "run", 7.0)
    newest = blame(repo.root, asked()).entries[0]
    assert newest.commit == later
    assert [file.commit for file in newest.causes[0].files] == [earlier]


def test_another_output_of_the_same_inputs_is_not_reproducible(repo: Past) -> None:
    commit(repo, "odd", 8.0)
    (cause,) = blame(repo.root, asked()).entries[0].causes
    assert (cause.kind, cause.stage) == ("unexplained", f"ingest@{DATASET}")


def test_libraries_that_changed_are_told_where_nothing_else_did(repo: Past) -> None:
    repo.write("requirements.lock", "duckdb==3\n")
    commit(repo, "upgrade", 8.0)
    assert [cause.kind for cause in blame(repo.root, asked()).entries[0].causes] == ["unexplained", "libraries"]


def test_a_parameter_is_told_with_both_values(repo: Past) -> None:
    def with_rows(least: int) -> None:
        put(repo, float(least))
        repo.lock[f"ingest@{DATASET}"]["params"] = {"params.yaml": {"ds.x.y": {"min_rows": least}}}
        repo.write("params.yaml", f"ds: {{x: {{y: {{min_rows: {least}}}}}}}\n")
        repo.commit(f"least {least}")

    with_rows(1)
    with_rows(2)
    (cause,) = blame(repo.root, asked()).entries[0].causes
    assert (cause.kind, cause.path, cause.a, cause.b) == ("params", "ds.x.y.min_rows", 1, 2)
    assert [file.path for file in cause.files] == ["params.yaml"]


def folder(path: str, content: str) -> dict[str, object]:
    """Return a dependency on a folder, whose content is told by this text."""
    import hashlib

    return {"path": path, "hash": "md5", "md5": hashlib.md5(content.encode()).hexdigest() + ".dir"}


def marts(repo: Past, value: float, deps: Sequence[dict[str, object]]) -> None:
    row = {"id_indicador": "pib", "id_municipio": SP, "data_referencia": date(2019, 1, 1), "valor": value}
    repo.table("fact_indicador", pa.Table.from_pylist([row]), ["id_indicador", "id_municipio", "data_referencia"])
    repo.lock["transform"]["deps"] = list(deps)


def test_a_mart_is_traced_through_its_stages_to_the_dataset_that_owns_the_indicator(repo: Past) -> None:
    other = [observation(SP, 2019, 1.0, indicator="idh")]
    repo.write("configs/datasets/a/b.yaml", "title: B\n")
    repo.observations(other, "a/b")
    raw = f"data/raw/{DATASET}"
    repo.write(f"{raw}/x.csv", "1\n")
    cast_lock = repo.lock[f"ingest@{DATASET}"]
    cast_lock["deps"] = [folder(raw, "1")]
    marts(repo, 1.5, [folder("data/ingested", "1"), folder("dbt", "1")])
    repo.commit("marts")
    repo.write("configs/datasets/a/b.yaml", "title: BB\n")
    repo.observations([observation(SP, 2019, 5.0, indicator="idh")], "a/b")
    put(repo, 2.5)
    repo.write(f"{raw}/x.csv", "2\n")
    repo.lock[f"ingest@{DATASET}"]["deps"] = [folder(raw, "2")]
    marts(repo, 2.5, [folder("data/ingested", "2"), folder("dbt", "1")])
    repo.commit("renewed")
    newest = blame(repo.root, asked(table="fact_indicador")).entries[0]
    assert [(cause.kind, cause.path, cause.stage) for cause in newest.causes] == [
        ("snapshot", raw, f"ingest@{DATASET}")
    ]
    assert [file.path for file in newest.causes[0].files] == [f"{raw}/x.csv"]


def test_a_label_that_flips_is_told_with_the_decision_that_flipped_it(repo: Past) -> None:
    header = "id_indicador,eixo,autor,data,justificativa\n"
    repo.write("data/classified/overrides.csv", header)
    repo.labels([label("pib", "Economia")])
    repo.commit("nobody decided")
    repo.write("data/classified/overrides.csv", f"{header}pib,Saude,Ana,2026-01-01,porque sim\n")
    repo.labels([label("pib", "Saude", origem="pessoa")])
    repo.commit("decided")
    newest = blame(repo.root, asked()).entries[0]
    assert newest.subject == "decided"
    assert newest.cells == []
    assert newest.label is not None and (newest.label.a, newest.label.b) == ("Economia", "Saude")
    (cause,) = newest.label_causes
    assert (cause.kind, cause.a, cause.b) == ("override", None, "Saude, Ana, 2026-01-01, porque sim")


def test_the_table_of_labels_itself_can_be_asked(repo: Past) -> None:
    repo.labels([label("pib", "Saude")])
    repo.commit("flip")
    found = blame(repo.root, asked(None, "pib", None, table="rotulo"))
    assert values(found, "eixo") == [("first", None, "Economia"), ("flip", "Economia", "Saude")]
    assert all(entry.label is None for entry in found.entries)


def test_months_of_a_year_are_rows_of_their_own(repo: Past) -> None:
    months = [observation(SP, 2019, float(month), data_referencia=date(2019, month, 1)) for month in (1, 2, 3)]
    repo.observations(months)
    repo.commit("monthly")
    found = blame(repo.root, asked())
    assert [cell.key["data_referencia"] for cell in found.entries[0].cells] == [
        "2019-01-01",
        "2019-02-01",
        "2019-03-01",
        "2019-12-31",
    ]
    only = asked()
    only = Question(TABLE, (*only.conditions, Condition(("data_referencia",), "2", "month")))
    assert values(blame(repo.root, only)) == [("monthly", None, 2.0)]
    day = asked(year=None, data_referencia="2019-03-01")
    assert values(blame(repo.root, day)) == [("monthly", None, 3.0)]


def test_a_code_without_its_check_digit_is_found(repo: Past) -> None:
    assert values(blame(repo.root, asked("355030"))) == values(blame(repo.root, asked()))


def test_values_that_only_look_different_are_no_change(repo: Past) -> None:
    for message, value in (("zero", 0.0), ("minus zero", -0.0), ("nan", float("nan")), ("nan again", float("nan"))):
        commit(repo, message, value, config=f"title: {message}\n")
    assert [subject for subject, _a, _b in values(blame(repo.root, asked()))][-2:] == ["zero", "nan"]
    text = blame(repo.root, asked()).model_dump_json()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["entries"][0]["cells"]


def test_rows_that_move_in_a_retyped_column_are_still_the_same_cell(repo: Past) -> None:
    def mart(column: pa.Array, value: pa.Array, message: str) -> None:
        table = pa.table({"id_municipio": column, "data_referencia": pa.array([date(2019, 1, 1)]), "valor": value})
        repo.table("m", table, ["id_municipio", "data_referencia"])
        repo.commit(message)

    mart(pa.array([SP]), pa.array([3], pa.int64()), "text key")
    mart(pa.array([int(SP)]), pa.array([3.0]), "number key")
    mart(pa.array([int(SP)]), pa.array([4.0]), "changed")
    found = blame(repo.root, asked(indicator=None, table="m"))
    assert values(found) == [("text key", None, 3), ("changed", 3.0, 4.0)]


# --- history of any shape


def test_a_merge_changed_only_what_differs_from_all_its_parents(repo: Past) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "-b", "side")
    commit(repo, "on the side", 5.0, config="title: lado\n")
    repo.git("checkout", "-q", "-b", "other", base)
    commit(repo, "on the other", 6.0, config="title: outro lado\n")

    def merged(value: float, message: str) -> list[tuple[str, object, object]]:
        repo.git("checkout", "-q", "-B", "trial", "other")
        subprocess.run(["git", "merge", "-q", "--no-commit", "-s", "ours", "side"], cwd=repo.root, check=True)
        commit(repo, message, value)
        return values(blame(repo.root, asked()))[-3:]

    sides = {("on the side", 1.7, 5.0), ("on the other", 1.7, 6.0)}
    assert set(merged(6.0, "ours")) == sides | {("back", None, 1.7)}
    assert set(merged(5.0, "theirs")) == sides | {("back", None, 1.7)}
    assert set(merged(7.0, "neither")) == sides | {("neither", 6.0, 7.0)}


def test_a_merged_history_that_never_had_the_table_counts_as_a_parent(repo: Past) -> None:
    repo.git("checkout", "-q", "--orphan", "elsewhere")
    repo.git("rm", "-q", "-f", "--cached", "dvc.lock")
    repo.git("commit", "-q", "-m", "another beginning")
    repo.git("checkout", "-q", "-f", "-b", "both")
    merge = ["git", "merge", "-q", "-s", "ours", "--allow-unrelated-histories", "-m", "took nothing", "main"]
    subprocess.run(merge, cwd=repo.root, check=True)
    assert not (repo.root / "dvc.lock").is_file() or repo.git("ls-files", "dvc.lock") == ""
    (repo.root / "dvc.lock").unlink(missing_ok=True)
    assert [subject for subject, _a, _b in values(blame(repo.root, asked()))] == ["first", "second", "gone", "back"]


def test_up_to_a_revision(repo: Past) -> None:
    repo.git("tag", "v1", "HEAD~3")
    repo.observations([observation(SP, 2019, 99.0)])
    assert [subject for subject, _a, _b in values(blame(repo.root, asked(), "v1"))] == ["first", "second"]
    with pytest.raises(ObservatudoError, match="no revision"):
        blame(repo.root, asked(), "v9")


def test_a_detached_head_is_the_end_of_its_history(repo: Past) -> None:
    repo.git("checkout", "-q", "--detach", "HEAD~3")
    assert [subject for subject, _a, _b in values(blame(repo.root, asked()))] == ["first", "second"]


def write_lock(repo: Past) -> None:
    repo.write("dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": repo.lock}, sort_keys=True))


def test_what_is_not_committed_yet_comes_first(repo: Past) -> None:
    repo.write(CONFIG, "title: Agora\n")
    put(repo, 42.0)
    write_lock(repo)
    newest = blame(repo.root, asked()).entries[0]
    assert (newest.commit, newest.date, newest.before) == (None, "", repo.git("rev-parse", "HEAD"))
    assert [(change.a, change.b) for change in newest.cells[0].columns if change.column == "valor"] == [(1.7, 42.0)]
    assert [(cause.path, [file.path for file in cause.files]) for cause in newest.causes] == [(CONFIG, [CONFIG])]
    assert blame(repo.root, asked(), "HEAD").entries[0].subject == "back"


def test_before_the_first_commit_the_work_tree_is_the_history(tmp_path: Path) -> None:
    repo = past(tmp_path / "repo")
    with pytest.raises(ObservatudoError, match="no version yet"):
        blame(repo.root, asked())
    put(repo, 1.0)
    write_lock(repo)
    (entry,) = blame(repo.root, asked()).entries
    assert (entry.commit, entry.cells[0].change) == (None, "added")


def test_a_repository_in_a_folder_of_git_s(repo: Past, tmp_path: Path) -> None:
    expected = values(blame(repo.root, asked()))
    outer = tmp_path / "outer"
    outer.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=outer, check=True)
    inner = outer / "dados [1]"
    for revision in reversed(repo.git("rev-list", "HEAD").split()):
        repo.git("checkout", "-q", revision)
        shutil.copytree(
            repo.root, inner, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", ".observatudo", "cache")
        )
        subprocess.run(["git", "add", "-A"], cwd=outer, check=True)
        subject = repo.git("log", "-1", "--format=%s")
        subprocess.run(["git", "commit", "-q", "-m", subject], cwd=outer, check=True)
    shutil.copytree(repo.root / ".dvc/cache", inner / ".dvc/cache")
    (outer / "dvc.lock").write_text("stages: {}\n")
    found = blame(inner, asked())
    assert values(found) == expected
    assert [file.path for file in found.entries[2].causes[0].files] == [CONFIG]


def test_a_shallow_clone_says_that_its_history_is_cut(repo: Past, tmp_path: Path) -> None:
    commit(repo, "last", 3.0, config="title: last\n")
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "2", f"file://{repo.root}", target], check=True)
    shutil.copytree(repo.root / ".dvc/cache", target / ".dvc/cache")
    found = blame(target, asked())
    assert found.cut
    assert [(entry.subject, entry.cut) for entry in found.entries] == [("last", False), ("back", True)]
    assert found.entries[1].causes == []
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=target, check=True)
    assert blame(target, asked()) == blame(repo.root, asked())


def test_names_with_odd_signs_are_read_as_they_are(tmp_path: Path) -> None:
    repo = past(tmp_path / "re[p]o *")
    commit(repo, "um\ttab, “aspas” e \x01", 1.0)
    (entry,) = blame(repo.root, asked()).entries
    assert entry.subject == "um\ttab, “aspas” e \x01"


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
        "import sys; from pathlib import Path; from tests.unit.test_blame import asked;"
        "from observatudo.audit.timeline import blame; print(blame(Path(sys.argv[1]), asked()).model_dump_json())"
    )
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", code, str(repo.root)]
    started = [subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True) for _process in range(3)]
    answers = {process.communicate()[0] for process in started}
    assert len(answers) == 1
    assert len(json.loads(answers.pop())["entries"]) == 4
