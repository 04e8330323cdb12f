"""The folder as a remote at work, with DVC: push, pull, old versions in a second clone, tampering, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from observatudo import remote
from observatudo.errors import ObservatudoError
from observatudo.versions import Versions, tables
from observatudo.versions.store import Missing
from tests.past import Past, observation, past


def table(root: Path, revision: str) -> list[object]:
    """Read the values of the only indicator at a revision, as the comparison does."""
    version = Versions(root).find(revision)
    (file,) = tables(version)["x/y/observacao"].files
    values: list[object] = pq.read_table(file.local(version))["valor"].to_pylist()
    return values


@pytest.fixture
def history(tmp_path: Path) -> Past:
    """Two committed versions, an uncommitted third, and a branch that is nowhere else."""
    made = past(tmp_path / "obra")
    for message, value in (("one", 1.0), ("two", 2.0)):
        made.observations([observation("3550308", 2019, value)])
        made.commit(message)
    made.git("branch", "-M", "main")
    made.git("checkout", "-q", "-b", "side", "HEAD~1")
    made.observations([observation("3550308", 2019, 9.0)])
    made.commit("nine")
    made.git("checkout", "-q", "main")
    return made


def clone(history: Past, name: str) -> Path:
    target = history.root.parent / name
    history.git("clone", "-q", ".", str(target))
    return target


def test_a_second_clone_reads_old_versions_from_the_folder_and_pulls_only_those(history: Past) -> None:
    folder = history.root.parent / "dados é nosso"
    remote.set_up(history.root, folder)
    assert remote.push(history.root).sent == len(list((folder / "files/md5").rglob("??*/*")))
    second = clone(history, "clone 2")
    with pytest.raises(Missing) as missing:
        table(second, "HEAD~1")
    assert missing.value.next_step.startswith("observatudo remote FOLDER")
    remote.set_up(second, folder)
    assert table(second, "HEAD~1") == [1.0]
    assert table(second, "origin/side") == [9.0], "the push sent what other branches need, too"
    cached = list((second / ".dvc/cache/files/md5").rglob("??*/*"))
    assert len(cached) == 4, "two listings and two files"
    assert remote.push(second).sent == 0


def test_a_push_from_a_clone_with_parts_of_folders_keeps_the_folders_in_the_remote_whole(history: Past) -> None:
    folder = history.root.parent / "dados"
    remote.set_up(history.root, folder)
    remote.push(history.root)
    second = clone(history, "second")
    remote.set_up(second, folder)
    table(second, "HEAD")
    other = history.root.parent / "other"
    remote.set_up(second, other, replace=True)
    done = remote.push(second)
    assert done.sent == 1 and done.absent == 1, "the file that was read; its listing would promise the other one"
    assert [path.name for path in (other / "files/md5").rglob("*.dir")] == []


@pytest.mark.parametrize("is_read_only", [True, False])
def test_a_tampered_object_in_the_folder_is_not_taken(history: Past, is_read_only: bool) -> None:
    folder = history.root.parent / "dados"
    remote.set_up(history.root, folder)
    remote.push(history.root)
    version = Versions(history.root).find("HEAD")
    (file,) = tables(version)["x/y/observacao"].files
    victim = folder / "files/md5" / file.entry.md5[:2] / file.entry.md5[2:]
    victim.chmod(0o644)
    content = bytearray(victim.read_bytes())
    content[20] ^= 1
    victim.write_bytes(content)
    victim.chmod(0o444 if is_read_only else 0o644)
    second = clone(history, "second")
    remote.set_up(second, folder)
    with pytest.raises(Missing):
        table(second, "HEAD")
    assert table(second, "HEAD~1") == [1.0]


def test_a_push_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    made = past(tmp_path / "obra")
    made.observations([observation("3550308", 2019, float(n), f"i{n:03}") for n in range(300)])
    made.commit("many")
    folder = tmp_path / "dados"
    remote.set_up(made.root, folder)
    program = "import sys; from pathlib import Path; from observatudo import remote; remote.push(Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", program, str(made.root)], start_new_session=True)
    deadline = time.monotonic() + 60
    while not any(folder.rglob("??*/*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    listings = list((folder / "files/md5").rglob("*.dir"))
    sent = {path.parent.name + path.name for path in (folder / "files/md5").rglob("??*/*")}
    needed = {entry.md5 for entry in Versions(made.root).find("HEAD").files("data/ingested/x/y")}
    assert not listings or needed <= sent, "a listing is there before its files"
    remote.push(made.root)
    second = clone(made, "second")
    remote.set_up(second, folder)
    version = Versions(second).find("HEAD")
    version.store.pull(entry.md5 for entry in version.files("data/ingested/x/y"))
    assert remote.standing(made.root, remote.reachable(made.root)) == (302, 302)


def test_a_remote_that_cannot_be_written_says_so(history: Past) -> None:
    folder = history.root.parent / "dados"
    remote.set_up(history.root, folder)
    (folder / "files").write_text("in the way")
    with pytest.raises(ObservatudoError) as failed:
        remote.push(history.root)
    assert failed.value.next_step.startswith("make push")


def test_the_command_sets_up_shows_pushes_and_pulls(history: Past) -> None:
    def type_in(root: Path, *words: str) -> str:
        command = [sys.executable, "-P", "-m", "observatudo.cli.app", "remote", *words]
        return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout

    assert "Next: make push" in type_in(history.root)
    assert "sent 7 objects; 0 were there already" in type_in(history.root, "--push")
    assert "7; of them in that folder: 7" in type_in(history.root)
    second = clone(history, "second")
    shown = type_in(second, "../obra-dados", "--pull")
    assert f"dados  {history.root.parent}/obra-dados  (this clone only" in shown
