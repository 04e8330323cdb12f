"""The ledger: the run records in ``audit/runs``, which only ever grow. Git's history says whether they did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from observatudo import paths
from observatudo.audit.verify.gitdata import Blob, GitData
from observatudo.audit.verify.report import Finding
from observatudo.i18n import _
from observatudo.runs.inputs import blob_hash
from observatudo.runs.model import Output, Record

PLACE = paths.AUDIT_RUNS.as_posix()
AUDIT = paths.AUDIT_RUNS.parent.as_posix()  # the records of rollbacks stand beside those of runs, and only grow too
_SHORT = 8


class Change(NamedTuple):
    """A commit that changed or deleted a record: its blob before and after (None: deleted)."""

    commit: str
    before: str
    after: str | None


class Vouched(NamedTuple):
    """What a record says of an output: which record, and the output's entry in it."""

    record: Record
    output: Output


@dataclass
class Ledger:
    """The records by path: ``committed`` at HEAD (None: cannot be read), and the ``new`` ones of the work tree."""

    blobs: dict[str, Blob] = field(default_factory=dict)
    committed: dict[str, Record | None] = field(default_factory=dict)
    new: dict[str, Record | None] = field(default_factory=dict)

    @property
    def records(self) -> list[Record]:
        """Return every record that can be read, oldest run first."""
        found = [record for record in (*self.committed.values(), *self.new.values()) if record is not None]
        return sorted(found, key=lambda record: record.run_id)

    def vouching(self) -> dict[tuple[str, str], list[Vouched]]:
        """Return (output, MD5) → what records say of it, oldest first."""
        found: dict[tuple[str, str], list[Vouched]] = defaultdict(list)
        for record in self.records:
            for path, output in record.outputs.items():
                found[path, output.md5].append(Vouched(record, output))
        return found

    def did_not_end_well(self) -> set[str]:
        """Return the stages that failed or were cut off in a run after the last good one: their outputs may be new."""
        late: set[str] = set()
        for record in self.records:
            if record.status == "success":
                late.clear()
            late |= {name for name, stage in record.stages.items() if stage.status != "success"}
        return late


def read(git: GitData, root: Path, head: str | None, *, work_tree: bool = True) -> Ledger:
    """Read the records of HEAD, and with ``work_tree`` those that stand there and HEAD does not have."""
    blobs = _records(git.tree(head, AUDIT)) if head else {}
    runs = {path: blob for path, blob in blobs.items() if path.startswith(f"{PLACE}/")}
    texts = dict(git.read(sorted({blob.sha for blob in runs.values()})))
    ledger = Ledger(blobs, {path: parse(texts.get(blob.sha)) for path, blob in runs.items()})
    for file in sorted((root / PLACE).rglob("*.json")) if work_tree else []:
        path = file.relative_to(root).as_posix()
        if path not in blobs:
            ledger.new[path] = parse(file.read_bytes())
    return ledger


def _records(tree: dict[str, Blob]) -> dict[str, Blob]:
    return {path: blob for path, blob in tree.items() if path.endswith(".json")}


def parse(text: bytes | None) -> Record | None:
    """Return the record in a text, or None when it is none."""
    try:
        return None if text is None else Record.model_validate_json(text)
    except ValidationError:
        return None


def work_tree(root: Path, ledger: Ledger) -> Iterator[Finding]:
    """Give the records of HEAD that the work tree has no more, or with other bytes."""
    for path, blob in ledger.blobs.items():
        file = root / path
        if not file.is_file():
            what = _("a run record was deleted from the work tree")
        elif blob_hash(file) != blob.sha:
            what = _("a run record in the work tree is not the one that was committed")
        else:
            continue
        yield Finding("tampered", "record", what, path, f"git restore --source=HEAD -- {path}")
    if ledger.new:
        what = _("{count} new run record(s) are not committed yet").format(count=len(ledger.new))
        yield Finding("note", "record", what, next(iter(ledger.new)), f"git add {PLACE} && git commit")


def history(git: GitData, ledger: Ledger, commits: list[str]) -> Iterator[Finding]:
    """Give the records that some commit changed or deleted; one that was put back is a note."""
    for path, changes in sorted(changed_records(git, commits).items()):
        first = changes[-1].before
        names = tuple(dict.fromkeys(change.commit[:_SHORT] for change in reversed(changes)))
        shown = ", ".join(names)
        now = ledger.blobs.get(path)
        if now is not None and now.sha == first:
            what = _("a run record was changed and put back, in {commits}").format(commits=shown)
            yield Finding("note", "history", what, path, versions=names)
            continue
        deleted = now is None
        what = _("a run record was deleted in {commits}") if deleted else _("a run record was changed in {commits}")
        next_step = f"git checkout {changes[-1].commit[:_SHORT]}^ -- {path} && git commit"
        yield Finding("tampered", "history", what.format(commits=shown), path, next_step, versions=names)


def changed_records(
    git: GitData, commits: list[str], place: str = AUDIT, ending: str = ".json"
) -> dict[str, list[Change]]:
    """Return path → the commits (newest first, as given) that changed or deleted a file that a parent had.

    Looked at are the files under ``place`` whose names have that ``ending``: the records, unless told otherwise.
    """
    if not commits:
        return {}
    found: dict[str, list[Change]] = defaultdict(list)
    text = "".join(f"{commit}\n" for commit in commits).encode()
    arguments = ("--stdin", "-m", "-r", "--root", "--no-renames", "--raw", "--no-abbrev", "--diff-filter=MDT")
    out = git.run("diff-tree", *arguments, "--", f"{git.prefix}{place}", text=text)
    commit = ""
    for line in out.decode(errors="surrogateescape").splitlines():
        if not line.startswith(":"):
            commit = line.split(" ")[0]
            continue
        meta, _tab, path = line.partition("\t")
        _old, _new, before, after, kind = meta.split(" ")
        if path.endswith(ending):
            found[path.removeprefix(git.prefix)].append(Change(commit, before, None if kind == "D" else after))
    return found
