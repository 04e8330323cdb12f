"""The history of a cell: which version changed it, who, from what to what, and why."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from observatudo.audit.timeline import Question, blame
from observatudo.audit.timeline.cells import Condition
from observatudo.errors import ObservatudoError
from tests.blaming import CONFIG, SP, TABLE, asked, commit, copied, history, put, values
from tests.past import DATASET, Past, label, observation, past


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return history(tmp_path_factory.mktemp("built") / "repo")


@pytest.fixture
def repo(built: Past, tmp_path: Path) -> Past:
    return copied(built, tmp_path / "repo")


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


def test_a_change_that_a_correction_made_is_told_with_its_file(repo: Past) -> None:
    path = f"configs/corrections/{DATASET}.yaml"
    for corrected, value in (("corrections: []\n", 1.0), ("corrections: [um]\n", 10.0)):
        repo.write(path, corrected)
        repo.observations([observation(SP, 2019, value)])
        repo.out(f"ingest@{DATASET}", f"data/ingested/{DATASET}", path)
        repo.commit(f"value {value}")
    (cause,) = blame(repo.root, asked()).entries[0].causes
    assert (cause.kind, cause.path, cause.change) == ("correction", path, "changed")


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
