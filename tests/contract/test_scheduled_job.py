"""The scheduled workflow: what it may do, that what it calls exists, and its last step run as a runner does.

``gh`` is GitHub's own program, which needs GitHub: here a script notes what it was called with.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from observatudo.alerts import content, ledger
from tests.conftest import ROOT
from tests.contract.test_documents import known_commands

WORKFLOW = ROOT / ".github/workflows/scheduled.yml"
GH = '#!/bin/sh\nprintf "%s\\n" "$*" >>"$CALLED"\n'


def workflow() -> dict[str, object]:
    found: dict[str, object] = yaml.load(WORKFLOW.read_text(encoding="utf-8"), yaml.BaseLoader)
    return found


def job() -> dict[str, object]:
    jobs = workflow()["jobs"]
    assert isinstance(jobs, dict)
    (found,) = jobs.values()
    assert isinstance(found, dict)
    return found


def steps() -> list[dict[str, object]]:
    found = job()["steps"]
    assert isinstance(found, list)
    return found


def commands() -> dict[str, str]:
    return {str(step["name"]): str(step["run"]) for step in steps() if "run" in step}


def test_it_may_write_a_branch_and_ask_for_a_token_and_nothing_more() -> None:
    assert workflow()["permissions"] == {}
    assert job()["permissions"] == {"contents": "write", "pull-requests": "write", "id-token": "write"}
    triggers = workflow()["on"]
    assert isinstance(triggers, dict) and set(triggers) == {"schedule", "workflow_dispatch"}
    assert workflow()["concurrency"] == {"group": "scheduled-run", "cancel-in-progress": "false"}
    assert "timeout-minutes" in job()


def test_it_runs_only_where_a_project_is_named() -> None:
    """Otherwise every copy of the repository has a run that fails each week."""
    assert job()["if"] == "${{ vars.OBSERVATUDO_PROJECT != '' }}"


def test_it_runs_once_a_week() -> None:
    triggers = workflow()["on"]
    assert isinstance(triggers, dict)
    (when,) = triggers["schedule"]
    assert re.fullmatch(r"\d{1,2} \d{1,2} \* \* [0-6]", when["cron"])


def test_actions_are_pinned_to_a_release() -> None:
    used = [str(step["uses"]) for step in steps() if "uses" in step]
    owners = {"actions", "google-github-actions"}
    assert len(used) == 5 and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in used)
    assert {action.partition("/")[0] for action in used} == owners


def test_there_is_no_key_and_the_token_is_for_the_step_that_needs_it() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "secrets." not in text and "credentials_json" not in text
    assert [step["name"] for step in steps() if "github.token" in json.dumps(step)] == ["Propose the result"]
    assert not [command for command in commands().values() if "${{" in command], "what has a name stands in no command"
    checkout = next(step for step in steps() if "checkout" in str(step.get("uses")))
    assert checkout["with"] == {"fetch-depth": "0", "persist-credentials": "false"}
    names = [str(step.get("name", step.get("uses"))) for step in steps()]
    assert names.index("Environment") < next(n for n, name in enumerate(names) if name.startswith("google-github"))


def test_what_alerts_remember_goes_from_one_machine_to_the_next() -> None:
    kept = next(step for step in steps() if str(step.get("uses")).startswith("actions/cache@"))["with"]
    assert isinstance(kept, dict)
    assert kept["path"].split() == [str(content.CACHE), str(ledger.FILE)]
    assert kept["key"].startswith(kept["restore-keys"]) and "github.run_id" in kept["key"]


def test_the_file_the_action_writes_is_never_committed() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", "gha-creds-0123456789abcdef.json"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_its_variables_are_those_of_the_settings_and_of_terraform() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    outputs = (ROOT / "infra/outputs.tf").read_text(encoding="utf-8")
    named = set(re.findall(r"vars\.(\w+)", text))
    assert named and not [name for name in named if name not in outputs]
    environment = job()["env"]
    assert isinstance(environment, dict)
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert not [name for name in environment if name.startswith("OBSERVATUDO_") and f"\n{name}=" not in example]


def test_what_it_calls_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = []
    for name, command in commands().items():
        if name == "Propose the result":
            continue
        words = command.split()
        known = targets if words[0] == "make" else known_commands()
        assert words[0] in ("make", ".venv/bin/observatudo") and words[1] in known, command
        called.append(words[1])
    assert called == ["hooks", "pull", "doctor", "update", "push"], "data are kept before the commit that names them"
    help_of_update = subprocess.run(
        [str(ROOT / ".venv/bin/observatudo"), "update", "--help"], capture_output=True, text=True, check=True
    )
    assert "--no-ask" in help_of_update.stdout


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A clone with something new in it, a bare repository as GitHub's, and ``gh``."""
    clone, binaries = tmp_path / "clone", tmp_path / "bin"
    for folder in ("audit/runs", "data", ".venv/x"):
        (clone / folder).mkdir(parents=True)
    binaries.mkdir()
    (binaries / "gh").write_text(GH, encoding="utf-8")
    (binaries / "gh").chmod(0o755)
    for name in ("audit/runs/1.json", "data/a.csv", "dvc.lock", "params.yaml"):
        (clone / name).write_text("1\n", encoding="utf-8")
    script = "git init -q -b main . && git add -A && git commit -q -m one && git clone -q --bare . ../server.git"
    subprocess.run(f"{script} && git remote add origin ../server.git", cwd=clone, shell=True, check=True)
    return clone


def propose(runner: Path) -> tuple[str, list[str]]:
    """Run the step; return what it said and what ``gh`` was called with."""
    called = runner.parent / "called"
    environment = {"PATH": f"{runner.parent / 'bin'}{os.pathsep}{os.environ['PATH']}", "CALLED": str(called)}
    environment |= {"BRANCH": "dados/7-1", "BASE": "main", "GH_TOKEN": "segredo"}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", commands()["Propose the result"]],
        cwd=runner,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "segredo" not in done.stdout + done.stderr
    return done.stdout, called.read_text(encoding="utf-8").splitlines() if called.exists() else []


def test_what_is_new_becomes_a_pull_request(runner: Path) -> None:
    for name in ("audit/runs/2.json", "dvc.lock", "params.yaml", "gha-creds-1.json"):
        (runner / name).write_text("2\n", encoding="utf-8")
    _said, called = propose(runner)
    assert called == ["auth setup-git", "pr create --base main --head dados/7-1 --fill"]
    listed = subprocess.run(
        ["git", "show", "--name-only", "--format=%s", "dados/7-1"],
        cwd=runner.parent / "server.git",
        capture_output=True,
        text=True,
        check=True,
    )
    subject, *names = listed.stdout.split("\n\n")
    assert subject.startswith("Scheduled run 20") and "".join(names).split() == ["audit/runs/2.json", "dvc.lock"]


def test_where_nothing_is_new_nothing_is_proposed(runner: Path) -> None:
    assert propose(runner) == ("nothing new\n", [])
