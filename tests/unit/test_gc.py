"""The clean-up of the cache: what goes is exactly what no kept version needs, held against a count by hand."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from observatudo import remote
from observatudo.audit.keep import Plan, Wish, carry_out, objects, plan, table_name
from observatudo.errors import ObservatudoError
from observatudo.versions import Store, Versions, tables
from tests.past import Past, observation, past
from tests.recorded import record


def cached(repo: Past) -> set[str]:
    return {path.parent.name + path.name for path in (repo.root / ".dvc/cache/files/md5").glob("??/*")}


def needs(repo: Past, text: str) -> set[str]:
    """Return the objects that the text of a dvc.lock needs, the listings opened."""
    found = set()
    for stage in (yaml.safe_load(text) or {"stages": {}})["stages"].values():
        for out in stage["outs"]:
            found.add(out["md5"])
            if out["md5"].endswith(".dir") and repo.object(out["md5"]).is_file():
                found |= {entry["md5"] for entry in json.loads(repo.object(out["md5"]).read_text())}
    return found


def by_hand(repo: Past, commits: list[str]) -> set[str]:
    """Return what commits and the work tree need, asked of Git one by one."""
    found = needs(repo, (repo.root / "dvc.lock").read_text())
    for commit in commits:
        found |= needs(repo, repo.git("show", f"{commit}:dvc.lock"))
    return found


def make(root: Path, values: list[float]) -> Past:
    made = past(root)
    made.git("checkout", "-q", "-b", "main")
    for n, value in enumerate(values):
        made.observations([observation("3550308", 2019, value), observation("3550308", 2019, 1.0, "constant")])
        made.commit(f"value {value}", when=f"2026-01-{n + 1:02}T12:00:00+00:00")
    return made


@pytest.fixture
def repo(tmp_path: Path) -> Past:
    return make(tmp_path / "obra", [1.0, 2.0, 3.0, 4.0])


def do(repo: Past, wish: Wish, *, for_good: bool = True) -> Plan:
    made = plan(repo.root, wish)
    carry_out(repo.root, made, wish, for_good=for_good)
    return made


def values(repo: Past, revision: str) -> int:
    """Read every table of a version; return how many files there were."""
    version = Versions(repo.root).find(revision)
    return sum(file.local(version).stat().st_size > 0 for table in tables(version).values() for file in table.files)


def test_nothing_goes_of_a_history_that_is_kept_whole(repo: Past) -> None:
    before = cached(repo)
    assert do(repo, Wish()).goes == {} and cached(repo) == before


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.drill) for n in range(3, 60))])
def test_what_goes_is_what_nothing_kept_needs(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    made = make(tmp_path / "obra", [1.0, 2.0])
    names = ["main"]
    for n in range(7):
        choice = rng.choice(("commit", "commit", "branch", "tag", "experiment", "stash", "orphan"))
        made.observations([observation("3550308", 2019, rng.choice([float(n), 1.0, 2.0]))])
        if choice == "stash":
            made.write("dvc.lock", yaml.safe_dump({"stages": made.lock}))
            made.git("stash", "push", "-q") if made.git("status", "--porcelain") else None
            continue
        if choice == "branch":
            names.append(f"b{n}")
            made.git("checkout", "-q", "-b", f"b{n}", rng.choice(names[:-1]))
        commit = made.commit(f"{n} {choice}", when=f"2026-02-{n + 1:02}T12:00:00+00:00")
        if choice == "experiment":
            made.git("update-ref", f"refs/exps/ab/cd/exp-{n}", commit)
        if choice in ("experiment", "orphan"):
            made.git("reset", "-q", "--hard", "HEAD~1")
        if choice == "tag":
            made.git("tag", *rng.choice([("-a", "-m", "t"), ()]), f"t{n}")
    stashed = made.git("rev-list", "-g", "stash", "--").split() if made.git("stash", "list") else []
    all_ = made.git("rev-list", "--all", *stashed).split()
    tips = made.git("rev-list", "--no-walk", "--all").split() + stashed
    since = made.git("rev-list", "--all", *stashed, "--since=2026-02-03T00:00:00").split()
    last = [c for name in names for c in made.git("rev-list", "-n", "2", name).split()]
    wish, kept = rng.choice(
        [
            (Wish(), all_),
            (Wish(last=2), tips + last),
            (Wish(since="2026-02-03"), tips + since),
            (Wish(revisions=("main~1",)), [*tips, made.git("rev-parse", "main~1")]),
        ]
    )
    expected = cached(made) & by_hand(made, kept)
    do(made, wish)
    assert cached(made) == expected


def test_less_history_is_kept_when_asked_and_the_loss_is_said(repo: Past) -> None:
    made = plan(repo.root, Wish(last=2))
    assert [(lost.subject, lost.tables, lost.in_remote) for lost in made.lost] == [
        ("value 2.0", ("x/y/observacao",), False),
        ("value 1.0", ("x/y/observacao",), False),
    ]
    assert len(made.nowhere) == 4 and made.there == made.unnamed == {}, "a listing and a file each"
    with pytest.raises(ObservatudoError, match="lost for good") as refused:
        carry_out(repo.root, made, Wish(last=2))
    assert "make push" in refused.value.next_step and "--for-good" in refused.value.next_step
    before = cached(repo)
    count, size = carry_out(repo.root, made, Wish(last=2), for_good=True)
    assert (count, size) == (4, sum(made.goes.values())) and cached(repo) == before - made.goes.keys()
    assert values(repo, "HEAD") == values(repo, "HEAD~1") == 3


def test_what_the_remote_has_goes_without_more_and_comes_back(repo: Past) -> None:
    remote.set_up(repo.root, repo.root.parent / "dados")
    remote.push(repo.root)
    before = sorted((repo.root.parent / "dados").rglob("*"))
    made = do(repo, Wish(last=1), for_good=False)
    assert len(made.there) == 6 and made.nowhere == {} and all(lost.in_remote for lost in made.lost)
    assert sorted((repo.root.parent / "dados").rglob("*")) == before, "the remote is not touched"
    assert values(repo, "HEAD~3") == 3


def test_a_name_keeps_a_version(repo: Past) -> None:
    repo.git("tag", "-a", "-m", "published", "2026.1", "HEAD~3")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD~2")
    repo.git("update-ref", "refs/exps/ab/cd/what-if", "HEAD~1")
    assert [lost.subject for lost in plan(repo.root, Wish(last=1)).lost] == []


def test_ranges_dates_and_runs_can_be_kept(repo: Past) -> None:
    last = dict(repo.lock)
    repo.observations([observation("3550308", 2019, 1.0), observation("3550308", 2019, 1.0, "constant")])
    record(repo, "20260105T000000Z-1", repo.git("rev-parse", "HEAD~3"))
    repo.lock = last
    repo.commit("record", when="2026-01-06T12:00:00+00:00")
    lost = {
        wish: [lost.subject or lost.run for lost in plan(repo.root, wish).lost]
        for wish in (
            Wish(last=1),
            Wish(since="2026-01-03"),
            Wish(revisions=("HEAD~3..HEAD",)),
            Wish(revisions=("20260105T000000Z-1",)),
        )
    }
    assert list(lost.values()) == [
        ["value 3.0", "value 2.0", "value 1.0"],
        ["value 2.0", "value 1.0"],
        ["value 1.0"],
        ["value 3.0", "value 2.0"],
    ]


def test_the_outputs_of_a_run_that_was_never_committed_are_kept(repo: Past) -> None:
    repo.observations([observation("3550308", 2019, 77.0)])
    record(repo, "20260110T000000Z-9", repo.git("rev-parse", "HEAD"))
    assert plan(repo.root, Wish()).goes == {} and len(plan(repo.root, Wish(last=1)).nowhere) == 6
    shutil.rmtree(repo.root / "audit")
    assert len(plan(repo.root, Wish()).unnamed) == 3


def test_both_sides_of_a_merge_under_way_are_kept(repo: Past) -> None:
    repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    repo.observations([observation("3550308", 2019, 9.0)])
    repo.commit("nine")
    repo.git("checkout", "-q", "main")
    subprocess.run(["git", "merge", "-q", "side"], cwd=repo.root, capture_output=True)
    repo.git("branch", "-D", "side")
    assert plan(repo.root, Wish()).goes == {}


def test_a_lock_that_is_damaged_still_keeps_what_it_names(repo: Past) -> None:
    text = (repo.root / "dvc.lock").read_text()
    (repo.root / "dvc.lock").write_text("<<<<<<< ours\n" + text)
    repo.git("commit", "-q", "-a", "-m", "conflict marks")
    (repo.root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    repo.git("commit", "-q", "-a", "-m", "empty")
    assert plan(repo.root, Wish()).goes == {}


def test_without_a_listing_nothing_is_called_of_no_version(repo: Past) -> None:
    out = Versions(repo.root).find("HEAD~1").lock.outs["data/ingested/x/y"]
    repo.object(out.md5).unlink()
    made = plan(repo.root, Wish())
    assert made.doubtful == 1 and made.unnamed == {} and len(made.nowhere) == 1, "the file only that listing named"


def test_what_is_no_object_is_never_touched(repo: Past) -> None:
    cache = repo.root / ".dvc/cache/files/md5"
    strange = [cache / "00/notes.txt", cache / "README", cache / f"ab/{'0' * 29}", cache / f"ab/{'0' * 30}.unpacked"]
    for path in strange:
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    linked = cache / f"ab/{'1' * 30}"
    linked.symlink_to(repo.root / "dvc.yaml")
    orphan = cache / f"ab/{'2' * 30}"
    orphan.write_text("x")
    assert do(repo, Wish()).goes == {f"ab{'2' * 30}": 1}
    assert all(path.exists() for path in [*strange, linked]) and not orphan.exists()
    assert len(dict(objects(Store(repo.root)))) == len(cached(repo)) - 4


def test_shallow_shared_and_busy_repositories_are_refused(repo: Past, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(tmp_path / "shallow"))
    with pytest.raises(ObservatudoError, match="only a part of the history"):
        plan(tmp_path / "shallow", Wish())
    lock = repo.root / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        lock.write_text(json.dumps({"read": {}, "write": {"/x": {"pid": process.pid, "cmd": "dvc repro"}}}))
        with pytest.raises(ObservatudoError, match="dvc repro"):
            plan(repo.root, Wish())
        process.communicate(b"\n")
    assert plan(repo.root, Wish()).goes == {}, "one that was killed is not at work"
    repo.write(".dvc/config", f"[cache]\n    dir = {tmp_path / 'elsewhere'}\n")
    with pytest.raises(ObservatudoError, match="outside this repository"):
        plan(repo.root, Wish())


def test_what_came_to_be_needed_after_the_preview_stays(repo: Past) -> None:
    repo.observations([observation("3550308", 2019, 5.0)])
    made = plan(repo.root, Wish())
    assert len(made.unnamed) == 3
    repo.commit("five")
    before = cached(repo)
    assert carry_out(repo.root, made, Wish()) == (0, 0) and cached(repo) == before
    repo.git("reset", "-q", "--hard", "HEAD~1")
    with pytest.raises(ObservatudoError, match="more objects would be lost"):
        carry_out(repo.root, plan(repo.root, Wish()), Wish(last=1), for_good=True)


def test_a_date_or_revision_that_is_none(repo: Past) -> None:
    with pytest.raises(ObservatudoError, match="is no date"):
        plan(repo.root, Wish(since="yesterdayish"))
    with pytest.raises(ObservatudoError, match="nope"):
        plan(repo.root, Wish(revisions=("nope",)))


def test_names_of_tables() -> None:
    assert table_name("data/ingested/x/y", "observacao/pib.parquet") == "x/y/observacao"
    assert table_name("data/ingested/x/y", "indicador.parquet") == "x/y/indicador"
    assert table_name("data/marts", "fact_indicador.csv") == "fact_indicador"
    assert table_name("data/classified/rotulo.parquet", "") == "rotulo"
    assert table_name("data/warehouse/recibo.json", "") == "data/warehouse/recibo.json"


def test_the_command_previews_and_deletes_only_when_told(repo: Past) -> None:
    def type_in(*words: str, code: int = 0) -> str:
        command = [sys.executable, "-P", "-m", "observatudo.cli.app", "gc", *words]
        done = subprocess.run(command, cwd=repo.root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    before = cached(repo)
    said = type_in("--last", "1")
    assert "LOST FOR GOOD" in said and "value 3.0  x/y/observacao  [for good]" in said and "Nothing has changed" in said
    assert "→ make push" in type_in("--last", "1", "--yes", code=1) and cached(repo) == before
    assert "deleted 6 objects" in type_in("--last", "1", "--yes", "--for-good")
    assert "nothing to clean up" in type_in("--last", "1")
