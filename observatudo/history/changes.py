"""What Git has of one file: who changed it, when and how, and its text as a run used it. Asked, not indexed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from observatudo import gitread

_FORMAT = "%H%x00%cI%x00%an%x00%s"
_COUNT = 4
_BLOB = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Change:
    """One commit that changed a file; ``date`` is the committer's, ISO 8601 with offset."""

    commit: str
    date: str
    author: str
    subject: str


def of_file(root: Path, path: str, most: int = 200) -> list[Change]:
    """Return the commits up to HEAD that changed a file (relative to ``root``), newest first; none without Git."""
    words = ("log", f"--max-count={most}", "-z", f"--format={_FORMAT}", "HEAD", "--", f":(literal){path}")
    try:
        text = gitread.ask(root, *words).stdout.decode(errors="replace")
    except FileNotFoundError:
        return []
    fields = text.split("\0")
    return [Change(*fields[at : at + _COUNT]) for at in range(0, len(fields) - _COUNT + 1, _COUNT)]


def patch(root: Path, commit: str, path: str) -> str:
    """Return how a commit changed a file, as Git shows it; empty where it did not, or without Git."""
    words = ("show", "--format=", "--no-ext-diff", "--no-textconv", "--end-of-options", commit, "--")
    try:
        return gitread.ask(root, *words, f":(literal){path}").stdout.decode(errors="replace")
    except FileNotFoundError:
        return ""


def blob(root: Path, sha: str) -> str | None:
    """Return the text of a configuration as a run used it, by the blob hash in its record.

    None when Git does not have it: a run may have used a file that was never committed.
    """
    found = dict(gitread.blobs(root, [sha])) if _BLOB.fullmatch(sha) else {}
    return found[sha].decode(errors="replace") if sha in found else None
