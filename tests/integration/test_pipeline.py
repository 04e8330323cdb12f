"""The whole pipeline on the real data: the same bytes everywhere, only what changed runs, old versions come back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import clone_to, run_in

OBITO = "data/ingested/registro_civil/obito"


def outputs(repository: Path) -> dict[str, str]:
    """Return path → MD5 of every output and metric in dvc.lock."""
    lock = yaml.safe_load((repository / "dvc.lock").read_text())
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage.get("outs", [])}


def ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the names of the stages a ``dvc repro`` executed."""
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^Running stage '(.+)':", done.stdout, re.MULTILINE)


def metrics(repository: Path, name: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((repository / f"data/metrics/{name}.json").read_text())
    return content


def test_real_rows_are_all_accounted_for(built: Path) -> None:
    done = run_in(built, "observatudo datasets --json")
    found = {state["dataset"]: state for state in json.loads(done.stdout)}
    deaths = found["registro_civil/obito"]
    assert (deaths["rows_read"], deaths["rows_kept"], deaths["rows_rejected"]) == (225_957, 225_440, 517)
    assert deaths["rejected_by_reason"] == {"bloco_repetido": 517}
    assert deaths["match_rate"] == pytest.approx(0.9977, abs=5e-5)
    assert found["ibge/municipio"]["rows"] == 5571
    assert found["brmunipanel/variavel"]["rows_kept"] == 284
    assert all(s["rows_read"] == s["rows_kept"] + s["rows_rejected"] for s in found.values())
    assert all(re.fullmatch(r"[0-9a-f]{32}\.dir", s["version"]) for s in found.values())
    rejects = pq.read_table(built / OBITO / "rejeitado.parquet")
    assert rejects.num_rows == 517


def test_the_copied_blocks_are_rejected_whole_and_only_they(built: Path) -> None:
    """Recount the two blocks from the raw file: every reject's line is a row of RS 2019-02 or CE 2019-04."""
    lines = (built / "data/raw/registro_civil/obito/data_2019.csv").read_text(encoding="utf-8").splitlines()
    rejects = pq.read_table(built / OBITO / "rejeitado.parquet").to_pylist()
    found: dict[tuple[str, ...], int] = {}
    for reject in rejects:
        assert reject["arquivo"] == "data_2019.csv"
        _id, year, month, _region, state, _city, deaths = lines[reject["linha"] - 1].split(",")
        assert deaths == reject["texto"]
        found[(year, month, state)] = found.get((year, month, state), 0) + 1
    assert found == {("2019", "2", "Rio Grande do Sul"): 284, ("2019", "4", "Ceará"): 233}


def test_two_clones_and_one_or_two_threads_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    other = clone_to(tmp_path / "elsewhere" / "clone")
    one_core = "taskset -c 0 " if shutil.which("taskset") else ""
    limits = "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"
    # all but the record, which has no outputs
    done = run_in(other, f"sed -i 's/threads: 2/threads: 1/' params.yaml && {limits} {one_core}dvc repro transform")
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs(other) == outputs(built)


def test_again_nothing_runs_but_the_record(built: Path) -> None:
    before = (built / "dvc.lock").read_bytes()
    assert ran(run_in(built, "dvc repro")) == ["record"]
    assert (built / "dvc.lock").read_bytes() == before
    assert run_in(built, "git status --porcelain").stdout == ""
    (last, *_older) = json.loads(run_in(built, "observatudo runs --json").stdout)
    assert last["status"] == "noop"


def test_a_changed_declaration_runs_its_own_path_only(built: Path) -> None:
    path = built / "configs/datasets/siconfi/ente.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("minimum: 500}", "minimum: 900}"), encoding="utf-8")
    assert ran(run_in(built, "dvc repro load")) == ["ingest@siconfi/ente", "classify", "load"]


def test_an_experiment_becomes_a_version_and_git_checkout_brings_the_old_one_back_with_its_data(built: Path) -> None:
    assert run_in(built, "sh scripts/hooks").returncode == 0
    old = outputs(built)
    an_experiment_shows_what_a_param_does(built)
    assert run_in(built, "git add -A && git commit -q -m later").returncode == 0
    assert ran(run_in(built, "dvc repro")) == ["record"]  # the experiment left what this would make
    later = outputs(built)
    assert later["data/marts"] != old["data/marts"]
    fewer = pq.read_table(built / "data/marts/fact_indicador.parquet").num_rows
    done = run_in(built, "git checkout -q HEAD~1")
    assert done.returncode == 0, done.stderr
    assert outputs(built) == old
    assert pq.read_table(built / "data/marts/fact_indicador.parquet").num_rows > fewer
    assert "first_year: 2015" in (built / "params.yaml").read_text()
    assert (
        run_in(built, "dvc status ingest@registro_civil/obito").stdout.strip() == "Data and pipelines are up to date."
    )


def an_experiment_shows_what_a_param_does(built: Path) -> None:
    done = run_in(built, "dvc exp run -n desde2018 -S ds.registro_civil.obito.first_year=2018")
    assert ran(done) == ["ingest@registro_civil/obito", "classify", "load", "transform", "record"]
    diff = json.loads(run_in(built, "dvc exp diff HEAD desde2018 --json").stdout)
    changed = diff["metrics"]["data/metrics/ingest/registro_civil/obito.json"]
    rows = changed["registro_civil.obito.rows"]
    assert rows["new"] < rows["old"]
    assert diff["params"]["params.yaml"]["ds.registro_civil.obito.first_year"] == {
        "old": 2015,
        "new": 2018,
        "diff": 3,
    }
    listed = run_in(built, "dvc metrics diff --json").stdout
    assert "registro_civil.obito.rows" in listed
    assert "first_year" in run_in(built, "dvc params diff --json").stdout
    assert not re.search("audit/runs", run_in(built, "git status --porcelain").stdout)
    plots = run_in(built, "dvc plots show --json")
    assert "volumetria" in plots.stdout, plots.stderr


def test_a_failing_dataset_leaves_its_last_output(built: Path) -> None:
    before = {p: p.read_bytes() for p in (built / OBITO).rglob("*.parquet")}
    edit = "sed -i 's/min_match_rate: 0.99/min_match_rate: 0.9999/' params.yaml"
    done = run_in(built, f"{edit} && dvc repro")
    assert done.returncode != 0
    assert "match_rate" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert {p: p.read_bytes() for p in (built / OBITO).rglob("*.parquet")} == before
    (last, *_older) = json.loads(run_in(built, "observatudo runs --json").stdout)
    assert last["status"] == "failed"
