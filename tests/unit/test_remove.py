"""What ``observatudo remove`` finds, shows, refuses and takes away; only ever what is a named dataset's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from observatudo import generate, leftovers, remove
from observatudo.errors import ConfigError, ObservatudoError
from tests.conftest import run_in

KEY = "brmunipanel/variavel"
DECLARATION = f"configs/datasets/{KEY}.yaml"
SNAPSHOT = f"data/raw/{KEY}"
INGESTED = f"data/ingested/{KEY}"
METRICS = f"data/metrics/ingest/{KEY}.json"
MODEL = "dbt/models/staging/stg_brmunipanel__variavel.sql"
CORRECTIONS = "configs/corrections/brmunipanel/variavel.yaml"  # generated, without any


@pytest.fixture
def repo(clone: Path) -> Path:
    """A clone with generated files up to date and outputs of two datasets, one of them somebody else's."""
    generate.generate(clone)
    for name in (KEY, "registro_civil/obito"):
        folder = clone / "data/ingested" / name
        folder.mkdir(parents=True)
        (folder / "relatorio.json").write_text(json.dumps({"rows_read": 3, "rows": 2}))
        (folder / "x.parquet").write_bytes(b"x" * 100)
    foreign = clone / "data/ingested/brmunipanel/mine"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    commit(clone)
    return clone


def commit(repo: Path) -> None:
    run_in(repo, "git add -A -f && git commit -q -m x")


def take_off_the_list(repo: Path, key: str = KEY) -> None:
    params = repo / "params.yaml"
    lines = params.read_text().splitlines(keepends=True)
    params.write_text("".join(line for line in lines if not line.startswith(f"  {key}:")))


def state(repo: Path) -> dict[str, bytes]:
    """Return every file of the repository but Git's and DVC's own."""
    found = (path for path in repo.rglob("*") if path.is_file())
    names = {path.relative_to(repo).as_posix(): path for path in found}
    ignored = (".git/", ".dvc/")
    return {n: p.read_bytes() for n, p in names.items() if not n.startswith(ignored) and "__pycache__" not in n}


def paths_of(plan: remove.Plan) -> set[str]:
    return {item.path for item in plan.delete}


def command(repo: Path, words: str = "") -> subprocess.CompletedProcess[str]:
    return run_in(repo, f"observatudo remove {words}")


def test_nothing_is_left_behind_while_all_are_on_the_list(repo: Path) -> None:
    assert leftovers.find(repo) == []
    done = command(repo)
    assert (done.returncode, "nothing to remove" in done.stdout) == (0, True)


def test_a_dataset_taken_off_by_hand_is_found_and_only_its_own_goes(repo: Path) -> None:
    take_off_the_list(repo)
    assert leftovers.find(repo) == [KEY]
    before = state(repo)
    plan = remove.plan(repo, None)
    assert paths_of(plan) == {INGESTED, METRICS, MODEL, CORRECTIONS}
    assert {item.path for item in plan.keep} == {DECLARATION, SNAPSHOT}
    (output,) = [item for item in plan.delete if item.path == INGESTED]
    assert (output.rows, output.files) == (2, 2)
    assert state(repo) == before
    remove.carry_out(repo, plan)
    after = state(repo)
    gone = {f"{INGESTED}/relatorio.json", f"{INGESTED}/x.parquet", METRICS, MODEL, CORRECTIONS}
    assert set(before) - set(after) == gone
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"dvc.lock", "dbt/models/staging/_staging.yml", "dbt/models/staging/stg_indicador.sql"}
    assert leftovers.find(repo) == generate.stale(repo) == []


@pytest.mark.parametrize("gone", ["dvc.lock", METRICS, INGESTED, MODEL])
def test_each_trace_alone_gives_a_dataset_away(repo: Path, gone: str) -> None:
    """All traces but one are taken away by the product itself; that one is put back."""
    take_off_the_list(repo)
    commit(repo)
    remove.carry_out(repo, remove.plan(repo, None))
    assert leftovers.find(repo) == []
    run_in(repo, f"git checkout HEAD -- {gone}")
    assert leftovers.find(repo) == [KEY]


def test_a_folder_that_lost_its_report_is_known_from_the_last_commit(repo: Path) -> None:
    take_off_the_list(repo)
    remove.carry_out(repo, remove.plan(repo, None))
    (repo / INGESTED).mkdir(parents=True)
    (repo / INGESTED / "part.parquet").write_bytes(b"x")
    assert leftovers.find(repo) == [KEY]
    assert "brmunipanel/mine" not in leftovers.find(repo)


def test_a_declaration_that_waits_is_no_leftover(repo: Path) -> None:
    waiting = repo / "configs/datasets/brmunipanel/outro.yaml"
    waiting.write_bytes((repo / DECLARATION).read_bytes())
    assert leftovers.find(repo) == []
    plan = remove.plan(repo, "brmunipanel/outro")
    assert not plan
    assert [item.path for item in plan.keep] == [waiting.relative_to(repo).as_posix()]


def test_a_dataset_on_the_list_goes_with_its_lines_and_the_comments_stay(repo: Path) -> None:
    before = (repo / "params.yaml").read_text()
    plan = remove.plan(repo, KEY)
    assert (repo / "params.yaml").read_text() == before
    remove.carry_out(repo, plan)
    after = (repo / "params.yaml").read_text()
    lost = [line for line in before.splitlines() if line not in after.splitlines()]
    assert [line.strip().partition(":")[0] for line in lost] == [KEY, "brmunipanel", "variavel"]
    assert "# repeated_block: this many equal values" in after
    assert f"ingest@{KEY}" not in yaml.safe_load((repo / "dvc.lock").read_text())["stages"]
    assert (repo / DECLARATION).is_file() and (repo / SNAPSHOT / "snapshot.json").is_file()


def test_declaration_and_snapshot_go_when_asked_and_git_gives_them_back(repo: Path) -> None:
    before = state(repo)
    done = command(repo, f"{KEY} --with-declaration --with-snapshot --yes")
    assert done.returncode == 0, done.stderr
    assert not (repo / DECLARATION).exists() and not (repo / SNAPSHOT).exists()
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("To have it back: ")]
    back = run_in(repo, told.removeprefix("To have it back: ").partition(" (")[0] + " && observatudo generate")
    assert back.returncode == 0, back.stderr
    for name in ("params.yaml", DECLARATION, f"{SNAPSHOT}/snapshot.json", f"{SNAPSHOT}/variables.json", MODEL):
        assert state(repo)[name] == before[name]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--with-declaration", DECLARATION),
        ("--with-snapshot", f"{SNAPSHOT}/snapshot.json"),
        ("--with-snapshot", f"{SNAPSHOT}/new"),
    ],
)
def test_what_git_does_not_have_as_it_stands_is_refused(repo: Path, option: str, name: str) -> None:
    path = repo / name
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"\n")
    before = state(repo)
    done = command(repo, f"{KEY} {option} --yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert name in done.stderr and "git add" in done.stderr
    assert state(repo) == before


def test_a_link_out_of_the_repository_is_refused(repo: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    (repo / INGESTED).rename(outside)
    (repo / INGESTED).symlink_to(outside)
    with pytest.raises(ObservatudoError, match="leads out of the repository") as caught:
        remove.plan(repo, KEY)
    assert caught.value.where == INGESTED
    assert (outside / "x.parquet").is_file()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("ibge/municipio", "is the list that other datasets check their places against: registro_civil/obito"),
        ("siconfi/ente", "the rest cannot do without siconfi/ente"),
        ("brmunipanel/variavell", "did you mean “brmunipanel/variavel”"),
        ("../../etc", "nothing of it here"),
    ],
)
def test_what_cannot_be_taken_off_is_said(repo: Path, key: str, reason: str) -> None:
    before = state(repo)
    with pytest.raises(ConfigError, match=reason) as caught:
        remove.plan(repo, key)
    assert caught.value.next_step
    assert str(repo) not in caught.value.message
    assert state(repo) == before


def test_a_damaged_lock_is_named(repo: Path) -> None:
    lock = repo / "dvc.lock"
    lock.write_text("<<<<<<< HEAD\n" + lock.read_text())
    with pytest.raises(ConfigError) as caught:
        remove.plan(repo, KEY)
    assert caught.value.where.startswith(f"{lock}:")


def test_while_a_pipeline_runs_nothing_is_removed(repo: Path) -> None:
    """A stage holds a lock of DVC's on the paths it works on; ours must respect it."""
    from dvc.repo import Repo
    from dvc.rwlock import rwlock

    before = state(repo)
    held = [str(repo / "data/ingested/ibge/municipio")]
    with Repo(str(repo)) as dvc, rwlock(dvc.tmp_dir, dvc.fs, "dvc repro", [], held, False):
        done = command(repo, f"{KEY} --yes")
    assert done.returncode == 1
    assert "a pipeline is running in this repository" in done.stderr
    assert state(repo) == before


def test_the_preview_names_everything_and_changes_nothing(repo: Path) -> None:
    before = state(repo)
    done = command(repo, KEY)
    assert done.returncode == 0, done.stderr
    for words in (INGESTED, "2 rows", METRICS, MODEL, "changes  dvc.lock", f"stays    {SNAPSHOT}", "--yes"):
        assert words in done.stdout
    assert f"-  {KEY}:" in done.stdout
    assert state(repo) == before


def test_json_holds_the_plan(repo: Path) -> None:
    plan = json.loads(command(repo, f"{KEY} --json").stdout)
    assert (plan["datasets"], plan["done"]) == ([KEY], False)
    assert {item["path"] for item in plan["delete"]} == {INGESTED, METRICS, MODEL, CORRECTIONS}
    assert [edit["path"] for edit in plan["edits"]] == ["params.yaml", "dvc.lock"]


def test_doctor_and_datasets_mention_what_was_left_behind(repo: Path) -> None:
    take_off_the_list(repo)
    assert f"left something behind: {KEY}" in run_in(repo, "observatudo doctor").stdout
    assert f"not in params.yaml: {KEY}; type observatudo remove" in run_in(repo, "observatudo datasets").stdout


def test_a_file_with_corrections_stays_and_an_empty_one_is_not_asked_back_of_git(repo: Path) -> None:
    done = command(repo, f"{KEY} --yes")
    assert "git checkout HEAD -- params.yaml (" in done.stdout
    (repo / CORRECTIONS).parent.mkdir(exist_ok=True)
    (repo / CORRECTIONS).write_text("corrections: [{key: {id_indicador: a}}]\n", encoding="utf-8")
    plan = remove.plan(repo, KEY)
    assert CORRECTIONS in {item.path for item in plan.keep}
