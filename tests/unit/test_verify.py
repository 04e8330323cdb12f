"""Verification in parts, on small repositories without DVC's stages; the whole is tried in tests/tamper."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from observatudo.audit.verify import objects
from observatudo.audit.verify.memory import FILE, Memory, of_bytes
from observatudo.audit.verify.objects import damaged
from observatudo.audit.verify.report import Finding, Report
from observatudo.audit.verify.run import Asked, verify
from observatudo.audit.verify.text import render
from observatudo.errors import ObservatudoError
from observatudo.journal import record_file
from observatudo.runs.model import Output, Record, StageRun, Where, Who, to_text
from observatudo.versions import Store
from tests.past import Past, past

# Two messages with one MD5: X. Wang and H. Yu, “How to Break MD5 and Other Hash Functions”, 2005.
_WANG = (
    "d131dd02c5e6eec4693d9a0698aff95c2fcab5{a}712467eab4004583eb8fb7f8955ad340609f4b30283e4888325{b}1415a085125e8f7cdc99fd"
    "91dbd{c}280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2{d}487da03fd02396306d248cda0e99f33420f577ee8ce54b67080{e}80d1e"
    "c69821bcb6a8839396f965{f}b6ff72a70"
)
TWIN, OTHER = (
    bytes.fromhex(_WANG.format(**dict(zip("abcdef", values, strict=True))))
    for values in (("8", "7", "f", "b", "a", "2"), ("0", "f", "7", "3", "2", "a"))
)
DATA = "data/classified/rotulo.parquet"


@pytest.fixture
def repository(tmp_path: Path) -> Past:
    """One output of one stage, recorded by one run, committed; its bytes are one of the twins."""
    made = past(tmp_path / "work")
    made.write("dvc.yaml", f"stages:\n  classify:\n    cmd: classify\n    deps: [configs/a.txt]\n    outs: [{DATA}]\n")
    made.write("configs/a.txt", "a\n")
    (made.root / DATA).parent.mkdir(parents=True)
    (made.root / DATA).write_bytes(TWIN)
    made.out("classify", DATA, "configs/a.txt")
    made.commit("start")
    _record(made, "20260101T000000Z-1", TWIN)
    made.commit("a run")
    return made


def _record(made: Past, run: str, content: bytes) -> Path:
    """Write a record of a run that made ``DATA``."""
    when = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    commit = made.git("rev-parse", "HEAD")
    stage = StageRun(
        dataset=None,
        status="success",
        started=when,
        ended=when,
        wall_s=1,
        cpu_s=1,
        peak_mb=1,
        warnings=0,
        rows={},
    )
    hashes = of_bytes(content)
    output = Output(
        stage="classify", md5=hashes.md5, sha256=hashes.sha256, size=hashes.size, files=1, rows=None, tables={}
    )
    nothing: dict[str, dict[str, str]] = {name: {} for name in ("writers", "versions", "evidence", "code", "datasets")}
    record = Record.model_validate(
        {
            **nothing,
            "run_id": run,
            "status": "success",
            "started": when,
            "ended": when,
            "duration_s": 1,
            "command": "dvc repro",
            "experiment": None,
            "commit": commit,
            "dirty": False,
            "changed": [],
            "who": Who(name="M", email=None, login=None),
            "where": Where(host="h", system="Linux", python="3.11", lock_sha256=None),
            "configs": {"configs/a.txt": made.git("rev-parse", "HEAD:configs/a.txt")},
            "stages": {"classify": stage},
            "outputs": {DATA: output},
            "dbt": {},
            "error": None,
        }
    )
    path = record_file(made.root, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_text(record), encoding="utf-8")
    return path


def _tampered(report: Report) -> list[Finding]:
    return [*report.of("tampered"), *report.of("missing")]


def _overwrite(file: Path, content: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(content)
    file.chmod(0o444)


# --- the whole


def test_what_is_as_it_was_made_is_not_anchored_without_anything_outside(repository: Past) -> None:
    report = verify(repository.root, Asked())
    assert (report.verdict, report.exit_code, _tampered(report)) == ("not anchored", 0, [])


def test_bytes_with_the_right_md5_and_another_sha256_are_found(repository: Past) -> None:
    assert TWIN != OTHER
    assert hashlib.md5(TWIN).digest() == hashlib.md5(OTHER).digest()
    file = repository.object(of_bytes(TWIN).md5)
    _overwrite(file, OTHER)
    for asked in (Asked(), Asked(deep=True)):
        (finding,) = _tampered(verify(repository.root, asked))
        assert (finding.kind, finding.md5, finding.outputs) == ("object", of_bytes(TWIN).md5, (DATA,))


def test_a_finding_names_the_versions_and_tags_that_need_the_object(repository: Past) -> None:
    repository.git("tag", "v1")
    repository.git("tag", "-a", "-m", "words", "v2")
    (repository.root / DATA).write_bytes(b"new")
    repository.out("classify", DATA, "configs/a.txt")
    _record(repository, "20260102T000000Z-1", b"new")
    repository.commit("another run")
    repository.object(of_bytes(TWIN).md5).unlink()
    assert _tampered(verify(repository.root, Asked())) == []
    (finding,) = _tampered(verify(repository.root, Asked(whole=True)))
    first = repository.git("rev-list", "--max-parents=0", "HEAD")[:8]
    assert (finding.status, finding.versions) == ("missing", (first, "v1", "v2"))
    (older,) = _tampered(verify(repository.root, Asked(revision="HEAD~1")))
    assert older.md5 == finding.md5


def test_a_lock_with_a_conflict_is_not_tampered_with(repository: Past) -> None:
    text = (repository.root / "dvc.lock").read_text()
    repository.write("dvc.lock", f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> side\n")
    report = verify(repository.root, Asked())
    assert _tampered(report) == []
    assert [finding.next_step for finding in report.of("stale")] == ["observatudo resolve"]


def test_a_pipeline_that_cannot_be_read_hides_nothing(repository: Past) -> None:
    repository.write("dvc.yaml", "stages: [")
    repository.commit("broken")
    repository.object(of_bytes(TWIN).md5).unlink()
    assert [finding.md5 for finding in _tampered(verify(repository.root, Asked()))] == [of_bytes(TWIN).md5]


def test_a_repository_without_a_commit_can_be_verified(tmp_path: Path) -> None:
    made = past(tmp_path / "work")
    assert verify(made.root, Asked(deep=True)).exit_code == 0


def test_an_unknown_revision_is_refused(repository: Past) -> None:
    with pytest.raises(ObservatudoError, match="nothing-like-it"):
        verify(repository.root, Asked(revision="nothing-like-it"))


def test_a_replaced_object_of_git_does_not_deceive(repository: Past) -> None:
    """``git replace`` shows another content under an old name; verification reads what is really there."""
    path = next((repository.root / "audit/runs").rglob("*.json"))
    name = path.relative_to(repository.root).as_posix()
    real = repository.git("rev-parse", f"HEAD:{name}")
    path.write_text(path.read_text().replace('"duration_s": 1.0', '"duration_s": 2.0'))
    repository.git("replace", real, repository.git("hash-object", "-w", name))
    assert [finding.where for finding in _tampered(verify(repository.root, Asked()))] == [name]


# --- the ledger


def _last_record(made: Past) -> str:
    return max(path.relative_to(made.root).as_posix() for path in (made.root / "audit/runs").rglob("*.json"))


def test_a_record_that_was_changed_and_put_back_is_a_note(repository: Past) -> None:
    name = _last_record(repository)
    before = (repository.root / name).read_text()
    repository.write(name, before.replace("dvc repro", "dvc repro -f"))
    repository.commit("changed")
    (finding, *more) = _tampered(verify(repository.root, Asked()))
    assert (finding.where, finding.versions, more) == (name, (repository.git("rev-parse", "HEAD")[:8],), [])
    repository.write(name, before)
    repository.commit("put back")
    report = verify(repository.root, Asked())
    assert _tampered(report) == []
    assert [finding.where for finding in report.of("note") if finding.kind == "history"] == [name]


ANSWERS = "data/classified/answers/20260101T000000Z-000001.jsonl"


def test_answers_of_models_may_grow_and_go_and_never_change(repository: Past) -> None:
    repository.write(ANSWERS, "one\n")
    repository.commit("asked")
    repository.write(ANSWERS, "one\ntwo\n")
    repository.commit("asked on")
    assert _tampered(verify(repository.root, Asked())) == []
    repository.write(ANSWERS, "one\nTWO\n")
    (finding,) = _tampered(verify(repository.root, Asked()))
    assert (finding.where, finding.kind) == (ANSWERS, "record")
    repository.commit("mended by hand")
    (finding,) = _tampered(verify(repository.root, Asked()))
    assert (finding.where, finding.versions) == (ANSWERS, (repository.git("rev-parse", "HEAD")[:8],))
    repository.write(ANSWERS, "one\ntwo\nthree\n")
    repository.commit("put back")
    report = verify(repository.root, Asked())
    assert _tampered(report) == []
    assert ANSWERS in {finding.where for finding in report.of("note")}


def test_answers_that_were_taken_away_may_come_back_as_they_were_only(repository: Past) -> None:
    repository.write(ANSWERS, "one\n")
    repository.commit("asked")
    repository.git("rm", "-q", ANSWERS)
    repository.commit("rolled back")
    assert _tampered(verify(repository.root, Asked())) == []
    repository.write(ANSWERS, "one\n")
    repository.commit("forward again")
    assert _tampered(verify(repository.root, Asked())) == []
    repository.git("rm", "-q", ANSWERS)
    repository.commit("away")
    repository.write(ANSWERS, "other\n")
    repository.commit("back as another")
    assert {finding.where for finding in _tampered(verify(repository.root, Asked()))} == {ANSWERS}


def test_a_merge_that_drops_a_record_is_found(repository: Past) -> None:
    """Git simplifies such a merge away when it is asked for the history of the folder."""
    repository.git("checkout", "-q", "-b", "side")
    _record(repository, "20260103T000000Z-7", TWIN)
    repository.commit("theirs")
    repository.git("checkout", "-q", "-")
    repository.write("README.md", "words\n")
    repository.commit("ours")
    repository.git("merge", "-q", "-s", "ours", "--no-edit", "side")
    (finding,) = _tampered(verify(repository.root, Asked()))
    assert finding.where.endswith("20260103T000000Z-7.json")


def test_a_record_in_the_wrong_place_is_found(repository: Past) -> None:
    text = (repository.root / _last_record(repository)).read_text()
    repository.write("audit/runs/2026/02/20260201T000000Z-1.json", text)
    (finding,) = _tampered(verify(repository.root, Asked()))
    assert finding.where == "audit/runs/2026/02/20260201T000000Z-1.json"


def test_a_record_that_contradicts_its_commit_is_found(repository: Past) -> None:
    name = _record(repository, "20260104T000000Z-1", TWIN).relative_to(repository.root).as_posix()
    content = json.loads((repository.root / name).read_text())
    content["configs"]["configs/a.txt"] = "0" * 40
    repository.write(name, json.dumps(content))
    (finding,) = _tampered(verify(repository.root, Asked()))
    assert finding.where == name
    content["changed"], content["dirty"] = ["configs/a.txt"], True
    repository.write(name, json.dumps(content))
    report = verify(repository.root, Asked())
    assert _tampered(report) == []
    assert any("never committed" in finding.what for finding in report.of("note"))


# --- anchors


def _origin(repository: Past, tmp_path: Path) -> None:
    repository.git("init", "-q", "--bare", str(tmp_path / "origin.git"))
    repository.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    repository.git("push", "-q", "-u", "origin", "HEAD")


def test_a_remote_branch_is_an_anchor_and_shows_that_history_was_rewritten(repository: Past, tmp_path: Path) -> None:
    _origin(repository, tmp_path)
    assert verify(repository.root, Asked()).verdict == "fine"
    name = _last_record(repository)
    (repository.root / name).unlink()
    repository.git("add", "-A")
    repository.git("commit", "-q", "--amend", "--allow-empty", "-m", "never was")
    report = verify(repository.root, Asked())
    assert [finding.where for finding in _tampered(report)] == [name]
    assert report.anchors == []


def test_words_of_a_commit_may_be_rewritten(repository: Past, tmp_path: Path) -> None:
    _origin(repository, tmp_path)
    repository.git("commit", "-q", "--amend", "-m", "better words")
    report = verify(repository.root, Asked())
    assert (_tampered(report), report.verdict) == ([], "fine")
    assert any(finding.kind == "anchor" for finding in report.of("note"))


def test_an_exported_head_anchors_and_shows_what_was_dropped(repository: Past, tmp_path: Path) -> None:
    from observatudo.audit.verify.anchors import head_of
    from observatudo.audit.verify.gitdata import GitData

    head = head_of(GitData(repository.root), repository.git("rev-parse", "HEAD"))
    file = tmp_path / "head.json"
    file.write_text(head.model_dump_json())
    assert head.records == 1
    assert verify(repository.root, Asked(anchor=str(file))).verdict == "fine"
    repository.git("checkout", "-q", "--orphan", "new")
    name = _last_record(repository)
    (repository.root / name).unlink()
    repository.commit("from the beginning")
    found = _tampered(verify(repository.root, Asked(anchor=str(file))))
    assert [finding.where for finding in found] == [name]
    file.write_text(head.model_copy(update={"commit": "0" * 40}).model_dump_json())
    (finding,) = _tampered(verify(repository.root, Asked(anchor=str(file))))
    assert finding.kind == "anchor"


@pytest.mark.parametrize("content", ["", "{}", "[1]", "\x00"])
def test_a_file_that_is_no_exported_head_is_refused(repository: Past, tmp_path: Path, content: str) -> None:
    (tmp_path / "head.json").write_text(content)
    with pytest.raises(ObservatudoError, match="exported head"):
        verify(repository.root, Asked(anchor=str(tmp_path / "head.json")))
    with pytest.raises(ObservatudoError, match="neither a file nor a revision"):
        verify(repository.root, Asked(anchor="nowhere"))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen (sudo apt install openssh-client)")
def test_signed_tags_anchor_and_bad_signatures_are_found(repository: Past, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "signers").write_text(f"maria@example.org {key.with_suffix('.pub').read_text()}")
    repository.git("config", "gpg.format", "ssh")
    repository.git("config", "user.signingkey", str(key))
    repository.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "signers"))
    repository.git("tag", "-s", "-m", "signed", "v1")
    assert verify(repository.root, Asked()).anchors == ["v1"]
    repository.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    unknown = verify(repository.root, Asked())
    assert (unknown.verdict, _tampered(unknown)) == ("not anchored", [])
    repository.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "signers"))
    text = repository.git("cat-file", "tag", "v1").replace("\nsigned\n", "\nforged\n") + "\n"
    forged = subprocess.run(
        ["git", "hash-object", "-t", "tag", "-w", "--stdin"],
        cwd=repository.root,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    repository.git("update-ref", "refs/tags/v1", forged.stdout.strip())
    (finding,) = _tampered(verify(repository.root, Asked()))
    assert (finding.kind, "v1" in finding.what) == ("signature", True)


# --- bytes, and their memory


def _store(repository: Past) -> tuple[Store, str]:
    return Store(repository.root), of_bytes(TWIN).md5


def test_what_is_damaged_and_what_is_missing_is_named(repository: Past) -> None:
    store, md5 = _store(repository)
    assert damaged(store, [md5]) == []
    _overwrite(repository.object(md5), b"other")
    (problem,) = damaged(store, [md5])
    assert (problem.md5, problem.kind, problem.found) == (md5, "tampered", of_bytes(b"other").md5)
    repository.object(md5).unlink()
    assert [problem.kind for problem in damaged(store, [md5])] == ["missing"]


def test_a_listing_and_its_files_are_objects_each(repository: Past) -> None:
    folder = repository.root / "data/marts"
    folder.mkdir()
    (folder / "a.csv").write_text("a")
    (folder / "b.csv").write_text("b")
    repository.out("transform", "data/marts")
    md5 = str(repository.lock["transform"]["outs"][0]["md5"])  # type: ignore[index]
    store = Store(repository.root)
    all_of_it = [md5, of_bytes(b"a").md5, of_bytes(b"b").md5]
    assert damaged(store, all_of_it) == []
    _overwrite(repository.object(of_bytes(b"b").md5), b"c")
    assert [problem.md5 for problem in damaged(store, all_of_it)] == [of_bytes(b"b").md5]


def test_an_edit_in_place_is_noticed_although_times_size_and_mode_are_put_back(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"aaaa")
    old = 1_600_000_000_000_000_000
    os.utime(file, ns=(old, old))
    before = file.stat()
    memory = Memory(tmp_path)
    memory.files([file])
    memory._files = {str(file): (*_mark(file), of_bytes(b"aaaa").md5, of_bytes(b"aaaa").sha256)}  # as after a second
    memory.save()
    time.sleep(0.05)  # file systems tell moments apart by some 10 ms
    with file.open("r+b") as stream:
        stream.write(b"aaab")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Memory(tmp_path).files([file])[file] == of_bytes(b"aaab")


def _mark(file: Path) -> Sequence[int]:
    stat = file.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def test_what_was_read_is_not_read_again_unless_everything_is(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"aaaa")
    memory = Memory(tmp_path)
    memory._files = {str(file): (*_mark(file), "0" * 32, "0" * 64)}
    memory.save()
    remembered = Memory(tmp_path).files([file])[file]
    assert remembered is not None
    assert remembered.md5 == "0" * 32
    assert Memory(tmp_path, fresh=True).files([file])[file] == of_bytes(b"aaaa")


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    """It could be written again under the same time."""
    file = tmp_path / "x"
    file.write_bytes(b"aaaa")
    later = 4_000_000_000
    os.utime(file, (later, later))
    memory = Memory(tmp_path)
    memory.files([file])
    assert memory._files == {}
    os.utime(file, (1, 1))
    time.sleep(1.1)
    memory.files([file])
    assert memory._files.keys() == {str(file)}


@pytest.mark.parametrize("content", [b"", b"nonsense" * 500])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"aaaa")
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_bytes(content)
    assert Memory(tmp_path).files([file])[file] == of_bytes(b"aaaa")
    assert Memory(tmp_path).files([tmp_path / "nothing"]) == {tmp_path / "nothing": None}


@pytest.mark.parametrize("text", [b"", b"{}", b"[{}]", b'[{"md5": 1, "relpath": "a"}]', b"\xff"])
def test_a_text_that_is_no_listing_is_none(text: bytes) -> None:
    assert objects.entries(text) is None


# --- the report


def test_the_worst_status_decides() -> None:
    report = Report()
    note = Finding("note", "record", "n")
    report.add([note, note])
    assert (report.findings, report.verdict, report.exit_code) == ([note], "not anchored", 0)
    report.anchors.append("origin/main")
    assert report.verdict == "fine"
    report.add([Finding("missing", "object", "m")])
    assert (report.verdict, report.exit_code) == ("missing", 2)
    report.add([Finding("tampered", "object", "t")])
    assert (report.verdict, report.exit_code) == ("tampered", 1)
    assert [finding["status"] for finding in report.as_json()["findings"]] == ["tampered", "missing", "note"]  # type: ignore[attr-defined]


def test_the_text_has_the_verdict_first_and_every_tampered_thing() -> None:
    report = Report()
    report.add(Finding("note", "remote", "only here", f"/n{number}") for number in range(9))
    report.add(
        Finding("tampered", "object", "bytes", f"/x{number}", "rm", "md5", (f"data/{number}",), ("abc", "v1"))
        for number in range(9)
    )
    lines = list(render(report))
    assert lines[0].startswith("tampered")
    text = "\n".join(lines)
    assert all(f"/x{number}" in text and f"data/{number}" in text for number in range(9))
    assert "abc, v1" in text
    assert "/n4" in text
    assert "/n5" not in text
    assert "4 more" in text


def test_records_of_rollbacks_only_grow_too(repository: Past) -> None:
    path = "audit/rollbacks/2026/01/20260101T000000Z-9.json"
    repository.write(path, "{}\n")
    repository.commit("a rollback")
    assert verify(repository.root, Asked()).verdict == "not anchored"
    repository.write(path, '{"why": "another"}\n')
    repository.commit("rewritten")
    (found,) = _tampered(verify(repository.root, Asked()))
    assert (found.kind, found.where) == ("history", path)
