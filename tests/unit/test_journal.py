"""The frame that stages work in: its events, what it says to the user, and whose run it belongs to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from observatudo import journal
from observatudo.runs import identity, inputs
from observatudo.runs import log as runlog

SOURCE = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is a repository to us, as the working directory."""
    (tmp_path / "configs/datasets/a").mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", "configs/datasets/a/um.yaml", "configs/eixos.yaml"):
        (tmp_path / name).write_text(f"name: {name}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for path in runlog.files(home) for line in path.read_text().splitlines()]


def start(folder: Path, code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"from observatudo import journal\n{code}", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_stage_leaves_its_events(repository: Path) -> None:
    with journal.stage("ingest", "a/um") as log:
        log.count(rows_read=3)
        log.count(rows_kept=2, rows_rejected=1)
        log.output("data/x", rows=2)
        log.progress(1, 1)
    found = events(repository)
    assert [event["event"] for event in found] == ["start", "counts", "counts", "output", "progress", "end"]
    assert found[0]["inputs"] == {
        name: inputs.blob_hash(repository / name)
        for name in ("configs/datasets/a/um.yaml", "configs/eixos.yaml", "dvc.yaml", "params.yaml")
    }
    end = found[-1]
    assert (end["status"], end["rows"]) == ("success", {"rows_read": 3, "rows_kept": 2, "rows_rejected": 1})
    assert end["outputs"] == {"data/x": 2}
    assert {event["run"] for event in found} == {log.run_id}


def test_progress_is_logged_once_a_second_and_at_the_end(repository: Path) -> None:
    began = time.monotonic()
    with journal.stage("ingest") as log:
        for done in range(1, 1001):
            log.progress(done, 1000)
    seconds = time.monotonic() - began
    told = [event["done"] for event in events(repository) if event["event"] == "progress"]
    assert told[-1] == 1000
    assert len(told) <= seconds + 2  # the first, the last, and one for each second between them


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        ("DataError('bad rows', where='f:1', next_step='mend f')", 1, "bad rows\n  @ f:1\n  → mend f\n"),
        ("ValueError('one\\ntwo')", 1, "ValueError: one two"),
        ("SystemExit(3)", 3, "SystemExit"),
        ("KeyboardInterrupt()", 130, "interrupted"),
    ],
)
def test_an_error_ends_the_process_without_a_traceback(repository: Path, raised: str, code: int, said: str) -> None:
    body = f"from observatudo.errors import DataError\nwith journal.stage('ingest'):\n    raise {raised}"
    process = start(repository, body)
    _out, err = process.communicate()
    assert process.returncode == code
    assert said in err
    assert "Traceback" not in err
    error = next(event for event in events(repository) if event["event"] == "error")
    assert "Traceback" in str(error["traceback"])


def test_a_stage_that_is_told_to_stop_says_so(repository: Path) -> None:
    process = start(
        repository, "import time\nwith journal.stage('ingest'):\n    print(1, flush=True)\n    time.sleep(60)"
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 143
    assert events(repository)[-1]["status"] == "interrupted"


def test_a_log_that_cannot_be_written_is_explained(repository: Path) -> None:
    (repository / "logs").write_text("not a folder")
    process = start(repository, "with journal.stage('ingest'):\n    pass")
    _out, err = process.communicate()
    assert process.returncode == 1
    assert "log cannot be written" in err
    assert "Traceback" not in err


def test_a_full_disk_in_the_middle_is_explained(repository: Path) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    body = "with journal.stage('ingest') as log:\n    for n in range(1000): log.count(rows_read=n)"
    process = start(repository, limit + body)
    _out, err = process.communicate()
    assert process.returncode == 1
    assert "log cannot be written" in err
    assert "Traceback" not in err


def test_main_takes_the_dataset_from_the_command_line(repository: Path) -> None:
    process = start(repository, "journal.main('ingest', lambda log: print(log.key, log.name))", "a/um")
    assert process.communicate()[0] == "a/um ingest@a/um\n"
    missing = start(repository, "journal.main('ingest', lambda log: print(log.key))")
    assert "python -m stages.ingest FONTE/DATASET" in missing.communicate()[1]
    assert missing.returncode == 1


def test_outside_a_repository_a_stage_says_where_it_is(tmp_path: Path) -> None:
    process = start(tmp_path, "journal.main('ingest', print)")
    assert "not an Observatudo repository" in process.communicate()[1]
    assert process.returncode == 1


def test_processes_that_log_at_once_lose_and_mix_nothing(repository: Path) -> None:
    body = (
        "from pathlib import Path\nimport sys\n"
        "for n in range(300): journal.append(Path.cwd(), 'counts', sys.argv[1], n=n, text='ã' * 3000)"
    )
    for process in [start(repository, body, str(number)) for number in range(4)]:
        process.communicate()
        assert process.returncode == 0
    found = events(repository)
    for number in range(4):
        assert [event["n"] for event in found if event["run"] == str(number)] == list(range(300))


def test_a_stage_starts_without_heavy_imports(repository: Path) -> None:
    body = "import sys\nwith journal.stage('ingest'): pass\nprint(*sys.modules)"
    loaded = {name.partition(".")[0] for name in start(repository, body).communicate()[0].split()}
    heavy = {"mlflow", "dbt", "dvc", "pandas", "pyarrow", "duckdb", "git", "pydantic", "psutil", "yaml", "ruamel"}
    assert "observatudo" in loaded
    assert not loaded & heavy


def test_hashes_are_those_of_git(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for content in (b"", b"abc\n", bytes(range(256))):
        path.write_bytes(content)
        told = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True, check=True)
        assert inputs.blob_hash(path) == told.stdout.strip()


def test_the_commit_is_read_wherever_git_keeps_it(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    assert inputs.head_commit(tmp_path) is None
    git("init", "-q")
    assert inputs.head_commit(tmp_path) is None
    git("commit", "-q", "--allow-empty", "-m", "one")
    commit = git("rev-parse", "HEAD")
    assert inputs.head_commit(tmp_path) == commit
    git("pack-refs", "--all")
    assert inputs.head_commit(tmp_path) == commit
    git("worktree", "add", "-q", "-b", "other", "linked")
    assert inputs.head_commit(tmp_path / "linked") == commit
    git("checkout", "-q", "--detach")
    assert inputs.head_commit(tmp_path) == commit


def test_generated_and_hidden_files_are_no_inputs() -> None:
    assert inputs.is_input("dbt/models/staging/stg_x.sql")
    for path in (
        "dbt/target/manifest.json",
        "configs/schema/run.json",
        "configs/.eixos.yaml.swp",
        "a/__pycache__/b.pyc",
    ):
        assert not inputs.is_input(path)


def test_a_process_is_known_by_its_id_and_its_start() -> None:
    own = identity.process(os.getpid())
    assert own is not None
    assert abs(own.started - time.time()) < 3600
    assert identity.is_alive(own.pid, own.started)
    assert not identity.is_alive(own.pid, own.started - 60)
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and stays a zombie
    assert identity.process(child.pid) is None
    child.wait()


def test_both_ways_to_read_a_process_agree() -> None:
    own, other = identity.process(os.getpid()), identity._from_psutil(os.getpid())
    assert own is not None
    assert other is not None
    assert (own.pid, own.parent, own.command) == (other.pid, other.parent, other.command)
    assert abs(own.started - other.started) < 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/v/bin/python", "/v/bin/dvc", "repro", "-f"), ("repro", "-f")),
        (("dvc", "exp", "run"), ("exp", "run")),
        (("python", "-m", "dvc", "repro"), ("repro",)),
        (("C:\\v\\dvc.exe".replace("\\", "/"), "repro"), ("repro",)),
        (("bash", "-c", "dvc repro"), None),
        (("python", "-m", "stages.record"), None),
    ],
)
def test_dvc_is_recognised_however_it_was_started(command: tuple[str, ...], words: tuple[str, ...] | None) -> None:
    assert identity.dvc_words(command) == words


def test_stages_of_one_dvc_process_share_a_run(repository: Path) -> None:
    body = "with journal.stage('ingest') as log: print(log.run_id, log.identity.kind)"
    (repository / "stage.py").write_text(f"from observatudo import journal\n{body}\n")
    (repository / "dvc").write_text(
        "import subprocess, sys\nfor _ in range(2): subprocess.run(['sh', '-c', sys.argv[1]])\n"
    )
    command = f"{sys.executable} stage.py; true"
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "dvc", command], cwd=repository, env=environment, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.endswith(" repro")
    by_hand = [start(repository, body).communicate()[0].strip() for _number in range(2)]
    assert len({first, *by_hand}) == 3
    assert by_hand[0].endswith(" hand")


@pytest.mark.parametrize(
    ("command", "typed", "targets"),
    [
        (("python", "/v/bin/observatudo", "repro", "-j", "2"), ("observatudo", "repro", "-j", "2"), ()),
        (("python", "-m", "observatudo.cli.app", "repro", "a@b/c"), ("observatudo", "repro", "a@b/c"), ("a@b/c",)),
        (
            ("observatudo", "repro", "x", "--jobs", "3", "y"),
            ("observatudo", "repro", "x", "--jobs", "3", "y"),
            ("x", "y"),
        ),
        (("python", "/v/bin/dvc", "repro", "-f", "classify"), ("dvc", "repro", "-f", "classify"), ("classify",)),
        (("dvc", "exp", "run", "x"), ("dvc", "exp", "run", "x"), ()),
    ],
)
def test_a_run_is_known_by_what_was_typed(
    command: tuple[str, ...], typed: tuple[str, ...], targets: tuple[str, ...]
) -> None:
    assert identity.typed(command) == typed
    assert identity.targets(command) == targets


def test_a_process_that_names_itself_owns_its_stages_and_closes_their_run(repository: Path) -> None:
    body = "with journal.stage('ingest') as log: print(log.run_id, log.identity.kind, log.identity.is_closed_by_owner)"
    (repository / "stage.py").write_text(f"from observatudo import journal\n{body}\n")
    (repository / "parent.py").write_text(
        "import os, subprocess, sys\n"
        "from observatudo.runs import identity\n"
        "print(identity.run_id(identity.own()))\n"
        "environment = os.environ | identity.as_owner()\n"
        "for _ in range(2): subprocess.run([sys.executable, 'stage.py'], env=environment)\n"
        "print(identity.as_owner()[identity.OWNER])\n"
    )
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "parent.py"], cwd=repository, env=environment, capture_output=True, text=True, check=True
    )
    run, first, second, owner = done.stdout.splitlines()
    assert first == second == f"{run} repro True"
    # the name is passed on to whoever inherits the environment, but it counts only below its bearer
    (repository / "stage.py").write_text(f"import time\nfrom observatudo import journal\n{body}\n")
    orphan = subprocess.run(
        [sys.executable, "stage.py"],
        cwd=repository,
        env=environment | {identity.OWNER: owner},
        capture_output=True,
        text=True,
        check=True,
    )
    assert orphan.stdout.endswith(" hand False\n")


def test_a_failing_stage_leaves_the_record_to_an_owner_that_closes(repository: Path) -> None:
    code = "import os, sys\nfrom observatudo import journal\nwith journal.stage('ingest'): sys.exit(3)"
    (repository / "parent.py").write_text(
        "import os, subprocess, sys\nfrom observatudo.runs import identity\n"
        f"subprocess.run([sys.executable, '-c', {code!r}], env=os.environ | identity.as_owner())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "parent.py"], cwd=repository, env=environment, check=True)
    assert [event["event"] for event in events(repository)] == ["start", "error", "end"]
    assert not (repository / "audit").exists()
