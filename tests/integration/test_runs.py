"""Runs as they really end: in success, failure, a kill, nothing to do, or as an experiment."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.conftest import once
from tests.integration.runs_repository import SOURCE, Repository, create

FAIL, CRASH, SLEEP = "mode: fail", "mode: crash", "mode: sleep"
NOBODY = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
UM_IS_FINE = "um: {factor: 2, mode: fine}"


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository after its first run, everything committed. Copy it; do not change it."""

    def make(folder: Path) -> None:
        repository = create(folder / "repo")
        repository.commit("before the first run")
        repository.repro()
        repository.commit("after the first run")

    return Repository(once(tmp_path_factory, "ran", make) / "repo")


@pytest.fixture
def ran(ran_once: Repository, tmp_path: Path) -> Repository:
    """A moved copy, of one's own, of the repository after its first run."""
    return Repository(Path(shutil.copytree(ran_once.root, tmp_path / "repo", symlinks=True)))


def set_mode(repository: Repository, mode: str) -> None:
    repository.edit("params.yaml", UM_IS_FINE, UM_IS_FINE.replace("mode: fine", mode).replace("2", "5"))


def kill_when_at_work(repository: Repository, process: subprocess.Popen[str], how: signal.Signals) -> None:
    """Signal the whole group of a ``dvc repro`` as soon as its sleeping stage is at work."""
    marker = repository.root / "sleep"
    for _attempt in range(3000):
        if marker.is_file() and marker.read_text():
            break
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    os.killpg(process.pid, how)
    process.communicate(timeout=120)
    marker.unlink()


def listing_hash(folder: Path) -> str:
    lines = sorted(
        (path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    )
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in lines).encode()).hexdigest()


def test_success_is_recorded_with_everything_it_was_made_of(ran_once: Repository) -> None:
    (record,) = ran_once.records()
    root = ran_once.root
    first_commit = ran_once.run("git", "rev-list", "--max-parents=0", "HEAD").stdout.strip()
    assert (record.status, record.commit, record.dirty, record.changed) == ("success", first_commit, False, [])
    assert record.who.name == "Tester"
    assert list(record.stages) == ["ingest@a/um", "ingest@b/dois", "join"]
    assert record.stages["ingest@a/um"].rows == {"rows_kept": 10, "rows_read": 11, "rows_rejected": 1}
    assert (record.stages["ingest@a/um"].peak_mb or 0) > 10
    assert record.datasets["a/um"].snapshot_sha256 == "0" * 64
    locked = YAML(typ="safe").load(root / "dvc.lock")["stages"]["ingest@a/um"]["outs"][0]
    output = record.outputs["data/ingested/a/um"]
    assert (output.md5, output.size, output.files) == (locked["md5"], locked["size"], locked["nfiles"])
    assert output.sha256 == listing_hash(root / "data/ingested/a/um")
    assert output.tables == {"observacao": 10, "rejeitado": 1}
    for path, blob in (record.configs | record.code["ingest"]).items():
        assert ran_once.run("git", "hash-object", path).stdout.strip() == blob
    assert {"params.yaml", "configs/datasets/a/um.yaml", "configs/eixos.yaml"} <= record.configs.keys()
    assert set(record.code) == {"ingest", "join"}
    assert set(record.evidence) == {"data/raw/a/um/snapshot.json"}


def test_record_follows_its_published_schema(ran_once: Repository) -> None:
    (path,) = (ran_once.root / "audit/runs").glob("*/*/*.json")
    schema = json.loads((SOURCE / "configs/schema/run.json").read_text())
    jsonschema.validate(json.loads(path.read_text()), schema)
    assert path.read_text().endswith("}\n")


def test_mlflow_has_a_parent_and_a_child_per_stage_and_dataset(ran: Repository) -> None:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{ran.root / 'mlruns/mlflow.db'}")
    (record,) = ran.records()
    experiment = client.get_experiment_by_name("observatudo")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    parent = runs.pop(record.run_id)
    assert set(runs) == set(record.stages)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *runs.values()]} == {"FINISHED"}
    assert parent.data.params["ds.a.um.factor"] == "2"
    assert parent.data.metrics["ingest.b.dois.sum"] == 135
    assert runs["ingest@a/um"].data.metrics["ingest.a.um.rows_kept"] == 10
    assert parent.data.tags["mlflow.source.git.commit"] == record.commit
    place = ran.root / "mlruns/artifacts" / parent.info.artifact_uri.removeprefix("mlflow-artifacts:/")
    assert (place / "config/configs/eixos.yaml").read_text() == "version: 1\n"


def test_sending_a_run_again_changes_nothing(ran: Repository) -> None:
    from observatudo.runs import outbox

    before = ran.mlflow_runs()
    (record,) = ran.records()
    outbox.put(ran.root, ran.root, record)
    ran.run(sys.executable, "-m", "observatudo.runs.tracking", str(ran.root))
    assert ran.mlflow_runs() == before
    assert outbox.waiting(ran.root) == []


def test_nothing_to_do_is_in_the_log_only(ran: Repository) -> None:
    lock, database = (ran.root / "dvc.lock").read_bytes(), (ran.root / "mlruns/mlflow.db").stat().st_mtime_ns
    ran.repro()
    assert ran.git_status() == ""
    assert (ran.root / "dvc.lock").read_bytes() == lock
    assert (ran.root / "mlruns/mlflow.db").stat().st_mtime_ns == database
    newest = json.loads(ran.command("runs", "--json"))[0]
    assert (newest["status"], newest["stages"]) == ("noop", [])
    imports = ran.run(sys.executable, "-X", "importtime", "-m", "stages.record").stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in imports.splitlines()}
    assert "observatudo" in loaded
    assert not loaded & {"mlflow", "git", "pydantic", "dvc", "pandas", "pyarrow", "psutil"}


def test_failure_is_explained_recorded_and_sent_by_the_failing_stage(ran: Repository) -> None:
    set_mode(ran, FAIL)
    (ran.root / "data/raw/a/um/x.csv").write_text("2\n")
    (ran.root / "configs/new.yaml").write_text("new: 1\n")
    printed = ran.repro(code=255)
    assert "rows are missing\n  @ x.csv:3\n  → observatudo fetch a/um" in printed
    assert "Traceback" not in printed
    record = ran.records()[-1]
    assert record.error is not None
    assert (record.status, record.error.stage, record.error.where) == ("failed", "ingest@a/um", "x.csv:3")
    assert (record.dirty, record.changed) == (True, ["configs/new.yaml", "data/raw/a/um/x.csv", "params.yaml"])
    assert record.datasets["a/um"].status == "failed"
    assert record.outputs == {}
    parent, child = [run for run in ran.mlflow_runs() if run["observatudo.run_id"] == record.run_id]
    assert {parent["mlflow"], child["mlflow"]} == {"FAILED"}
    (patch,) = (ran.root / "mlruns/artifacts").rglob("inputs.patch")
    assert "+  a: {um: {factor: 5, mode: fail}}" in patch.read_text()


def test_unforeseen_error_leaves_its_traceback_in_the_log_and_mlflow_may_be_away(ran: Repository) -> None:
    set_mode(ran, CRASH)
    done = ran.run("dvc", "repro", code=255, extra=NOBODY)
    printed = done.stdout + done.stderr
    assert "ZeroDivisionError: division by zero" in printed
    assert "MLflow was not told of this run" in printed
    assert "Traceback" not in printed
    (error,) = [event for event in ran.events() if event["event"] == "error"]
    assert "Traceback" in str(error["traceback"])
    ran.edit("params.yaml", CRASH, "mode: fine")
    ran.repro()
    crashed, mended = ran.records()[1:]
    assert (crashed.status, mended.status, list(mended.stages)) == ("failed", "success", ["ingest@a/um", "join"])
    assert mended.datasets["b/dois"].status == "unchanged"
    assert mended.dirty  # the parameters are still not committed
    assert {crashed.run_id, mended.run_id} <= {run["observatudo.run_id"] for run in ran.mlflow_runs()}


def test_killed_run_is_closed_by_who_reads_next(ran: Repository) -> None:
    set_mode(ran, SLEEP)
    kill_when_at_work(ran, ran.start("dvc", "repro"), signal.SIGKILL)
    assert len(ran.records()) == 1
    newest = json.loads(ran.command("runs", "--json"))[0]
    assert (newest["status"], newest["stages"], newest["dirty"]) == ("interrupted", ["ingest@a/um"], True)
    record = ran.records()[-1]
    assert (record.run_id, record.status, record.changed) == (newest["run_id"], "interrupted", ["params.yaml"])
    assert {run["mlflow"] for run in ran.mlflow_runs() if run["observatudo.run_id"] == record.run_id} == {"KILLED"}
    assert len(json.loads(ran.command("runs", "--json"))) == 2


def test_killed_stage_is_closed_by_the_next_run(ran: Repository) -> None:
    set_mode(ran, SLEEP)
    process = ran.start("dvc", "repro")
    while not ((ran.root / "sleep").is_file() and (ran.root / "sleep").read_text()):
        assert process.poll() is None
        time.sleep(0.1)
    os.kill(int((ran.root / "sleep").read_text()), signal.SIGKILL)
    process.communicate(timeout=120)
    ran.run("git", "checkout", "-q", "params.yaml")
    ran.repro()
    assert [record.status for record in ran.records()] == ["success", "interrupted"]


def test_ctrl_c_is_recorded_on_the_way_out(ran: Repository) -> None:
    set_mode(ran, SLEEP)
    kill_when_at_work(ran, ran.start("dvc", "repro"), signal.SIGINT)
    record = ran.records()[-1]
    assert (record.status, record.stages["ingest@a/um"].status) == ("interrupted", "interrupted")


def test_experiments_have_no_record_and_their_name_in_mlflow(ran: Repository) -> None:
    ran.run("dvc", "exp", "run", "-n", "here", "-S", "ds.a.um.factor=7")
    ran.run("git", "checkout", "-q", ".")
    ran.run("dvc", "exp", "run", "-n", "aside", "--temp", "-S", "ds.a.um.factor=8")
    ran.run("dvc", "exp", "run", "-n", "queued", "--queue", "-S", "ds.a.um.factor=9")
    ran.run("dvc", "exp", "run", "--run-all")
    assert len(ran.records()) == 1
    newest = json.loads(ran.command("runs", "--json", "--limit", "3"))
    assert [run["experiment"] for run in newest] == ["queued", "aside", "here"]
    assert all((run["kind"], run["status"], run["dirty"]) == ("experiment", "success", True) for run in newest)
    assert {"ingest@a/um", "join"} <= set(newest[0]["stages"])
    assert [run["name"] for run in ran.mlflow_runs() if run["name"] in ("here", "aside", "queued")] == [
        "here",
        "aside",
        "queued",
    ]
    assert ran.run("git", "status", "--porcelain", "audit").stdout == ""


def test_before_the_first_commit_and_without_an_identity(tmp_path: Path) -> None:
    repository = create(tmp_path / "repo")
    repository.run("git", "config", "--unset", "user.name")
    repository.run("git", "config", "--unset", "user.email")
    repository.run("dvc", "repro", "ingest@a/um")
    assert repository.records() == []  # asked for one stage only: there is no `record` in such a run
    newest = json.loads(repository.command("runs", "--json", extra=NOBODY))[0]
    assert (newest["status"], newest["commit"], newest["dirty"]) == ("success", None, True)
    (record,) = repository.records()
    assert (record.command, record.who.name) == ("dvc repro ingest@a/um", None)


def test_history_on_the_command_line(ran: Repository) -> None:
    (record,) = ran.records()
    lines = list(csv.DictReader(io.StringIO(ran.command("runs", "--csv"))))
    assert [(line["run_id"], line["dataset"], line["rows_kept"]) for line in lines] == [
        (record.run_id, "a/um", "10"),
        (record.run_id, "b/dois", "10"),
    ]
    assert f"{record.run_id}  ✓ success" in ran.command("runs")
    assert json.loads(ran.command("show", "last", "--json")) == record.model_dump(mode="json")
    shown = ran.command("show", record.run_id[:12])
    assert "ingest@b/dois" in shown
    assert record.outputs["data/joined.parquet"].sha256[:8] in shown
