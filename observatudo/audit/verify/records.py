"""Run records read one by one: is each whole, where it belongs, and true to the commit it says it began from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from observatudo.audit.verify.gitdata import GitData
from observatudo.audit.verify.ledger import PLACE, Ledger
from observatudo.audit.verify.report import Finding
from observatudo.i18n import _
from observatudo.runs.model import Record

_SHORT = 8


def check(git: GitData, ledger: Ledger) -> Iterator[Finding]:
    """Give the records that are damaged, stand in the wrong place or contradict their commit."""
    known: dict[str, bool] = {}
    for path, record in sorted({**ledger.committed, **ledger.new}.items()):
        restore = f"git log --oneline -- {path}"
        if record is None:
            yield Finding("tampered", "record", _("a run record cannot be read"), path, restore)
        elif path != _place(record):
            what = _("a run record stands where that of run {run} does not belong").format(run=record.run_id)
            yield Finding("tampered", "record", what, path, restore)
        else:
            yield from _against_commit(git, path, record, known)
    yield from _unknown_commits(ledger, known)


def _place(record: Record) -> str:
    run = record.run_id
    return f"{PLACE}/{run[:4]}/{run[4:6]}/{run}.json"


def blobs(record: Record) -> dict[str, str]:
    """Return path → Git blob of every config, piece of evidence and file of code that a record names."""
    code = {path: blob for files in record.code.values() for path, blob in files.items()}
    return {**record.configs, **record.evidence, **code}


def _against_commit(git: GitData, path: str, record: Record, known: dict[str, bool]) -> Iterator[Finding]:
    """Give the files that a record says are its commit's, but are not.

    A file that differed from the commit when the run began is in ``changed``; its content need not be in Git.
    """
    commit = record.commit
    if commit is None:
        return
    if commit not in known:
        known[commit] = git.commit(commit) is not None
    if not known[commit]:
        return
    tree = git.tree(commit)
    named = blobs(record)
    wrong = [file for file in sorted(named) if file not in record.changed and _blob(tree, file) != named[file]]
    if wrong:
        what = _("the record of run {run} names content of {file} that its commit {commit} does not have").format(
            run=record.run_id, file=_few(wrong), commit=commit[:_SHORT]
        )
        yield Finding(
            "tampered", "record", what, path, f"observatudo show {record.run_id}", versions=(commit[:_SHORT],)
        )
    changed = [file for file in record.changed if file in named]
    gone = set(changed) - {file for file in changed if named[file] in git.present(named[name] for name in changed)}
    if gone:
        what = _("run {run} used changes that were never committed: {files}").format(
            run=record.run_id, files=_few(sorted(gone))
        )
        yield Finding("note", "record", what, path, f"observatudo show {record.run_id}")


def _blob(tree: Mapping[str, tuple[str, int]], path: str) -> str:
    found = tree.get(path)
    return found[0] if found else ""


def _few(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (_(" and {count} more").format(count=rest) if rest > 0 else "")


def _unknown_commits(ledger: Ledger, known: Mapping[str, bool]) -> Iterator[Finding]:
    gone = sorted(commit for commit, is_known in known.items() if not is_known)
    if gone:
        what = _("{count} commit(s) that runs began from are not in this clone: {commits}").format(
            count=len(gone), commits=_few([commit[:_SHORT] for commit in gone])
        )
        yield Finding("note", "record", what, PLACE, "git fetch --all")
