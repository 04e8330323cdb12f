"""What the index knows of Git: versions, names, runs, and repositories that are odd, cut or rewritten."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from observatudo import history, journal
from observatudo.history import changes, store, versions
from observatudo.history.view import VersionRow, View
from observatudo.runs import inputs
from tests.histories import ONE, THREE, TWO, a_record, commit, git, keep, measured, refresh, repository, told


def rows(home: Path, wanted: str = "") -> list[VersionRow]:
    with closing(View(home)) as view:
        found = view.versions(view.version_ids(wanted))
        assert view.problem == ""
        return found


def note(home: Path) -> str:
    with closing(View(home)) as view:
        return view.note()


def test_without_git_there_is_a_note_and_no_version(tmp_path: Path) -> None:
    refresh(tmp_path)
    assert rows(tmp_path) == []
    assert "no Git repository" in note(tmp_path)
    repository(tmp_path)
    refresh(tmp_path)
    assert "no commit yet" in note(tmp_path)
    made = commit(tmp_path, "um")
    refresh(tmp_path)
    assert [row.commit for row in rows(tmp_path)] == [made]
    assert note(tmp_path) == ""
    shutil.rmtree(tmp_path / ".git")
    refresh(tmp_path)
    assert rows(tmp_path) == []
    assert "no Git repository" in note(tmp_path)


def test_a_version_tells_what_it_changed_and_which_runs_it_brought(tmp_path: Path) -> None:
    home = repository(tmp_path)
    commit(home, "pipeline")
    keep(home, a_record(ONE))
    measured(home, 1)
    (home / "README.md").write_text("x")
    first = commit(home, "dados: €, 日本")
    keep(home, a_record(ONE, status="failed"))  # changed, not added
    (home / "stages").mkdir()
    (home / "stages/x.py").write_text("")
    second = commit(home, "código")
    refresh(home)
    top, middle, bottom = rows(home)
    assert (top.commit, top.runs, top.changed, top.parents) == (second, (), ("code", "records"), (first,))
    assert (middle.subject, middle.runs, middle.changed) == ("dados: €, 日本", (ONE,), ("data", "records"))
    assert (bottom.changed, bottom.author, bottom.email) == (("config",), "Zoë Ávila", "zoe@example.org")
    assert top.refs == ("HEAD", "main")
    assert [row.commit for row in rows(home, f"run:{ONE}")] == [first]


def test_a_run_that_came_by_a_branch_belongs_to_its_commit_not_to_the_merge(tmp_path: Path) -> None:
    home = repository(tmp_path)
    commit(home, "pipeline")
    git(home, "checkout", "-q", "-b", "lado")
    keep(home, a_record(ONE))
    side = commit(home, "lado", 1_700_000_001)
    git(home, "checkout", "-q", "main")
    git(home, "merge", "-q", "--no-ff", "--no-commit", "lado")
    keep(home, a_record(TWO))  # what the merge itself adds
    merge = commit(home, "junta", 1_700_000_002)
    refresh(home)
    assert {row.commit: row.runs for row in rows(home) if row.runs} == {side: (ONE,), merge: (TWO,)}
    assert rows(home)[0].changed == ("records",)


def test_names_are_short_and_experiments_are_their_own_kind(tmp_path: Path) -> None:
    home = repository(tmp_path)
    base = commit(home, "pipeline")
    git(home, "tag", "leve")
    git(home, "tag", "-a", "anotada", "-m", "x")
    git(home, "update-ref", "refs/remotes/origin/main", base)
    git(home, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    tree = git(home, "rev-parse", "HEAD^{tree}")
    git(home, "tag", "de-arvore", tree)
    made = git(home, "commit-tree", "-p", base, "-m", "exp", tree, when=1_700_000_009)
    git(home, "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/azul-claro", made)
    git(home, "update-ref", "refs/exps/stash", made)
    git(home, "checkout", "-q", "--detach")
    refresh(home)
    experiment, first = rows(home)
    assert first.refs == ("HEAD", "main", "origin/main", "anotada", "leve")
    assert (experiment.refs, experiment.kind, experiment.subject) == (("azul-claro",), "experiment", "exp")
    assert rows(home, "kind:experiment") == [experiment]
    git(home, "branch", "azul", made)
    refresh(home)
    assert [row.kind for row in rows(home)] == ["commit", "commit"]


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    home = repository(tmp_path)
    for number in range(5):
        commit(home, str(number), 1_700_000_000 + number)
    steps: list[tuple[str, int, int]] = []

    def read() -> bool | None:
        steps.clear()
        with store.opened(home) as connection:
            return versions.take_in(connection, home, lambda *step: steps.append(step))

    assert read() is True
    assert steps[-1] == ("versions", 5, 5)
    assert read() is False
    assert steps == []
    commit(home, "mais")
    git(home, "branch", "outra", "HEAD~3")
    assert read() is True
    assert steps == [("versions", 1, 1)]
    git(home, "branch", "-D", "outra")
    assert read() is True
    assert steps == []
    assert len(rows(home)) == 6


def test_history_that_was_rewritten_and_pruned_starts_over(tmp_path: Path) -> None:
    home = repository(tmp_path)
    for number in range(3):
        measured(home, number)
        commit(home, str(number))
    refresh(home)
    git(home, "checkout", "-q", "--orphan", "novo")
    measured(home, 10)
    made = commit(home, "novo")
    git(home, "branch", "-D", "main")
    git(home, "reflog", "expire", "--expire=now", "--all")
    git(home, "gc", "-q", "--prune=now")
    refresh(home)
    assert [row.commit for row in rows(home)] == [made]
    with closing(View(home)) as view:
        assert [item.content for item in view.measures("data/metrics/load.json")] == [{"rows": 10}]


def test_a_walk_that_was_cut_off_is_taken_up_even_if_history_is_rewritten_meanwhile(tmp_path: Path) -> None:
    home = repository(tmp_path)
    stream = "".join(
        f"commit refs/heads/main\ncommitter Ana <a@example.org> {1_700_000_000 + number} +0000\ndata 1\nx\n"
        for number in range(601)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=home, input=stream, text=True, check=True)

    class Enough(Exception):
        pass

    def cut(_what: str, _done: int, _total: int) -> None:
        raise Enough

    with store.opened(home) as connection, pytest.raises(Enough):
        versions.take_in(connection, home, cut)
    assert 0 < len(rows(home)) < 601
    git(home, "update-ref", "HEAD", "HEAD~300")
    refresh(home)
    kept = told(home)
    assert len(rows(home)) == 301
    store.delete(home)
    refresh(home)
    assert told(home) == kept


def test_a_shallow_clone_says_so_and_is_read_anew_when_deepened(tmp_path: Path) -> None:
    home = repository(tmp_path / "whole")
    for number, run_id in enumerate((ONE, TWO, THREE)):
        keep(home, a_record(run_id))
        commit(home, str(number), 1_700_000_000 + number)
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{home}", "part")
    part = tmp_path / "part"
    refresh(part)
    assert [(row.subject, row.runs) for row in rows(part)] == [("2", (THREE,)), ("1", ())]
    assert rows(part)[1].changed == ()
    assert "git fetch --unshallow" in note(part)
    git(part, "fetch", "-q", "--unshallow")
    refresh(part)
    assert [(row.subject, row.runs) for row in rows(part)] == [("2", (THREE,)), ("1", (TWO,)), ("0", (ONE,))]
    assert note(part) == ""


def test_a_pipeline_in_a_folder_of_the_repository_sees_its_own_paths(tmp_path: Path) -> None:
    repository(tmp_path)
    home = tmp_path / "dentro"
    measured(home, 5)
    keep(home, a_record(ONE))
    commit(tmp_path, "tudo")
    refresh(home)
    (row,) = rows(home)
    assert (row.runs, row.changed) == ((ONE,), ("data", "records"))
    with closing(View(home)) as view:
        assert view.measures("data/metrics/load.json")[0].content == {"rows": 5}


def test_a_reference_that_leads_nowhere_is_told_and_what_was_known_stays(tmp_path: Path) -> None:
    home = repository(tmp_path)
    commit(home, "pipeline")
    refresh(home)
    (home / ".git/refs/heads/quebrado").write_text("1" * 40 + "\n")
    refresh(home)
    assert "1" * 40 in note(home) or "quebrado" in note(home)
    assert len(rows(home)) == 1
    (home / ".git/refs/heads/quebrado").unlink()
    refresh(home)
    assert note(home) == ""


def test_two_at_once_do_not_do_the_work_twice(tmp_path: Path) -> None:
    home = repository(tmp_path)
    commit(home, "pipeline")
    with store.opened(home) as connection, store.alone(home, "versions") as is_alone:
        assert is_alone
        assert versions.take_in(connection, home) is None
    assert refresh(home) is True


def test_users_settings_of_git_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = repository(tmp_path / "r")
    keep(home, a_record(ONE))
    measured(home, 1)
    commit(home, "ação")
    refresh(home)
    before = told(home)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[log]\nshowRoot = false\nshowSignature = true\nfollow = true\n[color]\nui = always\n[diff]\nrenames = copies\n"
        "relative = false\nnoprefix = true\n[i18n]\nlogOutputEncoding = latin1\n[core]\nquotePath = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    store.delete(home)
    refresh(home)
    assert told(home) == before


def test_the_branch_is_read_without_starting_git(tmp_path: Path) -> None:
    assert inputs.head_branch(tmp_path / "no") is None
    home = repository(tmp_path / "r")
    assert inputs.head_branch(home) == "main"
    commit(home, "um")
    git(home, "worktree", "add", "-q", "-b", "dados/novo", str(tmp_path / "w"))
    assert inputs.head_branch(tmp_path / "w") == "dados/novo"
    assert inputs.head_commit(tmp_path / "w") == git(home, "rev-parse", "HEAD")
    git(home, "checkout", "-q", "--detach")
    assert inputs.head_branch(home) is None


def test_a_stage_logs_the_branch_and_who_and_a_record_keeps_the_branch(tmp_path: Path) -> None:
    assert a_record(ONE, branch="dados/novo").branch == "dados/novo"
    assert a_record(ONE).branch is None
    journal.append(
        tmp_path, "start", THREE, stage="load", kind="repro", branch="b", who="Ana", process=PROCESS, owner=PROCESS
    )
    (run,) = history.runs(tmp_path)
    assert (run.branch, run.who) == ("b", "Ana")


PROCESS: journal.Json = {"pid": 2**22 + 1, "started": 1.0}


def test_a_configuration_is_read_by_its_hash(tmp_path: Path) -> None:
    home = repository(tmp_path)
    commit(home, "um")
    assert changes.blob(home, inputs.blob_hash(home / "dvc.yaml")) == "stages: {}\n"
    for sha in ("a" * 40, "HEAD", "--help", git(home, "rev-parse", "HEAD")):
        assert changes.blob(home, sha) is None
