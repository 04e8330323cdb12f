"""Git read in bulk: one process for many commits or many blobs, whatever the user's configuration says.

Standard library only. Commands get their arguments as they are, without a shell; what the user named goes behind
``--end-of-options`` or through standard input. Replacement references are not followed: with them history would
look other than it is.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PLAIN = ("-c", "core.quotePath=false", "-c", "log.showRoot=true", "-c", "log.follow=false", "-c", "color.ui=false")
_AT_ONCE = 200  # blobs in memory at a time
_BLOCK = 1 << 16


def environment() -> dict[str, str]:
    """Return the environment that reading commands get: no replacements, English messages, no lock for a refresh."""
    return {**os.environ, "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def ask(root: Path, *arguments: str, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a Git command in ``root``, whatever its end. Raises FileNotFoundError where there is no Git."""
    command = ["git", *PLAIN, *arguments]
    return subprocess.run(command, cwd=root, env=environment(), input=sent, capture_output=True, check=False)


def parted(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """Part what ``git cat-file --batch`` answers into (hash, content); names that are no blob are left out."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        words = answer[at:end].split()
        at = end + 1
        if len(words) == 3 and words[1] in (b"blob", b"commit", b"tree", b"tag"):
            size = int(words[2])
            if words[1] == b"blob":
                yield words[0].decode(), answer[at : at + size]
            at += size + 1


def blobs(root: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (hash, content) of the blobs that are there."""
    wanted = list(names)
    for start in range(0, len(wanted), _AT_ONCE):
        sent = "".join(f"{name}\n" for name in wanted[start : start + _AT_ONCE]).encode()
        yield from parted(ask(root, "cat-file", "--batch", sent=sent).stdout)


@contextmanager
def fields(root: Path, *arguments: str, sent: bytes = b"") -> Iterator[Iterator[str]]:
    """Give what a command prints as its NUL-ended fields, while it still runs; leaving the block ends it.

    Raises OSError when the command failed after all of it was read.
    """
    pipe = subprocess.PIPE
    command = ["git", *PLAIN, *arguments]
    with subprocess.Popen(
        command, cwd=root, env=environment(), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(sent)
        process.stdin.close()
        try:
            yield _fields(process)
        finally:
            process.kill()


def _fields(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    rest = b""
    while block := os.read(process.stdout.fileno(), _BLOCK):
        *whole, rest = (rest + block).split(b"\0")
        for field in whole:
            yield field.decode("utf-8", "replace")
    if process.wait():
        raise OSError(f"git ended with {process.returncode}")
