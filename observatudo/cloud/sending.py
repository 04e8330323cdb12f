"""A push to a bucket that ends: in a process of its own, which is stopped when nothing arrives any more.

DVC's client asks again and again for every single object when a bucket does not answer, which takes hours. So the
parent watches: ``python -m observatudo.cloud.sending ROOT`` reads hashes from its input, writes a line whenever
something has arrived, and last one line of JSON with what became of it.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.cloud.bucket import Bucket

FILE, PART = "file", "part"
_POLL = 5.0


@dataclass(frozen=True)
class Patience:
    """Seconds: how long a bucket may not answer, and how long nothing may arrive although it does."""

    unanswered: float = 60.0
    idle: float = 900.0


@dataclass(frozen=True)
class Sent:
    """How many objects arrived, how many could not, and the reason of the first that could not."""

    arrived: int
    failed: int
    why: str


class _Stuck(Exception):
    """Nothing arrives any more."""


def send(
    bucket: Bucket, md5s: Sequence[str], patience: Patience, tell: Callable[[int, int], None] | None = None
) -> Sent:
    """Send objects of the cache to the bucket; ``tell`` hears how many of how many files have arrived.

    Raises ObservatudoError when the bucket stops answering or nothing arrives, within the times of ``patience``.
    What arrived by then stays, and no listing is there before its files.
    """
    command = [sys.executable, "-m", "observatudo.cloud.sending", str(bucket.root)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert child.stdin and child.stdout
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        child.stdin.write("\n".join(md5s))
        child.stdin.close()
        return _watch(bucket, lines, patience, lambda done: tell and tell(done, len(md5s)))
    except (_Stuck, BrokenPipeError) as error:
        raise ObservatudoError(
            _("the push was stopped: {why}").format(why=error),
            where=bucket.url,
            next_step=_("make push   (what has arrived is not sent again)"),
        ) from None
    finally:
        child.kill()
        child.wait()
        reader.join()
        child.stdout.close()


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line.strip())
    lines.put(None)


def _watch(
    bucket: Bucket, lines: queue.SimpleQueue[str | None], patience: Patience, tell: Callable[[int], object]
) -> Sent:
    arrived, moved, answered = 0, time.monotonic(), time.monotonic()
    while True:
        try:
            line = lines.get(timeout=min(_POLL, patience.unanswered / 4))
        except queue.Empty:
            answered = time.monotonic() if bucket.answers() else answered
            if time.monotonic() - answered > patience.unanswered:
                raise _Stuck(_("the bucket does not answer")) from None
            if time.monotonic() - moved > patience.idle:
                raise _Stuck(_("the bucket answers, but nothing arrives")) from None
            continue
        moved = answered = time.monotonic()
        if line is None:
            raise _Stuck(_("the process that sends has ended"))
        if line.startswith("{"):
            return Sent(**json.loads(line))
        if line == FILE:
            arrived += 1
            tell(arrived)


def transfer(root: Path, md5s: Sequence[str], said: TextIO | None = None) -> Sent:
    """Send objects of the cache to DVC's default remote, each folder's files before its listing.

    The remote itself is asked what it has: DVC's memory of it takes a listing for all its files being there, also
    after some were deleted. Raises what ``bucket.client_errors`` names.
    """
    from dvc.fs.callbacks import Callback
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.transfer import transfer as carry

    class Beat(Callback):  # type: ignore[misc]  # DVC has no types
        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

        def relative_update(self, inc: int = 1) -> None:
            if said is not None and inc:
                said.write(f"{self.what}\n")
                said.flush()

        def branched(self, path_1: str, path_2: str, **more: object) -> Beat:
            return Beat(PART)

    reasons = _Reasons()
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).addHandler(reasons)
    try:
        with Repo(str(root)) as repo:
            cache, place = repo.cache.local, repo.cloud.get_remote_odb(None, "push")
            wanted = [HashInfo("md5", md5) for md5 in sorted(md5s)]
            done = carry(cache, place, wanted, cache_odb=cache, callback=Beat(FILE))
    finally:
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).removeHandler(reasons)
    return Sent(len(done.transferred), len(done.failed), reasons.first)


class _Reasons(logging.Handler):
    """Keeps the first error that DVC logs with its exception: what it returns says only which objects failed."""

    first = ""

    def emit(self, record: logging.LogRecord) -> None:
        if not self.first and record.exc_info and record.exc_info[1] is not None:
            from observatudo.cloud.bucket import told

            self.first = told(record.exc_info[1])


def main() -> None:
    """Be the child that sends."""
    from observatudo.cloud.bucket import client_errors, told

    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # only our own lines reach the parent
    try:
        done = transfer(Path(sys.argv[1]), sys.stdin.read().split(), said)
    except client_errors() as error:
        done = Sent(0, 1, told(error))
    said.write(json.dumps({"arrived": done.arrived, "failed": done.failed, "why": done.why}) + "\n")
    said.flush()
    os._exit(0)  # threads of the client may wait for a bucket still


if __name__ == "__main__":
    main()
