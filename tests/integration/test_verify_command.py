"""`observatudo verify` as it is typed, and a remote that is no folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from observatudo.audit.verify.memory import of_bytes
from observatudo.audit.verify.run import Asked, verify
from tests.past import Past, past

FOLDER = "data/marts"


@pytest.fixture
def repository(tmp_path: Path) -> Past:
    """Two versions of a folder of two files, one of which changes."""
    made = past(tmp_path / "work")
    made.write("dvc.yaml", f"stages:\n  transform:\n    cmd: transform\n    outs: [{FOLDER}]\n")
    for content in ("old\n", "new\n"):
        made.write(f"{FOLDER}/a.csv", content)
        made.write(f"{FOLDER}/b.csv", "same\n")
        made.out("transform", FOLDER)
        made.commit(content.strip())
        made.git("tag", f"v-{content.strip()}")
    return made


def _verify(repository: Past, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "observatudo.cli.app", "verify", *words],
        cwd=repository.root,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_flipped_byte_is_named_with_its_output_and_versions(repository: Past) -> None:
    edited = repository.object(of_bytes(b"same\n").md5)
    edited.chmod(0o644)
    edited.write_bytes(b"sane\n")
    edited.chmod(0o444)
    done = _verify(repository, "--deep")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[0].startswith("tampered")
    for named in (
        edited.relative_to(repository.root).as_posix(),
        f"{FOLDER}/b.csv",
        "v-old",
        "v-new",
        repository.git("rev-parse", "HEAD")[:8],
    ):
        assert named in done.stdout
    found = json.loads(_verify(repository, "--deep", "--json").stdout)
    (finding,) = [finding for finding in found["findings"] if finding["status"] == "tampered"]
    assert (found["exit_code"], finding["outputs"]) == (1, [f"{FOLDER}/b.csv"])


def test_missing_is_another_exit_code_and_an_exported_head_is_held_against(repository: Past, tmp_path: Path) -> None:
    head = tmp_path / "head.json"
    assert _verify(repository, "--export-head", str(head)).returncode == 0
    done = _verify(repository, "--anchor", str(head))
    assert (done.returncode, done.stdout.splitlines()[0].startswith("fine")) == (0, True), done.stdout
    repository.object(of_bytes(b"old\n").md5).unlink()
    assert _verify(repository).returncode == 0
    assert _verify(repository, "--all").returncode == 2
    wrong = _verify(repository, "nowhere")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (1, False)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The folder ``store`` over HTTP; nothing of it is on this machine as far as DVC knows."""
    (tmp_path / "store").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "store")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_remote_that_is_no_folder_is_read_as_a_stream(repository: Past, tmp_path: Path, served: str) -> None:
    (repository.root / ".dvc/cache/files").rename(tmp_path / "store/files")
    repository.write(".dvc/config.local", f"[core]\n    remote = web\n['remote \"web\"']\n    url = {served}\n")
    report = verify(repository.root, Asked(deep=True, whole=True))
    assert (report.exit_code, report.checked["remote_objects"]) == (0, 5), report.findings
    name = of_bytes(b"old\n").md5
    edited = tmp_path / "store/files/md5" / name[:2] / name[2:]
    edited.chmod(0o644)
    edited.write_bytes(b"odd\n")
    (finding,) = verify(repository.root, Asked(deep=True, whole=True)).of("tampered")
    assert (finding.kind, finding.md5, finding.outputs) == ("remote", name, (f"{FOLDER}/a.csv",))
    assert edited.read_bytes() == b"odd\n"  # DVC itself would delete it
