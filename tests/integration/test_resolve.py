"""Two branches that both re-ran: real merges, rebases and cherry-picks, and what is run after them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from observatudo import remote
from tests.conftest import ROOT
from tests.merging import Merging, branches


@pytest.fixture(scope="module")
def _once(tmp_path_factory: pytest.TempPathFactory) -> Merging:
    return branches(tmp_path_factory.mktemp("merging") / "repo")


@pytest.fixture
def repo(_once: Merging, tmp_path: Path) -> Merging:
    return _once.copy(tmp_path / "repo")


@pytest.fixture
def base(repo: Merging) -> Merging:
    """The version that both branches come from."""
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("branch", "-q", "-D", "side")
    repo.run("dvc", "checkout", "-q")
    return repo


def joined(repo: Merging) -> str:
    return (repo.root / "data/joined.txt").read_text()


def test_each_side_keeps_what_it_ran_and_only_the_rest_runs(repo: Merging) -> None:
    repo.git("merge", "side", code=1)
    assert "<<<<<<<" in (repo.root / "dvc.lock").read_text(), "a conflict in text, which DVC cannot read"
    said = repo.resolve()
    assert "ours     ingest@a" in said and "theirs   ingest@b" in said and "to run   join" in said
    assert repo.unmerged() == "" and repo.stages() == ["ingest@a", "ingest@b"]
    ran = [line for line in repo.repro().splitlines() if line.startswith("Running stage")]
    assert ran == ["Running stage 'join':", "Running stage 'record':"]
    assert joined(repo) == "a 10\nb 50\nb 60\nb 70" and repo.status() == []
    assert json.loads((repo.root / "data/metrics/join.json").read_text()) == {"joined": 4}


@pytest.mark.drill
def test_repro_and_commit_end_the_merge_as_a_clone_from_scratch_would_have_it(repo: Merging, tmp_path: Path) -> None:
    repo.git("merge", "side", code=1)
    said = repo.resolve("--repro", "--commit")
    assert "ended: git commit --no-edit" in said
    assert len(repo.git("rev-list", "--parents", "-n", "1", "HEAD").split()) == 3, "a merge has two parents"
    assert repo.git("status", "--porcelain") == "" and repo.status() == []
    repo.git("clone", "-q", ".", str(tmp_path / "fresh"))
    fresh = Merging(tmp_path / "fresh")
    fresh.repro()
    assert fresh.git("diff", "--stat") == "", "the merged dvc.lock is the one of a run from nothing"


@pytest.mark.drill
def test_again_before_the_commit_gives_the_same(repo: Merging) -> None:
    repo.git("merge", "side", code=1)
    repo.resolve()
    lock = (repo.root / "dvc.lock").read_bytes()
    repo.resolve()
    assert (repo.root / "dvc.lock").read_bytes() == lock


@pytest.mark.drill
def test_with_the_attributes_of_this_repository_git_never_merges_a_lock_by_itself(repo: Merging) -> None:
    shutil.copy(ROOT / ".gitattributes", repo.root)
    repo.git("add", ".gitattributes")
    repo.git("commit", "-q", "-m", "attributes")
    repo.git("merge", "side", code=1)
    assert "<<<<<<<" not in (repo.root / "dvc.lock").read_text(), "DVC can still read it"
    repo.resolve("--repro", "--commit")
    assert joined(repo) == "a 10\nb 50\nb 60\nb 70" and repo.status() == []


@pytest.mark.drill
def test_a_rebase_and_a_cherry_pick(repo: Merging) -> None:
    other = repo.copy(repo.root.with_name("other"))
    repo.git("checkout", "-q", "side")
    repo.git("rebase", "main", code=1)
    assert "rebase: " in repo.resolve("--repro", "--commit")
    assert repo.git("log", "--format=%s") == "b on side\na on main\nbase"
    other.git("cherry-pick", "side", code=1)
    assert "Next: dvc repro" in other.resolve()
    other.repro()
    other.git("add", "-A")
    other.git("cherry-pick", "--continue")
    for done in (repo, other):
        assert done.status() == [] and joined(done) == "a 10\nb 50\nb 60\nb 70"
        assert done.git("status", "--porcelain") == ""


@pytest.mark.drill
def test_a_revert_takes_back_what_was_run_before(repo: Merging) -> None:
    repo.write("raw/b.txt", "7\n")
    repo.repro()
    repo.commit("b on main")
    repo.git("revert", "--no-edit", "HEAD~1", code=1)
    said = repo.resolve("--repro", "--commit")
    assert "theirs   ingest@a" in said and "ours     ingest@b" in said
    assert joined(repo) == "a 1\na 2\nb 7" and repo.status() == []


def test_inputs_in_conflict_are_for_people(repo: Merging) -> None:
    repo.git("checkout", "-q", "-b", "third", "side")
    repo.write("raw/a.txt", "11\n")
    repo.edit("README.md", "text", "their text")
    repo.commit("a and text on third")
    repo.git("checkout", "-q", "main")
    repo.edit("README.md", "text", "our text")
    repo.commit("text")
    repo.git("merge", "third", code=1)
    before = {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file() and ".git" not in path.parts}
    said = repo.resolve(code=1)
    assert "2 input(s) are still in conflict" in said and "@ README.md, raw/a.txt" in said
    assert {path: path.read_bytes() for path in before} == before, "nothing was touched"
    repo.git("checkout", "--theirs", "raw/a.txt", "README.md")
    repo.git("add", "raw/a.txt", "README.md")
    said = repo.resolve()
    assert "to run   ingest@a" in said and "theirs   ingest@b" in said and repo.unmerged() == ""


@pytest.mark.drill
def test_a_whole_side_can_be_taken(repo: Merging) -> None:
    repo.git("checkout", "-q", "-b", "third", "side")
    repo.write("raw/a.txt", "11\n")
    repo.run("dvc", "checkout", "-q")
    repo.repro()
    repo.commit("a and b on third")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "third", code=1)
    repo.git("checkout", "--theirs", "raw/a.txt")
    repo.git("add", "raw/a.txt")
    said = repo.resolve()
    assert "theirs   ingest@a" in said and "theirs   join" in said and "to run" not in said
    repo.git("commit", "--no-edit", "-q")
    assert joined(repo) == "a 11\nb 50\nb 60\nb 70" and repo.status() == []


@pytest.mark.drill
def test_an_input_that_people_merge_anew_is_run(repo: Merging) -> None:
    repo.git("checkout", "-q", "-b", "third", "main~1")
    repo.write("raw/a.txt", "11\n")
    repo.run("dvc", "checkout", "-q")
    repo.repro()
    repo.commit("a on third")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "third", code=1)
    repo.write("raw/a.txt", "10\n11\n")
    repo.git("add", "raw/a.txt")
    said = repo.resolve("--repro", "--commit")
    assert "both     ingest@b" in said and "to run   ingest@a" in said
    assert joined(repo) == "a 10\na 11\nb 5\nb 6" and repo.status() == []


def test_a_lock_that_git_merged_without_a_word_is_seen(base: Merging) -> None:
    base.git("checkout", "-q", "-b", "side")
    base.write("raw/b.txt", "50\n")
    base.repro("ingest@b")
    base.commit("b alone")
    base.git("checkout", "-q", "main")
    base.run("dvc", "checkout", "-q")
    base.edit("stages/join.py", '"joined":', '"all":')
    base.repro()
    base.commit("join")
    base.git("merge", "-q", "--no-edit", "side")
    base.run("dvc", "checkout", "-q", "--allow-missing")
    assert base.status() == ["join"], "the merge is clean, and nobody ran it"
    said = base.resolve(code=1)
    assert "no merge, rebase or cherry-pick is under way" in said and "→ dvc status" in said
    base.git("reset", "-q", "--hard", "HEAD~1")
    base.git("merge", "-q", "--no-commit", "side")
    said = base.resolve()
    assert "to run   join" in said and base.stages() == ["ingest@a", "ingest@b"]


@pytest.mark.drill
def test_stages_that_come_and_go(base: Merging) -> None:
    base.git("checkout", "-q", "-b", "side")
    base.edit("params.yaml", "  b: {}\n", "  b: {}\n  c: {}\n")
    base.edit("params.yaml", "  b: 1\n", "  b: 1\n  c: 1\n")
    base.write("raw/c.txt", "3\n")
    base.repro()
    base.commit("c comes")
    base.git("checkout", "-q", "main")
    shutil.rmtree(base.root / "data/ingested/c")
    base.edit("params.yaml", "  a: {}\n", "")
    shutil.rmtree(base.root / "data/ingested/a")
    (base.root / "data/metrics/a.json").unlink()
    base.repro()
    base.commit("a goes")
    base.git("merge", "side", code=1)
    assert "to run   join" in base.resolve("--repro", "--commit")
    assert joined(base) == "b 5\nb 6\nc 3" and base.status() == []
    assert base.stages() == ["ingest@b", "ingest@c", "join", "record"]


@pytest.mark.drill
def test_outputs_of_the_other_side_come_from_the_remote_or_are_made_again(repo: Merging, tmp_path: Path) -> None:
    remote.set_up(repo.root, tmp_path / "dados")
    remote.push(repo.root)
    for name, has_remote in (("with", True), ("without", False)):
        repo.git("clone", "-q", ".", str(tmp_path / name))
        clone = Merging(tmp_path / name)
        remote.set_up(clone.root, tmp_path / "dados")
        clone.run("dvc", "pull", "-q")
        if not has_remote:
            (clone.root / ".dvc/config.local").unlink()
        clone.git("merge", "origin/side", code=1)
        said = clone.resolve("--repro", "--commit")
        assert ("theirs   ingest@b" in said) is has_remote
        assert ("to run   ingest@b   (its outputs are in neither cache nor remote)" in said) is not has_remote
        assert joined(clone) == "a 10\nb 50\nb 60\nb 70" and clone.status() == []


@pytest.mark.drill
def test_a_failing_run_leaves_the_merge_open(repo: Merging) -> None:
    repo.git("merge", "side", code=1)
    repo.edit("stages/join.py", "import json", "import jso")
    assert "failed to reproduce 'join'" in repo.resolve("--repro", "--commit", code=255)
    assert (repo.root / ".git/MERGE_HEAD").exists()
    repo.edit("stages/join.py", "import jso", "import json")
    repo.resolve("--repro", "--commit")
    assert repo.status() == []


@pytest.mark.drill
def test_another_command_at_work_is_waited_for(repo: Merging) -> None:
    from dvc.repo import Repo

    repo.git("merge", "side", code=1)
    repo.git("checkout", "--ours", "dvc.lock")
    with Repo(str(repo.root)) as held, held.lock:
        assert "another DVC command is at work" in repo.resolve(code=1)
    repo.resolve()
