"""Names of versions, and the way from a name to the bytes of an output."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from observatudo.errors import ObservatudoError
from observatudo.versions import Versions, read_lock, tables
from observatudo.versions.store import Missing
from tests.past import DATASET, Past, label, observation, past

TABLE = f"{DATASET}/observacao"


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    """Two commits; the second changes one value."""
    made = past(tmp_path / "repo")
    made.observations([observation("3550308", 2019, 1.0), observation("3304557", 2019, 2.0)])
    made.labels([label("pib", "Economia")])
    made.commit("first")
    made.observations([observation("3550308", 2019, 1.5), observation("3304557", 2019, 2.0)])
    made.commit("second")
    return made


def values(versions: Versions, name: str) -> list[float]:
    version = versions.find(name)
    (file,) = tables(version)[TABLE].files
    found: list[float] = pq.read_table(file.local(version)).column("valor").to_pylist()
    return found


def test_each_commit_has_its_own_values_and_nothing_is_checked_out(repo: Past) -> None:
    versions = Versions(repo.root)
    repo.git("tag", "old", "HEAD~1")
    repo.git("branch", "side", "HEAD~1")
    assert values(versions, "HEAD") == [2.0, 1.5]
    assert [values(versions, name) for name in ("HEAD~1", "old", "side")] == [[2.0, 1.0]] * 3
    assert repo.git("status", "--short") == ""


def test_the_workspace_is_read_as_it_stands(repo: Past) -> None:
    repo.observations([observation("3550308", 2019, 9.0)])
    assert values(Versions(repo.root), "workspace") == [9.0]
    (repo.root / "data/ingested" / DATASET / "observacao/pib.parquet").unlink()
    assert TABLE not in tables(Versions(repo.root).workspace())


def test_a_file_of_the_workspace_that_changes_is_hashed_anew(repo: Past) -> None:
    workspace = Versions(repo.root).workspace()
    path = f"data/ingested/{DATASET}"
    before = {entry.relpath: entry.md5 for entry in workspace.files(path)}
    file = repo.root / path / "indicador.parquet"
    file.write_bytes(file.read_bytes()[::-1])
    after = {entry.relpath: entry.md5 for entry in workspace.files(path)}
    assert [name for name in before if before[name] != after[name]] == ["indicador.parquet"]
    (repo.root / ".observatudo/md5.json").write_text("not JSON")
    assert {entry.relpath: entry.md5 for entry in workspace.files(path)} == after


def test_two_dots_three_dots_and_the_defaults(repo: Past) -> None:
    versions = Versions(repo.root)
    repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    repo.commit("aside")
    base, side, main = (repo.git("rev-parse", name) for name in ("main~1", "side", "main"))
    assert [v.commit for v in versions.pair(["main...side"])] == [base, side]
    assert [v.commit for v in versions.pair(["main..side"])] == [main, side]
    assert [v.commit for v in versions.pair(["main..."])] == [base, side]
    assert [(v.kind, v.commit) for v in versions.pair([])] == [("commit", side), ("workspace", side)]
    with pytest.raises(ObservatudoError, match="two versions can be compared, not 3"):
        versions.pair(["main", "side", "HEAD"])


def test_an_experiment_is_found_by_its_name(repo: Past) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/only-2018", "HEAD~1")
    found = Versions(repo.root).find("only-2018")
    assert (found.kind, found.name, found.commit) == ("experiment", "only-2018", repo.git("rev-parse", "HEAD~1"))


def test_what_is_not_there_is_said_with_the_nearest_name(repo: Past) -> None:
    repo.git("branch", "publicado")
    with pytest.raises(ObservatudoError, match="“publicdo” is no revision") as caught:
        Versions(repo.root).find("publicdo")
    assert "publicado" in caught.value.next_step
    with pytest.raises(ObservatudoError, match="no file or folder"):
        Versions(repo.root).find("./nothing")
    with pytest.raises(ObservatudoError, match="is no revision"):
        Versions(repo.root).find("--output=x")


def test_before_the_first_commit_and_outside_of_git(tmp_path: Path) -> None:
    made = past(tmp_path / "new")
    with pytest.raises(ObservatudoError, match="no commit yet"):
        Versions(made.root).commit("HEAD")
    assert Versions(made.root).workspace().commit is None
    (tmp_path / "bare").mkdir()
    with pytest.raises(ObservatudoError, match="not a Git repository"):
        Versions(tmp_path / "bare").workspace()


def test_branches_without_a_common_commit(repo: Past) -> None:
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit("elsewhere")
    with pytest.raises(ObservatudoError, match="no commit in common"):
        Versions(repo.root).pair(["main...other"])


def test_a_shallow_clone_says_how_to_get_the_rest(repo: Past, tmp_path: Path) -> None:
    source = f"file://{repo.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, tmp_path / "shallow"], check=True)
    with pytest.raises(ObservatudoError) as caught:
        Versions(tmp_path / "shallow").find("HEAD~1")
    assert "--unshallow" in caught.value.next_step


def test_a_repository_in_a_folder_of_gits_own(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=outer, check=True)
    made = Past(outer / "inner/obs")
    made.root.mkdir(parents=True)
    made.write(".dvc/config", "")
    made.write(".gitignore", "/data/ingested/\n/.dvc/cache\n")
    made.write("configs/datasets/x/y.yaml", "title: Um\n")
    made.observations([observation("3550308", 2019, 4.0)])
    made.commit("inner")
    assert values(Versions(made.root), "HEAD") == [4.0]
    assert list(Versions(made.root).commit("HEAD").tree.paths("configs")) == ["configs/datasets/x/y.yaml"]


def test_a_missing_object_is_named_with_what_to_do(repo: Past) -> None:
    version = Versions(repo.root).commit("HEAD")
    (file,) = tables(version)[TABLE].files
    repo.object(file.entry.md5).unlink()
    with pytest.raises(Missing, match=r"data/ingested/x/y/observacao/pib.parquet.*no remote is set") as caught:
        file.local(version)
    assert caught.value.md5s == [file.entry.md5]


def test_a_damaged_listing_is_named(repo: Past) -> None:
    version = Versions(repo.root).commit("HEAD")
    listing = repo.object(version.lock.outs[f"data/ingested/{DATASET}"].md5)
    listing.chmod(0o644)
    listing.write_text("[{")
    with pytest.raises(ObservatudoError, match="listing of data/ingested/x/y is damaged"):
        tables(version)


def test_the_key_of_a_mart_is_the_one_its_package_names(repo: Past) -> None:
    table = pq.read_table(repo.root / "data/classified/rotulo.parquet")
    repo.table("dim_eixo", table, ["eixo"])
    repo.table("sem_chave", table, [])
    repo.commit("marts")
    found = tables(Versions(repo.root).commit("HEAD"))
    assert (found["dim_eixo"].key, found["dim_eixo"].derived) == (("eixo",), True)
    assert found["sem_chave"].key == ()
    assert list(found)[-2:] == ["dim_eixo", "sem_chave"]


def test_a_path_is_a_folder_of_tables_or_one_table(repo: Past) -> None:
    marts = repo.root / "data/marts"
    repo.table("dim_eixo", pq.read_table(repo.root / "data/classified/rotulo.parquet"), ["eixo"])
    (marts / "dim_eixo.csv").write_text("a copy of it\n")
    versions = Versions(repo.root)
    folder = tables(versions.find(str(marts)))
    assert {name: table.key for name, table in folder.items()} == {"dim_eixo": ("eixo",)}
    version = versions.find(str(marts / "dim_eixo.parquet"))
    (table,) = tables(version).values()
    assert table.files[0].local(version) == marts / "dim_eixo.parquet"


@pytest.mark.parametrize(
    ("text", "says"), [(b"a: [", "cannot be read"), (b"stages: 1", "cannot be read"), (b"<<<<<<< HEAD\n", "conflict")]
)
def test_a_lock_that_is_none(text: bytes, says: str) -> None:
    with pytest.raises(ObservatudoError, match=says):
        read_lock(text, "dvc.lock")


def test_a_cache_elsewhere_is_found(repo: Past, tmp_path: Path) -> None:
    (repo.root / ".dvc/cache").rename(tmp_path / "shared")
    (repo.root / ".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    assert values(Versions(repo.root), "HEAD") == [2.0, 1.5]


def test_no_dvc_is_said(repo: Past) -> None:
    import shutil

    shutil.rmtree(repo.root / ".dvc")
    with pytest.raises(ObservatudoError, match="has no DVC"):
        tables(Versions(repo.root).commit("HEAD"))


def test_entries_come_in_order_of_name(repo: Past) -> None:
    rows = [observation("3550308", 2019, 1.0, indicator) for indicator in ("b", "a", "a_b", "B")]
    repo.observations(rows)
    repo.commit("many")
    versions = Versions(repo.root)
    path = f"data/ingested/{DATASET}"
    listed = [entry.relpath for entry in versions.commit("HEAD").files(path)]
    assert listed == sorted(listed) == [entry.relpath for entry in versions.workspace().files(path)]
    content = json.loads(repo.object(versions.commit("HEAD").lock.outs[path].md5).read_text())
    assert len(content) == len(listed)


def test_a_detached_head_and_a_linked_work_tree(repo: Past, tmp_path: Path) -> None:
    repo.git("checkout", "-q", "--detach", "HEAD~1")
    assert values(Versions(repo.root), "HEAD") == [2.0, 1.0]
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "main")
    linked = Versions(tmp_path / "linked")
    assert linked.find("HEAD").commit == repo.git("rev-parse", "main")
    (tmp_path / "linked/.dvc/config.local").write_text(f"[cache]\n    dir = {repo.root / '.dvc/cache'}\n")
    assert values(linked, "HEAD") == [2.0, 1.5]


def test_a_submodule_is_a_repository_like_any(repo: Past, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=outer, check=True)
    allowed = ["-c", "protocol.file.allow=always"]
    subprocess.run(["git", *allowed, "submodule", "--quiet", "add", repo.root, "inner"], cwd=outer, check=True)
    (outer / "inner/.dvc/config.local").write_text(f"[cache]\n    dir = {repo.root / '.dvc/cache'}\n")
    inside = Versions(outer / "inner")
    assert (inside.prefix, inside.find("HEAD~1").commit) == ("", repo.git("rev-parse", "HEAD~1"))
    assert values(inside, "HEAD~1") == [2.0, 1.0]


@pytest.mark.parametrize(
    "entry",
    [{"md5": "..//etc/passwd", "relpath": "a"}, {"md5": "0" * 32, "relpath": "../../out"}, {"md5": "", "relpath": "a"}],
)
def test_a_listing_leads_nowhere_else(repo: Past, entry: dict[str, str]) -> None:
    version = Versions(repo.root).commit("HEAD")
    listing = repo.object(version.lock.outs[f"data/ingested/{DATASET}"].md5)
    listing.chmod(0o644)
    listing.write_text(json.dumps([entry]))
    with pytest.raises(ObservatudoError):
        [version.local("x", found) for found in version.files(f"data/ingested/{DATASET}")]


def test_an_empty_name_is_not_the_workspace(repo: Past) -> None:
    with pytest.raises(ObservatudoError, match="is empty"):
        Versions(repo.root).pair(["", "HEAD"])


def test_a_link_is_what_git_says_it_is(repo: Past) -> None:
    (repo.root / "configs/link.yaml").symlink_to("datasets")
    repo.commit("with a link")
    versions = Versions(repo.root)
    assert versions.commit("HEAD").tree.paths("configs") == versions.workspace().tree.paths("configs")
    assert versions.workspace().text("configs/link.yaml") == versions.commit("HEAD").text("configs/link.yaml")
