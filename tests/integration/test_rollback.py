"""What ``observatudo rollback`` shows, asks, refuses and records: the command itself, in tiny real repositories."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml

from observatudo.audit.rollback import apply, unfinished
from observatudo.audit.rollback.ledger import Record
from observatudo.audit.rollback.model import Request
from observatudo.audit.rollback.plan import effect
from observatudo.errors import ObservatudoError
from tests.conftest import ROOT
from tests.past import Past
from tests.recorded import record
from tests.rollbacks import Tiny, World
from tests.terminal import Terminal, in_a_terminal

COMMAND = [sys.executable, "-m", "observatudo.cli.app", "rollback"]
CHANGED = "data/ingested/a/um"


@pytest.fixture(scope="module")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny, world, chance = Tiny(tmp_path_factory.mktemp("once") / "tiny"), World(), random.Random(3)
    world.add("a/um", chance)
    world.add("b/dois", chance)
    tiny.commit(world, "first")
    world.rows["a/um"]["3550308", 2015] = 1.0
    world.minimum["a/um"], world.title["b/dois"], world.raw["b/dois"] = 7, "Outro", "valor\n8\n"
    tiny.commit(world, "second")
    return tiny.root


@pytest.fixture
def tiny(_made_once: Path, tmp_path: Path) -> Tiny:
    """Two versions: a row and a parameter of a/um, the title and the snapshot (in DVC) of b/dois changed."""
    return reopened(Path(shutil.copytree(_made_once, tmp_path / "tiny", symlinks=True)))


def reopened(root: Path) -> Tiny:
    made = Tiny.__new__(Tiny)
    made.root, made.past, made.transform = root, Past(root), "publish"
    return made


def command(tiny: Tiny, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=tiny.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def refused(tiny: Tiny, *, revision: str = "HEAD~1", **more: str) -> ObservatudoError:
    """Return why a rollback is refused, and hold that nothing was touched for it."""
    before, head = tiny.state(), tiny.git("rev-parse", "HEAD")
    status = tiny.git("status", "--porcelain")
    with pytest.raises(ObservatudoError) as caught:
        found = effect(tiny.root, Request(revision, **more))  # type: ignore[arg-type]
        apply.carry_out(tiny.root, found, "why")
    assert tiny.state() == before
    assert (tiny.git("rev-parse", "HEAD"), tiny.git("status", "--porcelain")) == (head, status)
    assert not (tiny.root / unfinished.INTENT).exists()
    assert caught.value.where
    assert caught.value.next_step
    return caught.value


def roll_back(tiny: Tiny, request: Request) -> apply.Done:
    return apply.carry_out(tiny.root, effect(tiny.root, request), "why")


def test_the_preview_and_what_is_left_behind(tiny: Tiny) -> None:
    before = tiny.state()
    done = command(tiny, "HEAD~1", "--json")
    shown = json.loads(done.stdout)
    assert tiny.state() == before
    assert (shown["done"], shown["scope"], shown["stale"]) == (None, "all", {})
    assert shown["tables"]["a/um/observacao"]["removed"] == 1
    assert shown["files"]["params.yaml"] == "changed"
    assert "data/raw/b/dois/x.csv" in shown["outputs"]
    done = command(tiny, "HEAD~1", "--yes", "-m", "the first was right\nand said so")
    for words in ("“first”", "~ params.yaml", CHANGED, "a/um/observacao", "dvc status is clean", "diff HEAD~1 HEAD"):
        assert words in done.stdout
    message = tiny.git("log", "-1", "--format=%B")
    assert message.splitlines()[0].endswith(": the first was right")
    assert "and said so" in message
    trailers = tiny.git("log", "-1", "--format=%(trailers:key=Observatudo-Rollback,valueonly)")
    assert trailers.strip() == tiny.git("rev-parse", "HEAD~2")
    (path,) = (tiny.root / "audit/rollbacks").glob("*/*/*.json")
    kept = Record.model_validate_json(path.read_bytes())
    assert (kept.to, kept.old) == (tiny.git("rev-parse", "HEAD~2"), tiny.git("rev-parse", "HEAD~1"))
    assert (kept.why, kept.who.name) == ("the first was right\nand said so", "Maria Teste")
    assert kept.tables["a/um/observacao"].removed == 1
    assert tiny.git("diff", "--stat", "HEAD~2", "HEAD", "--", ".", ":!audit") == ""


def test_what_ends_before_it_begins(tiny: Tiny) -> None:
    assert "nothing to roll back" in command(tiny, "HEAD", "--yes", "-m", "x").stdout
    command(tiny, "HEAD~1", "--abort", code=64)
    assert "--yes" in command(tiny, "HEAD~1", code=1).stderr
    assert "-m" in command(tiny, "HEAD~1", "--yes", code=1).stderr
    assert tiny.git("rev-list", "--count", "HEAD") == "2"


def asked(tiny: Tiny) -> AbstractContextManager[Terminal]:
    return in_a_terminal(tiny.root, [*COMMAND, "HEAD~1"], {**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize("answer", ["", "n", None], ids=["Enter", "no", "Ctrl-C"])
def test_a_person_who_does_not_agree_changes_nothing(tiny: Tiny, answer: str | None) -> None:
    """The default is no; Ctrl-C at the question leaves everything as it is."""
    with asked(tiny) as terminal:
        terminal.wait("Roll back? [y/N]")
        if answer is None:
            assert terminal.key_until_it_ends("\x03") != 0
        else:
            terminal.type(answer, "Nothing has changed.")
            assert terminal.end() == 0
    assert "Traceback" not in terminal.seen
    assert tiny.git("rev-list", "--count", "HEAD") == "2"
    assert tiny.git("status", "--porcelain") == ""


def test_a_person_who_agrees_is_asked_why(tiny: Tiny) -> None:
    with asked(tiny) as terminal:
        terminal.wait("Roll back? [y/N]")
        terminal.type("y", "Why?")
        terminal.type("because", "\n")
        assert terminal.end() == 0
    assert tiny.git("rev-list", "--count", "HEAD") == "3"
    assert tiny.git("status", "--porcelain") == ""
    assert ": because" in tiny.git("log", "-1", "--format=%s")


def edit(path: str, text: str = "x: 1\n") -> Callable[[Tiny], None]:
    return lambda tiny: tiny.past.write(path, text)


@pytest.mark.parametrize(
    ("change", "reason", "next_step"),
    [
        (edit("params.yaml"), "inputs differ from the last commit: params.yaml", "git stash -u"),
        (edit("configs/new.yaml"), "configs/new.yaml", "git stash -u"),
        (edit("stages/ingest.py"), "stages/ingest.py", "git stash -u"),
        (edit("data/raw/a/um/x.csv"), "data/raw/a/um/x.csv", "git stash -u"),
        (edit("data/classified/answers/1.jsonl"), "answers/1.jsonl", "git stash -u"),
        (edit("dvc.lock"), "results of the last run are not committed: dvc.lock", "git add dvc.lock"),
        (edit("data/metrics/ingest/a/um.json"), "are not committed", "git add data/metrics audit"),
        (edit(f"{CHANGED}/indicador.parquet"), "only this folder has these bytes", "dvc checkout --force"),
        (edit(f"{CHANGED}/mine.txt"), "only this folder has these bytes", "dvc checkout --force"),
        (edit("data/raw/b/dois/x.csv"), "would lose them: data/raw/b/dois/x.csv", "dvc checkout"),
        (edit(".git/MERGE_HEAD", ""), "git merge is not finished", "git merge --continue"),
        (edit(".git/index.lock", ""), "another Git command is at work", "remove this file"),
        (lambda tiny: tiny.git("checkout", "-q", "--detach"), "HEAD is on no branch", "git switch -c NAME"),
    ],
)
def test_what_would_be_lost_or_mixed_is_refused(
    tiny: Tiny, change: Callable[[Tiny], None], reason: str, next_step: str
) -> None:
    change(tiny)
    error = refused(tiny)
    assert reason in error.message
    assert next_step in error.next_step


def test_what_is_no_input_stays_as_it_is(tiny: Tiny) -> None:
    tiny.past.write("README.md", "staged\n")
    tiny.git("add", "README.md")
    tiny.past.write("README.md", "edited\n")
    roll_back(tiny, Request("HEAD~1"))
    assert tiny.git("status", "--porcelain") == "AM README.md"
    assert (tiny.root / "README.md").read_text() == "edited\n"


def test_a_changed_record_of_the_ledger_is_refused(tiny: Tiny) -> None:
    tiny.past.write("audit/runs/2026/11/r.json", "{}\n")
    tiny.git("add", "audit")
    tiny.git("commit", "-q", "-m", "a run")
    tiny.past.write("audit/runs/2026/11/r.json", '{"forged": 1}\n')
    error = refused(tiny, revision="HEAD~2")
    assert "records of earlier runs were changed" in error.message


def test_versions_that_cannot_be_gone_to(tiny: Tiny) -> None:
    assert "no revision" in refused(tiny, revision="nowhere").message
    assert "goes to a commit" in refused(tiny, revision="workspace").message
    assert "no dataset “x/y”" in refused(tiny, dataset="x/y").message
    tiny.git("rm", "-q", "--cached", "dvc.lock")
    tiny.git("commit", "-q", "-m", "no lock")
    tiny.git("add", "dvc.lock")
    tiny.git("commit", "-q", "-m", "lock again")
    error = refused(tiny, revision="HEAD~1")
    assert "no data had been made by then" in error.message
    assert "--config-only" in error.next_step


def test_a_shallow_clone_says_what_it_lacks(tiny: Tiny, tmp_path: Path) -> None:
    tiny.git("clone", "-q", "--depth", "1", f"file://{tiny.root}", str(tmp_path / "shallow"))
    error = refused(reopened(tmp_path / "shallow"))
    assert "git fetch --unshallow" in error.next_step


def objects(tiny: Tiny, revision: str, inside: str) -> list[Path]:
    """Return the cached objects of the files that a version has and the present one does not."""
    found = effect(tiny.root, Request(revision)).plan.held
    return [tiny.past.object(file.new) for file in found if file.new and file.path.startswith(inside)]


def test_a_tampered_object_is_named_before_anything_is_touched(tiny: Tiny) -> None:
    (tampered, *_rest) = objects(tiny, "HEAD~1", CHANGED)
    content = bytearray(tampered.read_bytes())
    content[len(content) // 2] ^= 1
    tampered.chmod(0o644)
    tampered.write_bytes(content)
    tampered.chmod(0o444)
    error = refused(tiny)
    assert CHANGED in error.message
    assert error.where == str(tampered)
    assert "verify" in error.next_step


def test_an_object_that_is_nowhere_is_named_and_one_in_the_remote_is_pulled(tiny: Tiny, tmp_path: Path) -> None:
    (missing, *_rest) = objects(tiny, "HEAD~1", CHANGED)
    kept = tmp_path / "remote/files/md5" / missing.parent.name / missing.name
    kept.parent.mkdir(parents=True)
    shutil.move(missing, kept)
    error = refused(tiny)
    assert CHANGED in error.message
    assert "neither cache nor remote" in error.message
    config = (tiny.root / ".dvc/config").read_text()
    remote = f"{config}    remote = here\n['remote \"here\"']\n    url = {tmp_path / 'remote'}\n"
    (tiny.root / ".dvc/config").write_text(remote)
    found = effect(tiny.root, Request("HEAD~1"))
    assert found.pulled == 1
    assert apply.carry_out(tiny.root, found, "why").changed == {}


def test_what_does_not_change_need_not_be_in_the_cache(tiny: Tiny) -> None:
    """The folder has it, and keeps it; DVC still misses it."""
    unchanged = tiny.past.object(tiny.md5("data/ingested/b/dois/indicador.parquet"))
    unchanged.unlink()
    assert roll_back(tiny, Request("HEAD~1")).changed == {"ingest@b/dois": ["data/ingested/b/dois"]}
    assert tiny.git("diff", "--stat", "HEAD~2", "HEAD", "--", ".", ":!audit") == ""


def test_bytes_that_the_run_did_not_record_are_refused(tiny: Tiny) -> None:
    """A forged object whose MD5 fits: the record of the run has its SHA-256."""
    old = tiny.git("rev-parse", "HEAD~1")
    stages = yaml.safe_load(tiny.git("show", f"{old}:dvc.lock"))["stages"]
    (out,) = [out for out in stages["ingest@a/um"]["outs"] if out["path"] == CHANGED]
    tiny.git("checkout", "-q", old)
    about = {"stage": "ingest@a/um", "md5": out["md5"], "size": 1, "files": 1, "rows": 1, "tables": {}}
    record(tiny.past, "20261101T000000Z-1", old, outputs={CHANGED: {**about, "sha256": "0" * 64}})
    tiny.git("add", "audit")
    tiny.git("commit", "-q", "-m", "first, with its record")
    tiny.git("tag", "recorded")
    tiny.git("checkout", "-q", "main")
    assert "is not what its run recorded" in refused(tiny, revision="recorded").message


def test_while_a_pipeline_runs_nothing_is_rolled_back(tiny: Tiny) -> None:
    from dvc.repo import Repo
    from dvc.rwlock import rwlock

    held = [str(tiny.root / CHANGED)]
    with Repo(str(tiny.root)) as dvc, rwlock(dvc.tmp_dir, dvc.fs, "dvc repro", [], held, False):
        done = command(tiny, "HEAD~1", "--yes", "-m", "x", code=1)
    assert "a pipeline is running in this repository" in done.stderr
    assert tiny.git("status", "--porcelain") == ""


def test_what_changed_since_the_preview_is_noticed(tiny: Tiny) -> None:
    found = effect(tiny.root, Request("HEAD~1"))
    tiny.git("commit", "-q", "--allow-empty", "-m", "meanwhile")
    with pytest.raises(ObservatudoError, match="something changed since the preview"):
        apply.carry_out(tiny.root, found, "why")
    assert tiny.git("log", "-1", "--format=%s") == "meanwhile"


def test_one_dataset_leaves_the_other_alone(tiny: Tiny) -> None:
    done = roll_back(tiny, Request("HEAD~1", dataset="a/um"))
    changed = set(tiny.git("diff", "--name-only", "HEAD~1", "HEAD", "--", ".", ":!audit").splitlines())
    assert changed == {"params.yaml", "dvc.lock", "data/metrics/ingest/a/um.json"}
    assert tiny.git("show", "HEAD:params.yaml").startswith("# o que vale\n")
    assert done.changed is not None
    assert set(done.changed) == {"classify", "publish"}
    assert "min: 1" in tiny.git("show", "HEAD:params.yaml")


def test_the_snapshot_of_one_dataset_goes_back_with_its_configuration(tiny: Tiny) -> None:
    sidecar = tiny.root / "data/raw/a/um/snapshot.json"
    sidecar.write_text("{}\n")
    tiny.git("commit", "-qam", "another snapshot")
    roll_back(tiny, Request("HEAD~1", "config", dataset="a/um"))
    assert tiny.git("diff", "--name-only", "HEAD~2", "HEAD", "--", ".", ":!audit") == ""


def test_configuration_alone_and_data_alone_make_a_whole(tiny: Tiny) -> None:
    config = roll_back(tiny, Request("HEAD~1", "config"))
    assert "ingest@a/um" in (config.changed or {})
    assert tiny.git("diff", "--name-only", "HEAD~1", "HEAD", "--", "dvc.lock", "data/metrics") == ""
    data = roll_back(tiny, Request("HEAD~2", "data"))
    assert data.changed == {}
    assert tiny.git("diff", "--name-only", "HEAD~3", "HEAD", "--", ".", ":!audit") == ""


def test_one_that_was_cut_off_is_mentioned_by_every_command(tiny: Tiny) -> None:
    found = effect(tiny.root, Request("HEAD~1"))

    def stop(name: str) -> None:
        if name == "set index":
            os._exit(9)

    child = os.fork()
    if child == 0:
        apply.carry_out(tiny.root, found, "why", apply.Watch(step=stop))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    tiny.past.write("params.yaml", "edited: since\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    any_command = subprocess.run(
        [*COMMAND[:-1], "runs"], cwd=tiny.root, env=environment, capture_output=True, text=True
    )
    assert "a rollback was cut off here" in any_command.stderr
    assert "--continue" in command(tiny, "HEAD~1", code=1).stderr
    done = command(tiny, "--continue")
    assert "cut off before its commit" in done.stdout
    assert "params.yaml was edited in between; a copy is in .observatudo/kept/" in done.stdout
    (copy,) = (tiny.root / ".observatudo/kept").glob("*/params.yaml")
    assert copy.read_text() == "edited: since\n"
    assert tiny.git("status", "--porcelain") == ""
    assert "no rollback was cut off" in command(tiny, "--abort", code=1).stderr


def test_it_works_in_a_folder_of_a_larger_repository(tiny: Tiny, tmp_path: Path) -> None:
    """Git's paths are then not ours; what stands outside our folder is left alone."""
    outer = tmp_path / "outer"
    inner = outer / "observatorio"
    shutil.copytree(tiny.root, inner, symlinks=True)
    shutil.rmtree(inner / ".git")
    repo = reopened(inner)
    subprocess.run(["git", "init", "-q", str(outer)], check=True)
    (outer / "params.yaml").write_text("of somebody else\n")
    now = {path: (inner / path).read_bytes() for path in tiny.git("ls-files").splitlines() if (inner / path).is_file()}
    for path in tiny.git("ls-tree", "-r", "--name-only", "HEAD~1").splitlines():
        (inner / path).write_bytes(subprocess.check_output(["git", "show", f"HEAD~1:{path}"], cwd=tiny.root))
    repo.git("add", "-A", str(outer))
    repo.git("commit", "-q", "-m", "first")
    for path, content in now.items():
        (inner / path).write_bytes(content)
    repo.git("commit", "-q", "-a", "-m", "second")
    done = roll_back(repo, Request("HEAD~1"))
    assert done.changed == {}
    assert repo.git("status", "--porcelain") == ""
    changed = repo.git("diff", "--name-only", "HEAD~2", "HEAD").splitlines()
    assert [path.split("/")[:3] for path in changed] == [["observatorio", "audit", "rollbacks"]]
    assert (outer / "params.yaml").read_text() == "of somebody else\n"
