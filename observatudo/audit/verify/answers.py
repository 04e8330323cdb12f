"""The answers of models: a file of them may get more lines, and be taken away; what a line says never changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from observatudo import paths
from observatudo.audit.verify.gitdata import GitData
from observatudo.audit.verify.ledger import changed_records
from observatudo.audit.verify.report import Finding
from observatudo.i18n import _
from observatudo.runs.inputs import blob_of

PLACE, ENDING = paths.ANSWERS.as_posix(), ".jsonl"
_SHORT = 8


def history(git: GitData, commits: list[str], head: str) -> Iterator[Finding]:
    """Give the files whose lines some commit changed; where ``head`` has them again as they were, that is a note.

    Taking a file away is no lie: Git keeps it, and ``rollback`` does it. Bringing it back with other lines is one.
    """
    now = {path: blob.sha for path, blob in git.tree(head, PLACE).items()}
    changes = changed_records(git, commits, PLACE, ENDING)
    wanted = {sha for own in changes.values() for change in own for sha in (change.before, change.after) if sha}
    texts = dict(git.read(sorted(wanted | {now[path] for path in changes if path in now})))
    for path, own in sorted(changes.items()):
        current, said = texts.get(now.get(path, "")), texts.get(own[-1].before, b"")
        for change in reversed(own):
            after = texts.get(change.after or "")
            if after is None or after.startswith(said):
                said = after or said
            else:
                yield _changed(path, change.commit[:_SHORT], is_put_back=current is None or current.startswith(said))
        if current is not None and not current.startswith(said) and own[0].after is None:
            yield _changed(path, head[:_SHORT], is_put_back=False)  # it was taken away, and came back as another


def _changed(path: str, commit: str, *, is_put_back: bool) -> Finding:
    if is_put_back:
        what = _("answers of a model were changed and put back")
        return Finding("note", "history", what, path, versions=(commit,))
    what = _("answers of a model were changed")
    return Finding("tampered", "history", what, path, f"git log -p -- {path}", versions=(commit,))


def work_tree(git: GitData, root: Path, head: str) -> Iterator[Finding]:
    """Give the committed files whose lines are others in the work tree."""
    blobs = {path: blob for path, blob in git.tree(head, PLACE).items() if path.endswith(ENDING)}
    differing = {}
    for path, blob in blobs.items():
        try:
            content = (root / path).read_bytes()
        except OSError:  # taken away, which Git shows
            continue
        if blob_of(content) != blob.sha:
            differing[path] = (blob.sha, content)
    texts = dict(git.read(sorted({sha for sha, _content in differing.values()})))
    for path, (sha, content) in sorted(differing.items()):
        if not content.startswith(texts.get(sha, b"")):
            what = _("answers of a model in the work tree are not those that were committed")
            yield Finding("tampered", "record", what, path, f"git diff -- {path}")
