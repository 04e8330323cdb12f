"""Where everything is read-only, every command that writes refuses, and nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from observatudo import history as runs
from observatudo import journal
from observatudo.errors import ObservatudoError
from observatudo.readonly import VARIABLE, is_read_only, require_writable
from tests.rollbacks import Tiny, history

ROOT = Path(__file__).parents[2]
WRITES = (
    "repro",
    "fetch",
    "fetch a/um --from params.yaml",
    "generate",
    "label pib Economia -m why",
    "label pib --remove",
    "classify params.yaml --out x.csv",
    "resolve",
    "resolve --commit",
    "rollback HEAD~1 --yes -m why",
    "rollback HEAD~1",
    "rollback --continue",
    "rollback --abort",
    "remove a/um --yes",
    "gc --yes",
    "remote",
    "remote elsewhere --replace",
    "remote --push",
    "remote --pull",
    "provenance -o x.json",
    "provenance --format ro-crate",
    "verify --export-head x.json",
    "verify --rebuild HEAD",
    "diff HEAD~1 HEAD --md -o x.md",
)
READS = ("rollback HEAD~1 --json", "remove a/um", "runs", "verify --json", "gc --json")
ALL = """
import contextlib, io, json, sys
from observatudo.cli import app
app._register()
app._register = lambda: None  # once is enough
ends = {}
for words in json.loads(sys.argv[1]):
    sys.argv = ["observatudo", *words.split()]
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            app.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
    ends[words] = [code, said.getvalue()]
print(json.dumps(ends))
"""


def run_all(root: Path, commands: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    """Run the commands in one process, one after the other; return how each ended and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", ALL, json.dumps(commands)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    made, _commits = history(tmp_path_factory.mktemp("readonly") / "tiny", 3, 2)
    return made


def test_every_command_that_writes_refuses_and_nothing_changes(tiny: Tiny) -> None:
    before, head, settings = tiny.state(), tiny.git("rev-parse", "HEAD"), (tiny.root / ".dvc/config").read_bytes()
    ends = run_all(tiny.root, WRITES)
    assert {words: code for words, (code, _said) in ends.items() if code != (2 if "diff" in words else 1)} == {}
    assert [words for words, (_code, said) in ends.items() if VARIABLE not in said or "Traceback" in said] == []
    assert (tiny.state(), tiny.git("rev-parse", "HEAD")) == (before, head)
    assert (tiny.root / ".dvc/config").read_bytes() == settings
    assert not (tiny.root / ".dvc/config.local").exists()


def test_what_only_reads_goes_on(tiny: Tiny) -> None:
    ends = run_all(tiny.root, READS)
    assert [words for words, (_code, said) in ends.items() if VARIABLE in said or "Traceback" in said] == []


def test_a_run_that_was_cut_off_is_not_closed_where_all_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-77"
    gone: journal.Json = {"pid": 2**22 + 1, "started": 1.0, "command": ["dvc", "repro"]}
    host = os.uname().nodename
    journal.append(tmp_path, "start", run_id, stage="x", kind="hand", dataset=None, process=gone, owner=gone, host=host)
    monkeypatch.setenv(VARIABLE, "1")
    assert runs.close_interrupted(tmp_path) == []
    monkeypatch.delenv(VARIABLE)
    assert runs.close_interrupted(tmp_path) == [run_id]


def test_the_message_names_command_reason_and_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not is_read_only()
    require_writable("repro")
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(ObservatudoError) as caught:
        require_writable("repro")
    assert "repro" in caught.value.message
    assert caught.value.next_step
