"""`observatudo verify --rebuild`: a past version is run again in a clone, and nothing of the clone is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from observatudo.audit.verify.rebuild import rebuild
from observatudo.errors import ObservatudoError
from tests.conftest import once
from tests.tamper import repository
from tests.tamper.repository import Small


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Small:
    return repository.copy(once(tmp_path_factory, "tamper", repository.build), tmp_path / "small")


def _silent(_text: str) -> None:
    pass


def test_a_version_that_says_what_was_made_is_equal_and_one_that_does_not_is_named(small: Small) -> None:
    """Of the committed lock one hash is another; the version before is whole. Both run at an older commit's inputs."""
    lock = (small.root / "dvc.lock").read_text()
    at = lock.index("md5: ", lock.index("outs:\n    - path: data/classified/rotulo.parquet")) + len("md5: ")
    wrong = "f" * 32
    made = lock[at : at + 32]
    (small.root / "dvc.lock").write_text(lock[:at] + wrong + lock[at + 32 :])
    small.commit("a forged hash")
    done = rebuild(small.root, "HEAD", _silent)
    assert not done.is_equal
    (differing,) = [output for output in done.outputs if not output.is_equal]
    assert (differing.output, differing.then, differing.now) == ("data/classified/rotulo.parquet", wrong, made)
    assert len(done.outputs) == 8
    assert "data/classified/rotulo.parquet" in "\n".join(done.lines())


def test_a_version_without_a_lock_is_refused(small: Small) -> None:
    with pytest.raises(ObservatudoError, match=r"no dvc\.lock"):
        rebuild(small.root, "HEAD~2", _silent)


def test_a_stage_that_fails_is_told_and_nothing_is_left(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    small.edit("stages/ingest.py", "if factor == 0:", "if factor:")
    small.commit("broken")
    with pytest.raises(ObservatudoError, match="dvc repro"):
        rebuild(small.root, "HEAD", _silent)
    assert not list((tmp_path / "tmp").iterdir())


def test_ctrl_c_leaves_nothing(small: Small, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    small.edit("stages/ingest.py", "    import yaml\n", "    import yaml, time\n    time.sleep(600)\n")
    small.commit("slow")
    code = "from observatudo.cli.app import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "verify", "--rebuild", "HEAD"],
        cwd=small.root,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    log = tmp_path / "tmp"
    deadline = time.monotonic() + 60
    while not list(log.glob("*/clone/logs/*.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no stage began in a minute"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"Traceback" not in err
    assert not list(log.iterdir())
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(log) not in left
