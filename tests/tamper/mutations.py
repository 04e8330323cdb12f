"""Mutations: one change to one thing, drawn from a seed, and what verify must say of it."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb
import yaml

from observatudo.audit.verify.report import Finding, Report
from observatudo.warehouse import presence
from tests.tamper.repository import Small

LOCK, SIDECAR = "dvc.lock", "snapshot.json"


@dataclass(frozen=True)
class Expected:
    """What must be named: each of ``targets`` (an object's MD5 or a path), with one of ``statuses``.

    Nothing else may be called tampered or missing but what ``also`` names: what follows from the mutation.
    """

    targets: tuple[str, ...]
    statuses: tuple[str, ...] = ("tampered",)
    also: tuple[str, ...] = ()

    def judge(self, report: Report) -> str:
        """Return what is wrong with a report, empty when it is right."""
        for target in self.targets:
            found = [finding for finding in report.findings if _concerns(finding, target)]
            if not any(finding.status in self.statuses for finding in found):
                return f"{target} was not located as {self.statuses}: {found or report.findings}"
        for finding in report.of("tampered") + report.of("missing"):
            if not any(_concerns(finding, target) for target in (*self.targets, *self.also)):
                return f"falsely reported: {finding}"
        return ""


def _concerns(finding: Finding, target: str) -> bool:
    return finding.md5 == target or finding.where.endswith(target) or target in finding.outputs


@dataclass(frozen=True)
class Trial:
    """One mutation at work in a repository; what is chosen is chosen by ``chance``."""

    small: Small
    chance: random.Random

    @property
    def root(self) -> Path:
        return self.small.root

    def objects(self, place: Path) -> list[Path]:
        return sorted(file for file in (place / "files/md5").rglob("*") if file.is_file())

    def change(self, file: Path, new: bytes) -> None:
        """Write other bytes into the same file, its times and mode as before: nobody tampers to be seen."""
        before = file.stat()
        file.chmod(0o644)
        with file.open("r+b") as stream:
            stream.write(new)
            stream.truncate()
        file.chmod(before.st_mode)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    def flip(self, file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[self.chance.randrange(len(content))] ^= 1 << self.chance.randrange(7)
        self.change(file, bytes(content))

    def cut(self, file: Path) -> None:
        content = file.read_bytes()
        self.change(file, content[: self.chance.randrange(len(content))])

    def reorder(self, file: Path) -> bool:
        """Swap two different lines; say whether there were any."""
        lines = file.read_bytes().splitlines(keepends=True)
        pairs = [(i, j) for i in range(len(lines)) for j in range(i) if lines[i] != lines[j]]
        if not pairs:
            return False
        i, j = self.chance.choice(pairs)
        lines[i], lines[j] = lines[j], lines[i]
        self.change(file, b"".join(lines))
        return True

    def exchange(self, a: Path, b: Path) -> None:
        first, second = a.read_bytes(), b.read_bytes()
        self.change(a, second)
        self.change(b, first)

    def two(self, files: list[Path]) -> tuple[Path, Path]:
        """Choose two files with different bytes."""
        while True:
            a, b = self.chance.sample(files, 2)
            if a.read_bytes() != b.read_bytes():
                return a, b

    def commit(self) -> None:
        self.small.commit("nothing to see here")


Mutation = Callable[[Trial], Expected]


# --- objects, of the cache and of the remote


def _name(file: Path) -> str:
    return file.parent.name + file.name


def _objects(where: str) -> dict[str, Mutation]:
    def place(trial: Trial) -> Path:
        return trial.root / ".dvc/cache" if where == "cache" else trial.root.parent / "store"

    def one(trial: Trial) -> Path:
        return trial.chance.choice(trial.objects(place(trial)))

    def edit(trial: Trial) -> Expected:
        file = one(trial)
        trial.flip(file)
        return Expected((_name(file),))

    def truncate(trial: Trial) -> Expected:
        file = one(trial)
        trial.cut(file)
        return Expected((_name(file),))

    def swap(trial: Trial) -> Expected:
        a, b = trial.two(trial.objects(place(trial)))
        trial.exchange(a, b)
        return Expected((_name(a), _name(b)))

    def reorder(trial: Trial) -> Expected:
        files = trial.objects(place(trial))
        trial.chance.shuffle(files)
        changed = next(file for file in files if b"," in file.read_bytes() and trial.reorder(file))
        return Expected((_name(changed),))

    def delete(trial: Trial) -> Expected:
        file = one(trial)
        file.unlink()
        return Expected((_name(file),), ("note",))

    made = {"edit": edit, "truncate": truncate, "swap": swap, "reorder": reorder, "delete": delete}
    return {f"{where}: {name}": mutation for name, mutation in made.items()}


def lost(trial: Trial) -> Expected:
    """Delete an object in both places."""
    file = trial.chance.choice(trial.objects(trial.root / ".dvc/cache"))
    name = _name(file)
    file.unlink()
    (trial.root.parent / "store/files/md5" / name[:2] / name[2:]).unlink()
    return Expected((name,), ("missing",))


# --- dvc.lock


def _lock_edit(pattern: str) -> Mutation:
    """Change one digit of a value that the pattern finds in dvc.lock."""

    def mutate(trial: Trial) -> Expected:
        file = trial.root / LOCK
        text = file.read_text()
        found = trial.chance.choice(list(re.finditer(pattern, text)))
        at = trial.chance.randrange(found.start(1), found.end(1))
        digits = "0123456789abcdef" if len(found[1]) == 32 else "123456789"
        new = trial.chance.choice([digit for digit in digits if digit != text[at]])
        trial.change(file, (text[:at] + new + text[at + 1 :]).encode())
        wrong = found[1][: at - found.start(1)] + new + found[1][at - found.start(1) + 1 :]
        return Expected((LOCK,), also=(wrong, f"{wrong}.dir"))

    return mutate


def lock_command(trial: Trial) -> Expected:
    file = trial.root / LOCK
    text = file.read_text()
    found = trial.chance.choice(list(re.finditer(r"cmd: (python.*)", text)))
    at = trial.chance.randrange(found.start(1), found.end(1) - 1)
    trial.change(file, (text[:at] + trial.chance.choice("xyz") + text[at:]).encode())
    return Expected((LOCK,))


def lock_truncate(trial: Trial) -> Expected:
    file = trial.root / LOCK
    text = file.read_text()
    at = trial.chance.randrange(len("schema: '2.0'\nstages:\n  ingest"), len(text) - 40)
    trial.change(file, text[:at].encode())
    last = re.findall(r"md5: (\S+)", text[:at])[-1:]  # a folder's hash without its end is that of a file
    return Expected((LOCK,), ("tampered", "stale"), also=tuple(last))


def lock_delete(trial: Trial) -> Expected:
    (trial.root / LOCK).unlink()
    return Expected((LOCK,), ("missing",))


def lock_delete_entry(trial: Trial) -> Expected:
    """Delete a stage, or one of its dependencies or outputs."""
    file = trial.root / LOCK
    content = yaml.safe_load(file.read_text())
    name = trial.chance.choice(sorted(content["stages"]))
    what = trial.chance.choice(["stage", "deps", "outs"])
    items = content["stages"][name].get(what)
    if items:
        items.remove(trial.chance.choice(items))
    else:
        del content["stages"][name]
    trial.change(file, yaml.safe_dump(content, sort_keys=False).encode())
    return Expected((LOCK,))


def lock_swap(trial: Trial) -> Expected:
    """Exchange the hashes of two outputs."""
    file = trial.root / LOCK
    text = file.read_text()
    content = yaml.safe_load(text)
    outs = [
        out for stage in content["stages"].values() for out in stage.get("outs", []) if "metrics" not in out["path"]
    ]
    a, b = trial.chance.sample(outs, 2)
    for key in ("md5", "size", "nfiles"):
        a[key], b[key] = b.get(key), a.get(key)
    for out in (a, b):
        if out["nfiles"] is None:
            del out["nfiles"]
    trial.change(file, yaml.safe_dump(content, sort_keys=False).encode())
    return Expected((LOCK,))


def lock_reorder(trial: Trial) -> Expected:
    """Exchange the hashes of two neighbouring lines that both hold one."""
    file = trial.root / LOCK
    text = file.read_text()
    spots = list(re.finditer(r"(?<=md5: )[0-9a-f]{32}(?:\.dir)?", text))
    pairs = [(a, b) for a, b in pairwise(spots) if a[0] != b[0]]
    a, b = trial.chance.choice(pairs)
    swapped = text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]
    trial.change(file, swapped.encode())
    return Expected((LOCK,), also=(a[0], b[0]))


# --- run records


def _records(trial: Trial) -> list[Path]:
    return sorted((trial.root / "audit/runs").rglob("*.json"))


def _path(trial: Trial, file: Path) -> str:
    return file.relative_to(trial.root).as_posix()


def record_edit(trial: Trial) -> Expected:
    file = trial.chance.choice(_records(trial))
    trial.flip(file)
    return Expected((_path(trial, file),))


def record_truncate(trial: Trial) -> Expected:
    file = trial.chance.choice(_records(trial))
    trial.cut(file)
    return Expected((_path(trial, file),))


def record_delete(trial: Trial) -> Expected:
    file = trial.chance.choice(_records(trial))
    file.unlink()
    return Expected((_path(trial, file),))


def record_swap(trial: Trial) -> Expected:
    a, b = trial.two(_records(trial))
    trial.exchange(a, b)
    return Expected((_path(trial, a), _path(trial, b)))


def record_reorder(trial: Trial) -> Expected:
    file = trial.chance.choice(_records(trial))
    assert trial.reorder(file)
    return Expected((_path(trial, file),))


def record_value(trial: Trial) -> Expected:
    """Change a number so that the record is still well formed."""
    file = trial.chance.choice(_records(trial))
    content = json.loads(file.read_bytes())
    dataset = trial.chance.choice(sorted(content["datasets"]))
    content["datasets"][dataset]["rows_rejected"] += trial.chance.randrange(1, 9)
    trial.change(file, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return Expected((_path(trial, file),))


# --- snapshots


def _bytes_of_snapshots(trial: Trial) -> list[Path]:
    return sorted(file for file in (trial.root / "data/raw").rglob("*.csv"))


def snapshot_edit(trial: Trial) -> Expected:
    file = trial.chance.choice(_bytes_of_snapshots(trial))
    trial.flip(file)
    return Expected((_path(trial, file),))


def snapshot_truncate(trial: Trial) -> Expected:
    file = trial.chance.choice(_bytes_of_snapshots(trial))
    trial.cut(file)
    return Expected((_path(trial, file),))


def snapshot_reorder(trial: Trial) -> Expected:
    file = trial.chance.choice(_bytes_of_snapshots(trial))
    assert trial.reorder(file)
    return Expected((_path(trial, file),))


def snapshot_swap(trial: Trial) -> Expected:
    a, b = trial.two(_bytes_of_snapshots(trial))
    trial.exchange(a, b)
    return Expected((_path(trial, a), _path(trial, b)))


def snapshot_delete(trial: Trial) -> Expected:
    file = trial.chance.choice([*_bytes_of_snapshots(trial), *(trial.root / "data/raw").rglob(SIDECAR)])
    file.unlink()
    return Expected((_path(trial, file),), ("missing",))


def sidecar_edit(trial: Trial) -> Expected:
    """Change what a sidecar promises of a file."""
    file = trial.chance.choice(sorted((trial.root / "data/raw").rglob(SIDECAR)))
    content = json.loads(file.read_bytes())
    promised = content["files"][trial.chance.choice(sorted(content["files"]))]
    if trial.chance.random() < 0.5:
        promised["bytes"] += trial.chance.randrange(1, 9)
    else:
        promised["sha256"] = promised["sha256"][::-1]
    trial.change(file, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
    return Expected((_path(trial, file),))


# --- the warehouse and the work tree's outputs


def _warehouse(statement: str) -> Mutation:
    def mutate(trial: Trial) -> Expected:
        with duckdb.connect(trial.root / presence.WAREHOUSE) as connection:
            (count,) = connection.execute("select count(*) from fact").fetchall()[0]
            row, other = trial.chance.sample(range(count), 2)
            filled = statement.format(row=row, other=other)
            connection.execute(filled)
        return Expected((f"{presence.WAREHOUSE}: fact",))

    return mutate


def output_edit(trial: Trial) -> Expected:
    files = list((trial.root / "data/marts").iterdir())
    files += (trial.root / "data/ingested").rglob("*.parquet")
    file = trial.chance.choice(sorted(files))
    trial.flip(file)
    return Expected((_path(trial, file),))


def metrics_edit(trial: Trial) -> Expected:
    file = trial.chance.choice(sorted((trial.root / "data/metrics").rglob("*.json")))
    trial.flip(file)
    return Expected((_path(trial, file),))


# --- the same, committed; and history rewritten


def _committed(mutation: Mutation, *, also: tuple[str, ...] = ()) -> Mutation:
    def mutate(trial: Trial) -> Expected:
        expected = mutation(trial)
        trial.commit()
        return Expected(expected.targets, expected.statuses, (*expected.also, *also))

    return mutate


def committed_record_deletion(trial: Trial) -> Expected:
    expected = record_delete(trial)
    trial.commit()
    return expected


def rewritten(mutation: Mutation) -> Mutation:
    """Have the last commit hold the mutation as if it had always been so."""

    def mutate(trial: Trial) -> Expected:
        expected = mutation(trial)
        trial.small.git("add", "-A")
        trial.small.git("commit", "-q", "--amend", "--no-edit")
        return expected

    return mutate


def committed_snapshot_deletion(trial: Trial) -> Expected:
    file = trial.chance.choice(_bytes_of_snapshots(trial))
    file.unlink()
    trial.commit()
    return Expected((_path(trial, file),), ("missing",))


_MD5, _SIZE, _FILES, _VALUE = r"md5: ([0-9a-f]{32})", r"\bsize: (\d+)", r"nfiles: (\d+)", r"factor: (\d+)"
_LOCK: dict[str, Mutation] = {
    "edit a hash": _lock_edit(_MD5),
    "edit a size": _lock_edit(_SIZE),
    "edit a number of files": _lock_edit(_FILES),
    "edit a parameter": _lock_edit(_VALUE),
    "edit a command": lock_command,
    "truncate": lock_truncate,
    "delete an entry": lock_delete_entry,
    "swap two outputs": lock_swap,
    "reorder": lock_reorder,
}
_RECORDS: dict[str, Mutation] = {
    "edit a byte": record_edit,
    "edit a value": record_value,
    "truncate": record_truncate,
    "delete": record_delete,
    "swap": record_swap,
    "reorder": record_reorder,
}
_SNAPSHOTS: dict[str, Mutation] = {
    "edit": snapshot_edit,
    "truncate": snapshot_truncate,
    "reorder": snapshot_reorder,
    "swap": snapshot_swap,
    "edit the sidecar": sidecar_edit,
}
MUTATIONS: dict[str, Mutation] = {
    **_objects("cache"),
    **_objects("remote"),
    "cache and remote: delete": lost,
    **{f"lock: {name}": mutation for name, mutation in _LOCK.items()},
    "lock: delete": lock_delete,
    **{f"lock, committed: {name}": _committed(mutation) for name, mutation in _LOCK.items()},
    **{f"record: {name}": mutation for name, mutation in _RECORDS.items()},
    **{f"record, committed: {name}": _committed(mutation) for name, mutation in _RECORDS.items()},
    **{f"record, history rewritten: {name}": rewritten(mutation) for name, mutation in _RECORDS.items()},
    **{f"snapshot: {name}": mutation for name, mutation in _SNAPSHOTS.items()},
    "snapshot: delete": snapshot_delete,
    **{f"snapshot, committed: {name}": _committed(mutation) for name, mutation in _SNAPSHOTS.items()},
    "snapshot, committed: delete": committed_snapshot_deletion,
    "warehouse: edit": _warehouse("update fact set valor = valor + 1 where rowid = {row}"),
    "warehouse: edit in the last digit": _warehouse("update fact set parte = parte * (1 + 4e-16) where rowid = {row}"),
    "warehouse: empty a cell": _warehouse("update fact set nome = null where rowid = {row}"),
    "warehouse: delete": _warehouse("delete from fact where rowid = {row}"),
    "warehouse: double": _warehouse("insert into fact select * from fact where rowid = {row}"),
    "warehouse: swap": _warehouse(
        "update fact set valor = (select valor from fact f where f.rowid = case fact.rowid when {row} then {other}"
        " else {row} end) where rowid in ({row}, {other})"
    ),
    "output: edit": output_edit,
    "metrics: edit": metrics_edit,
    "metrics, committed: edit": _committed(metrics_edit),
}
