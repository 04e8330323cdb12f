"""The jobs for pull requests: well-formed, safe from what a pull request names, and run here as a runner does.

A bare repository stands for the server's Git, a folder for the DVC remote, a web server on this machine for the
server's interface to comments. Only the installation of the environment is left out: ``.venv`` is this repository's.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.conftest import ROOT

WORKFLOW = ROOT / ".github/workflows/comparison.yml"
GITLAB = ROOT / ".gitlab-ci.yml"
MARKER = "<!-- observatudo diff -->"
BASE = "main$(touch${IFS}pwned)"  # Git allows it as the name of a branch
REMOTE = """\
[core]
    remote = store
['remote "store"']
    url = ../../../store
"""
PIPELINE = """\
stages:
  ingest:
    cmd: python make.py
    deps: [make.py]
    params: [value]
    outs: [data/ingested/a/um]
"""
MAKE = """\
import datetime, pathlib, pyarrow as pa, pyarrow.parquet as pq
value = float(pathlib.Path("params.yaml").read_text().split()[-1])
folder = pathlib.Path("data/ingested/a/um/observacao")
folder.mkdir(parents=True)
days = [datetime.date(2020 + n, 1, 1) for n in range(4)]
columns = {"id_indicador": ["x"] * 4, "id_municipio": ["3550308"] * 4, "data_referencia": days,
           "valor": [1.0, 2.0, 3.0, value]}
pq.write_table(pa.table(columns), folder / "x.parquet")
"""
# a shell traps no signal that it was started to ignore, as under nohup
DEAF_TO_NOTHING = """\
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("sh", ["sh", "scripts/comparison"])
"""


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=300
    )


def must(folder: Path, command: str) -> str:
    done = run(folder, "bash", "-c", command)
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with a branch whose one value differs from the base, and a remote with the data of both."""
    folder = tmp_path_factory.mktemp("server")
    work = folder / "work"
    (work / "scripts").mkdir(parents=True)
    for name in ("comparison", "comment.py"):
        shutil.copy2(ROOT / "scripts" / name, work / "scripts" / name)
    for name, text in {"dvc.yaml": PIPELINE, "make.py": MAKE, "params.yaml": "value: 4\n"}.items():
        (work / name).write_text(text, encoding="utf-8")
    (work / ".gitignore").write_text("/.venv\n/.observatudo\n", encoding="utf-8")
    must(work, f"git init -q -b '{BASE}' && dvc init -q && dvc repro -q")
    must(work, "git add -A && git commit -q -m base && git checkout -q -b feature")
    must(work, "echo 'value: 5' > params.yaml && dvc repro -q && git commit -q -a -m change")
    must(work, "git checkout -q -b stored")
    (work / ".dvc/config").write_text(REMOTE, encoding="utf-8")
    must(work, "git commit -q -a -m 'A place for the data' && git clone -q --bare . ../server.git")
    shutil.copytree(work / ".dvc/cache", folder.parent / "store")  # what `dvc push` of both versions would leave there
    return folder


def runner(server: Path, target: Path, branch: str) -> Path:
    """Give what a runner has after its first step: the branch's commit, all branches, no data."""
    target.parent.mkdir(exist_ok=True)
    must(server, f"git clone -q server.git '{target}' && git -C '{target}' checkout -q --detach origin/{branch}")
    (target / ".venv").symlink_to(ROOT / ".venv")
    return target


class Comments(http.server.BaseHTTPRequestHandler):
    """The part of GitHub's and GitLab's interface that lists, makes and replaces comments."""

    kept: list[dict[str, object]]
    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.path.endswith("/user"):
            self._answer({"id": 7})
            return
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self._answer(self.kept[size * (page - 1) : size * page])

    def do_POST(self) -> None:
        comment = {"id": len(self.kept) + 1, "user": {"type": "Bot"}, "author": {"id": 7}}
        self.kept.append(comment | self._content())
        self._answer({})

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.kept[number - 1] |= self._content()
        self._answer({})

    do_PUT = do_PATCH

    def _content(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def _answer(self, content: object) -> None:
        self.asked.append((self.command, urlsplit(self.path).path))
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def comments() -> Iterator[tuple[str, type[Comments]]]:
    class Own(Comments):
        kept: list[dict[str, object]] = []
        asked: list[tuple[str, str]] = []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{service.server_port}", Own
        service.shutdown()


def workflow() -> dict[str, object]:
    """Read the workflow with all values as texts: YAML would take the key “on” for a truth value."""
    found: dict[str, object] = yaml.load(WORKFLOW.read_text(encoding="utf-8"), yaml.BaseLoader)
    return found


def github_job() -> dict[str, object]:
    jobs = workflow()["jobs"]
    assert isinstance(jobs, dict)
    (job,) = jobs.values()
    assert isinstance(job, dict)
    return job


def github_steps() -> list[dict[str, object]]:
    steps = github_job()["steps"]
    assert isinstance(steps, list)
    return steps


def gitlab_job() -> dict[str, object]:
    content = yaml.safe_load(GITLAB.read_text(encoding="utf-8"))
    (job,) = content.values()
    assert isinstance(job, dict)
    return job


def filled(environment: object, facts: Mapping[str, str]) -> dict[str, str]:
    """Put the facts of a pull request into a job's variables, as the server does. An unknown fact fails."""
    assert isinstance(environment, dict)
    return {
        name: re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda match: facts[match[1]], value)
        for name, value in environment.items()
    }


def test_the_workflow_may_do_nothing_but_comment() -> None:
    assert workflow()["permissions"] == {}
    assert github_job()["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow()["on"] == {
        "pull_request": ""
    }  # never pull_request_target: it would give a stranger's code a token
    checkout = next(step for step in github_steps() if "checkout" in str(step.get("uses")))
    assert checkout["with"] == {
        "ref": "${{ github.event.pull_request.head.sha }}",
        "fetch-depth": "0",
        "persist-credentials": "false",
    }


def test_actions_are_pinned_to_a_release() -> None:
    used = [str(step["uses"]) for step in github_steps() if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@v\d+\.\d+\.\d+", action) for action in used)


def test_nothing_a_pull_request_names_stands_in_a_command() -> None:
    commands = [str(step["run"]) for step in github_steps() if "run" in step]
    assert len(commands) == 4
    assert not [command for command in commands if "${{" in command]
    script = gitlab_job()["script"]
    assert isinstance(script, list)
    variables = {name for command in script for name in re.findall(r"\$\{?(\w+)", command)}
    assert variables == {"code", "REPORT", "GITLAB_TOKEN", "OBSERVATUDO_RULES"}


def test_the_token_is_given_to_the_one_step_that_comments() -> None:
    holders = [step["name"] for step in github_steps() if "token" in json.dumps(step)]
    assert holders == ["Comment"]


def test_the_first_command_of_both_jobs_makes_the_environment() -> None:
    first = next(str(step["run"]) for step in github_steps() if "run" in step)
    script = gitlab_job()["script"]
    assert isinstance(script, list) and script[0] == first
    assert run(ROOT, *first.replace("make", "make -n", 1).split()).returncode == 0


def test_a_pull_request_gets_its_report_from_data_made_here(
    server: Path, tmp_path: Path, comments: tuple[str, type[Comments]]
) -> None:
    """Without a remote both versions are made again; what other people wrote under the request stays."""
    address, service = comments
    stranger = {"id": 1, "user": {"type": "User"}, "body": f"{MARKER}\nnot yours"}
    service.kept += [stranger, *({"id": n, "user": {"type": "Bot"}, "body": "other"} for n in range(2, 131))]
    checkout = runner(server, tmp_path / "runner", "feature")
    facts = {"github.base_ref": BASE, "vars.OBSERVATUDO_RULES": "changed>0", "github.token": "secret"}
    facts["github.event.pull_request.number"] = "12"
    summary = tmp_path / "summary.md"
    given = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_API_URL": address, "GITHUB_REPOSITORY": "ana/dados"}
    codes = {}
    for step in github_steps():
        if "run" in step and step["name"] != "Environment":
            environment = filled(github_job()["env"], facts) | filled(step.get("env", {}), facts) | given
            done = run(checkout, "bash", "-e", "-c", str(step["run"]), no_proxy="127.0.0.1", **environment)
            codes[step["name"]] = done.returncode
            assert done.returncode == (1 if step["name"] == "Compare" else 0), done.stdout + done.stderr
    assert codes == {"Compare": 1, "Show": 0, "Comment": 0}
    report = summary.read_text(encoding="utf-8")
    assert service.kept[0] == stranger
    assert service.kept[130]["body"] == report
    assert service.asked[-1] == ("POST", "/repos/ana/dados/issues/12/comments")
    assert report.startswith(MARKER)
    assert "1 row in a/um/observacao" in report and "policy broken" in report
    assert "| <code>a/um/observacao</code> | changed | 0 | 0 | 1 | 3 | 25.00% |" in report
    assert not list(checkout.rglob("pwned"))


def test_a_merge_request_gets_its_report_from_the_remote_and_renews_it(
    server: Path, tmp_path: Path, comments: tuple[str, type[Comments]]
) -> None:
    address, service = comments
    service.kept.append({"id": 1, "author": {"id": 7}, "body": f"{MARKER}\r\nold"})
    checkout = runner(server, tmp_path / "runner", "stored")
    job, base = gitlab_job(), must(checkout, f"git merge-base HEAD 'origin/{BASE}'")
    variables = job["variables"]
    assert isinstance(variables, dict) and variables["GIT_DEPTH"] == "0"
    environment = {"BASE": base, "REPORT": variables["REPORT"], "CI_API_V4_URL": address, "GITLAB_TOKEN": "secret"}
    environment |= {"CI_MERGE_REQUEST_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "4", "no_proxy": "127.0.0.1"}
    script = job["script"]
    assert isinstance(script, list)
    (checkout / "make.py").unlink()  # nothing is made again
    done = run(checkout, "bash", "-eo", "pipefail", "-c", "\n".join(script[1:]), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert service.asked[-1] == ("PUT", "/projects/3/merge_requests/4/notes/1")
    report = (checkout / "comparison.md").read_text(encoding="utf-8")
    assert [comment["body"] for comment in service.kept] == [report]
    assert "1 row in a/um/observacao" in report
    assert job["artifacts"] == {"when": "always", "paths": ["comparison.md"], "expire_in": "30 days"}


def test_what_cannot_be_compared_is_reported_too(server: Path, tmp_path: Path) -> None:
    checkout = runner(server, tmp_path / "runner", "stored")
    rules = {"BASE": "origin/stored", "RULES": "chnged>1"}
    done = run(checkout, "sh", "scripts/comparison", **rules)
    assert done.returncode == 64
    report = (checkout / "comparison.md").read_text(encoding="utf-8")
    assert report.startswith(f"{MARKER}\n")
    assert "    this rule cannot be read: found “chnged”" in report


def test_a_base_that_looks_like_an_option_is_an_unknown_version(server: Path, tmp_path: Path) -> None:
    checkout = runner(server, tmp_path / "runner", "stored")
    done = run(checkout, "sh", "scripts/comparison", BASE="--all")
    assert done.returncode == 64, done.stdout + done.stderr
    report = (checkout / "comparison.md").read_text(encoding="utf-8")
    assert report.startswith(f"{MARKER}\n") and "--all" in report


def test_a_project_in_a_folder_of_the_repository_gets_its_report_too(server: Path, tmp_path: Path) -> None:
    """Neither cache nor remote has the data: the older version is made again in a clone of the whole repository."""
    project = tmp_path / "outer/project"
    project.mkdir(parents=True)
    must(project.parent, "git init -q")
    for revision in (BASE, "feature"):
        must(project, f"git -C '{server}/work' archive '{revision}' | tar -x && git add -A && git commit -q -m x")
    (project / ".venv").symlink_to(ROOT / ".venv")
    done = run(project, "sh", "scripts/comparison", BASE="HEAD~1", RULES="changed>0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 row in a/um/observacao" in (project / "comparison.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_stopped_midway_the_job_leaves_nothing_behind(tmp_path: Path, sent: signal.Signals) -> None:
    program, temporary = tmp_path / ".venv/bin/observatudo", tmp_path / "tmp"
    for folder in (program.parent, temporary, tmp_path / "scripts"):
        folder.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho reading\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    shutil.copy2(ROOT / "scripts/comparison", tmp_path / "scripts")
    must(tmp_path, "git init -q && git commit -q --allow-empty -m x")
    job = subprocess.Popen(
        [sys.executable, "-c", DEAF_TO_NOTHING],
        cwd=tmp_path,
        env=os.environ | {"BASE": "HEAD", "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert job.stdout is not None and job.stdout.readline() == "reading\n"
    assert [*temporary.iterdir()] != []
    os.killpg(job.pid, sent)
    assert job.wait(timeout=300) == 128 + sent
    job.stdout.close()
    assert [*temporary.iterdir()] == []


def test_a_comment_that_is_refused_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text(MARKER, encoding="utf-8")
    command = ("python", str(ROOT / "scripts/comment.py"), "report.md")
    unset = run(tmp_path, *command, CI_API_V4_URL="http://127.0.0.1:9")
    assert (unset.returncode, "CI_MERGE_REQUEST_IID is not set" in unset.stderr) == (1, True)
    values = {"CI_MERGE_REQUEST_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "4", "GITLAB_TOKEN": "x", "no_proxy": "*"}
    refused = run(tmp_path, *command, CI_API_V4_URL="http://127.0.0.1:9", **values)
    assert refused.returncode == 1
    assert refused.stderr.startswith("the comment could not be sent") and "Traceback" not in refused.stderr
